/*
 * The life cycle of a process: what each status is called and wants, and one
 * status x event table of what may happen in it. Nowhere else is a status
 * compared to decide what may happen; what the supervisor does is looked up by
 * the wish of the status (watch.c). Constant data; any thread.
 *
 * To add a status: put it into the enum, give it a line in statuses[] and one
 * in the table (with cells in the lines that lead to it), and add its word to
 * the help of the file `status` in core/rows.c, which a test compares.
 */
#ifndef PRIMO_LIFE_H
#define PRIMO_LIFE_H

#include "core/basic/reason.h"

#include <stdbool.h>

enum status {
    STATUS_CREATED,
    STATUS_STARTING,
    STATUS_RUNNING,
    STATUS_STOPPING,
    STATUS_STOPPED,
    STATUS_SUCCEEDED,
    STATUS_FAILED,
    STATUSES,
};

/* What a process wants its trainer to do. */
enum life_wish {
    WISH_NOTHING,
    WISH_TRAIN, /* to run until it reports how it has ended */
    WISH_STOP,  /* to end */
    WISHES,
};

enum life_event {
    /* what a user does */
    LIFE_START,
    LIFE_RESUME,
    LIFE_STOP,
    LIFE_EDIT, /* set the template, hide a file */
    LIFE_REMOVE,
    /* what a trainer does */
    LIFE_TRAINING, /* it has begun to train */
    LIFE_LOST,     /* it has died without reporting an end: start it again */
    LIFE_ENDED_SUCCEEDED,
    LIFE_ENDED_STOPPED,
    LIFE_ENDED_FAILED,
    LIFE_EVENTS,
};

/* The word in the file `status`. */
const char *status_name(enum status s);
/* The word that is shown to people, in their language. */
const char *status_label(enum status s);
/* The colour of the box in which a chart shows the word, "#rrggbb". */
const char *status_color(enum status s);
bool status_from_name(const char *name, enum status *out);
/* The word in the file `enabled`. EINVAL: it is neither yes nor no. */
int enabled_parse(const char *word, bool *yes, struct reason *why);
enum life_wish status_wish(enum status s);
/* Whether a trainer is running or should be: the status has a wish. */
bool status_is_live(enum status s);
/* Whether nothing is left to train. */
bool status_is_complete(enum status s);
/* The status that `event` leads to. Where the table has no cell for it: EBUSY
 * if the process is live, else EINVAL. */
int life_step(enum status from, enum life_event event, enum status *to,
              struct reason *why);

#endif

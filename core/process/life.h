/*
 * The life cycle of a process: one state x event table. Nowhere else is a
 * state compared to decide what may happen. Constant data; any thread.
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

enum life_event {
    /* what a user does */
    LIFE_START,
    LIFE_RESUME,
    LIFE_STOP,
    LIFE_EDIT, /* set the template, hide a file */
    LIFE_REMOVE,
    /* what a trainer does */
    LIFE_TRAINING, /* it has begun to train */
    LIFE_LOST,     /* it is gone without a last word: start it again */
    LIFE_ENDED_SUCCEEDED,
    LIFE_ENDED_STOPPED,
    LIFE_ENDED_FAILED,
    LIFE_EVENTS,
};

/* The word in `status`. */
const char *status_name(enum status s);
/* The same for people, in their language. */
const char *status_label(enum status s);
bool status_from_name(const char *name, enum status *out);
/* A trainer is there, or should be. */
bool status_is_live(enum status s);
/* What `event` makes of `from`. EBUSY (live) or EINVAL (idle) with a sentence
 * where the table has no cell for it. */
int life_step(enum status from, enum life_event event, enum status *to,
              struct reason *why);

#endif

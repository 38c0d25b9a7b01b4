/*
 * What generated files say: a function for each file, which writes it from the
 * record of a process and its texts. The rows of the tree (core/rows.h) name
 * these functions, and rows.c declares what they name, so that no list of them
 * is here. Models keep what some of them said at the end. Any thread, within a
 * transaction of the caller.
 */
#ifndef PRIMO_SHOW_H
#define PRIMO_SHOW_H

#include "core/state/primo.h"

struct show_request {
    struct primo *primo;
    struct store_txn *txn;
    struct process *process; /* whose file it is; NULL = no process's */
    const char *model;       /* what the process makes; NULL = look it up */
    uint64_t object;         /* the directory's object */
    int64_t mtime;           /* set to when the data changed last, in ns; where
                                it stays 0, that is when the mount began */
};

/* Append the text; 0 or -errno with a reason (-ENOENT: not there now). */
typedef int show_fn(struct show_request *r, struct text *out,
                    struct reason *why);

/* The time left, which the overview shows as well. */
show_fn show_eta;

/* When the last line of a growing text was written, in ns; 0 = there is none */
int64_t mtime_metrics(const struct show_request *r);
int64_t mtime_log(const struct show_request *r);
int64_t mtime_events(const struct show_request *r);

#endif

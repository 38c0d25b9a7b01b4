/*
 * The texts of generated files: one function for each file, which writes it
 * from the record of a process and its growing texts. The rows of the tree
 * (core/rows.h) name these functions, and rows.c declares whatever the rows
 * name, so that there is no list of them here. A model keeps some of these
 * texts as they were at the end. Any thread, within a transaction of the
 * caller.
 */
#ifndef PRIMO_SHOW_H
#define PRIMO_SHOW_H

#include "core/state/primo.h"

struct show_request {
    struct primo *primo;
    struct store_txn *txn;
    struct process *process; /* NULL = the file belongs to no process */
    const char *model;       /* path of its model; NULL = look it up */
    uint64_t object;         /* the object of the file's directory */
    const uid_t *only;       /* show what is his; NULL = all there is */
    int64_t mtime;           /* out: when the text changed last, in ns; if it
                                stays 0, the start of the mount is shown */
};

/* Append the text. -ENOENT: the file does not exist now. */
typedef int show_fn(struct show_request *r, struct text *out,
                    struct reason *why);

/* The time left, which the overview shows as well. */
show_fn show_eta;

/* Append lines `key: value`, which are cut up, as the members of an object. */
void put_lines_as_json(struct text *out, struct text *lines);

/* When the last line of a growing text was written, in ns; 0 = it has none. */
int64_t mtime_metrics(const struct show_request *r);
int64_t mtime_log(const struct show_request *r);
int64_t mtime_events(const struct show_request *r);

#endif

/*
 * What generated files say: one function a file, from the record of a process
 * and its texts. The tree's rows name them; models keep what they said at the
 * end. Any thread, within a transaction of the caller.
 */
#ifndef PRIMO_SHOW_H
#define PRIMO_SHOW_H

#include "core/state/primo.h"

struct show_request {
    struct primo *primo;
    struct store_txn *txn;
    struct process *process; /* of the files of a process; else NULL */
    const char *model;       /* what the process makes; NULL = look it up */
    uint64_t object;         /* the directory's object */
    int64_t mtime;           /* out: of the data, ns; stays 0 = when mounted */
};

/* Append the text; 0 or -errno with a reason (-ENOENT: not there now). */
typedef int show_fn(struct show_request *r, struct text *out,
                    struct reason *why);

/* The mount's own files */
show_fn show_readme, show_overview, show_template_example;

/* Files of a process */
show_fn show_template, show_enabled, show_status, show_wait, show_progress,
    show_eta, show_info, show_metrics, show_monitor_svg, show_monitor_html,
    show_config, show_dataset, show_log, show_run_template, show_nothing;

/* Link targets */
show_fn show_model_link, show_latest_link;

/* When the last line of a growing text was written, in ns; 0 = there is none */
int64_t mtime_metrics(const struct show_request *r);
int64_t mtime_log(const struct show_request *r);
int64_t mtime_events(const struct show_request *r);

#endif

/*
 * The reports on a run's last evaluation: made of what its trainer left
 * (core/evaluation/), packed, and kept as blobs of the store until the next
 * run. Making and packing them takes a while where there are many pictures, so
 * that it is done before the transaction that puts them.
 */
#ifndef PRIMO_RUN_REPORTS_H
#define PRIMO_RUN_REPORTS_H

#include "core/evaluation/reports.h"
#include "core/process/process.h"

struct run_reports {
    bool made;
    struct text packed[REPORTS];
    struct text facts[4]; /* the values of run_report_facts; empty = unknown */
    bool complete;        /* of the model, not of weights on the way to it */
};

/* The lines of `info` that come from an evaluation. */
enum { RUN_REPORT_FACTS = 4 };
extern const char *const run_report_facts[RUN_REPORT_FACTS];

/* Life cycle */

/* Make them of the text of an evaluation. EINVAL: it is none. */
int run_reports_make(struct run_reports *r, const struct text *evaluation,
                     struct reason *why);
void run_reports_release(struct run_reports *r);

/* Put them into the store, and what they say into the record, which the caller
 * saves. */
int run_reports_put(struct store_txn *txn, struct process *p,
                    const struct run_reports *r, struct reason *why);

/* Append a report of the process's run. -ENOENT: there is none. */
int run_report_get(struct store_txn *txn, const struct process *p,
                   enum report_no no, struct text *out);

#endif

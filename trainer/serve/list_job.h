/*
 * A list: the worker answers the pictures that its plan (list_plan.h) has, as
 * far as it may, and says each as a row in the journal
 * (core/report/list_row.h). Whoever reads that ignores the rows that it knows,
 * so that a worker may begin again with one that was told before.
 *
 * First the journal gets the fact "pictures=N lines=N sha256=HEX". Where
 * pictures have a truth, the scores of all rows are kept in the file `scores`
 * of the run directory, and in the end the artifact `evaluation` is made of
 * them. Main thread.
 */
#ifndef PRIMO_LIST_JOB_H
#define PRIMO_LIST_JOB_H

#include "trainer/run/rundir.h"
#include "trainer/serve/predictor.h"
#include "trainer/serve/told.h"

struct list_job {
    struct rundir *run;
    struct told *told;           /* says how far it may go */
    struct predictor *predictor; /* whose temperature this sets to 1 */
    struct page_range pages;     /* of each file; it is the mean of these; it is
                                    told of others while it works */
    uint64_t from;               /* the first row that is wanted */
    const char *name;            /* of the list's file in the run directory */
};

/* Answer all rows. Fails as list_plan_open() and predictor_run() do. */
int list_job_run(struct list_job *job, struct reason *why);

#endif

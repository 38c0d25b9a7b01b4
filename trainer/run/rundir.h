/*
 * A run directory, from the trainer's side, and what a trainer holds while it
 * is alive: the lock, the journal, the control thread, the checkpoint that it
 * found.
 *
 *   job template type   settings texts, written by who started the run
 *   base                weights to begin with, where there are any
 *   lock                flock()ed for the life of the trainer
 *   stop                a file whose appearance asks for a stop
 *   journal.NNNNNN      core/journal.h
 *   checkpoint          checkpoint.h; checkpoint.damaged: one put aside
 *   threads             how many the training began with, kept when it resumes:
 *                       a line for each node
 *   pictures            those that it began with, likewise (data/kept.h)
 *   artifacts/          what comes out
 *
 * Used by the main thread.
 */
#ifndef PRIMO_RUNDIR_H
#define PRIMO_RUNDIR_H

#include "trainer/files/checkpoint.h"
#include "trainer/nodes/nodes.h"
#include "trainer/run/control.h"
#include "trainer/run/journal_writer.h"

struct rundir {
    char *path;
    int dir;  /* -1 = not open */
    int lock; /* -1 = not held; never closed before the process ends */
    struct checkpoint from; /* state.count = 0: there is none */
    struct journal_writer *writer;
    struct control *control;
    struct nodes *nodes; /* NULL = it trains alone */
};

/* Exit statuses. */
enum {
    RUN_SUCCEEDED = 0,
    RUN_FAILED = 1,
    RUN_USAGE = 2,
    RUN_STOPPED = 3,
    RUN_INTERRUPTED = 4, /* slurm_script.c knows this number */
};

/* Life cycle */

/* Open, lock, read the checkpoint, begin a journal segment, start the control
 * thread, join the other nodes where there are any (trainer/nodes/nodes.h). A
 * damaged checkpoint is said in the log and kept as checkpoint.damaged; one
 * that cannot be read for another reason ends the journal with that reason,
 * which is returned. EBUSY when another trainer holds the lock.
 * `stopped_status` as in control.h. */
int rundir_open(struct rundir *r, const char *path,
                const struct journal_observer *view, int stopped_status,
                struct reason *why);
/* End the journal, with success where err is 0, else with *why, and release
 * everything. Returns the exit status. */
int rundir_end(struct rundir *r, int err, const struct reason *why);

/* Read */

/* Read a text of at most 64 KiB (EFBIG). One that is not there is empty. */
int rundir_read(const struct rundir *r, const char *name, struct text *out,
                struct reason *why);
/* Read the list of pictures that the training began with, of any length; empty
 * = it has not begun, or a version did that kept none. */
int rundir_pictures(const struct rundir *r, struct text *out,
                    struct reason *why);
/* The number of threads that the training began with on this node; 0 = it has
 * not begun here. */
int rundir_threads(const struct rundir *r);

/* Change */
/* Keep the numbers of threads of all nodes. */
int rundir_keep_threads(struct rundir *r, const int *threads,
                        struct reason *why);
int rundir_keep_pictures(struct rundir *r, const struct text *list,
                         struct reason *why);
/* Save artifacts/NAME and announce it in the journal. */
int rundir_artifact(struct rundir *r, const char *name, const struct text *text,
                    struct reason *why);
/* The path of a file in the run directory. The caller frees it. */
char *rundir_path(const struct rundir *r, const char *name);

#endif

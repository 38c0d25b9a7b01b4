/*
 * The process record: all that is known about the training process of a machine
 * besides its growing texts. It is the body of the process's object:
 * `key=value` lines, written and read by one table of fields, so that a later
 * version can add fields.
 *
 * A struct process has strings of a fixed size, except for `facts`, and belongs
 * to one thread.
 */
#ifndef PRIMO_PROCESS_H
#define PRIMO_PROCESS_H

#include "core/process/life.h"
#include "core/report/artifact.h"
#include "core/report/progress.h"
#include "core/store/object.h"
#include "core/store/stream.h"

#include <sys/types.h>

/* The texts of a run that are blobs of the store (core/store/stream.h). */
enum run_text {
    RUN_TEMPLATE = 't',
    RUN_TYPE = 'y',
    RUN_JOB = 'j',
    RUN_MACHINE = 'a', /* the machine's text; runs of older versions lack it */
    RUN_CONFIG = 'c',
    RUN_DATASET = 'd',
    RUN_REPORT = 'A',    /* and the letters behind it: run_reports.h */
    RUN_SCRIPT = 's',    /* what Slurm was given: launcher.h */
    RUN_GROUPS = 'g',    /* the groups of whoever started it: "G,G,…" */
    PROCESS_QUEUE = 'q', /* of the process itself: queue.h */
};

struct process {
    uint64_t id; /* the id of its object */
    char machine[256];
    char template[256]; /* "" = none yet */
    enum status status;
    bool enabled;
    uint64_t author; /* the uid of whoever made it or started it last */
    double created;  /* all times are Unix seconds; 0 = not yet */
    double started, finished;
    double changed; /* when any field was changed last */
    double status_changed, template_changed, enabled_changed, queue_changed;
    uint64_t queued; /* lines of its queue that wait */

    char launcher[32];
    bool wanted;               /* a trainer is still to be started */
    uint64_t run;              /* the last run's id, 0 = never started */
    uint64_t run_uid, run_gid; /* the run has their rights, even if resumed */
    uint64_t keep_writer;      /* who wrote the text that has `keep` */
    char run_template[256];    /* what `template` was when it began */
    uint64_t segment, offset;  /* how far its journal has been read */
    uint64_t row_iteration; /* order of the last metrics row: take_metric() */
    double row_time;        /* when that row was written */
    double log_time;        /* when the last line of the log was written */
    bool log_full, metrics_full; /* the run has used up its bound */
    uint64_t announced; /* bits: shown artifacts that are not yet read */
    struct artifact_sum sums[ARTIFACTS]; /* what the trainer has reported */
    double evaluated;         /* when its evaluation was last reported */
    bool evaluation_complete; /* that was of the model itself */
    uint64_t checkpoint;      /* the iteration of its last checkpoint */
    uint64_t losses;          /* trainers lost since that checkpoint */
    uint64_t model;           /* id of the version that came out, 0 = none */
    uint64_t number;          /* that version's number */
    char stage[32];
    char reason[1024]; /* why it failed, "" = it has not failed */
    struct progress progress;
    struct text facts; /* "key: value" lines that the trainer sent, for info */
};

/* Life cycle */
void process_init(struct process *p);
void process_release(struct process *p);

/* Read: on an error *out is as after process_init(). */

/* The record as the transaction sees it. ENOENT: the process was removed; EIO:
 * the record cannot be read. */
int process_load(struct store_txn *txn, uint64_t id, struct process *out,
                 struct reason *why);
/* The record of a process that is expected to have this run. ESRCH: the process
 * has been started again since the caller looked. */
int process_load_run(struct store_txn *txn, uint64_t id, uint64_t run,
                     struct process *out, struct reason *why);
/* The record in a transaction of its own. */
int process_read(struct store *s, uint64_t id, struct process *out,
                 struct reason *why);
/* The status alone, in a transaction of its own. */
int process_status(struct store *s, uint64_t id, enum status *out);
/* Whether the process is no longer live, as the waiters ask it
 * (core/clients/waiters.h). `primo` is a struct primo. */
bool process_has_ended(void *primo, uint64_t id, const char **word);
/* The record in an object that has already been read; 0 or -EIO. */
int process_decode(const struct object *o, struct process *out);
/* Read the process that follows the id *after (0 = the first one) and set
 * *after to its id. -ENOENT: there is none. -EBADMSG: its record cannot be
 * read; a caller that can do without it may go on. Any other error ends the
 * walk. */
int process_next(struct store_txn *txn, uint64_t *after, struct process *out);
/* 1 while some process still needs this run, 0 when none does. An error means
 * that this is not known, and that the run must be kept. */
int process_needs_run(struct store_txn *txn, uint64_t run);
/* 1 while a live process has this run, 0 when none has; an error as above. */
int process_trains_run(struct store_txn *txn, uint64_t run);
/* What a sweep is to do with the run's directory: core/models/sweep.h. */
int process_run_fate(struct store_txn *txn, uint64_t run);
struct stream process_metrics(const struct process *p);
struct stream process_log(const struct process *p);

/* The template that the last run was started with; before the first run, the
 * one that is set. */
const char *process_template(const struct process *p);

/* Change */
int process_save(struct store_txn *txn, const struct process *p,
                 struct reason *why);
/* Set "key: value" in the facts; both must be single lines. */
void process_set_fact(struct process *p, const char *key, const char *value);
/* Append to the events what has happened to the process. */
int process_event(struct store_txn *txn, const struct process *p, uid_t user,
                  const char *what, struct reason *why);
/* The present time in Unix seconds, or `last` if the clock has been set back
 * behind it: later events must not appear to be earlier ones. */
double time_after(double last);
/* Step the life cycle and note the time; fails as life_step() does. */
int process_step(struct process *p, enum life_event event, struct reason *why);

#endif

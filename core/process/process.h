/*
 * The process record: all that is known of the training process of a machine
 * besides its growing texts. It is the body of the process's object, written as
 * `key=value` lines from one table of fields, so that a later version may add
 * some.
 *
 * A struct process has strings of a fixed size, except for `facts`, and belongs
 * to one thread.
 */
#ifndef PRIMO_PROCESS_H
#define PRIMO_PROCESS_H

#include "core/process/life.h"
#include "core/shared/progress.h"
#include "core/store/object.h"
#include "core/store/stream.h"

#include <sys/types.h>

/* The texts of a run that are blobs of the store (core/store/stream.h). */
enum run_text {
    RUN_TEMPLATE = 't',
    RUN_TYPE = 'y',
    RUN_JOB = 'j',
    RUN_MACHINE = 'a', /* of its machine; older runs have none */
    RUN_CONFIG = 'c',
    RUN_DATASET = 'd',
    RUN_GROUPS = 'g', /* of who started it: "G,G,…" */
};

struct process {
    uint64_t id; /* that of its object */
    char machine[256];
    char template[256]; /* "" = none yet */
    enum status status;
    bool enabled;
    uint64_t author; /* the uid of whoever made it or started it last */
    double created;  /* unix seconds; 0 = not yet, as all times */
    double started, finished;
    double changed; /* when anything of the record was */
    double status_changed, template_changed, enabled_changed;

    char launcher[32];
    bool wanted;               /* a trainer is still to be started */
    uint64_t run;              /* the last run's id, 0 = never started */
    uint64_t run_uid, run_gid; /* whose rights it has, also when resumed */
    char run_template[256];    /* what `template` was when it began */
    uint64_t segment, offset;  /* how far its journal has been read */
    uint64_t row_iteration;    /* last row of metrics.csv: see take_metric() */
    double row_time;           /* when that row was written */
    double log_time;           /* when the last line of log was */
    bool log_full, metrics_full; /* the run has said as much as it may */
    uint64_t checkpoint;         /* the iteration of its last checkpoint */
    uint64_t losses;             /* trainers lost since that checkpoint */
    uint64_t model;              /* id of the version that came out, 0 = none */
    uint64_t number;             /* that version's number */
    char stage[32];
    char reason[1024]; /* why it failed, "" = it has not */
    struct progress progress;
    struct text facts; /* "key: value" lines that the trainer told, for info */
};

/* Life cycle */
void process_init(struct process *p);
void process_release(struct process *p);

/* Read: on an error *out is as after process_init(). */

/* The record as the transaction sees it. ENOENT: it was removed; EIO. */
int process_load(struct store_txn *txn, uint64_t id, struct process *out,
                 struct reason *why);
/* The record of a process that is expected to have this run. ESRCH: it has got
 * another one since the caller looked. */
int process_load_run(struct store_txn *txn, uint64_t id, uint64_t run,
                     struct process *out, struct reason *why);
/* The record in a transaction of its own. */
int process_read(struct store *s, uint64_t id, struct process *out,
                 struct reason *why);
/* The status alone, in a transaction of its own. */
int process_status(struct store *s, uint64_t id, enum status *out);
/* For the waiters (core/state/waiters.h), of a struct primo: whether the
 * process is not live any more. */
bool process_has_ended(void *primo, uint64_t id, const char **word);
/* The record in an object that was read already; 0 or -EIO. */
int process_decode(const struct object *o, struct process *out);
/* The process behind the id *after (0 = the first), and move *after to it.
 * -ENOENT past the last. -EBADMSG where its record cannot be read: a caller who
 * can do without it may go on. Any other error ends the walk. */
int process_next(struct store_txn *txn, uint64_t *after, struct process *out);
/* 1 while some process has not done with this run, 0 when none has; any error
 * means that it cannot be told, and that the run must be kept. */
int process_needs_run(struct store_txn *txn, uint64_t run);
/* What becomes of its directory: core/models/sweep.h. */
int process_run_fate(struct store_txn *txn, uint64_t run);
struct stream process_metrics(const struct process *p);
struct stream process_log(const struct process *p);

/* The template that the last run was started with; before the first run, the
 * one that is set. */
const char *process_template(const struct process *p);

/* Change */
int process_save(struct store_txn *txn, const struct process *p,
                 struct reason *why);
/* Set "key: value" in facts. Keys and values of one line only. */
void process_set_fact(struct process *p, const char *key, const char *value);
/* Append to the events what has happened to a process. */
int process_event(struct store_txn *txn, const struct process *p, uid_t user,
                  const char *what, struct reason *why);
/* Step the life cycle and note the time. As life_step(). */
int process_step(struct process *p, enum life_event event, struct reason *why);

#endif

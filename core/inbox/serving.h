/*
 * The record of a service at work, inference/NAME: all that is known of it
 * besides its requests and growing texts. Like that of a process it is the body
 * of its object, and its statuses are those of core/process/life.h. It answers
 * on one machine or on several, each of which is a replica (replica.h).
 *
 * A struct serving has strings of a fixed size and belongs to one thread.
 */
#ifndef PRIMO_SERVING_H
#define PRIMO_SERVING_H

#include "core/inbox/replica.h"
#include "core/store/object.h"
#include "core/store/stream.h"

#include <sys/types.h>

struct serving {
    uint64_t id;       /* the id of its object */
    char service[256]; /* the name of the service */
    enum status status;
    bool enabled;
    uint64_t author; /* the uid of whoever made it or started it last */
    double created;  /* all times are Unix seconds; 0 = not yet */
    double started;
    double changed; /* when any field was changed last */
    double status_changed, enabled_changed;

    struct replica replicas[REPLICAS_MOST]; /* since it was started last */
    int replica_count;                      /* 0 = it was never started */
    uint64_t run_uid, run_gid;              /* whose rights its workers have */
    double log_time;
    bool log_full;
    char reason[1024]; /* why it failed, "" = it has not failed */

    uint64_t model;   /* id of the version that answers, 0 = none yet */
    char called[300]; /* "TEMPLATE/N" */

    uint64_t list, list_run, list_model; /* the list in work: its request, its
                                            run, its version; 0 = none */
    char list_machine[256]; /* the replica that answers it, "" = the first */

    uint64_t revisions;                        /* given to requests so far */
    uint64_t answered, unsure, failed;         /* requests */
    double latency_median, latency_most, rate; /* of the last ones; ms, 1/s */
};

/* Life cycle */
void serving_init(struct serving *s);

/* Read: on an error *out is as after serving_init(). */

/* The record as the transaction sees it. ENOENT: it was removed; EIO. */
int serving_load(struct store_txn *txn, uint64_t id, struct serving *out,
                 struct reason *why);
/* The record in a transaction of its own. */
int serving_read(struct store *s, uint64_t id, struct serving *out,
                 struct reason *why);
/* Read the one that follows the id *after (0 = the first) and set *after to its
 * id. -ENOENT: there is none. -EBADMSG: its record cannot be read. */
int serving_next(struct store_txn *txn, uint64_t *after, struct serving *out);
/* Whether some service needs this run. Returns 1, 0 or -errno. */
int serving_needs_run(struct store_txn *txn, uint64_t run);
/* Whether some live replica answers with this run, requests or a list. Returns
 * 1, 0 or -errno. */
int serving_answers_run(struct store_txn *txn, uint64_t run);
/* EBUSY, with a sentence: a live service answers with the version of a model,
 * or runs on a machine or by a service text of this name. */
int serving_needs_model(struct store_txn *txn, uint64_t version,
                        struct reason *why);
int serving_needs_input(struct store_txn *txn, enum object_kind kind,
                        const char *name, struct reason *why);

/* The replica that has this run; NULL = none has. */
struct replica *serving_replica(struct serving *s, uint64_t run);
/* Whether a worker of it has the model in memory. */
bool serving_is_loaded(const struct serving *s);
/* The names of its machines, separated by blanks. */
void serving_machines(const struct serving *s, struct text *out);

struct stream serving_log(const struct serving *s);
/* The rows of results.csv, and of each row its user and size: results.h */
struct stream serving_results(const struct serving *s);
struct stream serving_owners(const struct serving *s);

/* Change */
int serving_save(struct store_txn *txn, struct serving *s, struct reason *why);
/* Step the life cycle and note the time; fails as life_step() does. */
int serving_step(struct serving *s, enum life_event event, struct reason *why);
/* The same of a replica, which the service follows: it runs once one of them
 * runs, and ends with the last of them. */
int serving_step_replica(struct serving *s, struct replica *r,
                         enum life_event event, struct reason *why);
/* A request to stop is one to all its replicas. */
int serving_step_stop(struct serving *s, struct reason *why);
/* Append to the events what has happened, or a line to the log. */
int serving_event(struct store_txn *txn, const struct serving *s, uid_t user,
                  const char *what, struct reason *why);
int serving_log_add(struct store_txn *txn, struct serving *s, double time,
                    const char *line, struct reason *why);
/* The same of a line about a replica, which is named where there are others. */
int serving_log_replica(struct store_txn *txn, struct serving *s,
                        const struct replica *r, double time, const char *line,
                        struct reason *why);

#endif

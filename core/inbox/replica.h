/*
 * A replica: one machine of a service at work. Those of a service share its
 * requests (sharing.h), and each has a run, a worker and a journal of its own.
 * They are part of the service's record (serving.h).
 *
 * A struct replica belongs to one thread.
 */
#ifndef PRIMO_REPLICA_H
#define PRIMO_REPLICA_H

#include "core/process/life.h"
#include "core/settings/param.h"

enum { REPLICAS_MOST = NAMES_MOST };

struct replica {
    enum status status;
    char machine[256], launcher[32];
    uint64_t run;             /* its id */
    uint64_t segment, offset; /* how far its journal has been read */
    uint64_t told;            /* the last file of requests: told.h */
    bool loaded;              /* the worker has the model in memory */
    uint64_t losses;          /* workers lost since the last answer */
    uint64_t answers;         /* of requests, since the service was started */
    bool away; /* it has failed because the machine was not reached, or is
                  switched off, and comes back by itself */
    char fault[1024]; /* why it failed, "" = it has not failed */
};

/* Append its lines to a record. */
void replica_print(const struct replica *r, struct text *out);
/* Take one of them; one that it has no field for is ignored. False where the
 * field cannot have the value. *next: record_take(). */
bool replica_take(struct replica *r, const char *key, const char *value,
                  int *next);

#endif

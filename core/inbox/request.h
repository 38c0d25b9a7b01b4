/*
 * The record of a request: a file in inference/NAME/in/. It is the body of its
 * object; the object's number is that of the file's bytes (spool.h), 0 = it is
 * empty. The last answer is the blob REQUEST_ANSWER of its id, and a small
 * picture of what was answered the blob REQUEST_THUMBNAIL (thumbnail.h).
 *
 * A struct request belongs to one thread.
 */
#ifndef PRIMO_REQUEST_RECORD_H
#define PRIMO_REQUEST_RECORD_H

#include "core/store/object.h"

enum { REQUEST_ANSWER = 'q', REQUEST_THUMBNAIL = 't' };

struct request {
    uint64_t revision; /* the number of what is in the file; 0 = it is no
                          request: empty, or it has a passing name */
    bool partial;      /* there are bytes that are not complete yet */
    bool waits;        /* that revision has no answer yet */
    bool answered;     /* there is an answer, to this or an earlier one */
    double completed;  /* Unix seconds: when the revision was complete */
    double due;        /* not before this it is answered: `settle` */
    double ended;      /* when it was answered, 0 = not yet */
    double expires;    /* when it is removed, 0 = never, or not yet known */
    uint64_t sorted;   /* the id of its link in sorted/, 0 = none */
    char writer[1024]; /* who wrote a list, with which rights: list.h; "" =
                          that is not known */
    bool gone;         /* it has left in/, and only its answer is here */
};

/* Whether a file of this name is no request, as it is on its way somewhere. */
bool request_is_passing(const char *name);

/* Whether a file of this name is a list of pictures (list.h). */
bool request_is_list(const char *name);

/* Read; -EIO where the body is not one. */
int request_decode(const struct object *o, struct request *out);
/* Load a request with its object, which the caller releases; -ENOENT where
 * there is none of this id. */
int request_load(struct store_txn *txn, uint64_t id, struct object *o,
                 struct request *out);
/* The next picture, or list, of a service that waits, behind the revision
 * *after, which is set to its own. -ENOENT: there is none. */
int request_waiting(struct store_txn *txn, uint64_t service, uint64_t *after,
                    uint64_t *request);
int request_list_waiting(struct store_txn *txn, uint64_t service,
                         uint64_t *after, uint64_t *request);
/* Of both, in the order in which they are answered: *lists, false at first,
 * says which of them *after is one of. */
int request_waiting_any(struct store_txn *txn, uint64_t service, bool *lists,
                        uint64_t *after, uint64_t *request);

/* How many requests of a service wait. */
uint64_t request_count_waiting(struct store_txn *txn, uint64_t service);

/* Change */
void request_encode(const struct request *r, struct object *o);
/* Note, or forget, that this revision of a request waits. */
int request_wait(struct store_txn *txn, const struct object *o,
                 uint64_t revision, struct reason *why);
int request_wait_end(struct store_txn *txn, const struct object *o,
                     uint64_t revision, struct reason *why);

#endif

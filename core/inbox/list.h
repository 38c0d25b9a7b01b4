/*
 * The record of a list: what is known of the answers to a file NAME.list in
 * inference/NAME/in/, besides its request (request.h). It is the blob
 * REQUEST_LIST of the request's id; the rows of out/NAME.list.csv are a stream
 * of the run that answers it, and so begin anew with each revision.
 *
 * A list is read with the rights of who wrote it: its run is that user's, with
 * the groups that he had when he opened the file for writing, as the request's
 * `writer` has them. Within a transaction of the caller; a struct list belongs
 * to one thread.
 */
#ifndef PRIMO_LIST_H
#define PRIMO_LIST_H

#include "core/inbox/serving.h"
#include "core/rights/caller.h"

enum { REQUEST_LIST = 'L' };

struct list {
    uint64_t revision;        /* of the request; 0 = it was not begun */
    uint64_t run;             /* its id */
    uint64_t segment, offset; /* how far its journal has been read */
    uint64_t told;            /* the last file of what it was told */
    uint64_t model;           /* the version that answers it, all of it */
    char called[300];         /* "TEMPLATE/N" */
    double began, changed;    /* Unix seconds; changed: the last row */
    bool planned;             /* these are known: */
    uint64_t pictures, lines;
    char sha256[65]; /* of the list's bytes; "" = an older worker gave none */
    uint64_t rows;   /* that are in the stream */
    uint64_t ok, check, unknown, errors; /* of these */
    uint64_t labelled, right;            /* of these */
    /* A worker that died may have died of any row up to this one, so each is
     * allowed alone; and the row, plus 1, with which one has died alone. */
    uint64_t alone_until, suspect;
    uint64_t losses; /* workers lost since the last row */
};

/* Whose rights a list has. */
struct list_writer {
    uid_t uid;
    gid_t gid;
    struct text groups; /* "G,G,…" */
};

/* Read */

/* One that was not begun has revision 0. -EIO */
int list_load(struct store_txn *txn, uint64_t request, struct list *out);
struct stream list_rows(const struct list *l);
/* Take what list_writer_print() has printed, of this user; the caller releases
 * the groups. EPERM, with a sentence: it is not known who wrote the list. */
int list_writer_parse(const char *writer, uid_t uid, struct list_writer *out,
                      struct reason *why);
/* Whether a file that is written under this name may be a list in the end. */
bool list_may_become(const char *name);

/* Change */
int list_save(struct store_txn *txn, uint64_t request, const struct list *l,
              struct reason *why);
/* Append who writes a list, and the rights that he has now. */
void list_writer_print(struct text *out, const struct caller *caller);
/* Forget what is known of a list, if it is one: its rows, and its run, whose
 * worker ends. */
int list_drop(struct store_txn *txn, uint64_t service, uint64_t request,
              struct reason *why);
/* The list is not in work any more: its run, if it has one, is garbage. The
 * caller saves the serving. */
int list_leave_work(struct store_txn *txn, struct serving *s,
                    const struct list *l, struct reason *why);

#endif

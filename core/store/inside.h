/*
 * What the files of the store share: the only header that includes LMDB's, for
 * store.c (life cycle and transactions), env.c (opening an environment, making
 * a new one), table.c (reading and changing) and copy.c. Nobody else includes
 * it; tests/style.sh sees to that.
 */
#ifndef PRIMO_STORE_INSIDE_H
#define PRIMO_STORE_INSIDE_H

#include "core/store/store.h"

#include <lmdb.h>
#include <pthread.h>

struct store {
    int dir;   /* STATE's descriptor, the caller's */
    int home;  /* STATE/db's */
    bool view; /* never written */
    /* Held shared while a transaction is open, exclusively by who closes the
     * environment and opens it anew; guards what follows up to idle_lock. */
    pthread_rwlock_t env_lock;
    MDB_env *env;        /* NULL = it could not be opened again yet */
    unsigned generation; /* how often it was opened again */
    MDB_dbi table[STORE_TABLES];
    /* atomic: bytes of data.mdb, from its beginning, that the disk has given */
    uint64_t room;
    bool full; /* atomic: there was no room for the last commit */
    pthread_mutex_t idle_lock;
    struct store_txn *idle; /* under idle_lock: reset, to be renewed */
    pthread_rwlock_t watch_lock;
    void (*committed)(void *context); /* under watch_lock, as its context */
    void *context;
};

/* LMDB's transaction with the tables it needs beside it. */
struct store_txn {
    MDB_txn *txn;
    struct store *store;
    bool write;
    struct store_txn *next; /* among the idle ones */
};

/* Fill *why from a code of LMDB's or the system's. */
int lmdb_refuse(struct reason *why, int code, const char *what);

/* Count this thread in and out of the database: store_is_at_work(). */
void work_begin(void);
void work_end(void);

/* What a commit that failed with `code` failed for: LMDB calls it EIO where the
 * disk has taken a part of what was to be written, as one that is full does. */
int room_error(MDB_env *env, int code);
/* Make the reserve where there is room for it and as much again. */
void reserve_make(struct store *s);

/* Environments; with env_lock held exclusively, or before anybody else knows
 * the store. */

/* Open STATE/db and its tables, and see that this version knows the format.
 * On failure env is NULL. */
int env_open(struct store *s, struct reason *why);
/* Make STATE/db anew, with tables and format in it and synced, in place of one
 * that has nothing in it. Power cuts leave the whole of it or nothing. */
int env_make(int dir, struct reason *why);
/* Whether STATE/db has a database: -ENOENT without a sentence where there is
 * none, or one of no bytes. */
int env_look(int dir, struct reason *why);

#endif

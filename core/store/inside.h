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
    int dir;   /* descriptor of STATE; not owned */
    int home;  /* descriptor of STATE/db */
    bool view; /* the store is only read */
    /* Held shared while a transaction is open, and exclusively while the
     * environment is closed and opened anew. Guards what follows, up to
     * idle_lock. */
    pthread_rwlock_t env_lock;
    MDB_env *env;        /* NULL = it could not be opened again so far */
    unsigned generation; /* how often it was opened again */
    MDB_dbi table[STORE_TABLES];
    /* atomic: bytes of data.mdb, from its beginning, that the disk has given */
    uint64_t room;
    bool full; /* atomic: there was no room for the last commit */
    pthread_mutex_t idle_lock;
    struct store_txn *idle; /* under idle_lock: read transactions that were
                               reset and can be renewed */
    pthread_rwlock_t watch_lock;
    void (*committed)(void *context); /* under watch_lock, as is its context */
    void *context;
};

/* A transaction of LMDB's, and what belongs to it. */
struct store_txn {
    MDB_txn *txn;
    struct store *store;
    bool write;
    struct store_txn *next; /* in the list of idle transactions */
};

/* Fill *why from an error code of LMDB or of the system. Returns -errno. */
int lmdb_refuse(struct reason *why, int code, const char *what);

/* Count this thread in and out of the database: store_is_at_work(). */
void work_begin(void);
void work_end(void);

/* The errno of a commit that failed with `code`: LMDB says EIO where the disk
 * has taken only a part of what was to be written, as a full disk does. */
int room_error(MDB_env *env, int code);
/* Make the reserve where there is room for it and as much again. */
void reserve_make(struct store *s);

/* Environments. The caller holds env_lock exclusively, or nobody else knows the
 * store yet. */

/* Open STATE/db and its tables, and see that this version knows the format.
 * On failure env is NULL. */
int env_open(struct store *s, struct reason *why);
/* Make STATE/db anew, with its tables and format, and sync it, in place of one
 * that holds nothing. After a power cut all of it is there, or nothing. */
int env_make(int dir, struct reason *why);
/* Check that STATE/db has a database. -ENOENT without a sentence where there is
 * none, or an empty file. */
int env_look(int dir, struct reason *why);

#endif

/*
 * The store: ordered tables of bytes in one LMDB environment. Only the files of
 * this folder know LMDB (inside.h).
 *
 * A transaction belongs to the thread that began it. Read transactions never
 * wait; write transactions wait for each other, and a commit returns when the
 * change would survive a power cut. What store_get() and store_seek() show
 * lives until the transaction ends or writes. No use after fork.
 *
 * A full disk is ENOSPC or EDQUOT. A small reserve file is given up once so
 * that a change that must go through (the end of a run, a removal) still can;
 * it is made anew when there is room.
 */
#ifndef PRIMO_STORE_H
#define PRIMO_STORE_H

#include "core/basic/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_txn; /* an LMDB transaction */

/* Keys, all numbers big-endian so that they sort:
 *   META    a word                     next object id, versions, …
 *   OBJECT  id                         core/object.h
 *   NAME    parent, name               id
 *   CHILD   parent, id                 empty: a directory in order of ids
 *   STREAM  stream, part, offset, sum  a piece of a growing text
 *   BLOB    id, part, sum              a text that belongs to a run */
enum store_table {
    STORE_META,
    STORE_OBJECT,
    STORE_NAME,
    STORE_CHILD,
    STORE_STREAM,
    STORE_BLOB,
    STORE_TABLES,
};

struct store_key {
    size_t size;
    unsigned char bytes[400];
};

struct store_view {
    const void *data;
    size_t size;
};

/* Life cycle */

/* Opens db/ in the state directory that `dir` is, which stays open as long as
 * the store. The file is checked page by page first, as LMDB trusts what it
 * maps. -ENOENT without a sentence where there is no database; with `make` a
 * new one is made then. EUCLEAN when it is damaged, EINVAL when written by a
 * newer version, ENOSPC, EACCES, EIO … with a reason. */
int store_open(struct store **out, int dir, bool make, struct reason *why);
/* Opens the store for looking only, beside a daemon that writes.
 * Transactions that write are refused, and the file is not checked, as it
 * changes meanwhile. */
int store_open_view(struct store **out, int dir, struct reason *why);
/* NULL is fine. No transaction may be open. */
void store_close(struct store *s);

/* Transactions. Where the meta page could not be written, the transaction fails
 * with EIO, and the next one opens the environment anew: what was acknowledged
 * is there, and all goes on. */
int store_begin(struct store *s, bool write, struct store_txn **out,
                struct reason *why);
int store_commit(struct store_txn *txn,
                 struct reason *why);    /* ends the transaction */
void store_abort(struct store_txn *txn); /* ends the transaction */
/* Commit where err is 0, abort and return err otherwise. */
int store_end(struct store_txn *txn, int err, struct reason *why);
/* Give up the reserve so that a failed commit may be tried again; false when
 * there is none left. */
bool store_give_reserve(struct store *s);
/* Whether a change that failed with `err` should be tried again, because it
 * failed for lack of room and the reserve has been given up for it. */
bool store_makes_room(struct store *s, int err);
/* Whether there is room for a change of `size` bytes that is to follow soon, so
 * that whoever announces it hears at once that there is none: 0, or what the
 * commit would give, with a sentence. Not within a transaction. */
int store_room(struct store *s, size_t size, struct reason *why);
/* Make the reserve, where there is room, and forget readers that were killed:
 * pages that they read are not used again before that. */
void store_tidy(struct store *s);

/* Copy what is stored now, without its holes, to a new file DIR/name: written
 * aside, synced and renamed. It is a database as db/data.mdb is. */
int store_copy(struct store *s, int dir, const char *name, struct reason *why);

/* Whether this thread is at work in a database: a fault of memory is then most
 * probably that of a damaged one. For signal handlers, too. */
bool store_is_at_work(void);

/* Have `done` called after each commit, in the thread that commits; NULL = no
 * more. */
void store_on_commit(struct store *s, void (*done)(void *context),
                     void *context);

/* For views: a number that another process's commits raise, and what is to be
 * called after one of them. */
uint64_t store_changes(struct store *s);
void store_announce(struct store *s);

/* The name of a table in the database. */
const char *store_table_name(enum store_table table);

/* Keys */
void key_u64(struct store_key *k, uint64_t v);
void key_bytes(struct store_key *k, const void *data, size_t size);
uint64_t key_read_u64(const struct store_key *k, size_t offset);
uint64_t view_read_u64(struct store_view key, size_t offset);

/* Read */

/* Find a value. Returns 0, or -ENOENT without a sentence. */
int store_get(struct store_txn *txn, enum store_table table,
              const struct store_key *key, struct store_view *out);
/* Find the first entry behind *key (with `here`: at or behind it) that
 * shares its first `prefix` bytes, and set *key to its key. -ENOENT past the
 * last one. */
int store_next(struct store_txn *txn, enum store_table table,
               struct store_key *key, size_t prefix, bool here,
               struct store_view *out);
/* Find the last entry at or before *key that shares its first `prefix`
 * bytes. */
int store_last(struct store_txn *txn, enum store_table table,
               struct store_key *key, size_t prefix, struct store_view *out);
/* Show `take` the last entry at or before *key and those behind it, as long as
 * they share its first `prefix` bytes and it returns true. -ENOENT where there
 * is none at or before. */
int store_walk(struct store_txn *txn, enum store_table table,
               const struct store_key *key, size_t prefix,
               bool (*take)(void *context, struct store_view key,
                            struct store_view value),
               void *context);

/* Change */
int store_put(struct store_txn *txn, enum store_table table,
              const struct store_key *key, const void *data, size_t size,
              struct reason *why);
int store_delete(struct store_txn *txn, enum store_table table,
                 const struct store_key *key, struct reason *why);
/* Delete all entries that share the first `prefix` bytes of *key. */
int store_delete_all(struct store_txn *txn, enum store_table table,
                     const struct store_key *key, size_t prefix,
                     struct reason *why);

#endif

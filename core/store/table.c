#include "core/store/inside.h"

#include <errno.h>
#include <string.h>

/* Read */

static MDB_val key_value(const struct store_key *key)
{
    return (MDB_val){key->size, (void *)key->bytes};
}

int store_get(struct store_txn *txn, enum store_table table,
              const struct store_key *key, struct store_view *out)
{
    MDB_val k = key_value(key), v;
    int rc = mdb_get(txn->txn, txn->store->table[table], &k, &v);
    if (rc)
        return rc == MDB_NOTFOUND ? -ENOENT : -EIO;
    *out = (struct store_view){v.mv_data, v.mv_size};
    return 0;
}

static bool shares_prefix(const MDB_val *k, const struct store_key *key,
                          size_t prefix)
{
    return k->mv_size >= prefix && !memcmp(k->mv_data, key->bytes, prefix);
}

/* Sets *key to the key at the cursor, where it is within the prefix. */
static int take_entry(int rc, const MDB_val *k, const MDB_val *v,
                      struct store_key *key, size_t prefix,
                      struct store_view *out)
{
    if (rc)
        return rc == MDB_NOTFOUND ? -ENOENT : -EIO;
    if (!shares_prefix(k, key, prefix) || k->mv_size > sizeof key->bytes)
        return -ENOENT;
    memcpy(key->bytes, k->mv_data, k->mv_size);
    key->size = k->mv_size;
    *out = (struct store_view){v->mv_data, v->mv_size};
    return 0;
}

int store_next(struct store_txn *txn, enum store_table table,
               struct store_key *key, size_t prefix, bool here,
               struct store_view *out)
{
    MDB_cursor *cursor;
    if (mdb_cursor_open(txn->txn, txn->store->table[table], &cursor))
        return -EIO;
    MDB_val k = key_value(key), v;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    if (rc == 0 && !here && k.mv_size == key->size &&
        !memcmp(k.mv_data, key->bytes, key->size))
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    int err = take_entry(rc, &k, &v, key, prefix, out);
    mdb_cursor_close(cursor);
    return err;
}

/* Moves the cursor to the last entry at or before *key. */
static int cursor_last(MDB_cursor *cursor, const struct store_key *key,
                       MDB_val *k, MDB_val *v)
{
    *k = key_value(key);
    int rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, k, v, MDB_LAST);
    if (rc == 0 &&
        (k->mv_size != key->size || memcmp(k->mv_data, key->bytes, key->size)))
        return mdb_cursor_get(cursor, k, v, MDB_PREV);
    return rc;
}

int store_last(struct store_txn *txn, enum store_table table,
               struct store_key *key, size_t prefix, struct store_view *out)
{
    MDB_cursor *cursor;
    if (mdb_cursor_open(txn->txn, txn->store->table[table], &cursor))
        return -EIO;
    MDB_val k, v;
    int rc = cursor_last(cursor, key, &k, &v);
    int err = take_entry(rc, &k, &v, key, prefix, out);
    mdb_cursor_close(cursor);
    return err;
}

int store_walk(struct store_txn *txn, enum store_table table,
               const struct store_key *key, size_t prefix,
               bool (*take)(void *context, struct store_view key,
                            struct store_view value),
               void *context)
{
    MDB_cursor *cursor;
    if (mdb_cursor_open(txn->txn, txn->store->table[table], &cursor))
        return -EIO;
    MDB_val k, v;
    int rc = cursor_last(cursor, key, &k, &v);
    int err = rc == MDB_NOTFOUND || (rc == 0 && !shares_prefix(&k, key, prefix))
                  ? -ENOENT
                  : 0;
    while (rc == 0 && err == 0 && shares_prefix(&k, key, prefix) &&
           take(context, (struct store_view){k.mv_data, k.mv_size},
                (struct store_view){v.mv_data, v.mv_size}))
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? -EIO : err;
}

/* Change */

int store_put(struct store_txn *txn, enum store_table table,
              const struct store_key *key, const void *data, size_t size,
              struct reason *why)
{
    MDB_val k = key_value(key), v = {size, (void *)data};
    int rc = mdb_put(txn->txn, txn->store->table[table], &k, &v, 0);
    return rc ? lmdb_refuse(why, rc, "writing") : 0;
}

int store_delete(struct store_txn *txn, enum store_table table,
                 const struct store_key *key, struct reason *why)
{
    MDB_val k = key_value(key);
    int rc = mdb_del(txn->txn, txn->store->table[table], &k, NULL);
    return rc && rc != MDB_NOTFOUND ? lmdb_refuse(why, rc, "deleting") : 0;
}

int store_delete_all(struct store_txn *txn, enum store_table table,
                     const struct store_key *key, size_t prefix,
                     struct reason *why)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn->txn, txn->store->table[table], &cursor);
    if (rc)
        return lmdb_refuse(why, rc, "deleting");
    MDB_val k = {prefix, (void *)key->bytes}, v;
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && shares_prefix(&k, key, prefix)) {
        rc = mdb_cursor_del(cursor, 0);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? lmdb_refuse(why, rc, "deleting") : 0;
}

#include "core/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 1, READERS = 1024, RESERVE = 1 << 20 };
#ifdef __SANITIZE_THREAD__ /* which leaves programs little address space */
#define MAP_SIZE ((size_t)1 << 34)
#else
#define MAP_SIZE ((size_t)1 << 40)
#endif

struct store {
    MDB_env *env;
    bool view; /* never written */
    MDB_dbi table[STORE_TABLES];
    char *reserve; /* path of the reserve file */
    pthread_rwlock_t watch_lock;
    void (*committed)(void *context); /* under watch_lock, as its context */
    void *context;
    pthread_mutex_t idle_lock;
    struct store_txn *idle; /* under idle_lock: reset, to be renewed */
};

/* LMDB's transaction with the tables it needs beside it. */
struct store_txn {
    MDB_txn *txn;
    struct store *store;
    bool write;
    struct store_txn *next; /* among the idle ones */
};

static const char *const table_names[STORE_TABLES] = {
    [STORE_META] = "meta",   [STORE_OBJECT] = "object", [STORE_NAME] = "name",
    [STORE_CHILD] = "child", [STORE_STREAM] = "stream", [STORE_BLOB] = "blob",
};

/* LMDB's own codes are negative, the system's positive. */
static int lmdb_refuse(struct reason *why, int code, const char *what)
{
    int err = code > 0                       ? code
              : code == MDB_MAP_FULL         ? ENOSPC
              : code == MDB_TXN_FULL         ? ENOSPC
              : code == MDB_VERSION_MISMATCH ? EINVAL
                                             : EIO;
    return refuse(why, err, "the state database: %s: %s", what,
                  mdb_strerror(code));
}

/* Keys */

void key_clear(struct store_key *k)
{
    k->size = 0;
}

void key_bytes(struct store_key *k, const void *data, size_t size)
{
    if (size > sizeof k->bytes - k->size)
        size = sizeof k->bytes - k->size;
    memcpy(k->bytes + k->size, data, size);
    k->size += size;
}

void key_u64(struct store_key *k, uint64_t v)
{
    unsigned char b[8];
    for (int i = 7; i >= 0; i--, v >>= 8)
        b[i] = (unsigned char)v;
    key_bytes(k, b, sizeof b);
}

uint64_t view_read_u64(struct store_view key, size_t offset)
{
    const unsigned char *bytes = key.data;
    uint64_t v = 0;
    for (size_t i = offset; i < offset + 8; i++)
        v = v << 8 | bytes[i];
    return v;
}

uint64_t key_read_u64(const struct store_key *k, size_t offset)
{
    return view_read_u64((struct store_view){k->bytes, k->size}, offset);
}

/* Idle read transactions */

/* A read transaction that has ended keeps its place in LMDB's table of readers
 * for the next one: taking one costs more than all that most of them read. */
static struct store_txn *idle_take(struct store *s)
{
    pthread_mutex_lock(&s->idle_lock);
    struct store_txn *txn = s->idle;
    if (txn)
        s->idle = txn->next;
    pthread_mutex_unlock(&s->idle_lock);
    if (txn && mdb_txn_renew(txn->txn)) {
        mdb_txn_abort(txn->txn);
        free(txn);
        txn = NULL;
    }
    return txn;
}

static void idle_put(struct store_txn *txn)
{
    struct store *s = txn->store;
    mdb_txn_reset(txn->txn);
    pthread_mutex_lock(&s->idle_lock);
    txn->next = s->idle;
    s->idle = txn;
    pthread_mutex_unlock(&s->idle_lock);
}

static void idle_release(struct store *s)
{
    while (s->idle) {
        struct store_txn *txn = s->idle;
        s->idle = txn->next;
        mdb_txn_abort(txn->txn);
        free(txn);
    }
}

/* Life cycle */

static int store_check_format(struct store_txn *txn, struct reason *why)
{
    struct store_key key = {0};
    key_bytes(&key, "format", 6);
    struct store_view v;
    uint32_t format = FORMAT;
    int err = store_get(txn, STORE_META, &key, &v);
    if (err == -ENOENT && !txn->store->view)
        return store_put(txn, STORE_META, &key, &format, sizeof format, why);
    if (err)
        return refuse(why, EIO, "the state database cannot be read");
    if (v.size != sizeof format)
        return refuse(why, EINVAL, "the state database has an unknown format");
    memcpy(&format, v.data, sizeof format);
    if (format > FORMAT)
        return refuse(why, EINVAL,
                      "the state directory was written by a newer primofs "
                      "(format %u, this one knows up to %u)",
                      format, (unsigned)FORMAT);
    return 0;
}

static int store_open_tables(struct store *s, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(s, !s->view, &txn, why);
    if (err)
        return err;
    for (int i = 0; i < STORE_TABLES; i++) {
        int rc = mdb_dbi_open(txn->txn, table_names[i],
                              s->view ? 0 : MDB_CREATE, &s->table[i]);
        if (rc) {
            err = lmdb_refuse(why, rc, "opening a table");
            goto abort_txn;
        }
    }
    err = store_check_format(txn, why);
    if (err == 0)
        return store_commit(txn, why);
abort_txn:
    store_abort(txn);
    return err;
}

static int store_open_env(struct store *s, const char *path, struct reason *why)
{
    int rc = mdb_env_create(&s->env);
    if (rc)
        return lmdb_refuse(why, rc, "creating");
    mdb_env_set_mapsize(s->env, MAP_SIZE);
    mdb_env_set_maxdbs(s->env, STORE_TABLES);
    mdb_env_set_maxreaders(s->env, READERS);
    unsigned flags = MDB_NOTLS | (s->view ? MDB_RDONLY : 0);
    rc = mdb_env_open(s->env, path, flags, 0600);
    if (rc == EROFS && s->view) /* nobody writes there: readers need no table */
        rc = mdb_env_open(s->env, path, flags | MDB_NOLOCK, 0600);
    return rc ? lmdb_refuse(why, rc, "opening") : 0;
}

static int store_make_directory(struct store *s, const char *path,
                                struct reason *why)
{
    if (s->view || mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return refuse_errno(why, errno, "cannot make '%s'", path);
}

static int store_start(struct store **out, const char *dir, bool view,
                       struct reason *why)
{
    struct store *s = calloc(1, sizeof *s);
    char *path = NULL;
    int err;
    if (!s || asprintf(&path, "%s/db", dir) < 0 ||
        asprintf(&s->reserve, "%s/reserve", dir) < 0)
        abort();
    s->view = view;
    pthread_rwlock_init(&s->watch_lock, NULL);
    pthread_mutex_init(&s->idle_lock, NULL);
    err = store_make_directory(s, path, why);
    if (err == 0)
        err = store_open_env(s, path, why);
    if (err == 0)
        err = store_open_tables(s, why);
    free(path);
    if (err) {
        store_close(s);
        return err;
    }
    if (!view)
        store_tidy(s);
    *out = s;
    return 0;
}

int store_open(struct store **out, const char *dir, struct reason *why)
{
    return store_start(out, dir, false, why);
}

int store_open_view(struct store **out, const char *dir, struct reason *why)
{
    return store_start(out, dir, true, why);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    idle_release(s);
    if (s->env)
        mdb_env_close(s->env);
    pthread_mutex_destroy(&s->idle_lock);
    pthread_rwlock_destroy(&s->watch_lock);
    free(s->reserve);
    free(s);
}

bool store_give_reserve(struct store *s)
{
    return unlink(s->reserve) == 0;
}

static void make_reserve(struct store *s)
{
    if (access(s->reserve, F_OK) == 0)
        return;
    int fd =
        open(s->reserve, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    if (posix_fallocate(fd, 0, RESERVE))
        unlink(s->reserve);
    close(fd);
}

void store_tidy(struct store *s)
{
    int dead;
    mdb_reader_check(s->env, &dead);
    make_reserve(s);
}

/* Transactions */

int store_begin(struct store *s, bool write, struct store_txn **out,
                struct reason *why)
{
    if (write && s->view)
        return refuse(why, EROFS, "this mount only looks (-o ro)");
    struct store_txn *txn = write ? NULL : idle_take(s);
    if (txn) {
        *out = txn;
        return 0;
    }
    txn = calloc(1, sizeof *txn);
    if (!txn)
        abort();
    txn->store = s;
    txn->write = write;
    int rc = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn);
    if (rc) {
        free(txn);
        return lmdb_refuse(why, rc, "beginning");
    }
    *out = txn;
    return 0;
}

int store_commit(struct store_txn *txn, struct reason *why)
{
    struct store *s = txn->store;
    int rc = mdb_txn_commit(txn->txn);
    free(txn);
    if (rc == 0)
        store_announce(s);
    return rc ? lmdb_refuse(why, rc, "saving") : 0;
}

void store_on_commit(struct store *s, void (*done)(void *context),
                     void *context)
{
    pthread_rwlock_wrlock(&s->watch_lock);
    s->committed = done;
    s->context = context;
    pthread_rwlock_unlock(&s->watch_lock);
}

void store_announce(struct store *s)
{
    pthread_rwlock_rdlock(&s->watch_lock);
    if (s->committed)
        s->committed(s->context);
    pthread_rwlock_unlock(&s->watch_lock);
}

uint64_t store_changes(struct store *s)
{
    MDB_envinfo info;
    return mdb_env_info(s->env, &info) ? 0 : info.me_last_txnid;
}

void store_abort(struct store_txn *txn)
{
    if (!txn->write) {
        idle_put(txn);
        return;
    }
    mdb_txn_abort(txn->txn);
    free(txn);
}

int store_end(struct store_txn *txn, int err, struct reason *why)
{
    if (err == 0)
        return store_commit(txn, why);
    store_abort(txn);
    return err;
}

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

/* Move *key to where the cursor is, when that is within the prefix. */
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

/* Move to the last entry at or before *key. */
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

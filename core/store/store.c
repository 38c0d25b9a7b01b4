#include "core/store/inside.h"

#include "core/basic/alloc.h"
#include "core/store/pages.h"
#include "core/system/file.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys */

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

static struct store *store_new(int dir, bool view)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->dir = dir;
    s->home = -1;
    s->view = view;
    pthread_rwlock_init(&s->env_lock, NULL);
    pthread_rwlock_init(&s->watch_lock, NULL);
    pthread_mutex_init(&s->idle_lock, NULL);
    return s;
}

static int store_start(struct store *s, struct reason *why)
{
    s->home = s->view ? directory_seen(s->dir, "db", why)
                      : directory_own(s->dir, "db", why);
    if (s->home < 0)
        return s->home;
    int err = s->view ? 0 : pages_check(s->home, "data.mdb", why);
    if (err == 0)
        err = env_open(s, why);
    if (err == 0 && !s->view)
        store_tidy(s);
    return err;
}

static int store_finish(struct store **out, struct store *s, int err)
{
    if (err)
        store_close(s);
    else
        *out = s;
    return err;
}

int store_open(struct store **out, int dir, bool make, struct reason *why)
{
    int err = env_look(dir, why);
    if (err == -ENOENT && make)
        err = env_make(dir, why);
    if (err)
        return err;
    struct store *s = store_new(dir, false);
    return store_finish(out, s, store_start(s, why));
}

int store_open_view(struct store **out, int dir, struct reason *why)
{
    int err = env_look(dir, why);
    if (err)
        return err;
    struct store *s = store_new(dir, true);
    return store_finish(out, s, store_start(s, why));
}

void store_close(struct store *s)
{
    if (!s)
        return;
    idle_release(s);
    if (s->env)
        mdb_env_close(s->env);
    if (s->home >= 0)
        close(s->home);
    pthread_mutex_destroy(&s->idle_lock);
    pthread_rwlock_destroy(&s->watch_lock);
    pthread_rwlock_destroy(&s->env_lock);
    free(s);
}

void store_tidy(struct store *s)
{
    int dead;
    pthread_rwlock_rdlock(&s->env_lock);
    if (s->env)
        mdb_reader_check(s->env, &dead);
    pthread_rwlock_unlock(&s->env_lock);
    reserve_make(s);
}

/* At work */

static _Thread_local int at_work; /* how many transactions this thread has open,
                                     and other work in the database */

void work_begin(void)
{
    at_work++;
}

void work_end(void)
{
    at_work--;
}

bool store_is_at_work(void)
{
    return at_work > 0;
}

/* Transactions */

/* An environment whose meta page could not be written refuses everything from
 * then on (MDB_PANIC): what is on the disk is read anew, once nobody uses it.
 */
static int env_again(struct store *s, unsigned generation, struct reason *why)
{
    int err = 0;
    pthread_rwlock_wrlock(&s->env_lock);
    if (s->generation == generation) { /* no other thread has done it already */
        idle_release(s);
        if (s->env)
            mdb_env_close(s->env);
        s->env = NULL;
        err = env_open(s, why);
        if (err == 0)
            s->generation++;
    }
    pthread_rwlock_unlock(&s->env_lock);
    return err;
}

static int txn_begin(struct store *s, bool write, struct store_txn **out)
{
    if (!s->env)
        return MDB_PANIC;
    struct store_txn *txn = write ? NULL : idle_take(s);
    if (txn) {
        *out = txn;
        return 0;
    }
    txn = xcalloc(1, sizeof *txn);
    txn->store = s;
    txn->write = write;
    int rc = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn);
    if (rc)
        free(txn);
    else
        *out = txn;
    return rc;
}

int store_begin(struct store *s, bool write, struct store_txn **out,
                struct reason *why)
{
    if (write && s->view)
        return refuse(why, EROFS, "this mount only looks (-o ro)");
    for (int tries = 1;; tries++) {
        pthread_rwlock_rdlock(&s->env_lock); /* until the transaction ends */
        work_begin();
        int rc = txn_begin(s, write, out);
        if (rc == 0)
            return 0;
        work_end();
        unsigned generation = s->generation;
        pthread_rwlock_unlock(&s->env_lock);
        if (rc != MDB_PANIC || tries == 2)
            return lmdb_refuse(why, rc, "beginning");
        int err = env_again(s, generation, why);
        if (err)
            return err;
    }
}

int store_commit(struct store_txn *txn, struct reason *why)
{
    struct store *s = txn->store;
    int rc = mdb_txn_commit(txn->txn);
    if (rc)
        rc = room_error(s->env, rc);
    work_end();
    free(txn);
    pthread_rwlock_unlock(&s->env_lock);
    int err = rc ? lmdb_refuse(why, rc, "saving") : 0;
    __atomic_store_n(&s->full, is_full(err), __ATOMIC_RELAXED);
    if (err == 0)
        store_announce(s);
    return err;
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
    MDB_envinfo info = {0};
    pthread_rwlock_rdlock(&s->env_lock);
    int rc = s->env ? mdb_env_info(s->env, &info) : MDB_PANIC;
    pthread_rwlock_unlock(&s->env_lock);
    return rc ? 0 : info.me_last_txnid;
}

void store_abort(struct store_txn *txn)
{
    struct store *s = txn->store;
    if (txn->write) {
        mdb_txn_abort(txn->txn);
        free(txn);
    } else {
        idle_put(txn);
    }
    work_end();
    pthread_rwlock_unlock(&s->env_lock);
}

int store_end(struct store_txn *txn, int err, struct reason *why)
{
    if (err == 0)
        return store_commit(txn, why);
    store_abort(txn);
    return err;
}

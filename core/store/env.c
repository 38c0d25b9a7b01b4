#include "core/store/inside.h"

#include "core/store/pages.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The format has two bytes: that of the tables, and above it that of what is in
 * them. Older versions know 1 and 0, and no checksums, or 1 and 1, and no
 * writers: what they wrote is read as it is, but they must not take what is
 * written now. */
enum { TABLES = 1, RECORDS = 2, FORMAT = TABLES | RECORDS << 8 };
enum { READERS = 1024 };
#ifdef __SANITIZE_THREAD__ /* which leaves programs little address space */
#define MAP_SIZE ((size_t)1 << 34)
#else
#define MAP_SIZE ((size_t)1 << 40)
#endif

static const char *const table_names[STORE_TABLES] = {
    [STORE_META] = "meta",   [STORE_OBJECT] = "object", [STORE_NAME] = "name",
    [STORE_CHILD] = "child", [STORE_STREAM] = "stream", [STORE_BLOB] = "blob",
};

const char *store_table_name(enum store_table table)
{
    return table_names[table];
}

/* LMDB's own codes are negative, those of the system are positive. */
int lmdb_refuse(struct reason *why, int code, const char *what)
{
    int err = code > 0                       ? code
              : code == MDB_MAP_FULL         ? ENOSPC
              : code == MDB_TXN_FULL         ? ENOSPC
              : code == MDB_VERSION_MISMATCH ? EINVAL
              : code == MDB_INVALID          ? EUCLEAN
              : code == MDB_CORRUPTED        ? EUCLEAN
              : code == MDB_PAGE_NOTFOUND    ? EUCLEAN
                                             : EIO;
    if (code == ENOMEM)
        return refuse(why, ENOMEM,
                      "the state database: %s: it takes %zu GB of addresses; "
                      "does ulimit -v allow them?",
                      what, MAP_SIZE >> 30);
    return refuse(why, err, "the state database: %s: %s", what,
                  mdb_strerror(code));
}

/* Opening */

static int format_put(MDB_txn *txn, MDB_dbi meta, struct reason *why)
{
    uint32_t format = FORMAT;
    MDB_val k = {6, "format"}, v = {sizeof format, &format};
    int rc = mdb_put(txn, meta, &k, &v, 0);
    return rc ? lmdb_refuse(why, rc, "writing") : 0;
}

/* Checks the format. *older = the format must be written, because records of
 * this version may follow. */
static int format_check(MDB_txn *txn, MDB_dbi meta, bool *older,
                        struct reason *why)
{
    uint32_t format;
    MDB_val k = {6, "format"}, v;
    int rc = mdb_get(txn, meta, &k, &v);
    if (rc && rc != MDB_NOTFOUND)
        return lmdb_refuse(why, rc, "reading the format");
    if (rc || v.mv_size != sizeof format)
        return refuse(why, EINVAL, "the state database has no known format");
    memcpy(&format, v.mv_data, sizeof format);
    uint32_t tables = format & 0xFF, records = format >> 8;
    if (tables > TABLES || records > RECORDS)
        return refuse(why, EINVAL,
                      "the state directory was written by a newer primofs "
                      "(format %u, this one knows up to %u)",
                      tables > TABLES ? tables : records << 8,
                      (unsigned)(tables > TABLES ? TABLES : FORMAT));
    if (tables != TABLES)
        return refuse(why, EINVAL, "the state database has no known format");
    *older = format != FORMAT;
    return 0;
}

static int tables_open(struct store *s, MDB_txn *txn, unsigned flags,
                       struct reason *why)
{
    for (int i = 0; i < STORE_TABLES; i++) {
        int rc = mdb_dbi_open(txn, table_names[i], flags, &s->table[i]);
        if (rc)
            return lmdb_refuse(why, rc, "opening a table");
    }
    return 0;
}

/* Opens the tables, in a transaction of its own, as LMDB requires. */
static int tables_prepare(struct store *s, bool make, struct reason *why)
{
    MDB_txn *txn;
    bool older = false;
    int rc = mdb_txn_begin(s->env, NULL, s->view ? MDB_RDONLY : 0, &txn);
    if (rc)
        return lmdb_refuse(why, rc, "beginning");
    int err = tables_open(s, txn, make ? MDB_CREATE : 0, why);
    if (err == 0 && !make)
        err = format_check(txn, s->table[STORE_META], &older, why);
    if (err == 0 && (make || (older && !s->view)))
        err = format_put(txn, s->table[STORE_META], why);
    if (err) {
        mdb_txn_abort(txn);
        return err;
    }
    rc = mdb_txn_commit(txn);
    return rc ? lmdb_refuse(why, rc, "saving") : 0;
}

/* LMDB would end the program where an assertion fails. The handler of SIGBUS
 * (fs/damage.c) says why. */
static void on_assertion(MDB_env *env, const char *message)
{
    (void)env;
    (void)message;
    raise(SIGBUS);
}

static int env_map(struct store *s, struct reason *why)
{
    char path[40];
    /* LMDB takes only paths: this one leads to the directory of the descriptor,
     * whatever becomes of the names above it. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", s->home);
    int rc = mdb_env_create(&s->env);
    if (rc)
        return lmdb_refuse(why, rc, "creating");
    mdb_env_set_assert(s->env, on_assertion);
    mdb_env_set_mapsize(s->env, MAP_SIZE);
    mdb_env_set_maxdbs(s->env, STORE_TABLES);
    mdb_env_set_maxreaders(s->env, READERS);
    unsigned flags = MDB_NOTLS | (s->view ? MDB_RDONLY : 0);
    rc = mdb_env_open(s->env, path, flags, 0600);
    if (rc == EROFS &&
        s->view) /* nobody writes there, so readers need no table */
        rc = mdb_env_open(s->env, path, flags | MDB_NOLOCK, 0600);
    return rc ? lmdb_refuse(why, rc, "opening") : 0;
}

static int env_start(struct store *s, bool make, struct reason *why)
{
    int err = env_map(s, why);
    if (err == 0)
        err = tables_prepare(s, make, why);
    if (err && s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return err;
}

int env_open(struct store *s, struct reason *why)
{
    work_begin();
    int err = env_start(s, false, why);
    work_end();
    return err;
}

/* Making */

static int env_fill(int home, struct reason *why)
{
    struct store s = {.home = home};
    int err = env_start(&s, true, why);
    if (err == 0) {
        mdb_env_close(s.env);
        err = directory_sync(home, why);
    }
    return err;
}

int env_make(int dir, struct reason *why)
{
    int err = directory_remove(dir, "db.new", why); /* left by a crash */
    if (err == 0 && mkdirat(dir, "db.new", 0700))
        err = refuse_errno(why, errno, "cannot make the directory 'db'");
    int home = err ? err : directory_own(dir, "db.new", why);
    if (home < 0)
        return home;
    err = env_fill(home, why);
    close(home);
    if (err == 0)
        err = directory_remove(dir, "db", why);
    if (err == 0 && renameat(dir, "db.new", dir, "db"))
        err = refuse_errno(why, errno, "cannot make the directory 'db'");
    return err ? err : directory_sync(dir, why);
}

int env_look(int dir, struct reason *why)
{
    struct stat st;
    if (fstatat(dir, "db/data.mdb", &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT
                   ? -ENOENT
                   : refuse_errno(why, errno, "cannot look at db/data.mdb");
    if (!S_ISREG(st.st_mode))
        return refuse(why, EINVAL, "db/data.mdb is not a regular file");
    return st.st_size ? 0 : -ENOENT;
}

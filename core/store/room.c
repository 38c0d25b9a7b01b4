/* Room on the disk: asked for ahead of changes, and kept in reserve. */
#include "core/store/inside.h"

#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    RESERVE = 1 << 20,
    SLACK = 128 << 10, /* pages that a commit writes besides what it is given */
    AHEAD = 512 << 10, /* is asked for together, so that few changes need to */
    PIECE = 1800,    /* bytes of a record of a trial: two of them fill a page */
    MORE = 48 << 10, /* what a trial writes besides */
};

/* The reserve */

bool store_give_reserve(struct store *s)
{
    return unlinkat(s->dir, "reserve", 0) == 0;
}

bool store_makes_room(struct store *s, int err)
{
    return is_full(err) && store_give_reserve(s);
}

/* The reserve must not take the room that has just been made for others: it
 * waits until there is as much again. */
void reserve_make(struct store *s)
{
    struct statvfs fs;
    if (faccessat(s->dir, "reserve", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        fstatvfs(s->dir, &fs) || fs.f_bavail * fs.f_frsize < 2 * RESERVE)
        return;
    int fd = openat(s->dir, "reserve",
                    O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    if (posix_fallocate(fd, 0, RESERVE))
        unlinkat(s->dir, "reserve", 0);
    close(fd);
}

/* Asking */

static struct store_key trial_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "room/", 5);
    return key;
}

static int trial_write(struct store_txn *txn, size_t size, struct reason *why)
{
    static const char bytes[PIECE];
    int err = 0;
    for (size_t i = 0; err == 0 && i <= (size + MORE) / PIECE; i++) {
        struct store_key key = trial_key();
        key_u64(&key, i);
        err = store_put(txn, STORE_META, &key, bytes, sizeof bytes, why);
    }
    return err;
}

/* A commit of so many bytes, or, with 0, one that undoes it. */
static int trial(struct store *s, size_t size, struct reason *why)
{
    struct store_txn *txn;
    struct store_key key = trial_key();
    int err = store_begin(s, true, &txn, why);
    if (err)
        return err;
    err = size ? trial_write(txn, size, why)
               : store_delete_all(txn, STORE_META, &key, key.size, why);
    return store_end(txn, err, why);
}

/* The database may have free pages though the disk has none, and only a commit
 * finds out. */
static int room_try(struct store *s, size_t size, struct reason *why)
{
    int err = trial(s, size + 1, why);
    if (err == 0)
        trial(s, 0, NULL);
    return err;
}

/* Where the database's file ends, in bytes. */
static uint64_t file_end(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(env, &info) || mdb_env_stat(env, &stat))
        return 0;
    return (info.me_last_pgno + 1) * stat.ms_psize;
}

/* Whether the disk has given the database's file room for so many bytes behind
 * its last page. */
static bool room_ask(struct store *s, MDB_env *env, size_t size)
{
    mdb_filehandle_t fd;
    uint64_t end = file_end(env);
    if (!end || mdb_env_get_fd(env, &fd))
        return false;
    uint64_t least = end + size + SLACK;
    if (least <= __atomic_load_n(&s->room, __ATOMIC_RELAXED))
        return true;
    uint64_t most = least + AHEAD;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)(most - end))) {
        most = least;
        if (is_full(-errno) &&
            fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)(most - end)))
            return !is_full(-errno);
    }
    __atomic_store_n(&s->room, most, __ATOMIC_RELAXED);
    return true;
}

int store_room(struct store *s, size_t size, struct reason *why)
{
    pthread_rwlock_rdlock(&s->env_lock);
    bool room = s->env && !__atomic_load_n(&s->full, __ATOMIC_RELAXED) &&
                room_ask(s, s->env, size);
    pthread_rwlock_unlock(&s->env_lock);
    return room ? 0 : room_try(s, size, why);
}

int room_error(MDB_env *env, int code)
{
    mdb_filehandle_t fd;
    uint64_t end = file_end(env);
    if (code != EIO || !end || mdb_env_get_fd(env, &fd) ||
        fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, SLACK) == 0)
        return code;
    return is_full(-errno) ? errno : code;
}

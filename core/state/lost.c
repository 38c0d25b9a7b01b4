#include "core/state/lost.h"

#include "core/basic/clock.h"
#include "core/state/events.h"
#include "core/state/trouble.h"
#include "core/system/directory.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_SECONDS = 7 * 24 * 3600, NAMES_TRIED = 1000 };

/* Our own time: that of the clock when it was first asked for, and since then
 * as much of it as has passed, but at most a day from one look to the next, and
 * never less than nothing. So however the clock is set, what is lost stays for
 * a week of mounts and days. In seconds since 1970. */
struct slow_clock {
    int64_t ours, wall; /* at the last look */
};
enum { LOOK_MOST = 24 * 3600 };

static struct store_key clock_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "lost clock", 10);
    return key;
}

static int64_t clock_read(struct store_txn *txn, struct slow_clock *now)
{
    struct store_key key = clock_key();
    struct store_view v;
    int64_t wall = (int64_t)unix_now();
    *now = (struct slow_clock){wall, wall};
    if (store_get(txn, STORE_META, &key, &v) || v.size != sizeof *now)
        return wall;
    memcpy(now, v.data, sizeof *now);
    int64_t passed = wall - now->wall;
    now->ours += passed < 0 ? 0 : passed > LOOK_MOST ? LOOK_MOST : passed;
    now->wall = wall;
    return now->ours;
}

/* Looks at the clock; with `keep` it goes on from there. */
static int clock_look(struct primo *primo, bool keep, int64_t *ours)
{
    struct store_key key = clock_key();
    struct store_txn *txn;
    struct slow_clock now;
    int err = store_begin(primo->store, keep, &txn, NULL);
    if (err)
        return err;
    *ours = clock_read(txn, &now);
    if (keep)
        return store_end(
            txn, store_put(txn, STORE_META, &key, &now, sizeof now, NULL),
            NULL);
    store_abort(txn);
    return 0;
}

/* Sets the time of a directory in lost/: by that it is deleted later. The files
 * in it keep their times. */
static void time_set(struct primo *primo, const char *name)
{
    int64_t ours = (int64_t)unix_now();
    clock_look(primo, false, &ours);
    struct timespec now[] = {{.tv_sec = ours}, {.tv_sec = ours}};
    utimensat(primo->lost_dir, name, now, AT_SYMLINK_NOFOLLOW);
}

/* Moves it to lost/, under a name that is free there. */
static int name_move(int dir, const char *folder, const char *name, int lost,
                     char *to, size_t size)
{
    for (int i = 0; i < NAMES_TRIED; i++) {
        if (i == 0)
            snprintf(to, size, "%s.%.200s", folder, name);
        else
            snprintf(to, size, "%s.%.200s.%d", folder, name, i);
        if (faccessat(lost, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue; /* only the daemon writes in lost/ */
        return renameat(dir, name, lost, to) ? errno : 0;
    }
    return EEXIST;
}

static int event_put(struct primo *primo, const char *folder, const char *name,
                     const char *to, struct reason *why)
{
    struct store_txn *txn;
    char object[300];
    snprintf(object, sizeof object, "lost/%s", to);
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = event_add(txn, primo->owner, object, why,
                    "moved there from %s/%s of the state directory, as nothing "
                    "names it; it goes after a week",
                    folder, name);
    return store_end(txn, err, why);
}

int lost_move(struct primo *primo, int dir, const char *folder,
              const char *name, struct reason *why)
{
    char to[280];
    int code = name_move(dir, folder, name, primo->lost_dir, to, sizeof to);
    if (code == ENOENT)
        return 0;
    if (code)
        return refuse_errno(why, code, "cannot move '%s/%s' to lost/", folder,
                            name);
    time_set(primo, to);
    int err = directory_sync(primo->lost_dir, why);
    if (err == 0)
        err = directory_sync(dir, why);
    return err ? err : event_put(primo, folder, name, to, why);
}

void lost_expire(struct primo *primo)
{
    struct stat st;
    struct dirent *e;
    int64_t now;
    if (clock_look(primo, true, &now))
        return;
    DIR *dir = directory_list(primo->lost_dir, ".");
    while (dir && (e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            now - st.st_mtime < KEPT_SECONDS)
            continue;
        if (S_ISDIR(st.st_mode))
            directory_remove(dirfd(dir), e->d_name, NULL);
        else
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

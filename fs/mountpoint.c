#include "fs/mountpoint.h"

#include "core/basic/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <mntent.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Finds the type and the source of the topmost mount at `path`. */
static bool mounted_there(const char *path, struct text *type,
                          struct text *source)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    struct mntent *e;
    bool found = false;
    while (mounts && (e = getmntent(mounts))) {
        if (strcmp(e->mnt_dir, path))
            continue;
        text_clear(type);
        text_clear(source);
        text_puts(type, e->mnt_type);
        text_puts(source, e->mnt_fsname);
        found = true;
    }
    if (mounts)
        endmntent(mounts);
    return found;
}

static void unmount_dead(const char *path)
{
    if (umount2(path, MNT_DETACH) == 0)
        return;
    char *argv[] = {"fusermount3", "-u", "-z", (char *)path, NULL};
    pid_t pid;
    if (posix_spawnp(&pid, "fusermount3", NULL, NULL, argv, environ) == 0)
        waitpid(pid, NULL, 0);
}

static int check_mounted(const char *path, const char *state, bool dead,
                         struct reason *why)
{
    struct text type = TEXT_INIT, source = TEXT_INIT;
    int err = 0;
    if (mounted_there(path, &type, &source)) {
        bool ours = !strcmp(text_string(&type), "fuse.primofs");
        bool same = ours && !strcmp(text_string(&source), state);
        if (dead && same)
            unmount_dead(path);
        else
            err = refuse(why, EBUSY,
                         "the mount point '%s' is busy: '%s' (%s) is mounted "
                         "there",
                         path, text_string(&source), text_string(&type));
    } else if (dead) {
        err =
            refuse(why, ENOTCONN, "the mount point '%s' does not answer", path);
    }
    text_release(&type);
    text_release(&source);
    return err;
}

/* AT_STATX_FORCE_SYNC asks the daemon that serves the mount instead of the
 * kernel's cache. A daemon that was just killed may not have ended yet; it
 * aborts the request when it does (ECONNABORTED). */
int mountpoint_prepare(const char *path, const char *state, struct reason *why)
{
    struct statx st;
    int code =
        statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_TYPE, &st) ? errno : 0;
    bool dead = code == ENOTCONN || code == ECONNABORTED;
    if (code && !dead)
        return refuse_errno(why, code, "the mount point '%s' cannot be used",
                            path);
    if (!dead && !S_ISDIR(st.stx_mode))
        return refuse(why, ENOTDIR, "the mount point '%s' is not a directory",
                      path);
    return check_mounted(path, state, dead, why);
}

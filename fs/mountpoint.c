#include "fs/mountpoint.h"

#include <dirent.h>
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

bool mountpoint_of(const char *state, struct text *out)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    struct mntent *e;
    text_clear(out);
    while (mounts && (e = getmntent(mounts)))
        if (!strcmp(e->mnt_type, "fuse.primofs") &&
            !strcmp(e->mnt_fsname, state)) {
            text_clear(out);
            text_puts(out, e->mnt_dir);
        }
    if (mounts)
        endmntent(mounts);
    return out->size > 0;
}

bool mountpoint_hides(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    bool found = false;
    while (dir && !found && (e = readdir(dir)))
        found = strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    if (dir)
        closedir(dir);
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
    if (code == ENOENT)
        return refuse(why, ENOENT,
                      "there is no mount point '%s'; mkdir -p makes it", path);
    if (code && !dead)
        return refuse_errno(why, code, "the mount point '%s' cannot be used",
                            path);
    if (!dead && !S_ISDIR(st.stx_mode))
        return refuse(why, ENOTDIR, "the mount point '%s' is not a directory",
                      path);
    return check_mounted(path, state, dead, why);
}

/* Rights */

/* Whether /etc/fuse.conf has the line user_allow_other. */
static bool others_are_allowed(void)
{
    FILE *f = fopen("/etc/fuse.conf", "re");
    char line[256], word[32];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, "%31s", word) == 1 &&
                !strcmp(word, "user_allow_other");
    if (f)
        fclose(f);
    return found;
}

int mountpoint_check_rights(const char *path, bool shared, struct reason *why)
{
    if (access("/dev/fuse", R_OK | W_OK))
        return refuse_errno(why, errno, "'/dev/fuse' cannot be used");
    if (getuid() == 0)
        return 0;
    if (access(path, W_OK))
        return refuse_errno(why, errno,
                            "the mount point '%s' can be used only by who may "
                            "write it",
                            path);
    if (shared && !others_are_allowed())
        return refuse(why, EPERM,
                      "allow_other and allow_root take the line "
                      "user_allow_other in /etc/fuse.conf");
    return 0;
}

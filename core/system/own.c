#include "core/system/own.h"

#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a directory may be besides one that belongs to the user and that nobody
 * else may write in. */
enum {
    OF_ROOT = 1, /* it may belong to root */
    STICKY = 2,  /* others may write in it if it has the sticky bit, by which
                    they can change only what is theirs */
};

static int owner_check(int fd, const char *name, int allowed,
                       struct reason *why)
{
    struct stat st;
    if (fstat(fd, &st))
        return refuse_errno(why, errno, "cannot look at '%s'", name);
    if (st.st_uid != geteuid() && !((allowed & OF_ROOT) && st.st_uid == 0))
        return refuse(why, EPERM,
                      "'%s' belongs to user %u; it must be that of user %u, "
                      "who mounts",
                      name, (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 022) && !((allowed & STICKY) && (st.st_mode & S_ISVTX)))
        return refuse(why, EPERM,
                      "'%s' can be written by others (mode %03o); 'chmod go-w' "
                      "mends that",
                      name, (unsigned)st.st_mode & 0777);
    return 0;
}

static int directory_checked(int parent, const char *name, int allowed,
                             struct reason *why)
{
    int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR || errno == ELOOP
                   ? refuse(why, EPERM,
                            "'%s' is not a directory (links are not followed "
                            "here)",
                            name)
                   : refuse_errno(why, errno, "cannot open the directory '%s'",
                                  name);
    int err = owner_check(fd, name, allowed, why);
    if (err)
        close(fd);
    return err ? err : fd;
}

int directory_own(int parent, const char *name, struct reason *why)
{
    return directory_checked(parent, name, 0, why);
}

int directory_seen(int parent, const char *name, struct reason *why)
{
    return directory_checked(parent, name, OF_ROOT, why);
}

/* Make the name of a new directory durable. A folder that we may write in, but
 * not read, cannot be synced; that is no failure. */
static int parent_sync(int parent, const char *name, struct reason *why)
{
    int err = file_sync_parent(parent, name);
    return err && err != -EACCES
               ? refuse_errno(why, -err, "cannot sync the directory of '%s'",
                              name)
               : 0;
}

static int directory_make(int parent, const char *name, int allowed,
                          struct reason *why)
{
    int err = 0;
    if (mkdirat(parent, name, 0700) == 0)
        err = parent_sync(parent, name, why);
    else if (errno != EEXIST)
        err = refuse_errno(why, errno, "cannot make the directory '%s'", name);
    return err ? err : directory_checked(parent, name, allowed, why);
}

int directory_own_make(int parent, const char *name, struct reason *why)
{
    return directory_make(parent, name, 0, why);
}

int directory_own_top(const char *path, bool make, struct reason *why)
{
    return make ? directory_make(AT_FDCWD, path, STICKY, why)
                : directory_checked(AT_FDCWD, path, OF_ROOT | STICKY, why);
}

int file_own_check(int fd, const char *name, struct reason *why)
{
    struct stat st;
    if (fstat(fd, &st))
        return refuse_errno(why, errno, "cannot look at '%s'", name);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return refuse(why, EPERM,
                      "'%s' belongs to user %u; it must be that of user %u, "
                      "who mounts",
                      name, (unsigned)st.st_uid, (unsigned)geteuid());
    return 0;
}

#include "core/system/foreign.h"

#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READING = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };

/* Opens one part of the path after the other, for kernels or containers without
 * openat2(). */
static int open_by_steps(int dir, const char *name, int flags)
{
    char step[256];
    int at = dir;
    for (;;) {
        size_t n = strcspn(name, "/");
        if (n >= sizeof step)
            return -ENAMETOOLONG;
        memcpy(step, name, n);
        step[n] = 0;
        int fd = openat(at, step, name[n] ? READING | O_DIRECTORY : flags);
        int code = errno;
        if (at != dir)
            close(at);
        if (fd < 0)
            return -code;
        if (!name[n])
            return fd;
        at = fd;
        name += n + 1;
    }
}

static int open_beneath(int dir, const char *name, int flags)
{
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV |
                                      RESOLVE_NO_SYMLINKS};
    long fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd < 0 ? -errno : (int)fd;
    return open_by_steps(dir, name, flags);
}

static int owner_check(int dir, int fd, const char *name, struct reason *why)
{
    struct stat folder, st;
    if (fstat(dir, &folder) || fstat(fd, &st))
        return refuse_errno(why, errno, "cannot look at '%s'", name);
    if (!S_ISREG(st.st_mode))
        return refuse(why, EINVAL, "'%s' is not a regular file", name);
    if (st.st_nlink != 1)
        return refuse(why, EPERM,
                      st.st_nlink ? "'%s' has another name, a hard link"
                                  : "'%s' has no name any more",
                      name);
    if (st.st_uid != folder.st_uid)
        return refuse(why, EPERM, "'%s' is not of its directory's owner", name);
    return 0;
}

/* Returns the file, or closes it where owner_check() refuses it. */
static int owned(int dir, int fd, const char *name, struct reason *why)
{
    int err = owner_check(dir, fd, name, why);
    if (err)
        close(fd);
    return err ? err : fd;
}

int foreign_open(int dir, const char *name, struct reason *why)
{
    int fd = open_beneath(dir, name, READING);
    if (fd < 0)
        return refuse_errno(why, -fd, "cannot open '%s'", name);
    return owned(dir, fd, name, why);
}

int foreign_read(int dir, const char *name, size_t limit, struct text *out,
                 struct reason *why)
{
    int fd = foreign_open(dir, name, why);
    if (fd < 0)
        return fd;
    int err = descriptor_read(fd, limit, out);
    close(fd);
    if (err == -EFBIG)
        return refuse(why, EFBIG, "'%s' is too large", name);
    return err ? refuse_errno(why, -err, "cannot read '%s'", name) : 0;
}

int foreign_directory(int dir, const char *name, struct reason *why)
{
    int fd = open_beneath(dir, name, READING | O_DIRECTORY);
    return fd < 0 ? refuse_errno(why, -fd, "cannot open '%s'", name) : fd;
}

/* A directory that we made, but could not give away before a crash, still
 * belongs to us. */
static int give_away(int fd, const char *name, uid_t uid, gid_t gid,
                     struct reason *why)
{
    struct stat st;
    if (fstat(fd, &st))
        return refuse_errno(why, errno, "cannot look at '%s'", name);
    if (st.st_uid == uid)
        return 0;
    if (st.st_uid != geteuid())
        return refuse(why, EPERM,
                      "'%s' belongs to user %u, it should be that of user %u",
                      name, (unsigned)st.st_uid, (unsigned)uid);
    if (fchown(fd, uid, gid))
        return refuse_errno(why, errno, "cannot give '%s' to user %u", name,
                            (unsigned)uid);
    return 0;
}

int foreign_make(int parent, const char *name, uid_t uid, gid_t gid,
                 struct reason *why)
{
    if (mkdirat(parent, name, 0700) && errno != EEXIST)
        return refuse_errno(why, errno, "cannot make the directory '%s'", name);
    int fd = foreign_directory(parent, name, why);
    int err = fd < 0 ? fd : give_away(fd, name, uid, gid, why);
    if (err && fd >= 0)
        close(fd);
    return err ? err : fd;
}

int foreign_renew(int dir, const char *name, struct reason *why)
{
    struct stat st;
    unlinkat(dir, name, 0);
    int fd = openat(
        dir, name,
        O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot make '%s'", name);
    if (fstat(dir, &st) || fchown(fd, st.st_uid, st.st_gid)) {
        int code = errno;
        close(fd);
        return refuse_errno(why, code, "cannot make '%s'", name);
    }
    return fd;
}

int foreign_append(int dir, const char *name, struct reason *why)
{
    int fd = open_beneath(
        dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -ENOENT)
        return foreign_renew(dir, name, why);
    if (fd < 0)
        return refuse_errno(why, -fd, "cannot open '%s'", name);
    return owned(dir, fd, name, why);
}

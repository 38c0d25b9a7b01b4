#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(int dir, const char *name, struct reason *why)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot open '%s'", name);
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return refuse(why, EINVAL, "'%s' is not a regular file", name);
    }
    return fd;
}

int file_read(int dir, const char *name, size_t limit, struct text *out,
              struct reason *why)
{
    int fd = file_open(dir, name, why), err = 0;
    if (fd < 0)
        return fd;
    char piece[16384];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 && err == 0) {
        if ((size_t)n > limit)
            err = refuse(why, EFBIG, "'%s' is too large", name);
        else
            text_add(out, piece, (size_t)n);
        limit -= (size_t)n < limit ? (size_t)n : limit;
    }
    if (n < 0)
        err = refuse_errno(why, errno, "cannot read '%s'", name);
    close(fd);
    return err;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

int file_write(int dir, const char *name, const char *data, size_t size,
               struct reason *why)
{
    char aside[300];
    snprintf(aside, sizeof aside, "%s.new", name);
    int fd =
        openat(dir, aside,
               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot write '%s'", name);
    int code = write_all(fd, data, size);
    if (code == 0 && fsync(fd))
        code = errno;
    close(fd);
    if (code == 0 && renameat(dir, aside, dir, name))
        code = errno;
    if (code) {
        unlinkat(dir, aside, 0);
        return refuse_errno(why, code, "cannot write '%s'", name);
    }
    return 0;
}

static int copy_bytes(int in, int out, uint64_t size)
{
    while (size > 0) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        size -= (uint64_t)n;
    }
    return 0;
}

static int copy_as(int from, const char *name, int to, const char *as,
                   uint64_t limit, struct reason *why)
{
    int in = file_open(from, name, why);
    if (in < 0)
        return in;
    struct stat st;
    int code = 0, err = 0;
    int out = openat(
        to, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (out < 0 || fstat(in, &st))
        code = errno;
    else if ((uint64_t)st.st_size > limit)
        code = EFBIG;
    else
        code = copy_bytes(in, out, (uint64_t)st.st_size);
    if (code == 0 && fsync(out))
        code = errno;
    if (code)
        err = refuse_errno(why, code, "cannot copy '%s'", name);
    if (out >= 0)
        close(out);
    close(in);
    return err;
}

int file_copy(int from, const char *name, int to, uint64_t limit,
              struct reason *why)
{
    return copy_as(from, name, to, name, limit, why);
}

int file_link(int from, const char *name, int to, const char *as,
              uint64_t limit, struct reason *why)
{
    if (linkat(from, name, to, as, 0) == 0 || errno == EEXIST)
        return 0;
    if (errno != EXDEV && errno != EPERM && errno != EMLINK)
        return refuse_errno(why, errno, "cannot link '%s'", name);
    return copy_as(from, name, to, as, limit, why);
}

int directory_make(const char *path, struct reason *why)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return refuse_errno(why, errno, "cannot make the directory '%s'", path);
    return 0;
}

int directory_open(const char *path, struct reason *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot open the directory '%s'", path);
    return fd;
}

int directory_sync(int dir, struct reason *why)
{
    return fsync(dir) ? refuse_errno(why, errno, "cannot sync a directory") : 0;
}

static int directory_empty(int parent, const char *name, struct reason *why)
{
    int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return refuse_errno(why, errno, "cannot open '%s'", name);
    struct dirent *e;
    int err = 0;
    while (err == 0 && (e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (unlinkat(fd, e->d_name, 0) && errno != ENOENT)
            err =
                errno == EISDIR || errno == EPERM
                    ? directory_remove(fd, e->d_name, why)
                    : refuse_errno(why, errno, "cannot remove '%s'", e->d_name);
    }
    closedir(dir);
    return err;
}

int directory_remove(int parent, const char *name, struct reason *why)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
        return 0;
    int err = directory_empty(parent, name, why);
    if (err)
        return err;
    if (unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT)
        return refuse_errno(why, errno, "cannot remove '%s'", name);
    return 0;
}

#include "core/system/file.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reading */

bool is_full(int err)
{
    return err == -ENOSPC || err == -EDQUOT;
}

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

/* How much to read next. For a regular file that is all of it and one byte
 * more, so that the first read also finds its end. */
static size_t piece_of(int fd)
{
    enum { PIECE = 16384 };
    struct stat st;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < at)
        return PIECE;
    return (size_t)(st.st_size - at) + 1;
}

int descriptor_read(int fd, size_t limit, struct text *out)
{
    size_t piece = piece_of(fd), left = limit;
    for (;;) {
        size_t had = out->size, most = piece <= left ? piece : left + 1;
        text_resize(out, had + most);
        ssize_t n = read(fd, out->data + had, most);
        int code = errno;
        text_resize(out, had + (n > 0 ? (size_t)n : 0));
        if (n < 0 && code == EINTR)
            continue;
        if (n <= 0)
            return n ? -code : 0;
        if ((size_t)n > left) {
            text_resize(out, had + left);
            return -EFBIG;
        }
        left -= (size_t)n;
    }
}

int descriptor_read_at(int fd, void *to, size_t size, uint64_t offset)
{
    char *at = to;
    while (size > 0) {
        ssize_t n = pread(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -ENODATA;
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int descriptor_sum(int fd, char hex[SHA256_HEX], uint64_t *size)
{
    struct sha256 sum;
    char bytes[1 << 16];
    uint64_t all = 0;
    ssize_t n;
    sha256_init(&sum);
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        sha256_add(&sum, bytes, (size_t)n);
        all += (uint64_t)n;
    }
    int code = errno;
    sha256_end(&sum, hex);
    if (size)
        *size = all;
    return n < 0 ? -code : 0;
}

/* Writing */

int descriptor_write_at(int fd, const void *data, size_t size, uint64_t offset)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = pwrite(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static void draft_release(struct draft *d)
{
    if (d->fd >= 0)
        close(d->fd);
    free(d->name);
    free(d->part);
    *d = (struct draft){.fd = -1};
}

int draft_open(struct draft *d, int dir, const char *name, struct reason *why)
{
    *d = (struct draft){.fd = -1, .dir = dir, .name = strdup(name)};
    if (!d->name || asprintf(&d->part, "%s.part", name) < 0) {
        d->part = NULL;
        draft_release(d);
        return refuse(why, ENOMEM, "no memory to write '%s'", name);
    }
    unlinkat(dir, d->part, 0); /* left by a crash */
    d->fd = openat(dir, d->part,
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (d->fd < 0) {
        int code = errno;
        draft_release(d);
        return refuse_errno(why, code, "cannot write '%s'", name);
    }
    return 0;
}

int draft_write(struct draft *d, const void *data, size_t size,
                struct reason *why)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(d->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, errno, "cannot write '%s'", d->name);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int file_sync_parent(int dir, const char *name)
{
    char *copy = xstrdup(name);
    int fd = openat(dir, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return err;
}

int draft_commit(struct draft *d, struct reason *why)
{
    int err = fsync(d->fd) < 0 ? -errno : 0;
    int fd = d->fd;
    d->fd = -1;
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err == 0 && renameat(d->dir, d->part, d->dir, d->name) < 0)
        err = -errno;
    if (err == 0)
        err = file_sync_parent(d->dir, d->name);
    if (err) {
        refuse_errno(why, -err, "cannot write '%s'", d->name);
        draft_abandon(d);
        return err;
    }
    draft_release(d);
    return 0;
}

void draft_abandon(struct draft *d)
{
    if (d->part)
        unlinkat(d->dir, d->part, 0);
    draft_release(d);
}

int file_save(int dir, const char *name, const void *data, size_t size,
              struct reason *why)
{
    struct draft d;
    int err = draft_open(&d, dir, name, why);
    if (err)
        return err;
    err = draft_write(&d, data, size, why);
    if (err) {
        draft_abandon(&d);
        return err;
    }
    return draft_commit(&d, why);
}

/* Copying */

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

int file_copy(int from, int dir, const char *name, uint64_t limit,
              struct reason *why)
{
    struct stat st;
    int code = 0;
    int out = openat(
        dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (out < 0 || fstat(from, &st))
        code = errno;
    else if ((uint64_t)st.st_size > limit)
        code = EFBIG;
    else
        code = copy_bytes(from, out, (uint64_t)st.st_size);
    if (code == 0 && fsync(out))
        code = errno;
    if (out >= 0)
        close(out);
    return code ? refuse_errno(why, code, "cannot copy '%s'", name) : 0;
}

int file_link(int from, const char *name, int to, const char *as,
              uint64_t limit, struct reason *why)
{
    if (linkat(from, name, to, as, 0) == 0 || errno == EEXIST)
        return 0;
    if (errno != EXDEV && errno != EPERM && errno != EMLINK)
        return refuse_errno(why, errno, "cannot link '%s'", name);
    int fd = file_open(from, name, why);
    int err = fd < 0 ? fd : file_copy(fd, to, as, limit, why);
    if (fd >= 0)
        close(fd);
    return err;
}

#include "core/basic/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void durable_release(struct durable *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f->part);
    *f = (struct durable){.fd = -1};
}

int durable_open(struct durable *f, const char *path, struct reason *why)
{
    *f = (struct durable){.fd = -1, .path = strdup(path)};
    if (!f->path || asprintf(&f->part, "%s.part", path) < 0) {
        f->part = NULL;
        durable_release(f);
        return refuse(why, ENOMEM, "no memory to write '%s'", path);
    }
    f->fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                 0644);
    if (f->fd < 0) {
        int code = errno;
        durable_release(f);
        return refuse_errno(why, code, "cannot write '%s'", path);
    }
    return 0;
}

int durable_write(struct durable *f, const void *data, size_t size,
                  struct reason *why)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(f->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, errno, "cannot write '%s'", f->path);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* A rename survives a power cut only when its folder has been synced. */
static int folder_sync(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return r;
}

int durable_commit(struct durable *f, struct reason *why)
{
    int r = fsync(f->fd) < 0 ? -errno : 0;
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(f->part, f->path) < 0)
        r = -errno;
    if (r == 0)
        r = folder_sync(f->path);
    if (r < 0) {
        refuse_errno(why, -r, "cannot write '%s'", f->path);
        durable_abandon(f);
        return r;
    }
    durable_release(f);
    return 0;
}

void durable_abandon(struct durable *f)
{
    if (f->part)
        unlink(f->part);
    durable_release(f);
}

int durable_save(const char *path, const void *data, size_t size,
                 struct reason *why)
{
    struct durable f;
    int r = durable_open(&f, path, why);
    if (r < 0)
        return r;
    r = durable_write(&f, data, size, why);
    if (r < 0) {
        durable_abandon(&f);
        return r;
    }
    return durable_commit(&f, why);
}

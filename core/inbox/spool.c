#include "core/inbox/spool.h"

#include "core/models/sweep.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void spool_name(uint64_t request, uint64_t body, char name[SPOOL_NAME])
{
    snprintf(name, SPOOL_NAME, "%" PRIu64 ".%" PRIu64, request, body);
}

/* Read */

int spool_open(const struct primo *primo, uint64_t request, uint64_t body,
               struct reason *why)
{
    char name[SPOOL_NAME];
    spool_name(request, body, name);
    return file_open(primo->spool_dir, name, why);
}

int64_t spool_size(const struct primo *primo, uint64_t request, uint64_t body)
{
    char name[SPOOL_NAME];
    struct stat st;
    spool_name(request, body, name);
    return fstatat(primo->spool_dir, name, &st, AT_SYMLINK_NOFOLLOW)
               ? -errno
               : st.st_size;
}

uint64_t spooled_size(const struct spooled *s)
{
    struct stat st;
    return fstat(s->fd, &st) ? 0 : (uint64_t)st.st_size;
}

/* Life cycle */

static int copy_from(const struct spooled *s, uint64_t from, struct reason *why)
{
    int in = spool_open(s->primo, s->request, from, why), code = 0;
    ssize_t n = 1;
    if (in < 0)
        return in;
    while (n > 0) {
        n = copy_file_range(in, NULL, s->fd, NULL, SPOOL_BYTES_MAX, 0);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            code = errno;
    }
    close(in);
    return code ? refuse_errno(why, code, "the file cannot be copied") : 0;
}

int spooled_begin(struct spooled *s, struct primo *primo, uint64_t request,
                  uint64_t from, struct reason *why)
{
    char name[SPOOL_NAME];
    uint64_t body;
    int err = ids_take(&primo->ids, primo->store, &body, why);
    if (err)
        return err;
    spool_name(request, body, name);
    int fd = openat(primo->spool_dir, name,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot write in 'spool'");
    fchmod(fd, 0444); /* the worker, of another user, may only read it */
    *s = (struct spooled){primo, request, body, fd};
    err = from ? copy_from(s, from, why) : 0;
    if (err)
        spooled_drop(s);
    return err;
}

void spooled_forget(struct spooled *s)
{
    if (s->body)
        close(s->fd);
    *s = (struct spooled){0};
}

void spooled_drop(struct spooled *s)
{
    if (s->body)
        spool_remove(s->primo, s->request, s->body);
    spooled_forget(s);
}

/* Change */

static int bound(uint64_t size, struct reason *why)
{
    return size <= SPOOL_BYTES_MAX
               ? 0
               : refuse(why, EFBIG, "a request must have at most %llu MiB",
                        SPOOL_BYTES_MAX >> 20);
}

int spooled_write(struct spooled *s, uint64_t offset, const char *data,
                  size_t size, struct reason *why)
{
    int err = bound(offset + size, why);
    if (err)
        return err;
    err = descriptor_write_at(s->fd, data, size, offset);
    return err ? refuse_errno(why, -err, "the file cannot be written") : 0;
}

int spooled_truncate(struct spooled *s, uint64_t size, struct reason *why)
{
    int err = bound(size, why);
    if (err == 0 && ftruncate(s->fd, (off_t)size))
        err = refuse_errno(why, errno, "the file cannot be written");
    return err;
}

int spool_sync(const struct primo *primo, uint64_t request, uint64_t body,
               struct reason *why)
{
    int fd = spool_open(primo, request, body, why), err = 0;
    if (fd < 0)
        return fd;
    if (fdatasync(fd) || fsync(primo->spool_dir))
        err = refuse_errno(why, errno, "the file cannot be saved");
    close(fd);
    return err;
}

void spool_remove(const struct primo *primo, uint64_t request, uint64_t body)
{
    char name[SPOOL_NAME];
    spool_name(request, body, name);
    unlinkat(primo->spool_dir, name, 0);
}

/* Sweep */

/* A file says by its name which request it belongs to. */
static int body_fate(struct store_txn *txn, const char *name, run_fate *of_run)
{
    struct object o = OBJECT_INIT;
    char *end;
    uint64_t request = strtoull(name, &end, 10), body = 0;
    (void)of_run;
    if (request && *end == '.')
        body = strtoull(end + 1, &end, 10);
    if (!body || *end)
        return SWEEP_KEEP; /* the name is not one of ours */
    int err = object_get(txn, request, &o);
    bool named = err == 0 && o.kind == OBJECT_REQUEST && o.number == body;
    object_release(&o);
    return err && err != -ENOENT ? err : named ? SWEEP_KEEP : SWEEP_DELETE;
}

void spool_sweep(struct primo *primo)
{
    sweep_folder(primo, primo->spool_dir, "spool", body_fate, NULL);
}

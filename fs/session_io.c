#include "fs/session_io.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_DIRECT_IO_ALLOW_MMAP (1ULL << 36)
#endif

/* Whether this is the answer to the request FUSE_INIT, which is the first: a
 * header and the kernel's whole structure. */
static bool is_init(const struct iovec *iov, int count, const struct mount *m)
{
    return !m->answered && count == 2 &&
           iov[0].iov_len == sizeof(struct fuse_out_header) &&
           iov[1].iov_len == sizeof(struct fuse_init_out);
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
    struct mount *m = userdata;
    if (is_init(iov, count, m)) {
        struct fuse_init_out *out = iov[1].iov_base;
        out->flags |= FUSE_INIT_EXT;
        out->flags2 |= (uint32_t)(FUSE_DIRECT_IO_ALLOW_MMAP >> 32);
    }
    if (!m->answered)
        m->answered = true; /* before other threads are there */
    return writev(fd, iov, count);
}

static ssize_t io_read(int fd, void *buf, size_t size, void *userdata)
{
    (void)userdata;
    return read(fd, buf, size);
}

static ssize_t io_splice(int in, off_t *in_at, int out, off_t *out_at,
                         size_t size, unsigned flags, void *userdata)
{
    (void)userdata;
    return splice(in, in_at, out, out_at, size, flags);
}

void session_io_set(struct fuse_session *session)
{
    static const struct fuse_custom_io io = {.writev = io_writev,
                                             .read = io_read,
                                             .splice_receive = io_splice,
                                             .splice_send = io_splice};
    fuse_session_custom_io(session, &io, fuse_session_fd(session));
}

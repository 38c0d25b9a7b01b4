/*
 * What libfuse 3.14 cannot ask the kernel for: that files which are not cached
 * (FOPEN_DIRECT_IO) can be mapped by several programs all the same, as mmap(2)
 * with MAP_SHARED does, also for reading alone. Python's mmap and so Ansible's
 * wait_for need it. Linux can do this since 6.6, and drops what it has of the
 * file at each mmap(), so that it shows the state of then.
 */
#ifndef PRIMO_SESSION_IO_H
#define PRIMO_SESSION_IO_H

#include "fs/requests/ops.h"

/* Let the session, which is mounted and has not read any request, answer the
 * kernel's first one with that flag, too. An older kernel ignores it. Where
 * this fails, all is as without it. */
void session_io_set(struct fuse_session *session);

#endif

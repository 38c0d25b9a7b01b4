/*
 * The process that makes inotify events (notices.h): it writes to files and
 * makes directories through the mount, as it is told. It keeps nothing open and
 * ends with the daemon, whose end of the socket closes. Run by root it goes in
 * by a copy of the mount, as the kernel refuses to unmount what is in use.
 */
#ifndef PRIMO_HELPER_H
#define PRIMO_HELPER_H

#include <sys/types.h>

struct helper {
    pid_t pid;  /* 0 = there is none: nothing happens */
    int socket; /* to it */
};

/* Life cycle */

/* Before there are threads or a store; the mount point is an absolute path. */
void helper_fork(struct helper *h, const char *mountpoint);
void helper_end(struct helper *h); /* once more does nothing */

/* Paths are below the mount point. One that is behind misses some: the next
 * change tells of all. */

/* Open a file, write a byte, close it. */
void helper_write(struct helper *h, const char *path);
/* Make a directory; returns when it is done, or after a second. */
void helper_make(struct helper *h, const char *path);

#endif

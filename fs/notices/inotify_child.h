/*
 * The process that makes inotify events (notices.h): it writes to files and
 * makes directories through the mount, as it is told. It keeps nothing open,
 * has no capabilities but those that this takes, and ends with the daemon,
 * whose end of the socket closes. Run by root it goes in by a copy of the
 * mount, as the kernel refuses to unmount what is in use.
 */
#ifndef PRIMO_INOTIFY_CHILD_H
#define PRIMO_INOTIFY_CHILD_H

#include <sys/types.h>

struct inotify_child {
    pid_t pid;  /* 0 = there is none: nothing happens */
    int socket; /* to it */
};

/* Life cycle */

/* Before there are threads or a store; the mount point is an absolute path. */
void inotify_child_fork(struct inotify_child *h, const char *mountpoint);
void inotify_child_end(struct inotify_child *h); /* once more does nothing */

/* Once it is mounted, and before anybody is served: which file system it is.
 * Nothing happens before, nor in another one that is found at the mount point
 * later. */
void inotify_child_mounted(struct inotify_child *h, const char *mountpoint);

/* Paths are below the mount point. One that is behind misses some: the next
 * change tells of all. */

/* Open a file, write a byte, close it. */
void inotify_child_write(struct inotify_child *h, const char *path);
/* Make a directory; returns when it is done, or after a second. */
void inotify_child_make(struct inotify_child *h, const char *path);

#endif

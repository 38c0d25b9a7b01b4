/*
 * The process that makes inotify events (notices.h): it writes to files, and
 * makes files and directories through the mount, as it is told. It keeps
 * nothing open, has no capabilities but those that this takes, and ends with
 * the daemon, whose end of the socket closes. Run by root it goes in by a copy
 * of the mount, as the kernel refuses to unmount what is in use.
 */
#ifndef PRIMO_INOTIFY_CHILD_H
#define PRIMO_INOTIFY_CHILD_H

#include <sys/types.h>

struct inotify_child {
    pid_t pid;  /* 0 = there is no child, and nothing happens */
    int socket; /* the socket to the child */
};

/* Life cycle */

/* Start the child: before there are threads or a store. The mount point is an
 * absolute path. */
void inotify_child_fork(struct inotify_child *h, const char *mountpoint);
/* End the child. A second call does nothing. */
void inotify_child_end(struct inotify_child *h);

/* Tell the child which file system is mounted. Call this once it is mounted,
 * and before a request is served. The child does nothing before, nor in another
 * file system that it finds at the mount point later. */
void inotify_child_mounted(struct inotify_child *h, const char *mountpoint);

/* Paths are relative to the mount point. A child that cannot keep up misses
 * messages; the next change makes up for them, as readers look at the whole
 * file. */

/* Have a file opened, a byte written and the file closed. */
void inotify_child_write(struct inotify_child *h, const char *path);
/* The same, of a file that is hidden from the child: it is created. */
void inotify_child_create(struct inotify_child *h, const char *path);
/* Have a directory made. Returns when it is done, or after a second. */
void inotify_child_make(struct inotify_child *h, const char *path);

#endif

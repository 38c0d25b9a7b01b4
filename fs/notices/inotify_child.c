#include "fs/notices/inotify_child.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MESSAGE_MAX = PATH_MAX };

/* The process: a message is 'w' or 'd' and a path below the mount point. */

static void write_file(int root, const char *path)
{
    int fd = openat(root, path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, "", 1);
    (void)ignored;
    close(fd);
}

/* The mount for one message, or -1. Where that is allowed (to root), a copy of
 * it that has no place in the tree, so that nobody who unmounts just now is
 * told that it is busy. */
static int root_open(const char *mountpoint)
{
    struct statfs fs;
    int fd =
        open_tree(AT_FDCWD, mountpoint, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0)
        fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && (fstatfs(fd, &fs) || fs.f_type != FUSE_SUPER_MAGIC)) {
        close(fd); /* what lies below a mount that has gone is not ours */
        fd = -1;
    }
    return fd;
}

static void do_message(const char *mountpoint, char kind, const char *path)
{
    int root = root_open(mountpoint);
    if (root < 0)
        return;
    int ignored = 0;
    if (kind == 'w')
        write_file(root, path);
    else /* fails where somebody has looked at it already */
        ignored = mkdirat(root, path, 0755);
    (void)ignored;
    close(root);
}

static void inotify_child_run(int socket, const char *mountpoint)
{
    char message[MESSAGE_MAX + 1];
    ssize_t n;
    while ((n = recv(socket, message, MESSAGE_MAX, 0)) > 0) {
        message[n] = 0;
        do_message(mountpoint, message[0], message + 1);
        if (message[0] == 'd')
            send(socket, "", 1, MSG_NOSIGNAL); /* it is made */
    }
}

/* Whoever waits for the ends of pipes must not wait for the helper. */
static void leave_all(int but)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (but > 3)
        close_range(3, (unsigned)but - 1, 0);
    close_range((unsigned)but + 1, ~0u, 0);
    if (chdir("/"))
        _exit(1);
}

void inotify_child_fork(struct inotify_child *h, const char *mountpoint)
{
    int ends[2];
    *h = (struct inotify_child){.socket = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return;
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return;
    }
    if (pid == 0) {
        signal(SIGINT, SIG_IGN); /* of the daemon's terminal */
        prctl(PR_SET_NAME, "primofs-notices");
        leave_all(ends[1]);
        inotify_child_run(ends[1], mountpoint);
        _exit(0);
    }
    close(ends[1]);
    const struct timeval second = {.tv_sec = 1};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    h->socket = ends[0];
    h->pid = pid;
}

void inotify_child_end(struct inotify_child *h)
{
    if (h->socket >= 0)
        close(h->socket);
    h->socket = -1;
}

/* The daemon's side */

static void send_path(struct inotify_child *h, char kind, const char *path)
{
    char message[MESSAGE_MAX];
    int size = snprintf(message, sizeof message, "%c%s", kind, path);
    if (h->socket >= 0 && size < MESSAGE_MAX)
        send(h->socket, message, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void inotify_child_write(struct inotify_child *h, const char *path)
{
    send_path(h, 'w', path);
}

void inotify_child_make(struct inotify_child *h, const char *path)
{
    char made;
    send_path(h, 'd', path);
    ssize_t ignored = recv(h->socket, &made, 1, 0);
    (void)ignored;
}

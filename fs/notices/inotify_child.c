#include "fs/notices/inotify_child.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MESSAGE_MAX = PATH_MAX };

/* A message: what to do, and the device of the mount or a path below it. */
enum { MOUNTED = 'm', WRITE = 'w', CREATE = 'c', MAKE = 'd' };

struct place {
    const char *mountpoint;
    dev_t device; /* the device of the mount; 0 = it is not known yet, and
                     nothing is done */
};

/* The process */

/* Opens a path that must lie below the mount, whatever somebody has put into
 * the way meanwhile. */
static int open_below(int root, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC | O_NOFOLLOW,
                           .mode = flags & O_CREAT ? 0600 : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static void write_file(int root, const char *path, uint64_t flags)
{
    int fd = open_below(root, path, flags | O_WRONLY | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, "", 1);
    (void)ignored;
    close(fd);
}

/* Makes a directory. This fails where somebody has looked at the name already;
 * then there is no event. */
static void make_directory(int root, char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    *slash = 0;
    int parent = open_below(root, path, O_PATH | O_DIRECTORY);
    if (parent < 0)
        return;
    int ignored = mkdirat(parent, slash + 1, 0755);
    (void)ignored;
    close(parent);
}

/* The device of a path. This must not ask a server: if the path is on another
 * file system, its server may never answer. */
static dev_t device_of(int dir, const char *path, int flags)
{
    struct statx st;
    return statx(dir, path, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0,
                 &st)
               ? 0
               : makedev(st.stx_dev_major, st.stx_dev_minor);
}

/* The mount for one message, or -1. Where that is allowed (to root), a copy of
 * it that has no place in the tree, so that nobody who unmounts just now is
 * told that it is busy; none is kept, which would keep the mount alive. So the
 * way is gone anew each time, and may lead elsewhere by now: who owns a folder
 * on it can move the mount and put something else there. */
static int root_open(const struct place *p)
{
    int fd =
        open_tree(AT_FDCWD, p->mountpoint, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0)
        fd = open(p->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 &&
        (!p->device || device_of(fd, "", AT_EMPTY_PATH) != p->device)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void do_message(const struct place *p, char kind, char *path)
{
    int root = root_open(p);
    if (root < 0)
        return;
    if (kind == WRITE || kind == CREATE)
        write_file(root, path, kind == CREATE ? O_CREAT : 0);
    else
        make_directory(root, path);
    close(root);
}

static void inotify_child_run(int socket, const char *mountpoint)
{
    struct place p = {.mountpoint = mountpoint};
    char message[MESSAGE_MAX + 1];
    ssize_t n;
    while ((n = recv(socket, message, MESSAGE_MAX, 0)) > 0) {
        message[n] = 0;
        if (message[0] == MOUNTED)
            p.device = strtoull(message + 1, NULL, 10);
        else
            do_message(&p, message[0], message + 1);
        if (message[0] == MAKE)
            send(socket, "", 1, MSG_NOSIGNAL); /* the directory is made */
    }
}

/* Drops all capabilities but those that root's child needs: to copy the mount,
 * and to reach it below folders that are closed to others. */
static void capabilities_drop(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3] = {0};
    const unsigned keep = 1u << CAP_SYS_ADMIN | 1u << CAP_DAC_READ_SEARCH;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_capget, &header, had))
        return;
    had[0].permitted &= keep;
    had[0].effective &= keep;
    had[0].inheritable = 0;
    had[1] = (struct __user_cap_data_struct){0};
    if (syscall(SYS_capset, &header, had))
        _exit(1);
}

/* Closes what was inherited: whoever waits for the end of a pipe must not wait
 * for this process. */
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
        signal(SIGINT, SIG_IGN); /* a key on the daemon's terminal must not end
                                    this process */
        prctl(PR_SET_NAME, "primofs-notices");
        leave_all(ends[1]);
        capabilities_drop();
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

void inotify_child_mounted(struct inotify_child *h, const char *mountpoint)
{
    char device[32];
    snprintf(device, sizeof device, "%llu",
             (unsigned long long)device_of(AT_FDCWD, mountpoint, 0));
    send_path(h, MOUNTED, device);
}

void inotify_child_write(struct inotify_child *h, const char *path)
{
    send_path(h, WRITE, path);
}

void inotify_child_create(struct inotify_child *h, const char *path)
{
    send_path(h, CREATE, path);
}

void inotify_child_make(struct inotify_child *h, const char *path)
{
    char made;
    send_path(h, MAKE, path);
    ssize_t ignored = recv(h->socket, &made, 1, 0);
    (void)ignored;
}

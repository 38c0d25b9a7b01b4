#include "core/launch/child.h"

#include "core/basic/alloc.h"
#include "core/system/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc has had these calls only since 2.36, which is newer than what some
 * supported systems have. */
static int process_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int process_kill(int pidfd)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

/* Children */

static void child_close(struct launch_child *child)
{
    if (child->pidfd >= 0)
        close(child->pidfd);
    child->pidfd = -1;
}

static void children_reap(struct launch_child *children)
{
    for (struct launch_child *c = children; c; c = c->next)
        if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid) {
            c->ended = true;
            child_close(c);
        }
}

static struct launch_child *find(struct launch_child *children, uint64_t run)
{
    while (children && children->run != run)
        children = children->next;
    return children;
}

void children_init(struct launch_children *children)
{
    children->first = NULL;
    pthread_mutex_init(&children->lock, NULL);
}

void children_release(struct launch_children *children)
{
    while (children->first) { /* init will reap those that still run */
        struct launch_child *child = children->first;
        children->first = child->next;
        child_close(child);
        free(child);
    }
    pthread_mutex_destroy(&children->lock);
}

/* Those of a run that have ended. */
static void ended_forget(struct launch_children *children, uint64_t run)
{
    struct launch_child **at = &children->first;
    children_reap(children->first);
    while (*at) {
        struct launch_child *child = *at;
        if (child->run == run && child->ended) {
            *at = child->next;
            free(child);
        } else {
            at = &child->next;
        }
    }
}

/* Only we wait for this child, so that its process number cannot be given to
 * another process before we do. An earlier one that still lives keeps its
 * entry, by which it is reaped. */
void child_note(struct launch_children *children, uint64_t run, pid_t pid)
{
    pthread_mutex_lock(&children->lock);
    ended_forget(children, run);
    struct launch_child *child = xcalloc(1, sizeof *child);
    child->run = run;
    child->pid = pid;
    child->pidfd = process_open(pid);
    child->next = children->first;
    children->first = child;
    pthread_mutex_unlock(&children->lock);
}

void child_forget(struct launch_children *children, uint64_t run)
{
    pthread_mutex_lock(&children->lock);
    ended_forget(children, run);
    pthread_mutex_unlock(&children->lock);
}

bool child_find(struct launch_children *children, uint64_t run,
                struct launch_child *out)
{
    pthread_mutex_lock(&children->lock);
    children_reap(children->first);
    const struct launch_child *child = find(children->first, run);
    if (child)
        *out = *child;
    pthread_mutex_unlock(&children->lock);
    return child != NULL;
}

/* The lock is held during the kill, so that no other thread reaps the child,
 * and so frees its number, in between. */
bool child_kill(struct launch_children *children, uint64_t run)
{
    pthread_mutex_lock(&children->lock);
    children_reap(children->first);
    bool killed = false;
    for (const struct launch_child *c = children->first; c; c = c->next)
        if (c->run == run && !c->ended)
            killed |= (c->pidfd >= 0 ? process_kill(c->pidfd)
                                     : kill(c->pid, SIGKILL)) == 0;
    pthread_mutex_unlock(&children->lock);
    return killed;
}

/* The search */

/* Whether the real, the effective and the saved user of a process are `uid`. */
static bool belongs_to(int proc, const char *pid, uid_t uid)
{
    char path[64], line[256];
    unsigned real, effective, saved;
    bool belongs = false;
    snprintf(path, sizeof path, "%.20s/status", pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Uid: %u %u %u", &real, &effective, &saved) == 3) {
            belongs = real == uid && effective == uid && saved == uid;
            break;
        }
    if (f)
        fclose(f);
    return belongs;
}

/* Whether a path's last component is `name`. */
static bool ends_as(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    return slash && !strcmp(slash + 1, name);
}

/* Whether a descriptor refers to the file. Cached attributes are enough, so
 * that a file server that does not answer cannot hold up the search. */
static bool leads_to(int dir, const char *fd, const struct stat *file,
                     const char *name)
{
    char target[4400];
    struct statx st;
    ssize_t n = readlinkat(dir, fd, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    return ends_as(target, name) &&
           statx(dir, fd, AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
           st.stx_ino == file->st_ino &&
           makedev(st.stx_dev_major, st.stx_dev_minor) == file->st_dev;
}

static bool holds(int proc, const char *pid, const struct stat *file,
                  const char *name)
{
    char path[64];
    bool found = false;
    snprintf(path, sizeof path, "%.20s/fd", pid);
    DIR *dir = directory_list(proc, path);
    struct dirent *e;
    while (!found && dir && (e = readdir(dir)))
        found = leads_to(dirfd(dir), e->d_name, file, name);
    if (dir)
        closedir(dir);
    return found;
}

/* The pidfd is opened before the process is examined. If the process ends in
 * between and its number is given away, then it is the newcomer that is
 * examined, but the signal through the pidfd does not reach it. The first look
 * at the owner only saves opening a pidfd for every process of the host. */
static void holder_kill(int proc, const char *pid, const struct stat *file,
                        const char *name, uid_t uid)
{
    long number = strtol(pid, NULL, 10);
    if (number <= 1 || number == getpid() || !belongs_to(proc, pid, uid))
        return;
    int pidfd = process_open((pid_t)number);
    if (pidfd < 0)
        return;
    if (belongs_to(proc, pid, uid) && holds(proc, pid, file, name))
        process_kill(pidfd);
    close(pidfd);
}

void holders_kill(const struct stat *lock, const char *name, uid_t uid)
{
    DIR *proc = opendir("/proc");
    struct dirent *e;
    while (proc && (e = readdir(proc)))
        holder_kill(dirfd(proc), e->d_name, lock, name, uid);
    if (proc)
        closedir(proc);
}

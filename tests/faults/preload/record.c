/*
 * For LD_PRELOAD: notes in the file that $RECORD names what the daemon, and the
 * trainers that it starts for its own user, do to files below $RECORD_BELOW, in
 * the order in which they do it, so that tests/faults/powercut.py can say what
 * a disk may have when the power fails in between.
 *
 * A record is: a letter, then in 8 bytes each the sizes of two paths and of the
 * data and an offset, then the paths and the data.
 *
 *   C path mode      a file is made         K path mode    a directory is made
 *   W path data @at  bytes are written      T path @size   it is cut or
 * extended M path mode      its mode               R path path    it is renamed
 *   L path path      it is linked           U path         it is unlinked
 *   S path           it is synced
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static const char *below;

/* Before the trainer confines itself. */
__attribute__((constructor)) static void record_open(void)
{
    const char *name = getenv("RECORD");
    below = getenv("RECORD_BELOW");
    if (!name || !below)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name,
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    out = fcntl(fd, F_DUPFD_CLOEXEC, 200);
    syscall(SYS_close, fd);
}

/* What is done and noted between these two has its place in the order, among
 * the threads and the processes. */
static void order_begin(void)
{
    pthread_mutex_lock(&lock);
    if (out >= 0)
        syscall(SYS_flock, out, LOCK_EX);
}

static void order_end(void)
{
    int saved = errno;
    if (out >= 0)
        syscall(SYS_flock, out, LOCK_UN);
    pthread_mutex_unlock(&lock);
    errno = saved;
}

static bool is_below(const char *path)
{
    size_t n = below ? strlen(below) : 0;
    return out >= 0 && n && !strncmp(path, below, n) &&
           (!path[n] || path[n] == '/') && !strstr(path, " (deleted)") &&
           !strstr(path, "/lock.mdb");
}

static void path_of(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_BYTES - 1);
    path[n > 0 ? n : 0] = 0;
}

static void path_in(int dir, const char *name, char *path)
{
    static const char descriptors[] = "/proc/self/fd/";
    char parent[PATH_BYTES];
    if (!strncmp(name, descriptors, sizeof descriptors - 1)) {
        path_of(atoi(name + sizeof descriptors - 1), path);
        return;
    }
    if (*name == '/') {
        snprintf(path, PATH_BYTES, "%s", name);
        return;
    }
    if (dir == AT_FDCWD && syscall(SYS_getcwd, parent, sizeof parent) < 0)
        *parent = 0;
    if (dir != AT_FDCWD)
        path_of(dir, parent);
    if (!strcmp(name, "."))
        snprintf(path, PATH_BYTES, "%s", parent);
    else
        snprintf(path, PATH_BYTES, "%.2047s/%.2047s", parent, name);
}

static void note(char letter, const char *path, const char *second,
                 const void *data, size_t size, uint64_t at)
{
    int saved = errno;
    char head[33];
    uint64_t numbers[] = {strlen(path), strlen(second), size, at};
    if (!is_below(path) && !is_below(second))
        return;
    head[0] = letter;
    memcpy(head + 1, numbers, sizeof numbers);
    struct iovec all[] = {{head, sizeof head},
                          {(char *)path, numbers[0]},
                          {(char *)second, numbers[1]},
                          {(void *)data, size}};
    if (syscall(SYS_writev, out, all, 4) < 0)
        abort();
    errno = saved;
}

/* Writing */

static void note_write(int fd, const void *data, long n, uint64_t at)
{
    char path[PATH_BYTES];
    path_of(fd, path);
    if (n <= 0 || !is_below(path))
        return;
    note('W', path, "", data, (size_t)n, at);
    if (fcntl(fd, F_GETFL) & O_DSYNC)
        note('S', path, "", "", 0, 0);
}

static void note_list(int fd, const struct iovec *list, int count, long n,
                      uint64_t at)
{
    for (int i = 0; i < count && n > 0; i++) {
        long part = n < (long)list[i].iov_len ? n : (long)list[i].iov_len;
        note_write(fd, list[i].iov_base, part, at);
        at += (uint64_t)part;
        n -= part;
    }
}

/* Where the bytes that were just written begin. */
static uint64_t place_before(int fd, long n)
{
    off_t at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    return at >= n && n > 0 ? (uint64_t)(at - n) : 0;
}

/* What another file's bytes became here. */
static void note_copy(int fd, long n, uint64_t at)
{
    char part[1 << 16], path[PATH_BYTES], link[64];
    path_of(fd, path);
    if (n <= 0 || !is_below(path))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int in = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    long got;
    for (; n > 0 &&
           (got = syscall(SYS_pread64, in, part,
                          n < (long)sizeof part ? (size_t)n : sizeof part,
                          at)) > 0;
         n -= got, at += (uint64_t)got)
        note_write(fd, part, got, at);
    syscall(SYS_close, in);
}

/* The functions of the C library under both of their names. `done` is what the
 * call gave. */
#define CALL(result, name, parameters, call, noted)                            \
    result library_##name parameters __asm__(#name);                           \
    result library_##name parameters                                           \
    {                                                                          \
        order_begin();                                                         \
        result done = (result)(call);                                          \
        if (done >= 0) {                                                       \
            noted;                                                             \
        }                                                                      \
        order_end();                                                           \
        return done;                                                           \
    }

CALL(ssize_t, write, (int fd, const void *data, size_t size),
     syscall(SYS_write, fd, data, size),
     note_write(fd, data, done, place_before(fd, done)))
#define PWRITE(name)                                                           \
    CALL(ssize_t, name, (int fd, const void *data, size_t size, off_t at),     \
         syscall(SYS_pwrite64, fd, data, size, at),                            \
         note_write(fd, data, done, (uint64_t)at))
PWRITE(pwrite)
PWRITE(pwrite64)
CALL(ssize_t, writev, (int fd, const struct iovec *list, int count),
     syscall(SYS_writev, fd, list, count),
     note_list(fd, list, count, done, place_before(fd, done)))
#define PWRITEV(name)                                                          \
    CALL(ssize_t, name,                                                        \
         (int fd, const struct iovec *list, int count, off_t at),              \
         syscall(SYS_pwritev, fd, list, count, at, 0),                         \
         note_list(fd, list, count, done, (uint64_t)at))
PWRITEV(pwritev)
PWRITEV(pwritev64)
CALL(ssize_t, copy_file_range,
     (int in, off_t *from, int to, off_t *there, size_t size, unsigned flags),
     syscall(SYS_copy_file_range, in, from, to, there, size, flags),
     note_copy(to, done,
               there ? (uint64_t)(*there - done) : place_before(to, done)))

static void note_fd(char letter, int fd, uint64_t at)
{
    char path[PATH_BYTES];
    path_of(fd, path);
    note(letter, path, "", "", 0, at);
}

static void note_size(int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0)
        note_fd('T', fd, (uint64_t)st.st_size);
}

#define FTRUNCATE(name)                                                        \
    CALL(int, name, (int fd, off_t size), syscall(SYS_ftruncate, fd, size),    \
         note_fd('T', fd, (uint64_t)size))
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)
#define FALLOCATE(name)                                                        \
    CALL(int, name, (int fd, int mode, off_t at, off_t size),                  \
         syscall(SYS_fallocate, fd, mode, at, size), note_size(fd))
FALLOCATE(fallocate)
FALLOCATE(fallocate64)
#define POSIX_FALLOCATE(name)                                                  \
    CALL(int, name, (int fd, off_t at, off_t size),                            \
         syscall(SYS_fallocate, fd, 0, at, size) ? errno : 0, note_size(fd))
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)
CALL(int, fsync, (int fd), syscall(SYS_fsync, fd), note_fd('S', fd, 0))
CALL(int, fdatasync, (int fd), syscall(SYS_fdatasync, fd), note_fd('S', fd, 0))
CALL(int, fchmod, (int fd, mode_t mode), syscall(SYS_fchmod, fd, mode),
     note_fd('M', fd, mode))

/* Names */

static void note_in(char letter, int dir, const char *name, uint64_t at)
{
    char path[PATH_BYTES];
    path_in(dir, name, path);
    note(letter, path, "", "", 0, at);
}

static void note_two(char letter, int dir, const char *name, int to,
                     const char *as)
{
    char path[PATH_BYTES], second[PATH_BYTES];
    path_in(dir, name, path);
    path_in(to, as, second);
    note(letter, path, second, "", 0, 0);
}

CALL(int, mkdirat, (int dir, const char *name, mode_t mode),
     syscall(SYS_mkdirat, dir, name, mode), note_in('K', dir, name, mode))
CALL(int, mkdir, (const char *name, mode_t mode),
     syscall(SYS_mkdirat, AT_FDCWD, name, mode),
     note_in('K', AT_FDCWD, name, mode))
CALL(int, renameat, (int dir, const char *name, int to, const char *as),
     syscall(SYS_renameat2, dir, name, to, as, 0),
     note_two('R', dir, name, to, as))
CALL(int, rename, (const char *name, const char *as),
     syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, as, 0),
     note_two('R', AT_FDCWD, name, AT_FDCWD, as))
CALL(int, linkat,
     (int dir, const char *name, int to, const char *as, int flags),
     syscall(SYS_linkat, dir, name, to, as, flags),
     note_two('L', dir, name, to, as))
CALL(int, unlinkat, (int dir, const char *name, int flags),
     syscall(SYS_unlinkat, dir, name, flags), note_in('U', dir, name, 0))
CALL(int, unlink, (const char *name), syscall(SYS_unlinkat, AT_FDCWD, name, 0),
     note_in('U', AT_FDCWD, name, 0))

static int file_open(int dir, const char *name, int flags, mode_t mode)
{
    order_begin();
    bool there = syscall(SYS_faccessat, dir, name, F_OK) == 0;
    int fd = (int)syscall(SYS_openat, dir, name, flags, mode);
    if (fd >= 0 && flags & O_CREAT && !there)
        note_fd('C', fd, mode);
    if (fd >= 0 && flags & O_TRUNC && there)
        note_fd('T', fd, 0);
    order_end();
    return fd;
}

static mode_t mode_take(int flags, va_list ap)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE
               ? va_arg(ap, mode_t)
               : 0;
}

#define OPENAT(name)                                                           \
    int library_##name(int dir, const char *file, int flags,                   \
                       ...) __asm__(#name);                                    \
    int library_##name(int dir, const char *file, int flags, ...)              \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, flags);                                                   \
        int fd = file_open(dir, file, flags, mode_take(flags, ap));            \
        va_end(ap);                                                            \
        return fd;                                                             \
    }
OPENAT(openat)
OPENAT(openat64)
#define OPEN(name)                                                             \
    int library_##name(const char *file, int flags, ...) __asm__(#name);       \
    int library_##name(const char *file, int flags, ...)                       \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, flags);                                                   \
        int fd = file_open(AT_FDCWD, file, flags, mode_take(flags, ap));       \
        va_end(ap);                                                            \
        return fd;                                                             \
    }
OPEN(open)
OPEN(open64)

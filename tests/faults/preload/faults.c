/*
 * For LD_PRELOAD: makes calls of the daemon, and of the trainers that it starts
 * for its own user, fail or slow, or sets their clock, as the file says that
 * $FAULTS names, from one call to the next. Its lines:
 *
 *   write PART VALUE   calls that write to, or make room in, an open file
 *   sync PART VALUE    fsync and fdatasync
 *   make PART VALUE    calls that make a file or a folder
 *   clock SECONDS      how far the wall clock is ahead, or behind if negative
 *
 * PART is a part of the path of the file, VALUE an errno, or, if negative, by
 * how many milliseconds the call is delayed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static FILE *rules(void)
{
    const char *file = getenv("FAULTS");
    return file ? fopen(file, "re") : NULL;
}

/* Waits, or returns the errno of the first rule that is about this path. */
static int fault(const char *call, const char *path)
{
    char line[300], name[20], part[200];
    int value, found = 0, saved = errno;
    FILE *f = rules();
    while (f && !found && fgets(line, sizeof line, f))
        if (sscanf(line, "%19s %199s %d", name, part, &value) == 3 &&
            !strcmp(name, call) && strstr(path, part))
            found = value;
    if (f)
        fclose(f);
    if (found < 0)
        usleep((unsigned)-found * 1000);
    errno = saved;
    return found > 0 ? found : 0;
}

static int fault_at(const char *call, int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return fault(call, path);
}

/* A name in a directory, as one path. */
static int fault_in(const char *call, int dir, const char *name)
{
    char link[64], path[8192];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t n = dir >= 0 ? readlink(link, path, 4096) : 0;
    n = n > 0 ? n : 0;
    snprintf(path + n, sizeof path - (size_t)n, "/%s", name);
    return fault(call, path);
}

/* The functions of the C library under both of their names: those of programs
 * with and without 64-bit offsets. The numbers of arguments that they have. */
#define CALL(result, name, fault, number, parameters, ...)                     \
    result library_##name parameters __asm__(#name);                           \
    result library_##name parameters                                           \
    {                                                                          \
        int code = fault;                                                      \
        if (code) {                                                            \
            errno = code;                                                      \
            return -1;                                                         \
        }                                                                      \
        return (result)syscall(number, __VA_ARGS__);                           \
    }

CALL(ssize_t, write, fault_at("write", fd), SYS_write,
     (int fd, const void *data, size_t size), fd, data, size)
CALL(ssize_t, pwrite, fault_at("write", fd), SYS_pwrite64,
     (int fd, const void *data, size_t size, off_t at), fd, data, size, at)
CALL(ssize_t, pwrite64, fault_at("write", fd), SYS_pwrite64,
     (int fd, const void *data, size_t size, off_t at), fd, data, size, at)
CALL(ssize_t, writev, fault_at("write", fd), SYS_writev,
     (int fd, const struct iovec *list, int count), fd, list, count)
CALL(ssize_t, pwritev, fault_at("write", fd), SYS_pwritev,
     (int fd, const struct iovec *list, int count, off_t at), fd, list, count,
     at, 0)
CALL(ssize_t, pwritev64, fault_at("write", fd), SYS_pwritev,
     (int fd, const struct iovec *list, int count, off_t at), fd, list, count,
     at, 0)
CALL(ssize_t, copy_file_range, fault_at("write", out), SYS_copy_file_range,
     (int in, off_t *from, int out, off_t *to, size_t size, unsigned flags), in,
     from, out, to, size, flags)
CALL(int, fallocate, fault_at("write", fd), SYS_fallocate,
     (int fd, int mode, off_t at, off_t size), fd, mode, at, size)
CALL(int, fallocate64, fault_at("write", fd), SYS_fallocate,
     (int fd, int mode, off_t at, off_t size), fd, mode, at, size)
CALL(int, fsync, fault_at("sync", fd), SYS_fsync, (int fd), fd)
CALL(int, fdatasync, fault_at("sync", fd), SYS_fdatasync, (int fd), fd)
CALL(int, mkdirat, fault_in("make", dir, name), SYS_mkdirat,
     (int dir, const char *name, mode_t mode), dir, name, mode)

static int open_file(int dir, const char *name, int flags, va_list ap)
{
    bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = makes ? va_arg(ap, mode_t) : 0;
    int code = flags & O_CREAT ? fault_in("make", dir, name) : 0;
    if (code) {
        errno = code;
        return -1;
    }
    return (int)syscall(SYS_openat, dir, name, flags, mode);
}

#define OPEN(name)                                                             \
    int library_##name(int dir, const char *file, int flags,                   \
                       ...) __asm__(#name);                                    \
    int library_##name(int dir, const char *file, int flags, ...)              \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, flags);                                                   \
        int fd = open_file(dir, file, flags, ap);                              \
        va_end(ap);                                                            \
        return fd;                                                             \
    }
OPEN(openat)
OPEN(openat64)

/* Programs ask for the time often: the file is looked at now and then. */
static long seconds_ahead(const struct timespec *now)
{
    static _Atomic long looked, ahead;
    char line[300];
    long seconds = 0, moment = now->tv_sec * 20 + now->tv_nsec / 50000000;
    if (looked == moment)
        return ahead;
    looked = moment;
    FILE *f = rules();
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "clock %ld", &seconds);
    if (f)
        fclose(f);
    ahead = seconds;
    return seconds;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    int err = (int)syscall(SYS_clock_gettime, id, out);
    int saved = errno;
    if (err == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        out->tv_sec += seconds_ahead(out);
    errno = saved;
    return err;
}

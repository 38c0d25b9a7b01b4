/* For LD_PRELOAD: while the file that $FAILING names is there, writes into the
 * first pages of a data.mdb, its meta pages, fail with the errno in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0 = not now. */
static int failure(int fd, long offset)
{
    const char *control = getenv("FAILING");
    char link[64], path[4096];
    int code = 0;
    if (!control || offset >= 8192 || access(control, F_OK))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (!strstr(path, "/data.mdb"))
        return 0;
    FILE *f = fopen(control, "re");
    if (f && fscanf(f, "%d", &code) != 1)
        code = EIO;
    if (f)
        fclose(f);
    return code;
}

ssize_t
library_pwrite(int fd, const void *data, size_t size,
               off_t offset) __asm__("pwrite"); /* as liblmdb calls it */
ssize_t library_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    int code = failure(fd, offset);
    if (code) {
        errno = code;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

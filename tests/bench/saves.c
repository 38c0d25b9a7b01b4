/*
 * Measures what a disk needs at least for many durable files:
 *   saves DIR FILES SYNCS
 * FILES times it appends 8 KiB and syncs SYNCS times, as the store does: once
 * after the data, and then after the page that makes them valid. Prints the
 * seconds that it takes.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DATA = 8192, HEAD = 4096 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put(int fd, size_t size, off_t at)
{
    static char room[DATA];

    if (pwrite(fd, room, size, at) != (ssize_t)size || fdatasync(fd))
        err(1, "write");
}

int main(int argc, char **argv)
{
    int files = argc == 4 ? atoi(argv[2]) : 0;
    int syncs = argc == 4 ? atoi(argv[3]) : 0;

    if (files < 1 || syncs < 1)
        errx(2, "usage: saves DIR FILES SYNCS");
    if (chdir(argv[1]))
        err(1, "%s", argv[1]);
    int fd = open("saves", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        err(1, "saves");
    double began = now();
    for (int i = 0; i < files; i++) {
        put(fd, DATA, HEAD + (off_t)i * DATA);
        for (int s = 1; s < syncs; s++)
            put(fd, HEAD, 0);
    }
    printf("%.6f\n", now() - began);
    close(fd);
    unlink("saves");
    return 0;
}

/*
 * Measures how fast a whole file is read:
 *   reader PATH
 * prints MB/s of reading it with read(2), of doing so once more through another
 * open, and of touching each page of a shared mapping, or 0 if it cannot be
 * mapped.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_file(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st))
        err(1, "%s", path);
    *size = (size_t)st.st_size;
    return fd;
}

static void print_rate(size_t size, double began)
{
    printf("%.1f ", (double)size / 1e6 / (now() - began));
}

static void read_through(const char *path)
{
    static char room[PIECE];
    size_t size, all = 0;
    ssize_t n;
    double began = now();
    int fd = open_file(path, &size);

    while ((n = read(fd, room, sizeof room)) > 0)
        all += (size_t)n;
    if (n < 0 || all != size)
        errx(1, "%s: read %zu of %zu bytes", path, all, size);
    close(fd);
    print_rate(size, began);
}

static void map_through(const char *path)
{
    size_t size;
    double began = now();
    int fd = open_file(path, &size);
    const volatile char *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

    if (bytes == MAP_FAILED && errno == ENODEV) { /* direct_io */
        printf("0 ");
        close(fd);
        return;
    }
    if (bytes == MAP_FAILED)
        err(1, "mmap %s", path);
    for (size_t i = 0; i < size; i += 4096)
        (void)bytes[i];
    munmap((void *)bytes, size);
    close(fd);
    print_rate(size, began);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "usage: reader PATH");
    read_through(argv[1]);
    read_through(argv[1]);
    map_through(argv[1]);
    printf("\n");
    return 0;
}

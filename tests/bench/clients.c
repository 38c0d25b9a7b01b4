/*
 * Measures how often a second a file can be used:
 *   clients stat|read|search PATH CLIENTS SECONDS
 * CLIENTS processes repeat one operation: `stat` of PATH; `read`, which opens
 * it, reads to its end and closes it; or `search`, a stat of a name that does
 * not exist. Prints the operations a second of all of them, after a tenth of
 * the time to warm up.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void do_stat(const char *path)
{
    struct stat st;

    if (stat(path, &st))
        err(1, "stat %s", path);
}

static void do_read(const char *path)
{
    char room[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        err(1, "open %s", path);
    while ((n = read(fd, room, sizeof room)) > 0)
        ;
    if (n < 0)
        err(1, "read %s", path);
    close(fd);
}

static void do_search(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        errx(1, "%s is there", path);
}

static const struct {
    const char *name;
    void (*once)(const char *path);
} operations[] = {
    {"stat", do_stat},
    {"read", do_read},
    {"search", do_search},
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Repeats the operation from `from` to `to`; returns how often. */
static long client_run(void (*once)(const char *), const char *path,
                       double from, double to)
{
    long count = 0;

    for (double t; (t = now()) < to; count += t >= from)
        once(path);
    return count;
}

int main(int argc, char **argv)
{
    int which = 0, clients = argc == 5 ? atoi(argv[3]) : 0;
    double seconds = argc == 5 ? atof(argv[4]) : 0;

    while (argc == 5 && which < OPERATIONS &&
           strcmp(operations[which].name, argv[1]))
        which++;
    if (clients < 1 || seconds <= 0 || which == OPERATIONS)
        errx(2, "usage: clients stat|read|search PATH CLIENTS SECONDS");
    double from = now() + seconds / 10, to = from + seconds;
    long *counts =
        mmap(NULL, (size_t)clients * sizeof *counts, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long all = 0;
    int status, failed = 0;

    if (counts == MAP_FAILED)
        err(1, "mmap");
    for (int i = 0; i < clients; i++) {
        if (fork() == 0) {
            counts[i] = client_run(operations[which].once, argv[2], from, to);
            _exit(0);
        }
    }
    while (wait(&status) > 0)
        failed |= status;
    for (int i = 0; i < clients; i++)
        all += counts[i];
    if (failed)
        return 1;
    printf("%.1f\n", (double)all / seconds);
    return 0;
}

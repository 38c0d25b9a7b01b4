/*
 * Clients that make the daemon hold as much as it lets them, for the tests of
 * this folder:
 *
 *   hoarders open FILE COUNT     open FILE so many times
 *   hoarders stage FILE COUNT    the same for writing; each is made 1 MiB long
 *   hoarders write FILE COUNT    the same, with a byte written at the end
 *   hoarders make DIRECTORY COUNT   make so many scratch files, .x0, .x1 …
 *   hoarders refuse DIRECTORY COUNT   make so many files without the right to
 *   hoarders save DIRECTORY COUNT   save a file of each of COUNT threads again
 *                                and again; prints at once, stops at the end
 *
 * Each tries COUNT times, whatever it is told, prints how often it succeeded
 * and the last error, and holds all it has until its standard input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static bool try(const char *how, const char *path, long i)
{
    char name[PATH_MAX];
    bool makes = !strcmp(how, "make") || !strcmp(how, "refuse");
    snprintf(name, sizeof name, makes ? "%s/.x%ld" : "%s", path, i);
    if (!strcmp(how, "open"))
        return open(name, O_RDONLY) >= 0;
    int fd = open(name, makes ? O_WRONLY | O_CREAT | O_EXCL : O_RDWR, 0644);
    if (makes)
        return fd >= 0 && close(fd) == 0;
    return fd >= 0 && ftruncate(fd, MIB) == 0 &&
           (strcmp(how, "write") || pwrite(fd, "x", 1, MIB - 1) == 1);
}

/* Saving without a pause */

static const char *folder;

static void *save_run(void *context)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/flood%ld", folder, (long)context);
    for (;;) {
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (fd >= 0 && write(fd, "epochs = 1\n", 11) == 11)
            close(fd);
    }
    return NULL;
}

static int save(const char *path, long count)
{
    pthread_t thread;
    long begun = 0;
    folder = path;
    while (begun < count &&
           pthread_create(&thread, NULL, save_run, (void *)begun) == 0)
        begun++;
    return begun == count ? 0 : EAGAIN;
}

static long hoard(const char *how, const char *path, long count, int *code)
{
    long held = 0;
    for (long i = 0; i < count; i++) {
        if (try(how, path, i))
            held++;
        else
            *code = errno;
    }
    return held;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    char byte;
    int code = 0;
    if (argc != 4)
        return 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    long held = atol(argv[3]);
    if (!strcmp(argv[1], "save"))
        code = save(argv[2], held);
    else
        held = hoard(argv[1], argv[2], held, &code);
    printf("%ld %s\n", held, code ? strerrorname_np(code) : "0");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
}

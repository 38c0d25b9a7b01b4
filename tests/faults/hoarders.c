/*
 * Clients that make the daemon hold as much as it lets them, for the tests of
 * this folder:
 *
 *   hoarders open FILE COUNT     open FILE so many times
 *   hoarders stage FILE COUNT    the same for writing; each is made 1 MiB long
 *   hoarders write FILE COUNT    the same, with a byte written at the end
 *   hoarders make DIRECTORY COUNT   make so many scratch files, .x0, .x1 …
 *   hoarders refuse DIRECTORY COUNT   make so many files without the right to
 *
 * Each tries COUNT times, whatever it is told, prints how often it succeeded
 * and the last error, and holds all it has until its standard input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

int main(int argc, char **argv)
{
    struct rlimit limit;
    char byte;
    long held = 0;
    int code = 0;
    if (argc != 4)
        return 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (long i = 0; i < atol(argv[3]); i++) {
        if (try(argv[1], argv[2], i))
            held++;
        else
            code = errno;
    }
    printf("%ld %s\n", held, code ? strerrorname_np(code) : "0");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    return 0;
}

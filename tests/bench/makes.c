/*
 * Makes many small files:
 *   makes DIR FILES CLIENTS
 * CLIENTS processes together make FILES files of one line in DIR. Each file is
 * created, written and closed. Prints the seconds that it takes.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make(const char *dir, int number)
{
    static const char line[] = "dataset = /data/invoices\n";
    char path[4096];

    snprintf(path, sizeof path, "%s/made-%d-%06d", dir, (int)getpid(), number);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0 || write(fd, line, strlen(line)) < 0 || close(fd))
        err(1, "%s", path);
}

int main(int argc, char **argv)
{
    int files = argc == 4 ? atoi(argv[2]) : 0;
    int clients = argc == 4 ? atoi(argv[3]) : 0;
    int status, failed = 0;

    if (files < 1 || clients < 1)
        errx(2, "usage: makes DIR FILES CLIENTS");
    double began = now();
    for (int c = 0; c < clients; c++) {
        if (fork() == 0) {
            for (int i = c; i < files; i += clients)
                make(argv[1], i);
            _exit(0);
        }
    }
    while (wait(&status) > 0)
        failed |= status;
    if (failed)
        return 1;
    printf("%.6f\n", now() - began);
    return 0;
}

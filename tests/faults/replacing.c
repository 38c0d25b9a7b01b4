/*
 * A name that is replaced by rename is there all the time:
 *
 *   replaced DIRECTORY MS    three processes put new files in the place of
 *                            DIRECTORY/s while six use it by its name: ends
 *                            with 1 if one of these gets an error
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 3, USERS = 6 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int put(const char *path, int flags)
{
    static const char text[] = "seed = 1\n";
    int fd = open(path, O_WRONLY | flags, 0644);
    if (fd < 0)
        return -1;
    int bad = write(fd, text, sizeof text - 1) < 0;
    return close(fd) || bad ? -1 : 0;
}

static void replace(double end, int number)
{
    char name[32];
    snprintf(name, sizeof name, ".s.%d", number);
    while (now() < end)
        if (put(name, O_CREAT | O_TRUNC) || rename(name, "s")) {
            perror("replace");
            exit(1);
        }
    exit(0);
}

static int use_read(void)
{
    char text[100];
    int fd = open("s", O_RDONLY);
    if (fd < 0)
        return -1;
    struct stat st;
    int bad = read(fd, text, sizeof text) < 0 || fstat(fd, &st);
    close(fd);
    return bad ? -1 : 0;
}

static int use_stat(void)
{
    struct stat st;
    return stat("s", &st);
}

static int use_access(void)
{
    return access("s", R_OK | W_OK);
}

static int use_touch(void)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    return utimensat(AT_FDCWD, "s", times, 0);
}

static int use_write(void)
{
    return put("s", O_CREAT | O_TRUNC);
}

static int use_append(void)
{
    int fd = open("s", O_WRONLY | O_APPEND);
    return fd < 0 ? -1 : close(fd);
}

static const struct {
    const char *name;
    int (*use)(void);
} uses[] = {{"read", use_read},   {"stat", use_stat},   {"access", use_access},
            {"touch", use_touch}, {"write", use_write}, {"append", use_append}};

static void use(double end)
{
    long count = 0, errors = 0;
    for (; now() < end; count++)
        for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
            if (uses[i].use()) {
                if (!errors++)
                    perror(uses[i].name);
            }
    printf("%ld rounds, %ld errors\n", count, errors);
    exit(errors || !count);
}

int main(int argc, char **argv)
{
    int status, bad = 0;
    if (argc != 3 || chdir(argv[1]) || put("s", O_CREAT | O_TRUNC))
        return 77;
    double end = now() + atof(argv[2]) / 1000;
    for (int i = 0; i < WRITERS + USERS; i++)
        if (fork() == 0) {
            if (i < WRITERS)
                replace(end, i);
            use(end);
        }
    while (wait(&status) > 0)
        bad |= status;
    return bad != 0;
}

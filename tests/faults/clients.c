/*
 * Clients that use the kernel's locks and queues against a mount, for the tests
 * of this folder:
 *
 *   clients act-and-remove FILE MS   touch FILE and remove it, in two threads;
 *                                    ends with 1 if neither goes on
 *   clients hold DIRECTORY           list DIRECTORY into memory that never
 *                                    becomes available, which keeps its lock
 *   clients wait-asynchronously FILE COUNT
 *                                    open FILE and print a line; with the next
 *                                    line of standard input begin COUNT direct
 *                                    asynchronous reads
 *   clients close-again FILE MS      empty FILE, then close copies of its
 *                                    descriptor again and again
 *
 * hold and wait-asynchronously print a line once that is so, and end with their
 * standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(77);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void until_end_of_input(const char *said)
{
    char byte;
    puts(said);
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
}

/* Touching and removing */

static const char *victim;
static atomic_long touched, removed;

static void *touch_run(void *unused)
{
    for (;; touched++)
        utimensat(AT_FDCWD, victim, NULL, 0);
    return unused;
}

static void *remove_run(void *unused)
{
    for (;; removed++)
        unlink(victim);
    return unused;
}

static int act_and_remove(const char *path, long ms)
{
    pthread_t threads[2];
    victim = path;
    pthread_create(&threads[0], NULL, touch_run, NULL);
    pthread_create(&threads[1], NULL, remove_run, NULL);
    for (long at = 0; at < ms; at += 1000) {
        long before[] = {touched, removed};
        sleep_ms(1000);
        if (touched == before[0] || removed == before[1]) {
            fprintf(stderr, "stuck after %ld touches, %ld removals\n", touched,
                    removed);
            _exit(1);
        }
    }
    printf("%ld touches, %ld removals\n", touched, removed);
    fflush(stdout);
    _exit(0);
}

/* Listing into memory that never comes */

static void *list_run(void *context)
{
    void **list = context;
    int fd = *(int *)list[1];
    syscall(SYS_getdents64, fd, list[0], 4096);
    die("getdents64 came back");
    return NULL;
}

static int hold(const char *path)
{
    struct uffdio_api api = {.api = UFFD_API};
    int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {(uintptr_t)page, 4096},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    void *list[] = {page, &fd};
    struct uffd_msg message;
    pthread_t thread;
    if (faults < 0 || ioctl(faults, UFFDIO_API, &api) ||
        ioctl(faults, UFFDIO_REGISTER, &range))
        die("userfaultfd");
    if (fd < 0)
        die(path);
    pthread_create(&thread, NULL, list_run, list);
    if (read(faults, &message, sizeof message) != sizeof message)
        die("no page was missed");
    until_end_of_input("held");
    return 0;
}

/* Asynchronous reads */

struct asynchronous {
    aio_context_t context;
    int fd;
};

/* A thread each, as the call itself waits where the kernel does not make a
 * direct read asynchronous. */
static void *submit_run(void *context)
{
    const struct asynchronous *a = context;
    struct iocb one = {.aio_lio_opcode = IOCB_CMD_PREAD,
                       .aio_fildes = (uint32_t)a->fd,
                       .aio_buf = (uintptr_t)aligned_alloc(4096, 4096),
                       .aio_nbytes = 4096};
    struct iocb *list[] = {&one};
    if (syscall(SYS_io_submit, a->context, 1, list) < 0)
        die("io_submit");
    return NULL;
}

/* The kernel reads asynchronously only what it takes for a file with bytes: the
 * file is opened while it has some, and read after a line from the test. */
static int wait_asynchronously(const char *path, long count)
{
    struct asynchronous a = {.fd = open(path, O_RDONLY | O_DIRECT)};
    struct stat st;
    pthread_t thread;
    if (a.fd < 0 || fstat(a.fd, &st) ||
        syscall(SYS_io_setup, count, &a.context))
        die(path);
    puts("open");
    fflush(stdout);
    getchar();
    for (long i = 0; i < count; i++)
        pthread_create(&thread, NULL, submit_run, &a);
    sleep_ms(500);
    until_end_of_input("waiting");
    return 0;
}

/* Closing again and again */

static int close_again(const char *path, long ms)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0)
        die(path);
    for (long at = 0; at < ms; at += 3) {
        close(dup(fd));
        sleep_ms(3);
    }
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    long number = argc > 3 ? atol(argv[3]) : 0;
    if (argc > 3 && !strcmp(argv[1], "act-and-remove"))
        return act_and_remove(argv[2], number);
    if (argc > 2 && !strcmp(argv[1], "hold"))
        return hold(argv[2]);
    if (argc > 3 && !strcmp(argv[1], "wait-asynchronously"))
        return wait_asynchronously(argv[2], number);
    if (argc > 3 && !strcmp(argv[1], "close-again"))
        return close_again(argv[2], number);
    return 2;
}

/* confine.h: what a confined trainer cannot do. Each attempt is a process of
 * its own. */
#include "trainer/machine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64]; /* place/own, place/other/file */

static long version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0,
                   LANDLOCK_CREATE_RULESET_VERSION);
}

static int file_put(const char *name, int flags)
{
    int fd = open(name, flags, 0600);
    if (fd < 0)
        return errno;
    int err = write(fd, "text", 4) == 4 ? 0 : errno;
    close(fd);
    return err;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/confine_test.XXXXXX");
    if (!mkdtemp(place) || chdir(place) || mkdir("own", 0700) ||
        mkdir("other", 0700))
        return -1;
    return file_put("other/file", O_WRONLY | O_CREAT);
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "cd / && rm -rf %s", place);
    return system(command);
}

/* Runs a function in a child that is confined to `folder`; returns its answer,
 * 0 to 255. */
static int confined(const char *folder, int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        confine(folder, NULL);
        _exit(what());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define NO(call) ((call) < 0 ? errno : 0)

static int write_own(void)
{
    return file_put("own/file.part", O_WRONLY | O_CREAT | O_TRUNC)
           ?: NO(rename("own/file.part", "own/file"))
           ?: NO(truncate("own/file", 1))
           ?: NO(mkdir("own/artifacts", 0700))
           ?: NO(rename("own/file", "own/artifacts/file"))
           ?: NO(unlink("own/artifacts/file"))
           ?: NO(rmdir("own/artifacts"));
}
static int write_new(void)
{
    return file_put("other/new", O_WRONLY | O_CREAT);
}
static int write_old(void)
{
    return file_put("other/file", O_WRONLY);
}
static int append_null(void)
{
    return file_put("/dev/null", O_WRONLY);
}
static int cut(void)
{
    return NO(truncate("other/file", 0));
}
static int take_away(void)
{
    return NO(unlink("other/file"));
}
static int move_out(void)
{
    return file_put("own/file", O_WRONLY | O_CREAT)
               ?: NO(rename("own/file", "other/new"));
}
static int link_soft(void)
{
    return NO(symlink("/etc/passwd", "own/link"));
}
static int pipe_make(void)
{
    return NO(mkfifo("own/pipe", 0600));
}
static int read_other(void)
{
    char text[5] = {0};
    int fd = open("other/file", O_RDONLY);
    return fd < 0 || read(fd, text, 4) != 4 || strcmp(text, "text");
}
static int run_program(void)
{
    return NO(execl("/bin/true", "true", NULL));
}
static int internet(void)
{
    return NO(socket(AF_INET, SOCK_STREAM, 0));
}
static int datagrams(void)
{
    return NO(socket(AF_INET6, SOCK_DGRAM, 0));
}
static int local_socket(void)
{
    return NO(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int ring(void)
{
    char params[256] = {0};
    return NO(syscall(SYS_io_uring_setup, 4, params));
}
static int look_into(void)
{
    return NO(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
}

static int outcome;
static void *in_thread(void *what)
{
    outcome = ((int (*)(void))what)();
    return NULL;
}
static int thread_writes(void)
{
    pthread_t t;
    return pthread_create(&t, NULL, in_thread, (void *)write_new) ||
                   pthread_join(t, NULL)
               ? 255
               : outcome;
}

static void test_files(void **state)
{
    (void)state;
    if (version() < 3)
        skip();
    assert_int_equal(confined("own", write_own), 0);
    assert_int_equal(confined("own", read_other), 0);
    static int (*const refused[])(void) = {
        write_new, write_old, append_null, cut,          take_away,
        link_soft, pipe_make, run_program, thread_writes};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (confined("own", refused[i]) != EACCES)
            fail_msg("%zu is not refused", i);
    int err = confined("own", move_out);
    assert_true(err == EACCES || err == EXDEV);
    assert_int_equal(confined("own", read_other), 0); /* it is unharmed */
    assert_int_equal(confined(NULL, write_own), EACCES);
    assert_int_equal(confined(NULL, read_other), 0);
}

static void test_network(void **state)
{
    (void)state;
    static int (*const refused[])(void) = {internet, datagrams,   local_socket,
                                           ring,     run_program, look_into};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (confined("own", refused[i]) != EACCES)
            fail_msg("%zu is not refused", i);
}

/* Looks like a kernel without Landlock: a filter refuses its system calls. */
static int say_without(void)
{
    struct text said = TEXT_INIT;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                         SCMP_SYS(landlock_create_ruleset), 0) ||
        seccomp_load(filter))
        return 1;
    seccomp_release(filter);
    confine("own", &said);
    if (!strstr(text_string(&said), "NOT confined") ||
        !strstr(text_string(&said), "Function not implemented"))
        return 2;
    return internet() == EACCES ? 0 : 3; /* the other limits hold */
}

static void test_said(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(say_without());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    if (version() < 2)
        return;
    pid = fork();
    if (pid == 0) {
        struct text said = TEXT_INIT;
        confine("own", &said);
        _exit(strncmp(text_string(&said), "confined: ", 10) ||
              strstr(text_string(&said), "NOT"));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_files), TEST(test_network),
                                       TEST(test_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

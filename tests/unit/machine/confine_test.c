/* confine.h: what a confined trainer cannot do. Each attempt is a process of
 * its own.
 * not under: address thread (a build with a sanitizer is not confined) */
#include "trainer/machine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
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

/* What Landlock knows nothing of, on a file elsewhere. */
static int change_mode(void)
{
    return NO(chmod("other/file", 04777));
}
static int change_mode_at(void)
{
    return NO(fchmodat(AT_FDCWD, "other/file", 04777, 0));
}
static int change_mode_open(void)
{
    int fd = open("other/file", O_RDONLY);
    return fd < 0 ? 255 : NO(fchmod(fd, 0777));
}
static int change_owner(void)
{
    return NO(chown("other/file", getuid(), (gid_t)-1));
}
static int change_owner_of_link(void)
{
    return NO(lchown("other/file", getuid(), (gid_t)-1));
}
static int change_attribute(void)
{
    return NO(setxattr("other/file", "user.x", "1", 1, 0));
}
static int drop_attribute(void)
{
    return NO(removexattr("other/file", "user.x"));
}
static int change_times(void)
{
    return NO(utimensat(AT_FDCWD, "other/file", NULL, 0));
}
static int change_flags(void)
{
    int flags = 0, fd = open("other/file", O_RDONLY);
    return fd < 0 ? 255 : NO(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}
static int link_hard(void)
{
    return NO(link("other/file", "own/link"));
}
static int make_set_uid(void)
{
    return NO(open("own/program", O_CREAT | O_WRONLY, 04755));
}
static int make_set_uid_as_well(void)
{
    return NO(creat("own/program", 02755));
}
static int make_ordinary(void)
{
    int fd = open("own/ordinary", O_CREAT | O_WRONLY, 0644);
    return fd < 0 ? errno : NO(fchmod(fd, 04755));
}

/* Other processes: the parent is one. */
static int end_other(void)
{
    return NO(kill(getppid(), 0));
}
static int end_other_thread(void)
{
    return NO(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int limit_other(void)
{
    struct rlimit l;
    return NO(prlimit(getppid(), RLIMIT_NOFILE, NULL, &l));
}
static int slow_other(void)
{
    return NO(setpriority(PRIO_PROCESS, (id_t)getppid(), 19));
}
static int bind_other(void)
{
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    return NO(sched_setaffinity(getppid(), sizeof set, &set));
}
static int hold_other(void)
{
    return NO(syscall(SYS_pidfd_open, getppid(), 0));
}
static int be_two(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return NO(pid);
}
static int be_root_elsewhere(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return NO(pid);
}
static int leave_namespace(void)
{
    return NO(unshare(CLONE_NEWUSER));
}

/* What other processes would see, and what is the kernel's. */
static int share_memory(void)
{
    return NO(shmget(IPC_PRIVATE, 4096, 0600));
}
static int share_queue(void)
{
    return NO(msgget(IPC_PRIVATE, 0600));
}
static int share_semaphore(void)
{
    return NO(semget(IPC_PRIVATE, 1, 0600));
}
static int share_queue_by_name(void)
{
    return NO(syscall(SYS_mq_open, "primofs", O_CREAT | O_RDWR, 0600, NULL));
}
static int load_module(void)
{
    return NO(syscall(SYS_finit_module, -1, "", 0));
}
static int load_kernel(void)
{
    return NO(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}
static int start_again(void)
{
    return NO(syscall(SYS_reboot, 1, 2, 3, NULL));
}
static int open_by_handle(void)
{
    return NO(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}
static int mount_new(void)
{
    return NO(syscall(SYS_fsopen, "tmpfs", 0));
}
static int set_clock(void)
{
    struct timeval t;
    gettimeofday(&t, NULL);
    return NO(settimeofday(&t, NULL));
}
static int change_root(void)
{
    return NO(chroot("own"));
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

/* Each refused, and by the filter: as what is in the own folder, too. */
static void test_calls(void **state)
{
    (void)state;
    static int (*const refused[])(void) = {change_mode,
                                           change_mode_at,
                                           change_mode_open,
                                           change_owner,
                                           change_owner_of_link,
                                           change_attribute,
                                           drop_attribute,
                                           change_times,
                                           change_flags,
                                           link_hard,
                                           make_set_uid,
                                           make_set_uid_as_well,
                                           make_ordinary,
                                           end_other,
                                           end_other_thread,
                                           limit_other,
                                           slow_other,
                                           bind_other,
                                           hold_other,
                                           be_two,
                                           be_root_elsewhere,
                                           leave_namespace,
                                           share_memory,
                                           share_queue,
                                           share_semaphore,
                                           share_queue_by_name,
                                           load_module,
                                           load_kernel,
                                           start_again,
                                           open_by_handle,
                                           mount_new,
                                           set_clock,
                                           change_root};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (confined("own", refused[i]) != EACCES)
            fail_msg("%zu is not refused", i);
    struct stat st;
    assert_int_equal(stat("other/file", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(access("own/program", F_OK), -1);
}

/* Threads, limits and signals of its own are training's daily bread. */
static int live(void)
{
    struct rlimit l;
    pthread_t t;
    if (pthread_create(&t, NULL, in_thread, (void *)read_other) ||
        pthread_join(t, NULL) || outcome)
        return 255;
    signal(SIGUSR1, SIG_IGN);
    return NO(prlimit(0, RLIMIT_DATA, NULL, &l))
               ?: NO(setpriority(PRIO_PROCESS, 0, 19))
               ?: pthread_kill(pthread_self(), SIGUSR1);
}

static void test_life(void **state)
{
    (void)state;
    assert_int_equal(confined("own", live), 0);
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
                                       TEST(test_calls), TEST(test_life),
                                       TEST(test_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

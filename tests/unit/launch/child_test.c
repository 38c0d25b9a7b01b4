/* Which processes are killed for holding a lock, and which are not. */
#include "core/launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64]; /* place/7.lock, place/other/7.lock */

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/child_test.XXXXXX");
    if (!mkdtemp(place) || chdir(place) || mkdir("other", 0755) ||
        chmod(place, 0755))
        return -1;
    close(open("7.lock", O_RDWR | O_CREAT, 0644));
    close(open("other/7.lock", O_RDWR | O_CREAT, 0644));
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "cd / && rm -rf %s", place);
    return system(command);
}

/* A process of user `uid` that has the file open and does nothing. */
static pid_t holder(const char *path, uid_t uid)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (open(path, O_RDONLY) < 0 || (uid != getuid() && setuid(uid)) ||
            write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

/* Whether the process was killed; it is gone afterwards in either case. */
static bool was_killed(pid_t pid)
{
    int status = 0;
    usleep(20000);
    bool ended = waitpid(pid, &status, WNOHANG) == pid;
    if (!ended) {
        kill(pid, SIGTERM);
        waitpid(pid, &status, 0);
    }
    return ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_holders(void **state)
{
    struct stat lock;
    (void)state;
    assert_int_equal(stat("7.lock", &lock), 0);
    pid_t right = holder("7.lock", getuid());
    pid_t name = holder("other/7.lock", getuid()); /* another file */
    holders_kill(&lock, "7.lock", getuid());
    assert_true(was_killed(right));
    assert_false(was_killed(name));
}

static void test_another_user(void **state)
{
    struct stat lock;
    (void)state;
    if (getuid())
        skip();
    assert_int_equal(stat("7.lock", &lock), 0);
    pid_t root = holder("7.lock", 0), user = holder("7.lock", 65534);
    holders_kill(&lock, "7.lock", 65534);
    assert_true(was_killed(user));
    assert_false(was_killed(root));
}

static void test_children(void **state)
{
    struct launch_children children;
    struct launch_child child;
    (void)state;
    children_init(&children);
    pid_t pid = holder("7.lock", getuid());
    child_note(&children, 7, pid);
    assert_true(child_find(&children, 7, &child));
    assert_true(child.pidfd >= 0);
    assert_false(child_kill(&children, 8));
    assert_true(child_kill(&children, 7));
    while (child_find(&children, 7, &child) && !child.ended)
        usleep(1000);
    assert_int_equal(WTERMSIG(child.status), SIGKILL);
    assert_int_equal(child.pidfd, -1);
    /* its number may belong to another process now */
    assert_false(child_kill(&children, 7));
    child_forget(&children, 7);
    assert_false(child_find(&children, 7, &child));
    children_release(&children);
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) && errno == ESRCH;
}

static void test_earlier_child(void **state)
{
    struct launch_children children;
    struct launch_child child;
    (void)state;
    children_init(&children);
    pid_t before = holder("7.lock", getuid()), now = holder("7.lock", getuid());
    child_note(&children, 7, before);
    child_note(&children, 7, now);
    assert_true(child_find(&children, 7, &child));
    assert_int_equal(child.pid, now);
    assert_true(child_kill(&children, 7));
    for (int i = 0; i < 5000 && !(is_gone(before) && is_gone(now)); i++) {
        child_find(&children, 7, &child); /* which reaps */
        usleep(1000);
    }
    assert_true(is_gone(before));
    assert_true(is_gone(now));
    child_forget(&children, 7);
    assert_false(child_find(&children, 7, &child));
    children_release(&children);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_holders), TEST(test_another_user), TEST(test_children),
        TEST(test_earlier_child)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Becoming a user, each in a process of its own; most of it takes root. */
#include "trainer/machine/user.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Run in a child; its answer, 0..255. */
static int apart(int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool groups_are(const gid_t *wanted, int count)
{
    gid_t groups[64];
    int n = getgroups(64, groups);
    for (int i = 0; n == count && i < n; i++)
        if (groups[i] != wanted[i])
            return false;
    return n == count;
}

static bool is_powerless(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct had[2];
    return syscall(SYS_capget, &header, had) == 0 && !had[0].permitted &&
           !had[1].permitted && !had[0].effective && !had[1].effective;
}

static int with_groups(void)
{
    return user_become("1234:1235:1235,77,78", NULL) || getuid() != 1234 ||
           getgid() != 1235 || !groups_are((gid_t[]){77, 78, 1235}, 3) ||
           !is_powerless();
}
static int without_groups(void)
{
    return user_become("1234:1235:", NULL) || !groups_are(NULL, 0);
}
static int of_database(void)
{
    return user_become("1234:1235", NULL) || !groups_are((gid_t[]){1235}, 1);
}
static int as_root(void)
{
    return user_become("0:0:0,77", NULL) || getuid() ||
           !groups_are((gid_t[]){0, 77}, 2) || !is_powerless();
}

static void test_become(void **state)
{
    (void)state;
    if (getuid())
        skip();
    assert_int_equal(apart(with_groups), 0);
    assert_int_equal(apart(without_groups), 0);
    assert_int_equal(apart(of_database), 0);
    assert_int_equal(apart(as_root), 0);
}

static int bad_words(void)
{
    static const char *const words[] = {"", "1", "1:", "1:2;", "a:b"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (user_become(words[i], NULL) != -EINVAL)
            return 1;
    return user_become("1:2:3,", NULL) == 0 || user_become("1:2:a", NULL) == 0;
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(apart(bad_words), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_become),
                                       cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* threads.h and cgroup.h, on folders that look like /proc and /sys. */
#include "core/system/cgroup.h"
#include "core/system/threads.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void file_put(const char *root, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *c = path + strlen(root) + 1; *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(path, 0700);
            *c = '/';
        }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int root_make(void **state)
{
    char *root = strdup("/tmp/primo-threads-XXXXXX");
    *state = root;
    return mkdtemp(root) ? 0 : -1;
}

static int root_drop(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    int r = system(command);
    free(*state);
    return r;
}

static cpu_set_t mask(int first, int count)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++)
        CPU_SET(first + i, &set);
    return set;
}

static void version_2(const char *root, const char *group)
{
    char line[256];
    file_put(root, "proc/self/mountinfo",
             "22 1 8:1 / / rw - ext4 /dev/vda rw\n"
             "30 22 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
    snprintf(line, sizeof line, "0::%s\n", group);
    file_put(root, "proc/self/cgroup", line);
}

static void nothing_to_read_limits_nothing(void **state)
{
    cpu_set_t four = mask(0, 4);
    struct threads t;
    threads_find(&t, *state, &four);
    assert_int_equal(t.use, 4);
    assert_true(isinf(t.quota));
    assert_true(cgroup_memory(*state) == UINT64_MAX);
}

static void hardware_threads_of_a_core_count_once(void **state)
{
    char name[128];
    for (int cpu = 0; cpu < 8; cpu++) {
        char line[16];
        snprintf(name, sizeof name,
                 "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
                 cpu);
        snprintf(line, sizeof line, "%d,%d\n", cpu % 4, cpu % 4 + 4);
        file_put(*state, name, line);
    }
    struct threads t;
    cpu_set_t all = mask(0, 8), middle = mask(3, 3);
    threads_find(&t, *state, &all);
    assert_int_equal(t.cores, 4);
    assert_int_equal(t.use, 4);
    threads_find(&t, *state, &middle); /* 3, 4 and 5 */
    assert_int_equal(t.allowed, 3);
    assert_int_equal(t.use, 3);
}

static void version_2_quota_of_an_ancestor(void **state)
{
    version_2(*state, "/a/b");
    file_put(*state, "sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    file_put(*state, "sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    file_put(*state, "sys/fs/cgroup/b/cpu.max", "100000 100000\n");
    cpu_set_t eight = mask(0, 8);
    struct threads t;
    threads_find(&t, *state, &eight);
    assert_true(fabs(t.quota - 2.5) < 1e-9);
    assert_int_equal(t.use, 2);
    assert_non_null(strstr(t.why, "2.50"));
}

static void a_small_quota_leaves_one_thread(void **state)
{
    version_2(*state, "/");
    file_put(*state, "sys/fs/cgroup/cpu.max", "20000 100000\n");
    cpu_set_t eight = mask(0, 8);
    struct threads t;
    threads_find(&t, *state, &eight);
    assert_int_equal(t.use, 1);
}

static void version_2_memory(void **state)
{
    version_2(*state, "/job");
    file_put(*state, "sys/fs/cgroup/job/memory.max", "1000000\n");
    file_put(*state, "sys/fs/cgroup/job/memory.current", "400000\n");
    assert_int_equal(cgroup_memory(*state), 600000);
    file_put(*state, "sys/fs/cgroup/job/memory.max", "max\n");
    assert_true(cgroup_memory(*state) == UINT64_MAX);
}

static void version_1_in_a_container(void **state)
{
    /* The group's own path is outside the mount, whose root is the group. */
    file_put(*state, "proc/self/mountinfo",
             "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
             "32 31 0:29 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro - cgroup "
             "cgroup rw,cpu,cpuacct\n");
    file_put(*state, "proc/self/cgroup",
             "4:memory:/docker/ab\n3:cpuset:/docker/ab\n"
             "2:cpu,cpuacct:/docker/ab\n0::/\n");
    file_put(*state, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n");
    file_put(*state, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_true(fabs(cgroup_cpus(*state) - 3) < 1e-9);
    file_put(*state, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    assert_true(isinf(cgroup_cpus(*state)));
}

static void this_machine_has_a_thread(void **state)
{
    (void)state;
    struct threads t;
    threads_find(&t, "", NULL);
    assert_true(t.use >= 1 && t.use <= t.allowed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, root_make, root_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_to_read_limits_nothing),
        TEST(hardware_threads_of_a_core_count_once),
        TEST(version_2_quota_of_an_ancestor),
        TEST(a_small_quota_leaves_one_thread),
        TEST(version_2_memory),
        TEST(version_1_in_a_container),
        cmocka_unit_test(this_machine_has_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

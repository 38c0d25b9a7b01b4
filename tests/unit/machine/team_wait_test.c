/* not under: thread (it counts them, and that sanitizer has one of its own)
 *
 * The second team of threads: there while the calling thread has to queue, as
 * a file like the kernel's tells. */
#include "trainer/machine/team_wait.h"

#include <dirent.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char schedstat[] = "/tmp/primo-team-XXXXXX";

/* Writes how many milliseconds the thread has waited for a processor. */
static void queued_say(unsigned long long ms)
{
    FILE *f = fopen(schedstat, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "12345 %llu 678\n", ms * 1000000) > 0);
    assert_int_equal(fclose(f), 0);
}

static int own_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* A thread that has ended may be listed for a moment longer. */
static void threads_become(int n)
{
    for (int i = 0; i < 1000 && own_threads() != n; i++)
        usleep(10000);
    assert_int_equal(own_threads(), n);
}

static void look_later(struct team_wait *c)
{
    usleep(510000);
    team_wait_look(c);
}

static void comes_and_goes_with_queueing(void **state)
{
    struct team_wait c;
    int before = own_threads();
    (void)state;
    queued_say(1000);
    team_wait_init(&c);
    team_wait_watch(&c, schedstat, omp_get_num_procs() + 1);
    look_later(&c);
    assert_false(c.about);
    queued_say(1400);
    team_wait_look(&c); /* too soon for another look */
    assert_false(c.about);
    look_later(&c);
    assert_true(c.about);
    threads_become(before + 2);
    look_later(&c);
    assert_false(c.about);
    threads_become(before);
    queued_say(2400);
    look_later(&c);
    assert_true(c.about);
    team_wait_release(&c);
    threads_become(before);
}

static void leaves_alone_what_it_cannot_help(void **state)
{
    struct team_wait c;
    (void)state;
    queued_say(0);
    team_wait_init(&c);
    team_wait_watch(&c, schedstat,
                    1); /* there is no other thread to wait for */
    queued_say(1000000);
    look_later(&c);
    assert_false(c.about);
    team_wait_release(&c);

    team_wait_init(&c);
    team_wait_watch(&c, "/nowhere/schedstat", omp_get_num_procs() + 1);
    look_later(&c);
    assert_false(c.about);
    team_wait_release(&c);
}

static void makes_no_thread_where_memory_is_limited(void **state)
{
    struct rlimit before, limited;
    struct team_wait c;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    limited = before;
    limited.rlim_cur = 1 << 30;
    assert_int_equal(setrlimit(RLIMIT_DATA, &limited), 0);
    queued_say(0);
    team_wait_init(&c);
    team_wait_watch(&c, schedstat, omp_get_num_procs() + 1);
    queued_say(1000000);
    look_later(&c);
    assert_false(c.about);
    team_wait_release(&c);
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
}

static int file_make(void **state)
{
    int fd = mkstemp(schedstat);
    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int file_drop(void **state)
{
    (void)state;
    return unlink(schedstat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_and_goes_with_queueing),
        cmocka_unit_test(leaves_alone_what_it_cannot_help),
        cmocka_unit_test(makes_no_thread_where_memory_is_limited),
    };
    return cmocka_run_group_tests(tests, file_make, file_drop);
}

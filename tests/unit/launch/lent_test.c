/* To whom decoded pictures are lent, and when they go. */
#include "core/launch/decoded.h"
#include "core/report/decoded.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64]; /* place/1, place/2: run directories */
static int runs;

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/lent_test.XXXXXX");
    if (!mkdtemp(place))
        return -1;
    runs = open(place, O_RDONLY | O_DIRECTORY);
    return mkdirat(runs, "1", 0700) || mkdirat(runs, "2", 0700);
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    close(runs);
    snprintf(command, sizeof command, "rm -rf %s", place);
    return system(command);
}

static void lend_job(const char *run, const struct run_job *job)
{
    int dir = openat(runs, run, O_RDONLY | O_DIRECTORY);
    decoded_lend(runs, dir, job);
    close(dir);
}

/* Lends to a run of the user `uid`, in groups, with a dataset. */
static void lend(const char *run, uid_t uid, const char *groups,
                 const char *dataset)
{
    struct run_job job = {.uid = uid, .gid = getegid()};
    text_puts(&job.groups, groups);
    text_printf(&job.template, "dataset = %s\n", dataset);
    lend_job(run, &job);
    text_release(&job.groups);
    text_release(&job.template);
}

static bool is_there(const char *path)
{
    return faccessat(runs, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* As a trainer does, in more than one block. */
static void fill(const char *run)
{
    char path[64];
    static const char bytes[100000] = {1};
    snprintf(path, sizeof path, "%s/" DECODED_NEW, run);
    int fd = openat(runs, path, O_WRONLY);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
}

static void age(const char *path, int seconds)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec -= seconds;
    const struct timespec times[] = {time, time};
    assert_int_equal(utimensat(runs, path, times, 0), 0);
}

static off_t size_of(const char *path)
{
    struct stat st;
    return fstatat(runs, path, &st, 0) ? -1 : st.st_size;
}

static void the_same_user_gets_what_he_kept(void **state)
{
    (void)state;
    lend("1", geteuid(), "7,8", "/data/a");
    assert_true(is_there("1/" DECODED_NEW));
    assert_false(is_there("1/decoded.0"));
    fill("1");
    lend("2", geteuid(), "7,8", "/data/a");
    assert_int_equal(size_of("2/decoded.0"), 100000);
    assert_int_equal(size_of("2/" DECODED_NEW), 0);
    /* A trainer that is started again gets it, too, and a new file. */
    lend("1", geteuid(), "7,8", "/data/a");
    assert_int_equal(size_of("1/decoded.0"), 100000);
    assert_int_equal(size_of("1/" DECODED_NEW), 0);
}

static void others_do_not(void **state)
{
    (void)state;
    lend("1", geteuid(), "7,8", "/data/a");
    fill("1");
    lend("2", geteuid(), "7", "/data/a");
    assert_false(is_there("2/decoded.0"));
    lend("2", geteuid(), "7,8", "/data/b");
    assert_false(is_there("2/decoded.0"));
    if (geteuid())
        return;
    struct stat st;
    lend("2", 65534, "7,8", "/data/a");
    assert_false(is_there("2/decoded.0"));
    assert_int_equal(fstatat(runs, "2/" DECODED_NEW, &st, 0), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void nobody_else_gets_there(void **state)
{
    (void)state;
    struct stat st;
    lend("1", geteuid(), "", "/data/a");
    assert_int_equal(fstatat(runs, "decoded", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(fchmodat(runs, "decoded", 0777, 0), 0);
    lend("2", geteuid(), "", "/data/a");
    assert_false(is_there("2/" DECODED_NEW));
}

static void what_has_no_dataset_or_serves_gets_none(void **state)
{
    (void)state;
    struct run_job job = {.uid = geteuid(), .gid = getegid()};
    lend_job("1", &job);
    assert_false(is_there("1/" DECODED_NEW));
    text_puts(&job.type, "dataset = /data/a\n");
    job.serve = true;
    lend_job("1", &job);
    assert_false(is_there("1/" DECODED_NEW));
    job.serve = false;
    lend_job("1", &job);
    assert_true(is_there("1/" DECODED_NEW));
    text_release(&job.type);
}

/* What a trainer has put in the place of a file is not followed. */
static void a_link_in_the_run_directory_leads_nowhere(void **state)
{
    (void)state;
    assert_int_equal(symlinkat("../2", runs, "1/" DECODED_NEW), 0);
    assert_int_equal(mkdirat(runs, "1/decoded.0", 0700), 0);
    lend("1", geteuid(), "", "/data/a");
    struct stat st;
    assert_int_equal(fstatat(runs, "1/" DECODED_NEW, &st, AT_SYMLINK_NOFOLLOW),
                     0);
    assert_true(S_ISREG(st.st_mode));
    unlinkat(runs, "1/decoded.0", AT_REMOVEDIR);
}

static void what_is_not_used_for_a_week_goes(void **state)
{
    (void)state;
    lend("1", geteuid(), "", "/data/a");
    fill("1");
    lend("2", geteuid(), "", "/data/b");
    fill("2");
    age("1/" DECODED_NEW, 8 * 24 * 3600);
    age("2/" DECODED_NEW, 6 * 24 * 3600);
    decoded_tidy(place, false);
    assert_int_equal(size_of("1/" DECODED_NEW), 0); /* its room is free now */
    assert_int_equal(size_of("2/" DECODED_NEW), 100000);
    lend("1", geteuid(), "", "/data/a");
    assert_false(is_there("1/decoded.0"));
    lend("2", geteuid(), "", "/data/b");
    assert_true(is_there("2/decoded.0"));
}

static void all_can_go_at_once(void **state)
{
    (void)state;
    decoded_tidy(place, true); /* there is nothing yet */
    lend("1", geteuid(), "", "/data/a");
    fill("1");
    decoded_tidy(place, true);
    assert_int_equal(size_of("1/" DECODED_NEW), 0);
    lend("2", geteuid(), "", "/data/a");
    assert_false(is_there("2/decoded.0"));
}

static void the_bound_is_a_share_of_what_is_free(void **state)
{
    (void)state;
    uint64_t bound = decoded_bound(runs, 0);
    assert_true(bound <= (uint64_t)4 << 30);
    assert_true(decoded_bound(runs, 1 << 20) >= bound);
    assert_int_equal(decoded_bound(-1, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_user_gets_what_he_kept),
        TEST(others_do_not),
        TEST(nobody_else_gets_there),
        TEST(what_has_no_dataset_or_serves_gets_none),
        TEST(a_link_in_the_run_directory_leads_nowhere),
        TEST(what_is_not_used_for_a_week_goes),
        TEST(all_can_go_at_once),
        TEST(the_bound_is_a_share_of_what_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

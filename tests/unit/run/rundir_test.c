/* What a trainer finds in its run directory when it begins. */
#include "trainer/run/rundir.h"

#include <errno.h>
#include <fcntl.h>
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

static char place[64];

static int set_up(void **state)
{
    (void)state;
    control_block_signals();
    strcpy(place, "/tmp/rundir_test.XXXXXX");
    return mkdtemp(place) ? chdir(place) : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "cd / && rm -rf %s", place);
    return system(command);
}

static void file_put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* A segment's records as lines "KIND payload". */
static const char *segment(unsigned number)
{
    static char data[1 << 16], lines[1 << 16];
    static struct journal_record r;
    char name[32], *out = lines;
    snprintf(name, sizeof name, JOURNAL_SEGMENT, number);
    int fd = open(name, O_RDONLY);
    if (fd < 0)
        return NULL;
    ssize_t size = read(fd, data, sizeof data);
    close(fd);
    *out = 0;
    for (ssize_t at = 0, n; at < size; at += n) {
        n = (ssize_t)journal_unframe(data + at, (size_t)(size - at), &r);
        assert_true(n > 0);
        out += sprintf(out, "%c %s\n", r.kind, r.payload);
    }
    return lines;
}

static void checkpoint_put(const char *rows)
{
    static float values[2] = {1, 2};
    static struct tensor tensor = {"fc.bias", 1, {2, 1, 1, 1}, values};
    struct checkpoint c = CHECKPOINT_INIT;
    struct tensor_list list = {&tensor, 1};
    struct tensor_source source = tensor_list_source(&list);
    c.at.iteration = 17;
    text_puts(&c.identity, "seed=1\n");
    text_puts(&c.rows, rows);
    assert_int_equal(checkpoint_write(&c, &source, "checkpoint", NULL), 0);
    checkpoint_release(&c);
}

static struct rundir run;
static int open_run(struct reason *why)
{
    return rundir_open(&run, ".", NULL, RUN_STOPPED, why);
}

/* Ends the run and lets its lock go, which a process otherwise keeps. */
static void end_run(void)
{
    int lock = run.lock;
    assert_int_equal(rundir_end(&run, 0, NULL), RUN_SUCCEEDED);
    close(lock);
}

#define ROW_1 "2026-01-01T00:00:00.000Z,1,8,0.01,2.5,0.25,0.5,100\n"
#define ROW_2 "2026-01-01T00:01:00.000Z,2,16,0.01,1.5,0.5,0.5,100\n"

static void rows_are_told_again(void **state)
{
    struct reason why = REASON_INIT;
    (void)state;
    checkpoint_put(ROW_1 ROW_2);
    assert_int_equal(open_run(&why), 0);
    assert_string_equal(text_string(&run.from.identity), "seed=1\n");
    assert_string_equal(text_string(&run.from.rows), ROW_1 ROW_2);
    assert_string_equal(segment(1),
                        "O version=1 iteration=17\nM " ROW_1 "M " ROW_2);
    end_run();
}

/* The supervisor says where it will read on, whatever is left there. */
static void the_job_names_the_segment(void **state)
{
    struct reason why = REASON_INIT;
    (void)state;
    file_put("job", "threads = 2\nsegment = 5\n");
    file_put("journal.000005", "a torn record, which nobody has read");
    assert_int_equal(open_run(&why), 0);
    end_run();
    assert_null(segment(1));
    assert_string_equal(segment(5), "O version=1 iteration=0\nE succeeded\n");
}

static void damage_is_put_aside(void **state)
{
    struct reason why = REASON_INIT;
    struct stat before, after;
    (void)state;
    checkpoint_put("");
    int fd = open("checkpoint", O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 40), 1);
    close(fd);
    assert_int_equal(stat("checkpoint", &before), 0);
    assert_int_equal(open_run(&why), 0);
    assert_non_null(strstr(segment(1), "L the checkpoint is damaged ("));
    end_run();
    assert_int_equal(access("checkpoint", F_OK), -1);
    assert_int_equal(stat("checkpoint.damaged", &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

/* Whatever else is the matter may pass: the hours in it are not given up. */
static void what_cannot_be_read_stays(void **state)
{
    struct reason why = REASON_INIT;
    struct stat st;
    (void)state;
    checkpoint_put("");
    assert_int_equal(rename("checkpoint", "away"), 0);
    assert_int_equal(symlink("away", "checkpoint"), 0);
    assert_int_equal(open_run(&why), -ELOOP);
    assert_non_null(strstr(why.sentence, "cannot be read now"));
    assert_non_null(strstr(segment(1), "E failed: the checkpoint cannot be "));
    assert_int_equal(lstat("checkpoint", &st), 0);
    assert_int_equal(access("checkpoint.damaged", F_OK), -1);
    close(run.lock);
    assert_int_equal(rename("away", "checkpoint"), 0); /* it has passed */
    assert_int_equal(open_run(&why), 0);
    assert_int_equal(run.from.at.iteration, 17);
    end_run();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_told_again), TEST(the_job_names_the_segment),
        TEST(damage_is_put_aside), TEST(what_cannot_be_read_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "trainer/run/journal_writer.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char name[64];
    int dir;
    struct journal_writer *writer;
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    *state = p;
    strcpy(p->name, "/tmp/primo-writer-XXXXXX");
    if (!mkdtemp(p->name))
        return -1;
    p->dir = open(p->name, O_RDONLY | O_DIRECTORY);
    return writer_open(&p->writer, p->dir,
                       &(struct journal_start){.iteration = 40}, NULL, NULL);
}

static int place_drop(void **state)
{
    struct place *p = *state;
    char command[128];
    writer_free(p->writer);
    close(p->dir);
    snprintf(command, sizeof command, "rm -rf '%s'", p->name);
    free(p);
    return system(command);
}

/* Reads the segment as lines "KIND payload"; fails where a record is
 * damaged. */
static void read_back(const struct place *p, unsigned segment, char *out)
{
    static char data[1 << 20];
    static struct journal_record r;
    char name[32];
    snprintf(name, sizeof name, JOURNAL_SEGMENT, segment);
    int fd = openat(p->dir, name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t size = read(fd, data, sizeof data);
    close(fd);
    for (ssize_t at = 0, n; at < size; at += n) {
        n = (ssize_t)journal_unframe(data + at, (size_t)(size - at), &r);
        assert_true(n > 0);
        out += sprintf(out, "%c %s\n", r.kind, r.payload);
    }
    *out = 0;
}

static char lines[1 << 21];

static void records_in_order(void **state)
{
    struct place *p = *state;
    const struct progress progress = {.epoch = 1,
                                      .epochs = 4,
                                      .iteration = 25,
                                      .iterations = 100,
                                      .learning_rate = NAN,
                                      .train_loss = 0.5,
                                      .images_per_second = NAN,
                                      .eta = NAN,
                                      .average_precision = NAN,
                                      .accuracy = NAN,
                                      .best_average_precision = NAN,
                                      .best_accuracy = NAN};
    writer_stage(p->writer, "dataset");
    writer_log(p->writer, "%d classes", 3);
    writer_fact(p->writer, "classes", "%d", 3);
    writer_progress(p->writer, &progress);
    writer_checkpoint(p->writer, 25);
    writer_artifact(p->writer, "config", 0xabc);
    assert_int_equal(writer_end(p->writer, "succeeded"), 0);
    writer_log(p->writer, "nothing follows the end");
    read_back(p, 1, lines);
    assert_string_equal(
        lines, "O version=1 iteration=40\nS dataset\nL 3 classes\n"
               "F classes=3\nP epoch=1 epochs=4 iteration=25 "
               "iterations=100 train_loss=0.5 best_epoch=0\nC iteration=25\n"
               "A config crc32=00000abc\nE succeeded\n");
}

static void rows_are_read_as_they_were(void **state)
{
    struct place *p = *state;
    struct metrics_row row = {.time = 1700000000.5,
                              .epoch = 1.5,
                              .iteration = 37,
                              .learning_rate = 0.05,
                              .train_loss = 2.25,
                              .average_precision = NAN,
                              .accuracy = NAN,
                              .images_per_second = 100},
                       back;
    struct progress progress = {0};
    writer_metric(p->writer, &row, &progress);
    read_back(p, 1, lines);
    char *at = strstr(lines, "\nM ");
    assert_non_null(at);
    at += 3;
    char *end = strchr(at, '\n');
    assert_int_equal(end[1], 'P');
    *end = 0;
    assert_true(metrics_row_parse(at, &back));
    assert_int_equal(back.iteration, 37);
    assert_true(back.epoch == 1.5 && isnan(back.accuracy));
}

static void any_text_is_one_clean_line(void **state)
{
    struct place *p = *state;
    writer_log(p->writer, "a\xff\nb\t\x7f \xc3\xa4 \xe2\x82");
    read_back(p, 1, lines);
    assert_non_null(strstr(lines, "L a? b ? \xc3\xa4 ??\n"));
}

static void each_start_has_a_segment(void **state)
{
    struct place *p = *state;
    writer_log(p->writer, "first");
    writer_free(p->writer);
    assert_int_equal(writer_open(&p->writer, p->dir,
                                 &(struct journal_start){.iteration = 7}, NULL,
                                 NULL),
                     0);
    read_back(p, 1, lines);
    assert_non_null(strstr(lines, "first"));
    read_back(p, 2, lines);
    assert_string_equal(lines, "O version=1 iteration=7\n");
}

static void a_full_disk_tears_nothing(void **state)
{
    struct place *p = *state;
    struct rlimit old, tight = {0};
    const struct progress progress = {0};
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    tight = old;
    tight.rlim_cur = 100; /* in the middle of the next record */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    writer_log(p->writer, "%080d", 1);
    writer_progress(p->writer, &progress);
    assert_true(writer_end(p->writer, "stopped") < 0);
    read_back(p, 1, lines);
    assert_string_equal(lines, "O version=1 iteration=40\n");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    writer_sync(p->writer);
    read_back(p, 1, lines);
    assert_non_null(strstr(lines, "1\nE stopped\n"));
    assert_null(strstr(lines, "\nP "));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_in_order),           TEST(rows_are_read_as_they_were),
        TEST(any_text_is_one_clean_line), TEST(each_start_has_a_segment),
        TEST(a_full_disk_tears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

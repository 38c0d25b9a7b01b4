/* told.h: a worker hears all lines of all files, whatever daemons died over. */
#include "trainer/serve/told.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/told_test.XXXXXX";

/* Adds to the file with this number. */
static void add(int dir, unsigned segment, const char *text)
{
    char name[32];
    snprintf(name, sizeof name, TOLD_SEGMENT, segment);
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void hears(struct told *t, uint64_t row)
{
    struct told_line line;
    assert_true(told_next(t, &line));
    assert_int_equal(line.kind, TOLD_UNTIL);
    assert_int_equal(line.row, row);
}

static void hears_nothing(struct told *t)
{
    struct told_line line;
    assert_false(told_next(t, &line));
}

static int begin(void **state)
{
    static int dir;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    *state = &dir;
    return dir < 0;
}

static int end(void **state)
{
    char command[sizeof folder + 16];
    close(*(int *)*state);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void lines_come_as_they_are_added(void **state)
{
    int dir = *(int *)*state;
    struct told t;
    told_init(&t, dir, 3);
    hears_nothing(&t);
    add(dir, 3, "until 1\nunt");
    hears(&t, 1);
    hears_nothing(&t);
    add(dir, 3, "il 2\nuntil 3\n");
    hears(&t, 2);
    hears(&t, 3);
    told_back(&t);
    hears(&t, 3);
    hears_nothing(&t);
    told_release(&t);
}

static void the_next_file_follows_the_last_line(void **state)
{
    int dir = *(int *)*state;
    struct told t;
    told_init(&t, dir, 1);
    add(dir, 1, "until 1\nuntil 2\nuntil 33"); /* its daemon died there */
    add(dir, 2, "until 4\n");
    hears(&t, 1);
    hears(&t, 2);
    hears(&t, 4);
    hears_nothing(&t);
    told_release(&t);
}

static void a_file_that_was_never_begun_is_passed_over(void **state)
{
    int dir = *(int *)*state;
    struct told t;
    told_init(&t, dir, 1);
    add(dir, 1, "until 1\n");
    hears(&t, 1);
    add(dir, 3, "until 3\n");
    hears(&t, 3);
    add(dir, 3, "until 4\n");
    add(dir, 10, "until 10\n");
    hears(&t, 4);
    hears(&t, 10);
    hears_nothing(&t);
    told_release(&t);
}

static void what_is_no_line_is_passed_over(void **state)
{
    int dir = *(int *)*state;
    struct told t;
    told_init(&t, dir, 1);
    add(dir, 1, "\nnonsense\nuntil x\nuntil 5\n");
    hears(&t, 5);
    hears_nothing(&t);
    told_release(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_come_as_they_are_added),
        TEST(the_next_file_follows_the_last_line),
        TEST(a_file_that_was_never_begun_is_passed_over),
        TEST(what_is_no_line_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* file.h: a file appears whole or not at all. */
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/durable-test.XXXXXX";
static char path[64], part[64];

static int folder_make(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(part, sizeof part, "%s/file.part", folder);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* which fails if anything else is left */
}

static void holds(const char *wanted)
{
    char text[64] = "";
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    assert_string_equal(text, wanted);
}

static void appears_at_commit(void **state)
{
    (void)state;
    struct draft d;
    struct reason why = REASON_INIT;
    assert_int_equal(draft_open(&d, AT_FDCWD, path, &why), 0);
    assert_int_equal(draft_write(&d, "old", 3, &why), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(draft_commit(&d, &why), 0);
    holds("old");
    assert_int_equal(access(part, F_OK), -1);
}

static void abandoned_leaves_the_old(void **state)
{
    (void)state;
    struct draft d;
    struct reason why = REASON_INIT;
    assert_int_equal(file_save(AT_FDCWD, path, "old", 3, &why), 0);
    assert_int_equal(draft_open(&d, AT_FDCWD, path, &why), 0);
    assert_int_equal(draft_write(&d, "new", 3, &why), 0);
    draft_abandon(&d);
    holds("old");
    assert_int_equal(access(part, F_OK), -1);
}

/* A file that a killed writer has left is replaced. */
static void remains_are_taken_over(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    FILE *f = fopen(part, "wb");
    fputs("much longer than what comes", f);
    fclose(f);
    assert_int_equal(file_save(AT_FDCWD, path, "new", 3, &why), 0);
    holds("new");
}

/* A link that was put in the way does not lead a write to another's file. */
static void links_are_not_followed(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    char victim[80];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    assert_int_equal(file_save(AT_FDCWD, victim, "safe", 4, &why), 0);
    for (int hard = 0; hard < 2; hard++) {
        assert_int_equal(hard ? link(victim, part) : symlink(victim, part), 0);
        assert_int_equal(file_save(AT_FDCWD, path, "x", 1, &why), 0);
        holds("x");
        FILE *f = fopen(victim, "rb");
        char text[5] = "";
        assert_int_equal(fread(text, 1, 4, f), 4);
        fclose(f);
        assert_string_equal(text, "safe");
    }
    unlink(victim);
}

static void whole_and_bounded(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    char three[3];
    assert_int_equal(file_save(AT_FDCWD, path, "abcd", 4, NULL), 0);
    int fd = file_open(AT_FDCWD, path, NULL);
    assert_true(fd >= 0);
    assert_int_equal(descriptor_read(fd, 4, &t), 0);
    assert_string_equal(text_string(&t), "abcd");
    /* at the end of the file */
    assert_int_equal(descriptor_read(fd, 4, &t), 0);
    assert_int_equal(lseek(fd, 1, SEEK_SET), 1);
    assert_int_equal(descriptor_read(fd, 2, &t), -EFBIG);
    assert_int_equal(descriptor_read_at(fd, three, 3, 1), 0);
    assert_memory_equal(three, "bcd", 3);
    assert_int_equal(descriptor_read_at(fd, three, 3, 2), -ENODATA);
    close(fd);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "pipe", 4), 4);
    close(pipes[1]);
    text_clear(&t);
    assert_int_equal(descriptor_read(pipes[0], 100, &t), 0);
    assert_string_equal(text_string(&t), "pipe");
    close(pipes[0]);
    text_release(&t);
}

static void failures_are_told(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    assert_int_equal(file_save(AT_FDCWD, "/nonexistent/x", "x", 1, &why),
                     -ENOENT);
    assert_int_equal(why.code, ENOENT);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* cannot be renamed over */
    assert_int_equal(file_save(AT_FDCWD, path, "x", 1, &why), -EISDIR);
    assert_int_equal(access(part, F_OK), -1);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appears_at_commit),
        cmocka_unit_test(abandoned_leaves_the_old),
        cmocka_unit_test(remains_are_taken_over),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(whole_and_bounded),
        cmocka_unit_test(failures_are_told),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}

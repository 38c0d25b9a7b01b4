/* file.h: a file appears whole or not at all. */
#include "core/basic/file.h"

#include <errno.h>
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
    return rmdir(folder); /* nothing else is left */
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
    struct durable f;
    struct reason why = REASON_INIT;
    assert_int_equal(durable_open(&f, path, &why), 0);
    assert_int_equal(durable_write(&f, "old", 3, &why), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(durable_commit(&f, &why), 0);
    holds("old");
    assert_int_equal(access(part, F_OK), -1);
}

static void abandoned_leaves_the_old(void **state)
{
    (void)state;
    struct durable f;
    struct reason why = REASON_INIT;
    assert_int_equal(durable_save(path, "old", 3, &why), 0);
    assert_int_equal(durable_open(&f, path, &why), 0);
    assert_int_equal(durable_write(&f, "new", 3, &why), 0);
    durable_abandon(&f);
    holds("old");
    assert_int_equal(access(part, F_OK), -1);
}

/* What a writer left that was killed. */
static void remains_are_taken_over(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    FILE *f = fopen(part, "wb");
    fputs("much longer than what comes", f);
    fclose(f);
    assert_int_equal(durable_save(path, "new", 3, &why), 0);
    holds("new");
}

static void links_are_not_followed(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    assert_int_equal(symlink("elsewhere", part), 0);
    assert_int_equal(durable_save(path, "x", 1, &why), -ELOOP);
    assert_non_null(strstr(why.sentence, path));
    unlink(part);
}

static void failures_are_told(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    assert_int_equal(durable_save("/nonexistent/x", "x", 1, &why), -ENOENT);
    assert_int_equal(why.code, ENOENT);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* cannot be renamed over */
    assert_int_equal(durable_save(path, "x", 1, &why), -EISDIR);
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
        cmocka_unit_test(failures_are_told),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}

/* What is kept on this host of runs that are elsewhere: one artifact that has
 * half come for each name, while its run is needed; and where each run is. */
#include "core/far/kept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char place[] = "/tmp/kept_test.XXXXXX";

static int place_make(void **state)
{
    (void)state;
    return mkdtemp(place) && chdir(place) == 0 ? 0 : -1;
}

static int place_remove(void **state)
{
    (void)state;
    return chdir("/") == 0 ? rmdir(place) : -1;
}

static void part_write(uint64_t run, const char *name, uint64_t time)
{
    char *path = kept_part(place, run, name, 100, time);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    free(path);
}

static bool is_there(const char *name)
{
    return access(name, F_OK) == 0;
}

static void test_parts(void **state)
{
    (void)state;
    part_write(7, "model", 1);
    part_write(7, "model.onnx", 1);
    part_write(17, "model", 1);
    part_write(7, "model", 2); /* it was written anew */
    assert_false(is_there("7.model.64.1"));
    assert_true(is_there("7.model.64.2"));
    assert_true(is_there("7.model.onnx.64.1"));
    assert_true(is_there("17.model.64.1"));
    kept_forget(place, 7);
    assert_false(is_there("7.model.64.2"));
    assert_false(is_there("7.model.onnx.64.1"));
    assert_true(is_there("17.model.64.1"));
    kept_forget(place, 17);
}

static int needs_7(void *context, uint64_t run)
{
    (void)context;
    return run == 8 ? -EIO : run == 7;
}

static void test_sweep(void **state)
{
    struct launch_sweep sweep = {.needed = needs_7};
    struct link l = {.host = "a", .directory = "/d"};
    (void)state;
    for (uint64_t run = 6; run <= 8; run++) {
        part_write(run, "model", 1);
        assert_int_equal(kept_note(place, run, &l, NULL), 0);
    }
    kept_sweep(place, &sweep);
    assert_false(is_there("6.model.64.1"));
    assert_true(is_there("7.model.64.1"));
    assert_true(is_there("8.model.64.1")); /* it is not known */
    assert_true(kept_is_noted(place, 6, &l));
    for (uint64_t run = 6; run <= 8; run++)
        kept_forget(place, run);
}

static void test_notes(void **state)
{
    struct link here = {.host = "a", .directory = "/d"};
    struct link host = {.host = "b", .directory = "/d"};
    struct link directory = {.host = "a", .directory = "/e"};
    (void)state;
    assert_int_equal(kept_note(place, 5, &here, NULL), 0);
    assert_int_equal(kept_note(place, 5, &here, NULL), 0);
    assert_true(kept_is_noted(place, 5, &here));
    assert_false(kept_is_noted(place, 5, &host));
    assert_false(kept_is_noted(place, 5, &directory));
    assert_false(kept_is_noted(place, 6, &here));
    kept_forget(place, 5);
    assert_false(kept_is_noted(place, 5, &here));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}

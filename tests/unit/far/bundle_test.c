/* What is copied to another host: a program with its libraries, and a bundle
 * that was copied here, which is copied on as it is. */
#include "core/far/bundle.h"

#include "core/basic/alloc.h"
#include "core/system/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char place[] = "/tmp/bundle_test.XXXXXX";

static int place_make(void **state)
{
    (void)state;
    return mkdtemp(place) && chdir(place) == 0 ? 0 : -1;
}

static int place_remove(void **state)
{
    (void)state;
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
    int err = chdir("/") ? -errno
                         : directory_remove(tmp, strrchr(place, '/') + 1, NULL);
    close(tmp);
    return err;
}

static void file_write(const char *name, const char *content)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static const struct bundle_file *file_find(const struct bundle *b,
                                           const char *name)
{
    for (int i = 0; i < b->count; i++)
        if (!strcmp(b->file[i].name, name))
            return &b->file[i];
    return NULL;
}

static void a_program_with_its_libraries(void **state)
{
    struct bundle b = {0};
    char *self = realpath("/proc/self/exe", NULL);
    (void)state;
    assert_int_equal(bundle_make(&b, self, NULL), 0);
    assert_non_null(file_find(&b, "program"));
    assert_non_null(file_find(&b, "primo-train"));
    assert_non_null(file_find(&b, "loader/primo-train"));
    assert_int_equal(strncmp(b.name, PRIMO_VERSION "-", 6), 0);
    bundle_release(&b);
    free(self);
}

static void one_that_was_copied(void **state)
{
    struct bundle b = {0};
    (void)state;
    assert_int_equal(mkdir("0.1-abc", 0700), 0);
    assert_int_equal(mkdir("0.1-abc/loader", 0700), 0);
    file_write("0.1-abc/program", "p");
    file_write("0.1-abc/primo-train", "script");
    file_write("0.1-abc/libx.so.1", "x");
    file_write("0.1-abc/libx.so.1.77aa.part", "half of it");
    file_write("0.1-abc/loader/primo-train", "loader");
    char *program = xstrfmt("%s/0.1-abc/primo-train", place);
    assert_int_equal(bundle_make(&b, program, NULL), 0);
    assert_string_equal(b.name, "0.1-abc");
    assert_int_equal(b.count, 4);
    assert_non_null(file_find(&b, "loader/primo-train"));
    assert_int_equal(file_find(&b, "primo-train")->size, 6);
    assert_true(*b.machine);
    file_write("0.1-abc/libx.so.1", "xyz"); /* one that was changed since */
    assert_int_equal(bundle_make(&b, program, NULL), 0);
    assert_int_equal(file_find(&b, "libx.so.1")->size, 3);
    bundle_release(&b);
    free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_with_its_libraries),
        cmocka_unit_test(one_that_was_copied),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}

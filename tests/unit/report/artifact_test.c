/* The table of artifacts, and whether other tables agree with it. */
#include "core/report/artifact.h"
#include "core/tree/tree.h"
#include "trainer/files/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < ARTIFACTS; i++)
        assert_int_equal(artifact_find(artifacts[i].name), i);
    assert_int_equal(artifact_find("model"), ARTIFACTS);
    assert_int_equal(artifact_find(""), ARTIFACTS);
}

static bool is_file_of(enum tree_no directory, const char *name)
{
    enum tree_no no = row_next(directory, 0);
    while (no && (!tree_rows[no].name || strcmp(tree_rows[no].name, name)))
        no = row_next(directory, no);
    return no != 0;
}

static void the_tree_has_them(void **state)
{
    (void)state;
    for (int i = 0; i < ARTIFACTS; i++) {
        if (artifacts[i].inner)
            continue;
        if (!is_file_of(TREE_VERSION, artifacts[i].name))
            fail_msg("a model has no file %s", artifacts[i].name);
        if (is_file_of(TREE_PROCESS, artifacts[i].name) != artifacts[i].shown)
            fail_msg("a process and the table differ in %s", artifacts[i].name);
    }
}

/* An artifact that is shown while running is written before there is a
 * model. */
static void all_are_written(void **state)
{
    (void)state;
    for (int i = 0; i < ARTIFACTS; i++)
        assert_true(export_writes((enum artifact_no)i) != artifacts[i].shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(the_tree_has_them),
        cmocka_unit_test(all_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

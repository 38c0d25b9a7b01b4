/* Files over which others were renamed, for who has found them just before. */
#include "tests/unit/world.h"

#include <errno.h>

static const struct caller root = {0, 0, 0}, anna = {54001, 54001, 0};

static int put(struct world *w, const char *name, const char *text)
{
    return put_as(w, &root, "templates", name, text, O_TRUNC, NULL);
}

static int move(struct world *w, const char *from, const char *to)
{
    struct node dir = at(w, "templates");
    return tree_rename(&w->primo, &root,
                       &(struct renaming){dir, from, dir, to, false}, NULL);
}

static void expect_text(struct world *w, struct node n, const char *text)
{
    struct handle *h;
    struct text got = TEXT_INIT;
    assert_int_equal(handle_open(&w->primo, &root, n, O_RDONLY, NULL, &h, NULL),
                     0);
    assert_int_equal(handle_read(h, 0, 100, &got, NULL), 0);
    assert_string_equal(text_string(&got), text);
    text_release(&got);
    handle_close(h, NULL);
}

static void stays_readable(void **state)
{
    struct world *w = *state;
    struct tree_stat st;
    struct handle *h;
    struct tree_change date = {.mtime_set = true, .mtime = 1};
    static const char *const news[] = {".new", "new"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(put(w, "x", "seed = 1\n"), 0);
        struct node old = at(w, "templates/x");
        assert_int_equal(put(w, news[i], "epochs = 20\n"), 0);
        assert_int_equal(move(w, news[i], "x"), 0);
        struct node now = at(w, "templates/x");
        assert_int_not_equal(now.object, old.object);
        assert_int_equal(tree_stat(&w->primo, &root, old, NULL, &st, NULL), 0);
        assert_int_equal(st.size, 9);
        expect_text(w, old, "seed = 1\n");
        expect_text(w, now, "epochs = 20\n");
        /* what is written to it, or set, is seen by nobody */
        assert_int_equal(tree_change(&w->primo, &root, old, &date, NULL), 0);
        assert_int_equal(
            handle_open(&w->primo, &root, old, O_WRONLY, NULL, &h, NULL), 0);
        assert_int_equal(handle_write(h, 0, "seed = 2\n", 9, NULL), 0);
        assert_int_equal(handle_flush(h, NULL), 0);
        assert_int_equal(handle_close(h, NULL), 0);
        expect_text(w, now, "epochs = 20\n");
        /* and it is asked for rights as any other */
        assert_int_equal(
            handle_open(&w->primo, &anna, old, O_RDONLY, NULL, &h, NULL),
            -EACCES);
    }
}

static void others_are_gone(void **state)
{
    struct world *w = *state;
    struct tree_stat st;
    assert_int_equal(put(w, "x", "seed = 1\n"), 0);
    struct node x = at(w, "templates/x"), dir = at(w, "templates");
    /* a renaming that is refused replaces nothing */
    assert_int_equal(put(w, ".bad", "no = such\n"), 0);
    assert_int_equal(move(w, ".bad", "x"), -EINVAL);
    assert_int_equal(tree_unlink(&w->primo, &root, dir, "x", NULL), 0);
    assert_int_equal(tree_stat(&w->primo, &root, x, NULL, &st, NULL), -ENOENT);
}

static void there_are_bounds(void **state)
{
    struct replaced r;
    struct object o = OBJECT_INIT, got = OBJECT_INIT;
    (void)state;
    replaced_init(&r);
    replaced_undo(&r);
    for (o.id = 1; o.id <= 3 * REPLACED_FILES; o.id++)
        replaced_keep(&r, &o);
    assert_int_equal(r.count, REPLACED_FILES);
    assert_int_equal(replaced_get(&r, 2 * REPLACED_FILES, &got), -ENOENT);
    assert_int_equal(replaced_get(&r, 2 * REPLACED_FILES + 1, &got), 0);
    object_release(&got);
    assert_int_equal(replaced_get(&r, 3 * REPLACED_FILES, &got), 0);
    object_release(&got);
    replaced_undo(&r);
    assert_int_equal(replaced_get(&r, 3 * REPLACED_FILES, &got), -ENOENT);
    text_resize(&o.body, REPLACED_BYTES / 4);
    for (o.id = 10001; o.id <= 10010; o.id++)
        replaced_keep(&r, &o);
    assert_int_equal(r.count, 4);
    assert_int_equal(r.bytes, REPLACED_BYTES);
    assert_int_equal(replaced_get(&r, 10006, &got), -ENOENT);
    assert_int_equal(replaced_get(&r, 10007, &got), 0);
    assert_int_equal(got.body.size, REPLACED_BYTES / 4);
    object_release(&got);
    object_release(&o);
    replaced_release(&r);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(stays_readable),
        TEST(others_are_gone),
        cmocka_unit_test(there_are_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The whole tree, walked and written through core/ without a mount. */
#include "tests/unit/world.h"

#include "core/store/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct shape shape_action, shape_generated, shape_growing,
    shape_input, shape_link, shape_word;

static const struct caller me = {0, 0, 1};

static int put(struct world *w, const char *dir, const char *name,
               const char *text, int flags, struct reason *why)
{
    return put_as(w, &me, dir, name, text, flags, why);
}

static void get(struct world *w, const char *path, struct text *out)
{
    struct handle *h;
    struct reason why = REASON_INIT;
    if (handle_open(&w->primo, &me, at(w, path), O_RDONLY, NULL, &h, &why))
        fail_msg("%s: %s", path, why.sentence);
    text_clear(out);
    assert_int_equal(handle_read(h, 0, 1 << 20, out, &why), 0);
    handle_close(h, NULL);
}

static void expect_text(struct world *w, const char *path, const char *text)
{
    struct text got = TEXT_INIT;
    get(w, path, &got);
    assert_string_equal(text_string(&got), text);
    text_release(&got);
}

/* Walks every directory, depth first. Entries are found by name, stat and
 * parent agree with the listing, and sizes are those of what is read. */
static int check_below(struct world *w, struct node dir, int *files)
{
    struct tree_entry e = {0};
    struct reason why = REASON_INIT;
    while (tree_next(&w->primo, dir, e.cookie, &e, &why) == 0) {
        struct node found, parent, back;
        struct tree_stat st;
        assert_int_equal(tree_find(&w->primo, dir, e.name, &found, &why), 0);
        assert_int_equal(found.no, e.node.no);
        assert_int_equal(found.object, e.node.object);
        assert_int_equal(tree_stat(&w->primo, NULL, found, NULL, &st, &why), 0);
        assert_true(tree_node(st.inode, &back));
        assert_int_equal(back.no, found.no);
        assert_int_equal(back.object, found.object);
        assert_int_equal(tree_parent(&w->primo, found, &parent, &why), 0);
        assert_int_equal(parent.no, dir.no);
        assert_int_equal(parent.object, dir.object);
        ++*files;
        if (S_ISDIR(st.mode)) {
            check_below(w, found, files);
        } else if (S_ISREG(st.mode)) {
            struct handle *h;
            struct text text = TEXT_INIT;
            assert_int_equal(
                handle_open(&w->primo, &me, found, O_RDONLY, NULL, &h, &why),
                0);
            assert_int_equal(handle_read(h, 0, 1 << 20, &text, &why), 0);
            assert_int_equal(text.size, st.size);
            handle_close(h, NULL);
            text_release(&text);
        }
    }
    return 0;
}

static void test_walk(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node process;
    int files = 0;
    assert_int_equal(put(w, "templates", "a", "epochs = 3\n", 0, &why), 0);
    assert_int_equal(
        tree_mkdir(&w->primo, &me, at(w, "processes"), "local", &process, &why),
        0);
    check_below(w, (struct node){TREE_ROOT, 0}, &files);
    int listed = 0;
    /* every fixed file of / and of a process */
    for (int i = 0; i < TREE_ROWS; i++)
        listed += tree_rows[i].name && !tree_rows[i].unlisted &&
                  tree_rows[i].shape != &shape_link &&
                  (tree_rows[i].parent == TREE_ROOT ||
                   tree_rows[i].parent == TREE_PROCESS);
    /* a, local, local, classifier, scratch, mobilenet; no base lies beside the
     * tests */
    assert_int_equal(files, listed + 6);
}

static void test_rows(void **state)
{
    (void)state;
    for (int i = 2; i < TREE_ROWS; i++) {
        const struct row *row = &tree_rows[i];
        if (!row->help)
            continue;
        assert_non_null(tree_rows[row->parent].help);
        assert_true(row_is_directory(&tree_rows[row->parent]));
        assert_true((row->name != NULL) != (row->kind != 0));
        assert_true(row->shape != &shape_word || (row->show && row->store));
        assert_true(row->shape != &shape_action || (row->show && row->act));
        assert_true(row->shape != &shape_generated || row->show);
        assert_true(row->shape != &shape_growing ||
                    (row->stream && row->mtime));
        assert_true(row->shape != &shape_input || row->scope);
    }
}

static void test_refused_text(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n;
    assert_int_equal(put(w, "templates", "a", "epochs = 3\n", 0, &why), 0);
    assert_int_equal(put(w, "templates", "a", "epochs = x\n", O_TRUNC, &why),
                     -EINVAL);
    assert_int_equal(why.line, 1);
    assert_int_equal(why.column, 10);
    expect_text(w, "templates/a", "epochs = 3\n");
    assert_int_equal(put(w, "templates", "b", "epohcs = 3\n", 0, &why),
                     -EINVAL);
    assert_non_null(strstr(why.sentence, "'epochs'"));
    assert_int_equal(walk(w, "templates/b", &n), -ENOENT);
}

static void test_staging(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct handle *h;
    assert_int_equal(put(w, "templates", "a", "epochs = 3\n", 0, &why), 0);
    assert_int_equal(handle_open(&w->primo, &me, at(w, "templates/a"),
                                 O_RDWR | O_TRUNC, NULL, &h, &why),
                     0);
    assert_int_equal(handle_write(h, 0, "epochs ", 7, &why), 0);
    expect_text(w, "templates/a", "epochs = 3\n");
    assert_int_equal(handle_write(h, 7, "= 4\n", 4, &why), 0);
    assert_int_equal(handle_write(h, 11, "seed = q\n", 9, &why), -EINVAL);
    assert_int_equal(handle_flush(h, &why), 0); /* which saves nothing */
    expect_text(w, "templates/a", "epochs = 3\n");
    assert_int_equal(handle_write(h, 11, "seed = 2\n", 9, &why), -EINVAL);
    assert_int_equal(handle_truncate(h, 0, &why), 0);
    assert_int_equal(handle_write(h, 0, "seed = 2\n", 9, &why), 0);
    assert_int_equal(handle_flush(h, &why), 0);
    expect_text(w, "templates/a", "seed = 2\n");
    /* a write into the middle is judged at close */
    assert_int_equal(handle_write(h, 0, "seat", 4, &why), 0);
    assert_int_equal(handle_flush(h, &why), -EINVAL);
    expect_text(w, "templates/a", "seed = 2\n");
    assert_int_equal(handle_close(h, &why), 0);
}

static void test_rename(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n, dir = at(w, "templates");
    assert_int_equal(put(w, "templates", "a", "epochs = 3\n", 0, &why), 0);
    struct node a = at(w, "templates/a");
    assert_int_equal(tree_rename(&w->primo, &me,
                                 &(struct renaming){dir, "a", dir, "b", true},
                                 &why),
                     0);
    assert_int_equal(at(w, "templates/b").object, a.object);
    assert_int_equal(put(w, "templates", ".b.swp", "anything", 0, &why), 0);
    assert_int_equal(
        tree_rename(&w->primo, &me,
                    &(struct renaming){dir, ".b.swp", dir, "b", false}, &why),
        -EINVAL);
    expect_text(w, "templates/b", "epochs = 3\n");
    assert_int_equal(
        tree_rename(&w->primo, &me,
                    &(struct renaming){dir, "b", at(w, "machines"), "b", false},
                    &why),
        -EXDEV);
    /* A template that was renamed to b~ is durable, and is b again at the next
     * opening. */
    assert_int_equal(tree_rename(&w->primo, &me,
                                 &(struct renaming){dir, "b", dir, "b~", false},
                                 &why),
                     0);
    assert_int_equal(walk(w, "templates/b", &n), -ENOENT);
    primo_close(&w->primo);
    world_open(w);
    expect_text(w, "templates/b", "epochs = 3\n");
    assert_int_equal(at(w, "templates/b").object, a.object);
    assert_int_equal(walk(w, "templates/.b.swp", &n), -ENOENT);
}

static void test_types(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n, types = at(w, "types");
    assert_int_equal(put(w, "templates", "a", "type = t\n", 0, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "there is classifier"));
    assert_int_equal(why.column, 8);
    assert_int_equal(walk(w, "templates/a", &n), -ENOENT);
    assert_int_equal(put(w, "types", "t", "type = t\n", 0, &why), -EINVAL);
    assert_int_equal(put(w, "types", "t", "epochs = 3\n", 0, &why), 0);
    assert_int_equal(put(w, "templates", "a", "type = t\n", 0, &why), 0);
    assert_int_equal(tree_unlink(&w->primo, &me, types, "t", &why), -EBUSY);
    assert_non_null(strstr(why.sentence, "'a'"));
    assert_int_equal(
        tree_rename(&w->primo, &me,
                    &(struct renaming){types, "t", types, "u", false}, &why),
        -EBUSY);
    assert_int_equal(put(w, "templates", "a", "", O_TRUNC, &why), 0);
    assert_int_equal(tree_unlink(&w->primo, &me, types, "t", &why), 0);
    assert_int_equal(tree_unlink(&w->primo, &me, types, "classifier", &why),
                     -EPERM);
    assert_int_equal(
        tree_rename(&w->primo, &me,
                    &(struct renaming){types, "classifier", types, "u", false},
                    &why),
        -EPERM);
    assert_int_equal(
        put(w, "types", "classifier", "epochs = 3\n", O_TRUNC, &why), 0);
}

static void test_actions(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node p;
    struct node dir = at(w, "processes");
    assert_int_equal(tree_mkdir(&w->primo, &me, dir, "nowhere", &p, &why),
                     -ENOENT);
    assert_int_equal(tree_mkdir(&w->primo, &me, dir, "local", &p, &why), 0);
    assert_int_equal(tree_mkdir(&w->primo, &me, dir, "local", &p, &why),
                     -EEXIST);
    struct tree_change touch = {.mtime_set = true, .now = true};
    struct node start = at(w, "processes/local/start");
    assert_int_equal(tree_change(&w->primo, &me, start, &touch, &why),
                     -EINVAL); /* no template */
    struct tree_change old = {.mtime_set = true, .mtime = 1500000000};
    assert_int_equal(tree_change(&w->primo, &me, start, &old, &why), 0);
    assert_int_equal(
        put(w, "processes/local", "template", "none\n", O_TRUNC, &why),
        -EINVAL);
    assert_int_equal(put(w, "templates", "a", "", 0, &why), 0);
    assert_int_equal(
        put(w, "processes/local", "template", "a\n", O_TRUNC, &why), 0);
    expect_text(w, "processes/local/template", "a\n");
    assert_int_equal(put(w, "processes/local", "start", "1", 0, &why),
                     -EINVAL); /* no dataset */
    assert_non_null(strstr(why.sentence, "dataset"));
    assert_int_equal(
        tree_unlink(&w->primo, &me, at(w, "machines"), "local", &why), -EBUSY);
    assert_int_equal(
        put(w, "processes/local", "enabled", "no\n", O_TRUNC, &why), 0);
    assert_int_equal(put(w, "processes/local", "start", "1", 0, &why), -EBUSY);
    assert_int_equal(tree_rmdir(&w->primo, &me, dir, "local", &why), 0);
    assert_int_equal(walk(w, "processes/local", &p), -ENOENT);
}

static void test_strangers(void **state)
{
    struct world *w = *state;
    struct caller other = {12345, 12345, 1};
    struct reason why = REASON_INIT;
    struct handle *h;
    struct node n;
    w->primo.owner = 1000;
    assert_int_equal(handle_open(&w->primo, &other, at(w, "README"), O_RDONLY,
                                 NULL, &h, &why),
                     -EACCES);
    assert_int_equal(handle_create(&w->primo, &other,
                                   &(struct creation){at(w, "templates"), "a",
                                                      0644, O_WRONLY},
                                   &n, &h, &why),
                     -EACCES);
    assert_int_equal(
        tree_mkdir(&w->primo, &other, at(w, "processes"), "local", &n, &why),
        -EACCES);
}

static void test_second_opening(void **state)
{
    struct world *w = *state;
    struct primo second;
    struct reason why = REASON_INIT;
    assert_int_equal(primo_open(&second, w->dir, &why), -EBUSY);
    assert_non_null(strstr(why.sentence, "in use"));
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_walk),           TEST(test_rows),
        TEST(test_refused_text),   TEST(test_staging),
        TEST(test_rename),         TEST(test_actions),
        TEST(test_second_opening), TEST(test_strangers),
        TEST(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

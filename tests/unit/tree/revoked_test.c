/* Rights that are taken away: they are asked again through files that are open,
 * and before anything is done for who asks. */
#include "tests/unit/world.h"

#include <errno.h>

static const struct caller root = {0, 0, 0}, anna = {54001, 54001, 0},
                           bert = {54002, 54002, 0};

static int put(struct world *w, const struct caller *who, const char *dir,
               const char *name, const char *text, struct reason *why)
{
    return put_as(w, who, dir, name, text, O_TRUNC, why);
}

static struct handle *open_as(struct world *w, const struct caller *who,
                              const char *path, int flags)
{
    struct handle *h = NULL;
    struct reason why = REASON_INIT;
    if (handle_open(&w->primo, who, at(w, path), flags, NULL, &h, &why))
        fail_msg("%s: %s", path, why.sentence);
    return h;
}

static int read_from(struct handle *h)
{
    struct text out = TEXT_INIT;
    int err = handle_read(h, 0, 1 << 16, &out, NULL);
    text_release(&out);
    return err;
}

static void rights_are_asked_again(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n;
    static const char *const follow[] = {
        "events",
        "errors",
        "templates/x",
        "processes/local/status",
        "processes/local/log",
        "processes/local/metrics.csv",
        "processes/local/wait",
    };
    static const char *const act[] = {
        "processes/local/start", "processes/local/stop",
        "processes/local/enabled", "processes/local/template"};
    enum { FOLLOW = sizeof follow / sizeof *follow };
    enum { ACT = sizeof act / sizeof *act };
    struct handle *read[FOLLOW], *write[ACT], *x, *empty, *made;
    put(w, &root, "templates", "x", "seed = 1\n", &why);
    put(w, &root, "templates", "y", "seed = 1\n", &why);
    tree_mkdir(&w->primo, &root, at(w, "processes"), "local", &n, &why);
    role(w, "a",
         "members = 54001\ntemplates = view create edit\n"
         "processes = view create edit manage\nroles = manage\n");
    for (int i = 0; i < FOLLOW; i++) {
        read[i] = open_as(w, &anna, follow[i], O_RDONLY);
        assert_int_equal(read_from(read[i]), 0);
    }
    for (int i = 0; i < ACT; i++)
        write[i] = open_as(w, &anna, act[i], O_WRONLY);
    x = open_as(w, &anna, "templates/x", O_WRONLY);
    empty = open_as(w, &anna, "templates/y", O_WRONLY);
    assert_int_equal(handle_create(&w->primo, &anna,
                                   &(struct creation){at(w, "templates"), "z",
                                                      0644, O_WRONLY},
                                   &n, &made, &why),
                     0);
    role(w, "a", "members = 54001\n"); /* README and errors are left */
    for (int i = 0; i < FOLLOW; i++) {
        int left = strcmp(follow[i], "errors") ? -EACCES : 0;
        assert_int_equal(read_from(read[i]), left);
    }
    assert_int_equal(handle_follow(read[0], &why), -EACCES);
    assert_non_null(strstr(why.sentence, "'view' for processes is missing"));
    for (int i = 0; i < ACT; i++) {
        assert_int_equal(handle_write(write[i], 0, "no\n", 3, &why), -EACCES);
        assert_int_equal(handle_flush(write[i], &why), 0);
    }
    assert_int_equal(handle_write(x, 0, "seed = 2\n", 9, &why), 0);
    assert_int_equal(handle_flush(x, &why), -EACCES);
    assert_int_equal(handle_truncate(empty, 0, &why), 0);
    assert_int_equal(handle_flush(empty, &why), -EACCES);
    assert_int_equal(handle_write(made, 0, "seed = 2\n", 9, &why), 0);
    assert_int_equal(handle_flush(made, &why), -EACCES);
    for (int i = 0; i < FOLLOW; i++)
        handle_close(read[i], NULL);
    for (int i = 0; i < ACT; i++)
        handle_close(write[i], NULL);
    handle_close(x, NULL);
    handle_close(empty, NULL);
    handle_close(made, NULL);
    struct tree_stat st;
    tree_stat(&w->primo, &root, at(w, "templates/y"), NULL, &st, &why);
    assert_int_equal(st.size, 9);
    assert_int_equal(walk(w, "templates/z", &n), -ENOENT);
    x = open_as(w, &root, "templates/x", O_RDONLY);
    struct text text = TEXT_INIT;
    handle_read(x, 0, 100, &text, &why);
    assert_string_equal(text_string(&text), "seed = 1\n");
    text_release(&text);
    handle_close(x, NULL);
}

/* He who saw the refusals of all sees his own once he has lost the right. */
static void refusals_are_asked_again(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct text all = TEXT_INIT, own = TEXT_INIT;
    role(w, "a", "members = 54001\nroles = manage\n");
    refuse(&why, EINVAL, "no");
    refusals_add(&w->primo.refusals, bert.uid, "his", &why);
    struct handle *h = open_as(w, &anna, "errors", O_RDONLY);
    handle_read(h, 0, 1000, &all, NULL);
    assert_non_null(strstr(text_string(&all), "his"));
    role(w, "a", "members = 54001\n");
    handle_read(h, 0, 1000, &own, NULL);
    assert_string_equal(text_string(&own), "");
    handle_close(h, NULL);
    text_release(&all);
    text_release(&own);
}

/* The right to create is enough for all that is written to a new file before it
 * is closed, even where some of it is saved before the rest. */
static void a_new_file_is_its_makers(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n;
    struct handle *h;
    role(w, "a", "members = 54001\ntemplates = create\n");
    struct creation c = {at(w, "templates"), "new", 0644, O_WRONLY};
    assert_int_equal(handle_create(&w->primo, &anna, &c, &n, &h, &why), 0);
    assert_int_equal(handle_write(h, 0, "seed = 1\n", 9, &why), 0);
    assert_int_equal(handle_flush(h, &why), 0);
    assert_int_equal(handle_write(h, 9, "epochs = 3\n", 11, &why), 0);
    assert_int_equal(handle_flush(h, &why), 0);
    assert_int_equal(handle_close(h, &why), 0);
    struct tree_stat st;
    tree_stat(&w->primo, &root, n, NULL, &st, &why);
    assert_int_equal(st.size, 20);
}

static void nothing_is_unhidden_before_the_right_is_asked(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct node n, process;
    struct handle *h;
    static const struct {
        const char *name;
        int flags;
    } cases[] = {{"status", O_RDONLY}, {"start", O_WRONLY}, {"log", O_RDWR}};
    tree_mkdir(&w->primo, &root, at(w, "processes"), "local", &n, &why);
    process = at(w, "processes/local");
    role(w, "a", "members = 54001\ntemplates = view create\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].name;
        struct creation c = {process, name, 0644, cases[i].flags};
        assert_int_equal(tree_unlink(&w->primo, &root, process, name, &why), 0);
        assert_int_equal(handle_create(&w->primo, &anna, &c, &n, &h, &why),
                         -EACCES);
        assert_int_equal(tree_find(&w->primo, process, name, &n, &why),
                         -ENOENT);
    }
    struct creation c = {process, "start", 0644, O_WRONLY};
    assert_int_equal(handle_create(&w->primo, &root, &c, &n, &h, &why), 0);
    handle_close(h, NULL);
    assert_int_equal(tree_find(&w->primo, process, "start", &n, &why), 0);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rights_are_asked_again),
        TEST(refusals_are_asked_again),
        TEST(a_new_file_is_its_makers),
        TEST(nothing_is_unhidden_before_the_right_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What one user can make the daemon hold through open files, and that nobody
 * else has to do without for it. */
#include "tests/unit/world.h"

#include <errno.h>
#include <unistd.h>

static const struct caller root = {0, 0, 1}, anne = {4001, 4001, 0},
                           bert = {4002, 4002, 0};

static void roles(struct world *w)
{
    assert_int_equal(put_as(w, &root, "roles", "all",
                            "members = 4001 4002\n"
                            "templates = view create edit delete\n"
                            "bases = view create edit delete\n",
                            0, NULL),
                     0);
}

static int open_as(struct world *w, const struct caller *who, const char *path,
                   int flags, struct handle **out, struct reason *why)
{
    return handle_open(&w->primo, who, at(w, path), flags, NULL, out, why);
}

enum { MOST = 20000 };

static struct handle *opened[MOST];

static void close_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        handle_close(opened[i], NULL);
}

/* Making texts longer costs nothing, writing them does, up to a bound. */
static void test_staged(void **state)
{
    enum { OPENS = 300, SIZE = 1 << 20 };
    struct world *w = *state;
    struct usage *u = &w->primo.usage;
    struct reason why = REASON_INIT;
    struct text got = TEXT_INIT;
    roles(w);
    assert_int_equal(
        put_as(w, &anne, "templates", ".draft", "epochs = 3\n", 0, NULL), 0);
    for (int i = 0; i < OPENS; i++) {
        assert_int_equal(
            open_as(w, &anne, "templates/.draft", O_RDWR, &opened[i], NULL), 0);
        assert_int_equal(handle_truncate(opened[i], SIZE, NULL), 0);
    }
    assert_in_range(usage_of(u, anne.uid, USAGE_TEXTS), 0, OPENS * 16);
    assert_int_equal(handle_read(opened[0], 0, SIZE, &got, NULL), 0);
    assert_int_equal(got.size, SIZE);
    assert_memory_equal(got.data, "epochs = 3\n\0\0\0", 14);
    int err = 0, full = 0;
    for (; full < OPENS && err == 0; full += err == 0)
        err = handle_write(opened[full], SIZE - 1, "x", 1, &why);
    assert_int_equal(err, -ENOMEM);
    assert_non_null(strstr(why.sentence, "KiB"));
    assert_in_range(full, 8, 100);
    /* others write as if nothing was */
    assert_int_equal(
        put_as(w, &bert, "templates", "b", "epochs = 4\n", 0, NULL), 0);
    close_all(OPENS);
    assert_int_equal(usage_of(u, anne.uid, USAGE_TEXTS), 0);
    text_release(&got);
}

/* Many opens of one file hold its text once. */
static void test_shared(void **state)
{
    enum { OPENS = 500 };
    struct world *w = *state;
    struct usage *u = &w->primo.usage;
    struct text got = TEXT_INIT;
    roles(w);
    assert_int_equal(
        put_as(w, &anne, "templates", "a", "epochs = 3\n", 0, NULL), 0);
    for (int i = 0; i < OPENS; i++)
        assert_int_equal(open_as(w, &anne, "templates/a", i % 2 ? O_RDWR : 0,
                                 &opened[i], NULL),
                         0);
    assert_int_equal(usage_of(u, anne.uid, USAGE_TEXTS), 11);
    /* what is written through one of them is its own until it is saved */
    assert_int_equal(handle_write(opened[1], 9, "5\n", 2, NULL), 0);
    assert_int_equal(handle_read(opened[1], 0, 100, &got, NULL), 0);
    assert_string_equal(text_string(&got), "epochs = 5\n");
    text_clear(&got);
    assert_int_equal(handle_read(opened[3], 0, 100, &got, NULL), 0);
    assert_string_equal(text_string(&got), "epochs = 3\n");
    text_clear(&got);
    assert_int_equal(handle_flush(opened[1], NULL), 0);
    assert_int_equal(handle_read(opened[3], 0, 100, &got, NULL), 0);
    assert_string_equal(text_string(&got), "epochs = 5\n");
    close_all(OPENS);
    assert_null(u->first);
    text_release(&got);
}

/* A write that is refused leaves what was staged before it. */
static void test_refused(void **state)
{
    struct world *w = *state;
    struct handle *h;
    struct text got = TEXT_INIT;
    roles(w);
    assert_int_equal(
        put_as(w, &anne, "templates", "a", "epochs = 3\nseed = 1\n", 0, NULL),
        0);
    assert_int_equal(open_as(w, &anne, "templates/a", O_RDWR, &h, NULL), 0);
    assert_int_equal(handle_write(h, 20, "nonsense = 1\n", 13, NULL), -EINVAL);
    assert_int_equal(handle_read(h, 0, 100, &got, NULL), 0);
    assert_string_equal(text_string(&got), "epochs = 3\nseed = 1\n");
    handle_close(h, NULL);
    text_release(&got);
}

static void test_opens(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    struct handle *h;
    size_t count = 0;
    int err = 0;
    roles(w);
    for (; count < MOST && err == 0; count += err == 0)
        err = open_as(w, &anne, "README", O_RDONLY, &opened[count], &why);
    assert_int_equal(err, -ENFILE);
    assert_non_null(strstr(why.sentence, "open here"));
    assert_in_range(count, 4000, MOST / 2);
    assert_int_equal(open_as(w, &bert, "README", O_RDONLY, &h, NULL), 0);
    handle_close(h, NULL);
    assert_int_equal(open_as(w, &root, "README", O_RDONLY, &h, NULL), 0);
    handle_close(h, NULL);
    close_all(count);
    assert_int_equal(open_as(w, &anne, "README", O_RDONLY, &h, NULL), 0);
    handle_close(h, NULL);
}

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A base that is opened again and again takes one descriptor. */
static void test_descriptors(void **state)
{
    enum { OPENS = 200 };
    struct world *w = *state;
    struct usage *u = &w->primo.usage;
    struct node n;
    struct handle *h;
    roles(w);
    assert_int_equal(
        handle_create(&w->primo, &anne,
                      &(struct creation){at(w, "bases"), ".b", 0644, O_WRONLY},
                      &n, &h, NULL),
        0);
    assert_int_equal(handle_write(h, 0, "weights", 7, NULL), 0);
    assert_int_equal(usage_of(u, anne.uid, USAGE_DESCRIPTORS), 1);
    assert_int_equal(handle_close(h, NULL), 0);
    assert_int_equal(usage_of(u, anne.uid, USAGE_DESCRIPTORS), 0);
    int before = descriptors();
    for (int i = 0; i < OPENS; i++)
        assert_int_equal(
            open_as(w, &anne, "bases/.b", O_RDONLY, &opened[i], NULL), 0);
    assert_int_equal(open_as(w, &bert, "bases/.b", O_RDONLY, &h, NULL), 0);
    assert_int_equal(usage_of(u, anne.uid, USAGE_DESCRIPTORS), 1);
    assert_true(descriptors() < before + 20); /* the daemon has its own */
    close_all(OPENS);
    struct text got = TEXT_INIT;
    assert_int_equal(handle_descriptor(h) >= 0, 1);
    assert_int_equal(handle_read(h, 0, 100, &got, NULL), 0);
    assert_string_equal(text_string(&got), "weights");
    handle_close(h, NULL);
    text_release(&got);
    assert_true(descriptors() < before + 20);
}

/* As many scratch files as one may have, and others still make files. */
static void test_scratch(void **state)
{
    struct world *w = *state;
    struct reason why = REASON_INIT;
    char name[32];
    int err = 0, count = 0;
    roles(w);
    for (; err == 0 && count < 2000; count += err == 0) {
        snprintf(name, sizeof name, ".x%d", count);
        err = put_as(w, &anne, "templates", name, "", 0, &why);
    }
    assert_int_equal(err, -ENOSPC);
    assert_in_range(count, 100, 1000);
    assert_int_equal(
        put_as(w, &bert, "templates", "b", "epochs = 4\n", 0, NULL), 0);
    assert_int_equal(
        put_as(w, &root, "templates", "r", "epochs = 4\n", 0, NULL), 0);
    assert_int_equal(
        tree_unlink(&w->primo, &anne, at(w, "templates"), ".x0", NULL), 0);
    assert_int_equal(
        put_as(w, &anne, "templates", "a", "epochs = 4\n", 0, NULL), 0);
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_staged), TEST(test_shared),      TEST(test_refused),
        TEST(test_opens),  TEST(test_descriptors), TEST(test_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

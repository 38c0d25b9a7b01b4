/* A database file whose pages are not what they should be is refused before
 * anybody maps it; one that is in order is not. */
#include "core/store/object.h"
#include "core/store/pages.h"
#include "core/store/stream.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096, OBJECTS = 600 };

struct world {
    char dir[64];
    int fd;   /* of it */
    int file; /* db/data.mdb */
};

static struct store *opened(struct world *w)
{
    struct store *s;
    struct reason why = REASON_INIT;
    if (store_open(&s, w->fd, true, &why))
        fail_msg("%s", why.sentence);
    return s;
}

/* Objects with bodies, of which the longest have pages of their own, some of
 * them replaced, and a stream. */
static void fill(struct store *s)
{
    static char body[20000];
    struct store_txn *txn;
    memset(body, 'x', sizeof body);
    assert_int_equal(store_begin(s, true, &txn, NULL), 0);
    for (int i = 0; i < OBJECTS; i++) {
        struct object o = {.id = 300 + (uint64_t)i % 500, .parent = 16};
        o.kind = OBJECT_TEMPLATE;
        snprintf(o.name, sizeof o.name, "t%d", i);
        text_add(&o.body, body, (size_t)i * 33);
        assert_int_equal(object_put(txn, &o, NULL), 0);
        assert_int_equal(
            stream_append(txn, (struct stream){0, 'e'}, body, 100, NULL), 0);
        object_release(&o);
        if (i % 60 == 0) {
            assert_int_equal(store_commit(txn, NULL), 0);
            assert_int_equal(store_begin(s, true, &txn, NULL), 0);
        }
    }
    assert_int_equal(store_commit(txn, NULL), 0);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/pages_test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->fd = directory_own(AT_FDCWD, w->dir, NULL);
    struct store *s = opened(w);
    fill(s);
    store_close(s);
    w->file = openat(w->fd, "db/data.mdb", O_RDWR | O_CLOEXEC);
    assert_true(w->file >= 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    close(w->file);
    close(w->fd);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static int check(struct world *w)
{
    return pages_check(w->fd, "db/data.mdb", NULL);
}

static void page_get(struct world *w, int number, unsigned char *page)
{
    assert_int_equal(pread(w->file, page, PAGE, (off_t)number * PAGE), PAGE);
}

static void page_put(struct world *w, int number, const unsigned char *page)
{
    assert_int_equal(pwrite(w->file, page, PAGE, (off_t)number * PAGE), PAGE);
}

static int page_count(struct world *w)
{
    struct stat st;
    assert_int_equal(fstat(w->file, &st), 0);
    return (int)(st.st_size / PAGE);
}

static void test_in_order(void **state)
{
    struct world *w = *state;
    assert_int_equal(check(w), 0);
    for (int i = 0; i < 3; i++)
        store_close(opened(w));
    assert_int_equal(check(w), 0);
}

static bool count_entry(void *context, struct store_view key,
                        struct store_view value)
{
    int *counts = context;
    counts[0]++;
    counts[1] += key.size == 8 && value.size >= 64;
    return true;
}

static void test_walk_shows_all(void **state)
{
    struct world *w = *state;
    struct pages p;
    int counts[2] = {0};
    assert_int_equal(pages_open(&p, w->fd, "db/data.mdb", NULL), 0);
    pages_walk(&p, "object", count_entry, counts);
    assert_int_equal(counts[0], 500);
    assert_int_equal(counts[1], 500);
    assert_int_equal(p.bad, 0);
    pages_close(&p);
}

static void test_cut(void **state)
{
    struct world *w = *state;
    struct store *s;
    int pages = page_count(w);
    assert_int_equal(ftruncate(w->file, (off_t)(pages / 2) * PAGE), 0);
    assert_int_equal(check(w), -EUCLEAN);
    assert_int_equal(store_open(&s, w->fd, false, NULL), -EUCLEAN);
    assert_int_equal(ftruncate(w->file, 100), 0);
    assert_int_equal(store_open(&s, w->fd, true, NULL), -EUCLEAN);
    assert_int_equal(ftruncate(w->file, 0), 0); /* not one to begin anew in */
    assert_int_equal(store_open(&s, w->fd, false, NULL), -ENOENT);
}

/* Each page in turn is emptied, or has the number of another: where it is in
 * use that is found, and there is never more than a refusal. */
static void test_each_page(void **state)
{
    struct world *w = *state;
    unsigned char page[PAGE], nothing[PAGE] = {0};
    int found = 0, pages = page_count(w);
    for (int i = 2; i < pages; i++) {
        page_get(w, i, page);
        page_put(w, i, nothing);
        int emptied = check(w);
        nothing[0] = 1;
        page_put(w, i, nothing);
        nothing[0] = 0;
        assert_int_equal(check(w), emptied);
        page_put(w, i, page);
        assert_true(emptied == 0 || emptied == -EUCLEAN);
        found += emptied != 0;
    }
    assert_true(found > 100);
    assert_int_equal(check(w), 0);
}

/* Bytes of page headers and of the offsets behind them, at random. */
static void test_changed_headers(void **state)
{
    struct world *w = *state;
    unsigned char page[PAGE], changed[PAGE];
    int pages = page_count(w);
    srand(1);
    for (int i = 0; i < 500; i++) {
        int number = rand() % pages;
        page_get(w, number, page);
        memcpy(changed, page, sizeof page);
        changed[rand() % 64] ^= (unsigned char)(1 + rand() % 255);
        page_put(w, number, changed);
        int err = check(w);
        assert_true(err == 0 || err == -EUCLEAN);
        page_put(w, number, page);
    }
    assert_int_equal(check(w), 0);
}

/* What a power cut can leave of the first mount is made anew; what is there is
 * not touched. */
static void test_cut_short_while_it_was_made(void **state)
{
    struct world *w = *state;
    struct store *s;
    char command[300];
    snprintf(command, sizeof command,
             "cd %s && mkdir db.new && head -c 5000 /dev/zero >db.new/data.mdb",
             w->dir);
    assert_int_equal(system(command), 0);
    store_close(opened(w)); /* it has one */
    assert_int_equal(check(w), 0);
    snprintf(command, sizeof command, "cd %s && rm db/*", w->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(store_open(&s, w->fd, false, NULL), -ENOENT);
    store_close(opened(w));
    assert_int_equal(check(w), 0);
    assert_int_not_equal(faccessat(w->fd, "db.new", F_OK, 0), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_in_order),
        TEST(test_walk_shows_all),
        TEST(test_cut),
        TEST(test_each_page),
        TEST(test_changed_headers),
        TEST(test_cut_short_while_it_was_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

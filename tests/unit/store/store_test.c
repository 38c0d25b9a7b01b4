/* store.h, stream.h and object.h: streams, blobs, and ids that are never used
 * again. */
#include "core/store/object.h"
#include "core/store/stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    char dir[64];
    struct store *store;
};

static void world_open(struct world *w)
{
    struct reason why = REASON_INIT;
    if (store_open(&w->store, w->dir, &why))
        fail_msg("%s", why.sentence);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/store_test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    world_open(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    store_close(w->store);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static struct store_txn *begin(struct world *w, bool write)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(w->store, write, &txn, NULL), 0);
    return txn;
}

static void test_streams(void **state)
{
    struct world *w = *state;
    struct stream s = {300, 'm'}, other = {300, 'n'};
    struct text all = TEXT_INIT, part = TEXT_INIT;
    for (int i = 0; i < 200; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "%d,%*d\n", i, i % 40, i);
        struct store_txn *txn = begin(w, true);
        text_add(&all, line, (size_t)n);
        assert_int_equal(stream_append(txn, s, line, (size_t)n, NULL), 0);
        assert_int_equal(stream_append(txn, other, "x", 1, NULL), 0);
        assert_int_equal(store_commit(txn, NULL), 0);
    }
    store_close(w->store);
    world_open(w);
    struct store_txn *txn = begin(w, false);
    assert_int_equal(stream_size(txn, s), all.size);
    for (size_t offset = 0; offset < all.size + 3; offset += 7) {
        text_clear(&part);
        assert_int_equal(stream_read(txn, s, offset, 100, &part), 0);
        size_t left = offset < all.size ? all.size - offset : 0;
        assert_int_equal(part.size, left < 100 ? left : 100);
        assert_memory_equal(text_string(&part), all.data + offset, part.size);
    }
    store_abort(txn);
    txn = begin(w, true);
    assert_int_equal(stream_drop(txn, s, NULL), 0);
    assert_int_equal(stream_size(txn, s), 0);
    assert_int_equal(stream_size(txn, other), 200);
    store_abort(txn);
    text_release(&all);
    text_release(&part);
}

static void test_abort_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct text out = TEXT_INIT;
    struct store_txn *txn = begin(w, true);
    assert_int_equal(blob_put(txn, 7, 't', "text", 4, NULL), 0);
    store_abort(txn);
    txn = begin(w, false);
    assert_int_equal(blob_get(txn, 7, 't', &out), -ENOENT);
    store_abort(txn);
    text_release(&out);
}

static void test_objects(void **state)
{
    struct world *w = *state;
    struct object o = {.id = 400, .parent = 16, .kind = OBJECT_TEMPLATE};
    struct object found = OBJECT_INIT;
    struct store_txn *txn = begin(w, true);
    strcpy(o.name, "Счета");
    text_puts(&o.body, "epochs = 1\n");
    assert_int_equal(object_put(txn, &o, NULL), 0);
    strcpy(o.name, "b");
    assert_int_equal(object_put(txn, &o, NULL), 0); /* renamed */
    assert_int_equal(object_find(txn, 16, "Счета", &found), -ENOENT);
    assert_int_equal(object_find(txn, 16, "b", &found), 0);
    assert_int_equal(found.id, 400);
    assert_string_equal(text_string(&found.body), "epochs = 1\n");
    object_release(&found);
    assert_int_equal(object_next(txn, 16, 0, &found), 0);
    object_release(&found);
    assert_int_equal(object_next(txn, 16, 400, &found), -ENOENT);
    assert_int_equal(object_drop(txn, &o, NULL), 0);
    assert_false(object_has_children(txn, 16));
    store_abort(txn);
    object_release(&o);
}

static void test_ids_never_again(void **state)
{
    struct world *w = *state;
    uint64_t last = 0;
    for (int opening = 0; opening < 3; opening++) {
        struct id_source ids = {.lock = PTHREAD_MUTEX_INITIALIZER};
        for (int i = 0; i < 1500; i++) {
            uint64_t id;
            assert_int_equal(ids_take(&ids, w->store, &id, NULL), 0);
            assert_true(id > last);
            last = id;
        }
        store_close(w->store);
        world_open(w);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_streams),
        TEST(test_abort_leaves_nothing),
        TEST(test_objects),
        TEST(test_ids_never_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

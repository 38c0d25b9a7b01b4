/* Of a service the last thumbnails are kept, and no more; each is that of one
 * revision of its request. */
#include "core/inbox/thumbnail.h"
#include "core/store/stream.h"
#include "tests/unit/world.h"

#include <errno.h>

enum { SERVICE = 300, REQUEST = 1000 };

static struct store_txn *begin(struct world *w)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    return txn;
}

/* The answer with this number, to a revision of a request. */
static void keep(struct store_txn *txn, uint64_t number, uint64_t request,
                 uint64_t revision, const char *base64)
{
    struct serving s = {.id = SERVICE, .answered = number};
    struct answer *a = calloc(1, sizeof *a);
    a->request = request;
    a->revision = revision;
    strcpy(a->thumbnail, base64);
    assert_int_equal(thumbnail_keep(txn, &s, a, false, NULL), 0);
    free(a);
}

static void assert_kept(struct store_txn *txn, uint64_t request,
                        uint64_t revision, const char *base64)
{
    struct text found = TEXT_INIT;
    int err = thumbnail_get(txn, request, revision, &found);
    assert_int_equal(err, base64 ? 0 : -ENOENT);
    if (base64)
        assert_string_equal(text_string(&found), base64);
    text_release(&found);
}

static void each_is_of_a_revision(void **state)
{
    struct world *w = *state;
    struct store_txn *txn = begin(w);
    keep(txn, 0, REQUEST, 7, "/9j/AAAA");
    assert_kept(txn, REQUEST, 7, "/9j/AAAA");
    assert_kept(txn, REQUEST, 6, NULL);
    assert_kept(txn, REQUEST + 1, 7, NULL);
    keep(txn, 1, REQUEST, 8, "/9j/BBBB");
    assert_kept(txn, REQUEST, 7, NULL);
    assert_kept(txn, REQUEST, 8, "/9j/BBBB");
    keep(txn, 2, REQUEST, 9, "");
    assert_kept(txn, REQUEST, 8, NULL);
    assert_int_equal(store_commit(txn, NULL), 0);
}

static void the_last_ones_are_kept(void **state)
{
    struct world *w = *state;
    struct store_txn *txn = begin(w);
    for (uint64_t i = 0; i < THUMBNAILS_KEPT; i++)
        keep(txn, i, REQUEST + i, 1, "AAAA");
    assert_kept(txn, REQUEST, 1, "AAAA");
    /* The second one is answered again, and so is among the last. */
    keep(txn, THUMBNAILS_KEPT, REQUEST + 1, 2, "BBBB");
    assert_kept(txn, REQUEST, 1, NULL);
    keep(txn, THUMBNAILS_KEPT + 1, REQUEST + 5000, 1, "CCCC");
    keep(txn, THUMBNAILS_KEPT + 2, REQUEST + 5001, 1, "DDDD");
    assert_kept(txn, REQUEST + 1, 2, "BBBB");
    assert_kept(txn, REQUEST + 2, 1, NULL);
    assert_kept(txn, REQUEST + 3, 1, "AAAA");
    assert_int_equal(store_commit(txn, NULL), 0);
}

static void one_who_has_pictures_deleted_keeps_none(void **state)
{
    struct world *w = *state;
    struct store_txn *txn = begin(w);
    struct serving s = {.id = SERVICE};
    struct answer *a = calloc(1, sizeof *a);
    keep(txn, 0, REQUEST, 1, "AAAA");
    a->request = REQUEST;
    a->revision = 2;
    strcpy(a->thumbnail, "BBBB");
    assert_int_equal(thumbnail_keep(txn, &s, a, true, NULL), 0);
    assert_kept(txn, REQUEST, 1, NULL);
    assert_kept(txn, REQUEST, 2, NULL);
    assert_int_equal(store_commit(txn, NULL), 0);
    free(a);
}

static void a_service_forgets_its_own(void **state)
{
    struct world *w = *state;
    struct store_txn *txn = begin(w);
    keep(txn, 0, REQUEST, 1, "AAAA");
    assert_int_equal(thumbnails_forget(txn, SERVICE - 1, NULL), 0);
    assert_int_equal(thumbnails_forget(txn, SERVICE, NULL), 0);
    /* Its places are free: nobody's thumbnail is in the way. */
    keep(txn, THUMBNAILS_KEPT, REQUEST + 1, 1, "BBBB");
    assert_kept(txn, REQUEST, 1, "AAAA");
    assert_int_equal(blob_drop_all(txn, REQUEST, NULL), 0);
    assert_kept(txn, REQUEST, 1, NULL);
    assert_int_equal(store_commit(txn, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_of_a_revision, world_set_up,
                                        world_tear_down),
        cmocka_unit_test_setup_teardown(the_last_ones_are_kept, world_set_up,
                                        world_tear_down),
        cmocka_unit_test_setup_teardown(one_who_has_pictures_deleted_keeps_none,
                                        world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(a_service_forgets_its_own, world_set_up,
                                        world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

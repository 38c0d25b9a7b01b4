/* events.h: lines in the order of their times, whatever the clock does, and not
 * more of them than is allowed. */
#include "core/state/events.h"
#include "core/system/own.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char dir[64];
    int fd;
    struct store *store;
    struct store_txn *txn;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/events_test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->fd = directory_own(AT_FDCWD, w->dir, NULL);
    assert_int_equal(store_open(&w->store, w->fd, true, NULL), 0);
    assert_int_equal(store_begin(w->store, true, &w->txn, NULL), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    store_abort(w->txn);
    store_close(w->store);
    close(w->fd);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static void test_times_do_not_go_back(void **state)
{
    static const char later[] = "2999-01-02T03:04:05.678Z root x made\n";
    struct world *w = *state;
    struct text out = TEXT_INIT;
    assert_int_equal(
        stream_append(w->txn, EVENTS, later, sizeof later - 1, NULL), 0);
    assert_int_equal(event_add(w->txn, 0, "y", NULL, "removed"), 0);
    assert_int_equal(stream_last(w->txn, EVENTS, &out), 0);
    assert_string_equal(text_string(&out),
                        "2999-01-02T03:04:05.678Z root y removed\n");
    text_release(&out);
}

static void test_the_oldest_half_goes(void **state)
{
    struct world *w = *state;
    struct text first = TEXT_INIT;
    char object[1000];
    uint64_t size = 0, most = 0;
    memset(object, 'o', sizeof object);
    object[sizeof object - 1] = 0;
    for (int i = 0; i < 3 * EVENTS_MOST / 2 / 1000; i++) {
        assert_int_equal(event_add(w->txn, 0, object, NULL, "number %d", i), 0);
        size = stream_size(w->txn, EVENTS);
        most = size > most ? size : most;
    }
    assert_true(most <= EVENTS_MOST && most > EVENTS_MOST / 2);
    assert_true(size < most);
    assert_int_equal(stream_read(w->txn, EVENTS, 0, 4, &first), 0);
    assert_memory_equal(text_string(&first), "20", 2); /* of a whole line */
    text_release(&first);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_times_do_not_go_back),
        TEST(test_the_oldest_half_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* states.h: node ids of states, and how much is kept of them. */
#include "fs/notices/states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 1 << 20, COUNT = 100 };

static const struct node node = {TREE_README, 0};

/* The text of one of the states. */
static void fill(struct shown *s, int i)
{
    text_resize(&s->text, SIZE);
    memset(s->text.data, 'a' + i % 26, SIZE);
    s->mtime = 1000 + i;
}

static void test_dropped(void **state)
{
    struct states s;
    uint64_t ids[COUNT];
    struct shown shown = {TEXT_INIT, 0}, got = {TEXT_INIT, 0};
    (void)state;
    states_init(&s);
    for (int i = 0; i < COUNT; i++) {
        fill(&shown, i);
        ids[i] = states_look_up(&s, node, &shown, 0);
        assert_true(s.bytes <= STATES_BYTES);
    }
    assert_true(s.bytes > STATES_BYTES / 2);
    assert_int_equal(states_get(&s, ids[COUNT - 1], &got), STATE_KNOWN);
    assert_memory_equal(got.text.data, shown.text.data, SIZE);
    assert_int_equal(states_get(&s, ids[0], &got), STATE_DROPPED);
    /* looked up again, it is the same state, and has its text again */
    fill(&shown, 0);
    assert_int_equal(states_look_up(&s, node, &shown, 0), ids[0]);
    assert_int_equal(states_get(&s, ids[0], &got), STATE_KNOWN);
    assert_int_equal(got.mtime, 1000);
    /* shown anew it has not changed, or it has */
    assert_int_equal(states_get(&s, ids[1], &got), STATE_DROPPED);
    fill(&shown, 1);
    assert_false(states_renew(&s, ids[1], &shown));
    assert_int_equal(states_get(&s, ids[2], &got), STATE_DROPPED);
    assert_true(states_renew(&s, ids[2], &shown));
    assert_int_equal(states_get(&s, ids[2], &got), STATE_KNOWN);
    assert_int_equal(got.mtime, 1001);
    for (int i = 1; i < COUNT; i++)
        states_forget(&s, ids[i], 1);
    assert_int_equal(s.bytes, SIZE);
    states_forget(&s, ids[0], 2);
    assert_int_equal(s.bytes, 0);
    assert_null(s.oldest);
    assert_int_equal(states_get(&s, ids[0], &got), STATE_UNKNOWN);
    states_release(&s);
    text_release(&shown.text);
    text_release(&got.text);
}

/* The text that somebody uses stays, whoever looks at others. */
static void test_used(void **state)
{
    struct states s;
    struct shown shown = {TEXT_INIT, 0}, got = {TEXT_INIT, 0};
    (void)state;
    states_init(&s);
    fill(&shown, 0);
    uint64_t used = states_look_up(&s, node, &shown, 0);
    for (int i = 1; i < COUNT; i++) {
        fill(&shown, i);
        states_look_up(&s, node, &shown, 0);
        assert_int_equal(states_get(&s, used, &got), STATE_KNOWN);
    }
    assert_int_equal(got.mtime, 1000);
    states_release(&s);
    text_release(&shown.text);
    text_release(&got.text);
}

/* A growing text has no bytes here, and is never dropped. */
static void test_streams(void **state)
{
    struct states s;
    struct shown none = {TEXT_INIT, 0};
    (void)state;
    states_init(&s);
    uint64_t one = states_look_up(&s, node, &none, 7);
    uint64_t two = states_look_up(&s, node, &none, 8);
    assert_int_not_equal(one, two);
    assert_int_equal(states_look_up(&s, node, &none, 7), one);
    assert_int_equal(states_get(&s, one, &none), STATE_KNOWN);
    states_release(&s);
    text_release(&none.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_used),
        cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

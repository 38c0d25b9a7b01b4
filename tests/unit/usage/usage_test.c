/* usage.h: how much a user may have, beside others and the administrator. */
#include "core/usage/usage.h"

#include "core/clients/scratch.h"
#include "core/usage/texts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { ROOT = 0, OWNER = 500, ANNE = 1001, BERT = 1002, CARL = 1003 };

static int set_up(void **state)
{
    static const uid_t owner = OWNER;
    struct usage *u = malloc(sizeof *u);
    assert_non_null(u);
    usage_init(u, &owner);
    *state = u;
    return 0;
}

static int tear_down(void **state)
{
    usage_release(*state);
    free(*state);
    return 0;
}

/* Takes until it is refused; how often it was given. */
static uint64_t take_all(struct usage *u, uid_t user, enum resource what,
                         uint64_t amount)
{
    struct reason why = REASON_INIT;
    uint64_t n = 0;
    while (usage_take(u, user, what, amount, &why) == 0)
        n++;
    assert_true(why.code == ENFILE || why.code == ENOMEM || why.code == ENOSPC);
    assert_true(strlen(why.sentence) > 20);
    return n;
}

static void test_shares(void **state)
{
    struct usage *u = *state;
    for (enum resource what = 0; what < USAGE_RESOURCES; what++) {
        uint64_t all = u->all[what], open = all - all / 8;
        assert_in_range(all, 64, 1 << 30);
        uint64_t unit = all > 100000 ? 1024 : 1;
        uint64_t first = take_all(u, ANNE, what, unit) * unit;
        assert_in_range(first, open / 2 - unit, open / 2);
        uint64_t second = take_all(u, BERT, what, unit) * unit;
        assert_in_range(second, open / 4 - unit, open / 4);
        uint64_t third = take_all(u, CARL, what, unit) * unit;
        assert_in_range(third, open / 8 - unit, open / 8);
        /* and the administrator all that is left, at least his reserve */
        uint64_t rest = take_all(u, ROOT, what, unit) * unit;
        assert_in_range(rest, all / 8, all);
        usage_give(u, ROOT, what, rest);
        assert_int_equal(take_all(u, OWNER, what, unit) * unit, rest);
        assert_int_equal(usage_of(u, ANNE, what), first);
        usage_give(u, ANNE, what, first);
        assert_int_equal(usage_of(u, ANNE, what), 0);
        assert_int_equal(usage_take(u, CARL, what, unit, NULL), 0);
        usage_give(u, CARL, what, third + unit);
        usage_give(u, BERT, what, second);
        usage_give(u, OWNER, what, rest);
        assert_int_equal(u->total[what], 0);
    }
    assert_null(u->first); /* who holds nothing costs nothing */
}

static void test_change(void **state)
{
    struct usage *u = *state;
    assert_int_equal(usage_change(u, ANNE, USAGE_TEXTS, 0, 100, NULL), 0);
    assert_int_equal(usage_change(u, ANNE, USAGE_TEXTS, 100, 30, NULL), 0);
    assert_int_equal(usage_of(u, ANNE, USAGE_TEXTS), 30);
    assert_int_equal(usage_change(u, ANNE, USAGE_TEXTS, 30, 1 << 30, NULL),
                     -ENOMEM);
    assert_int_equal(usage_of(u, ANNE, USAGE_TEXTS), 30);
    usage_give(u, ANNE, USAGE_TEXTS, 30);
}

static void test_descriptors(void **state)
{
    struct usage *u = *state;
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
    /* there are always some that users cannot have */
    assert_true(l.rlim_cur >= u->all[USAGE_DESCRIPTORS] + 128);
    assert_true(l.rlim_cur == l.rlim_max || l.rlim_cur >= 16384);
}

static void keep(struct texts *t, uid_t user, const char *s,
                 struct kept_text **out)
{
    struct text text = TEXT_INIT;
    text_puts(&text, s);
    assert_int_equal(texts_keep(t, user, &text, out, NULL), 0);
    assert_string_equal(text_string(&(*out)->text), s);
    assert_null(text.data);
}

static void test_texts(void **state)
{
    struct usage *u = *state;
    struct texts t;
    struct kept_text *kept[4];
    texts_init(&t, u);
    keep(&t, ANNE, "the same", &kept[0]);
    keep(&t, ANNE, "the same", &kept[1]);
    keep(&t, ANNE, "another", &kept[2]);
    keep(&t, BERT, "the same", &kept[3]);
    assert_ptr_equal(kept[0], kept[1]);
    assert_ptr_not_equal(kept[0], kept[3]);
    assert_int_equal(usage_of(u, ANNE, USAGE_TEXTS), 15);
    assert_int_equal(usage_of(u, BERT, USAGE_TEXTS), 8);
    texts_drop(&t, kept[0]);
    assert_string_equal(text_string(&kept[1]->text), "the same");
    for (int i = 1; i < 4; i++)
        texts_drop(&t, kept[i]);
    assert_int_equal(u->total[USAGE_TEXTS], 0);
    texts_release(&t);
}

/* The first number of a scratch file, from `from` on, that finds no room. */
static uint64_t fill(struct scratch *s, uid_t user, uint64_t from, size_t size)
{
    struct reason why = REASON_INIT;
    struct object o = OBJECT_INIT;
    text_resize(&o.body, size);
    o.uid = user;
    o.parent = 1;
    int err = 0;
    for (o.id = from; err == 0; o.id += err == 0) {
        snprintf(o.name, sizeof o.name, ".x%d", (int)o.id);
        err = scratch_put(s, &o, &why);
    }
    assert_int_equal(err, -ENOSPC);
    uint64_t id = o.id;
    object_release(&o);
    return id;
}

static void test_scratch(void **state)
{
    struct usage *u = *state;
    struct scratch s;
    scratch_init(&s, u);
    uint64_t annes = fill(&s, ANNE, 10000, 0) - 10000;
    assert_in_range(annes, 100, 512);
    assert_in_range(fill(&s, BERT, 20000, 0) - 20000, 100, 512);
    assert_in_range(fill(&s, ROOT, 30000, 0) - 30000, 100, 512);
    for (uint64_t id = 10000; id < 10000 + annes; id++)
        scratch_drop(&s, id);
    assert_in_range(fill(&s, CARL, 40000, 1 << 20) - 40000, 4, 16);
    assert_int_equal(usage_of(u, ANNE, USAGE_SCRATCH_FILES), 0);
    struct object o = OBJECT_INIT; /* one that changes its owner and grows */
    assert_int_equal(scratch_get(&s, 40000, &o), 0);
    o.uid = ANNE;
    uint64_t carls = usage_of(u, CARL, USAGE_SCRATCH_BYTES);
    assert_int_equal(scratch_put(&s, &o, NULL), 0);
    assert_int_equal(usage_of(u, ANNE, USAGE_SCRATCH_BYTES), 1 << 20);
    assert_int_equal(usage_of(u, CARL, USAGE_SCRATCH_BYTES), carls - (1 << 20));
    object_release(&o);
    scratch_release(&s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_shares), TEST(test_change),  TEST(test_descriptors),
        TEST(test_texts),  TEST(test_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

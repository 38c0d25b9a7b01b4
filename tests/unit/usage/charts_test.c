/* A chart is drawn once for each state. */
#include "core/usage/charts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int draws;

static int draw(void *what, struct text *out)
{
    draws++;
    text_puts(out, what ? what : "a part of");
    return what ? 0 : -EIO;
}

static void is(struct charts *c, const char *key, char *what)
{
    struct text out = TEXT_INIT;
    text_puts(&out, "before ");
    assert_int_equal(charts_draw(c, key, draw, what, &out), 0);
    assert_string_equal(text_string(&out) + 7, what);
    text_release(&out);
}

static void once_a_state(void **state)
{
    struct charts c;
    char key[16];
    (void)state;
    charts_init(&c);
    for (int i = 0; i < 100; i++)
        is(&c, "epoch 1", "one");
    assert_int_equal(draws, 1);
    is(&c, "epoch 2", "two");
    is(&c, "epoch 1", "one");
    assert_int_equal(draws, 2);
    for (int i = 0; i < CHARTS_KEPT - 1; i++) { /* others, and what is used */
        snprintf(key, sizeof key, "%d", i);
        is(&c, key, "other");
        is(&c, "epoch 1", "one");
    }
    assert_int_equal(draws, 2 + CHARTS_KEPT - 1);
    is(&c, "epoch 2", "two");
    assert_int_equal(draws, 2 + CHARTS_KEPT);
    charts_release(&c);
}

static void failures_are_not_kept(void **state)
{
    struct charts c;
    struct text out = TEXT_INIT;
    (void)state;
    charts_init(&c);
    assert_int_equal(charts_draw(&c, "x", draw, NULL, &out), -EIO);
    assert_int_equal(out.size, 0);
    is(&c, "x", "well");
    charts_release(&c);
    text_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(once_a_state),
                                       cmocka_unit_test(failures_are_not_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

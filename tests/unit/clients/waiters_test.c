/* waiters.h: who is told how a training ended, and who goes on waiting. */
#include "core/clients/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PROCESS = 7, OTHER = 8 };

/* A process that is started again as soon as somebody hears of its end. */
struct robot {
    struct waiters *waiters;
    const char **status; /* the status of the process; NULL = it is live */
    int answers;
    char last[16];
};

static bool ended(void *context, uint64_t process, const char **word)
{
    const char **status = context;
    *word = process == PROCESS ? *status : NULL;
    return process == PROCESS && *status;
}

static void start_and_wait(void *context, const char *word)
{
    struct robot *r = context;
    r->answers++;
    strcpy(r->last, word ? word : "-");
    if (!word)
        return;
    *r->status = NULL;
    waiters_add(r->waiters, PROCESS, start_and_wait, r);
}

/* Both readers wait again while the other one has not been answered yet. */
static void test_next_training(void **state)
{
    const char *status = "stopped";
    struct waiters w;
    (void)state;
    waiters_init(&w, ended, &status);
    struct robot a = {&w, &status, 0, ""}, b = a;
    waiters_add(&w, PROCESS, start_and_wait, &a);
    waiters_add(&w, PROCESS, start_and_wait, &b);
    waiters_wake(&w, PROCESS);
    assert_int_equal(a.answers, 1);
    assert_int_equal(b.answers, 1);
    waiters_wake_all(&w); /* the new training is live */
    assert_int_equal(a.answers + b.answers, 2);
    status = "succeeded";
    waiters_wake_all(&w);
    assert_string_equal(a.last, "succeeded");
    assert_string_equal(b.last, "succeeded");
    waiters_release(&w);
    assert_int_equal(a.answers, 3);
    assert_string_equal(b.last, "-");
}

static void test_others(void **state)
{
    const char *status = "failed";
    struct waiters w;
    (void)state;
    waiters_init(&w, ended, &status);
    struct robot a = {&w, &status, 0, ""};
    waiters_add(&w, OTHER, start_and_wait, &a);
    waiters_wake(&w, PROCESS);
    waiters_wake_all(&w);
    assert_int_equal(a.answers, 0);
    assert_true(waiters_cancel(&w, &a));
    assert_false(waiters_cancel(&w, &a));
    waiters_release(&w);
    assert_int_equal(a.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_training),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

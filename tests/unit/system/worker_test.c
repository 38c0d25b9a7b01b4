/* worker.h and clock.h: threads that rest, are woken and end; waiting. */
#include "core/system/worker.h"

#include "core/basic/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SOON_MS = 20, NEVER_MS = 60000 };

struct counter {
    struct worker worker;
    int ms;           /* between rounds */
    int rounds, ends; /* atomic */
};

static void *count_run(void *context)
{
    struct counter *c = context;
    do
        __atomic_add_fetch(&c->rounds, 1, __ATOMIC_SEQ_CST);
    while (worker_rest(&c->worker, c->ms));
    assert_true(worker_is_ending(&c->worker));
    __atomic_add_fetch(&c->ends, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static int rounds(struct counter *c)
{
    return __atomic_load_n(&c->rounds, __ATOMIC_SEQ_CST);
}

/* Until there were so many rounds; the test's time limit ends a vain wait. */
static void await_rounds(struct counter *c, int n)
{
    while (rounds(c) < n)
        clock_sleep(1);
}

static void works_by_the_clock(void **state)
{
    (void)state;
    struct counter c = {.ms = SOON_MS};
    double before = monotonic_now();
    assert_int_equal(worker_open(&c.worker, count_run, &c, NULL), 0);
    await_rounds(&c, 4);
    assert_true(monotonic_now() - before >= 3 * SOON_MS / 1e3);
    worker_close(&c.worker);
    assert_int_equal(c.ends, 1);
}

static void is_woken(int ms)
{
    struct counter c = {.ms = ms};
    assert_int_equal(worker_open(&c.worker, count_run, &c, NULL), 0);
    for (int n = 1; n < 20; n++) {
        await_rounds(&c, n);
        worker_wake(&c.worker);
    }
    await_rounds(&c, 20);
    clock_sleep(SOON_MS); /* without a call, it rests */
    assert_int_equal(rounds(&c), 20);
    worker_end(&c.worker);
    worker_close(&c.worker);
    assert_int_equal(c.ends, 1);
}

static void rests_until_it_is_woken(void **state)
{
    (void)state;
    is_woken(NEVER_MS);
    is_woken(-1);
}

/* It was at work when it was woken: then it must not rest. */
struct slow {
    struct worker worker;
    pthread_mutex_t gate;
    int rounds;
};

static void *slow_run(void *context)
{
    struct slow *s = context;
    do {
        pthread_mutex_lock(&s->gate);
        s->rounds++;
        pthread_mutex_unlock(&s->gate);
    } while (worker_rest(&s->worker, -1) && s->rounds < 2);
    return NULL;
}

static void heeds_what_came_while_it_worked(void **state)
{
    (void)state;
    struct slow s = {.gate = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&s.gate);
    assert_int_equal(worker_open(&s.worker, slow_run, &s, NULL), 0);
    worker_wake(&s.worker);
    pthread_mutex_unlock(&s.gate);
    for (int n = 0; n < 2; clock_sleep(1)) {
        pthread_mutex_lock(&s.gate);
        n = s.rounds;
        pthread_mutex_unlock(&s.gate);
    }
    worker_close(&s.worker);
}

static void none_is_closed(void **state)
{
    (void)state;
    struct worker none = {0};
    worker_wake(&none);
    worker_end(&none);
    worker_close(&none);
    struct counter c = {.ms = -1};
    assert_int_equal(worker_open(&c.worker, count_run, &c, NULL), 0);
    worker_close(&c.worker);
    worker_close(&c.worker);
    assert_int_equal(c.ends, 1);
}

static void converts_times(void **state)
{
    (void)state;
    struct timespec t = ns_timespec(1700000000123456789);
    assert_int_equal(t.tv_sec, 1700000000);
    assert_int_equal(t.tv_nsec, 123456789);
    assert_true(timespec_ns(t) == 1700000000123456789);
    int64_t before = monotonic_ns();
    int64_t until = timespec_ns(clock_after(1500));
    assert_true(until >= before + 1500000000);
    assert_true(until <= monotonic_ns() + 1500000000);
}

static void sleeps_long_enough(void **state)
{
    (void)state;
    int64_t before = monotonic_ns();
    clock_sleep(SOON_MS);
    assert_true(monotonic_ns() >= before + SOON_MS * 1000000);
    clock_sleep_until(before); /* which has passed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_by_the_clock),
        cmocka_unit_test(rests_until_it_is_woken),
        cmocka_unit_test(heeds_what_came_while_it_worked),
        cmocka_unit_test(none_is_closed),
        cmocka_unit_test(converts_times),
        cmocka_unit_test(sleeps_long_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

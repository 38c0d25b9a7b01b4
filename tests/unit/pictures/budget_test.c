/* Threads that ask for more memory for pictures than there is to be had. */
#include "trainer/pictures/budget.h"

#include "trainer/pictures/picture.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 16, ROUNDS = 20 };
#define PART ((size_t)150 << 20)

static atomic_size_t used, most;

static void count(size_t more)
{
    size_t now = atomic_fetch_add(&used, more) + more;
    for (size_t seen = most; now > seen;)
        if (atomic_compare_exchange_weak(&most, &seen, now))
            break;
}

/* First for the file, then for its pixels, as decoding does. */
static void *decode(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        size_t held = 0;
        budget_take(&held, PART);
        count(PART);
        usleep(200);
        budget_take(&held, PART);
        count(PART);
        usleep(200);
        atomic_fetch_sub(&used, 2 * PART);
        budget_return(&held);
    }
    return unused;
}

/* Also for one of two programs, which is kept until the pixels are there. */
static sem_t programs;

static void *draw(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        size_t held = 0;
        budget_take(&held, PART);
        count(PART);
        budget_queue(true);
        sem_wait(&programs);
        budget_queue(false);
        budget_take(&held, PART);
        count(PART);
        usleep(200);
        atomic_fetch_sub(&used, PART);
        budget_keep(&held, PART);
        sem_post(&programs);
        atomic_fetch_sub(&used, PART);
        budget_return(&held);
    }
    return unused;
}

static void all_go_on(void *(*run)(void *))
{
    pthread_t threads[THREADS];
    most = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(most > BUDGET_BYTES / 2);
    assert_true(most <= BUDGET_BYTES + 2 * PART);
}

static void all_go_on_within_the_budget(void **state)
{
    (void)state;
    all_go_on(decode);
}

static void those_in_a_queue_keep_none_from_going_on(void **state)
{
    (void)state;
    assert_int_equal(sem_init(&programs, 0, 2), 0);
    all_go_on(draw);
    sem_destroy(&programs);
}

static void one_may_be_larger(void **state)
{
    size_t held = 0;
    (void)state;
    budget_take(&held, (size_t)2 * BUDGET_BYTES);
    budget_take(&held, BUDGET_BYTES);
    assert_int_equal(held, (size_t)3 * BUDGET_BYTES);
    budget_return(&held);
    assert_int_equal(held, 0);
    budget_return(&held);
}

/* A picture takes its part as long as it is there, and gives it back. */
static void pictures_ask(void **state)
{
    static const uint8_t bmp[58] = {
        'B', 'M', 58, 0, 0, 0, 0, 0, 0,  0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0,
        0,   0,   1,  0, 0, 0, 1, 0, 24, 0, 0,  0, 0, 0, 4,  0, 0, 0, 0, 0,
        0,   0,   0,  0, 0, 0, 0, 0, 0,  0, 0,  0, 0, 0, 1,  2, 3, 0};
    struct picture p = PICTURE_INIT;
    (void)state;
    assert_int_equal(picture_decode(&p, bmp, sizeof bmp, 0, NULL), 0);
    assert_true(p.held >= 3);
    picture_release(&p);
    assert_int_equal(p.held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_go_on_within_the_budget),
        cmocka_unit_test(those_in_a_queue_keep_none_from_going_on),
        cmocka_unit_test(one_may_be_larger), cmocka_unit_test(pictures_ask)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

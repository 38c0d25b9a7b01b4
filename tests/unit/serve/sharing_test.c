/* sharing.h: each request is with one replica at most, and what one cannot
 * answer another one takes. */
#include "core/serve/sharing.h"

#include "core/basic/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { A = 11, B = 22, REQUESTS = 400 };

/* A service with requests, of which the first `count` revisions wait. */
struct service {
    struct sharing sharing;
    int answers[REQUESTS + 1]; /* of each revision */
    uint64_t count;
};

static void service_open(struct service *s, int replicas)
{
    *s = (struct service){.count = REQUESTS};
    sharing_init(&s->sharing);
    sharing_join(&s->sharing, A);
    if (replicas > 1)
        sharing_join(&s->sharing, B);
    sharing_set_ready(&s->sharing, A, true);
    if (replicas > 1)
        sharing_set_ready(&s->sharing, B, true);
}

static void service_close(struct service *s)
{
    sharing_release(&s->sharing);
}

/* Takes the next request as a worker's thread does; 0 = there is none for it.
 */
static uint64_t take(struct service *s, uint64_t run)
{
    while (sharing_has_room(&s->sharing, run)) {
        uint64_t from = sharing_from(&s->sharing), at = from + 1;
        while (at <= s->count &&
               (s->answers[at] || sharing_skips(&s->sharing, run, at)))
            at++;
        if (at > s->count)
            return 0;
        if (sharing_take(&s->sharing, run, from,
                         (struct told_request){1000 + at, at}))
            return at;
    }
    return 0;
}

static void answer(struct service *s, uint64_t run, uint64_t revision)
{
    sharing_answered(&s->sharing, run, revision);
    s->answers[revision]++;
}

static int take_all(struct service *s, uint64_t run, uint64_t *of)
{
    int count = 0;
    while ((of[count] = take(s, run)))
        count++;
    return count;
}

/* Opens a service of two, both of which take what they may. */
static void service_share(struct service *s, uint64_t *a, uint64_t *b)
{
    service_open(s, 2);
    assert_int_equal(take_all(s, A, a), SHARE_FIRST);
    assert_int_equal(take_all(s, B, b), SHARE_FIRST);
}

static void one_takes_all_in_order(void **state)
{
    struct service s;
    uint64_t of[SHARE_MOST + 1];
    (void)state;
    service_open(&s, 1);
    sharing_set_ready(&s.sharing, A, false); /* nobody else is there to wait */
    assert_int_equal(take_all(&s, A, of), SHARE_MOST);
    for (uint64_t i = 0; i < SHARE_MOST; i++)
        assert_int_equal(of[i], i + 1);
    answer(&s, A, 1);
    assert_int_equal(take(&s, A), SHARE_MOST + 1);
    assert_int_equal(take(&s, A), 0);
    service_close(&s);
}

static void two_take_what_the_other_has_not(void **state)
{
    struct service s;
    uint64_t a[SHARE_MOST + 1], b[SHARE_MOST + 1];
    (void)state;
    service_share(&s, a, b);
    for (int i = 0; i < SHARE_FIRST; i++) {
        assert_int_equal(a[i], i + 1);
        assert_int_equal(b[i], SHARE_FIRST + i + 1);
    }
    service_close(&s);
}

static void one_that_is_not_ready_takes_none(void **state)
{
    struct service s;
    (void)state;
    service_open(&s, 2);
    sharing_set_ready(&s.sharing, B, false);
    assert_int_equal(take(&s, B), 0);
    assert_true(sharing_others_have_room(&s.sharing, B));
    assert_false(sharing_others_have_room(&s.sharing, A));
    while (take(&s, A))
        ;
    assert_false(sharing_others_have_room(&s.sharing, B));
    service_close(&s);
}

static void what_is_given_back_others_take_first(void **state)
{
    struct service s;
    uint64_t a[SHARE_MOST + 1], b[SHARE_MOST + 1];
    (void)state;
    service_share(&s, a, b);
    sharing_set_ready(&s.sharing, A, false);
    sharing_give_back(&s.sharing, A);
    assert_int_equal(sharing_count(&s.sharing, A), 0);
    for (int i = 0; i < SHARE_FIRST; i++)
        answer(&s, B, b[i]);
    for (int i = 0; i < SHARE_FIRST; i++)
        assert_int_equal(take(&s, B), a[i]);
    assert_int_equal(take(&s, B), 2 * SHARE_FIRST + 1);
    service_close(&s);
}

/* An answer of a replica that was thought to be lost leaves the request with
 * the other one, whose answer comes too late then. */
static void late_answers_take_nothing_from_others(void **state)
{
    struct service s;
    (void)state;
    service_open(&s, 2);
    assert_int_equal(take(&s, A), 1);
    sharing_give_back(&s.sharing, A);
    assert_int_equal(take(&s, B), 1);
    sharing_answered(&s.sharing, A, 1);
    assert_int_equal(sharing_count(&s.sharing, B), 1);
    sharing_answered(&s.sharing, B, 1);
    assert_int_equal(sharing_count(&s.sharing, B), 0);
    service_close(&s);
}

/* Each of those that a worker may have died of is told alone, first to a
 * worker that has not died of it, until it has killed two. */
static void killers_are_found(void **state)
{
    struct service s;
    struct told_request of;
    (void)state;
    service_open(&s, 2);
    while (take(&s, A))
        ;
    assert_false(sharing_lost(&s.sharing, A, &of));
    assert_int_equal(take(&s, B), 1);
    assert_int_equal(take(&s, B), 0); /* alone */
    assert_false(sharing_lost(&s.sharing, B, &of));
    sharing_set_ready(&s.sharing, B, true);
    sharing_set_ready(&s.sharing, A, true);
    assert_int_equal(take(&s, B), 2); /* not 1 again: A is to try it */
    answer(&s, B, 2);
    assert_int_equal(take(&s, B), 3);
    assert_int_equal(take(&s, A), 1);
    assert_true(sharing_lost(&s.sharing, A, &of));
    assert_int_equal(of.revision, 1);
    assert_int_equal(of.request, 1001);
    service_close(&s);
}

static void a_lone_replica_finds_killers(void **state)
{
    struct service s;
    struct told_request of;
    (void)state;
    service_open(&s, 1);
    assert_int_equal(take(&s, A), 1);
    assert_false(sharing_lost(&s.sharing, A, &of));
    assert_int_equal(take(&s, A), 1);
    assert_true(sharing_lost(&s.sharing, A, &of));
    assert_int_equal(of.revision, 1);
    service_close(&s);
}

/* One that hangs keeps nothing for ever, and gets nothing until it answers. */
static void others_take_over(void **state)
{
    struct service s;
    struct told_request of;
    (void)state;
    service_open(&s, 2);
    s.count = 2;
    assert_int_equal(take(&s, A), 1);
    assert_int_equal(take(&s, A), 2);
    assert_false(sharing_take_over(&s.sharing, B, &of));
    s.sharing.out[1].since -= 1000;
    assert_true(sharing_take_over(&s.sharing, B, &of));
    assert_int_equal(of.revision, 2);
    s.sharing.out[0].since -= 1000;
    assert_false(sharing_take_over(&s.sharing, B, &of)); /* it has one */
    answer(&s, B, 2);
    assert_true(sharing_take_over(&s.sharing, B, &of));
    assert_int_equal(of.revision, 1);
    answer(&s, B, 1);
    s.count = REQUESTS;
    assert_int_equal(take(&s, A), 0);
    assert_false(sharing_others_have_room(&s.sharing, B));
    sharing_answered(&s.sharing, A, 1);
    assert_int_equal(take(&s, A), 3);
    service_close(&s);
}

static void leaving_gives_back(void **state)
{
    struct service s;
    (void)state;
    service_open(&s, 2);
    while (take(&s, A))
        ;
    sharing_leave(&s.sharing, A);
    assert_false(sharing_has_several(&s.sharing));
    for (uint64_t i = 1; i <= SHARE_MOST; i++)
        assert_int_equal(take(&s, B), i);
    service_close(&s);
}

static void windows_follow_the_speed(void **state)
{
    (void)state;
    assert_int_equal(share_window(8, 0.1), 9);
    assert_int_equal(share_window(8, 1.5), 8);
    assert_int_equal(share_window(8, 5), 7);
    assert_int_equal(share_window(SHARE_LEAST, 60), SHARE_LEAST);
    assert_int_equal(share_window(SHARE_MOST, 0), SHARE_MOST);
}

/* Whatever happens to two replicas, in an order that chance gives, each request
 * is answered, and none is with both at once. */
static void all_are_answered(void **state)
{
    struct service s;
    struct told_request died_of;
    unsigned seed = 7;
    (void)state;
    service_open(&s, 2);
    uint64_t left = REQUESTS;
    for (int i = 0; left && i < 1000000; i++) {
        uint64_t run = rand_r(&seed) % 2 ? A : B;
        int what = rand_r(&seed) % 100;
        struct sharing *of = &s.sharing;
        if (what == 0) {
            sharing_give_back(of, run);
        } else if (what == 1) {
            if (sharing_lost(of, run, &died_of) &&
                !s.answers[died_of.revision]++)
                left--;
        } else if (what < 4) {
            sharing_set_ready(of, run, true);
        } else if (what < 50) {
            take(&s, run);
        } else {
            for (size_t j = 0; j < of->out_count; j++)
                for (size_t k = 0; k < j; k++)
                    assert_int_not_equal(of->out[j].told.revision,
                                         of->out[k].told.revision);
            size_t j = 0;
            while (j < of->out_count && of->out[j].run != run)
                j++;
            if (j == of->out_count)
                continue;
            uint64_t revision = of->out[j].told.revision;
            left -= s.answers[revision] == 0;
            answer(&s, run, revision);
        }
    }
    assert_int_equal(left, 0);
    service_close(&s);
}

static void one_that_owes_an_answer_is_silent(void **state)
{
    struct service s;
    (void)state;
    service_open(&s, 1);
    assert_true(sharing_silence(&s.sharing, A) == 0);
    uint64_t first = take(&s, A), second = take(&s, A);
    usleep(20000);
    double before = sharing_silence(&s.sharing, A);
    assert_true(before >= 0.02);
    usleep(1000);
    assert_true(sharing_silence(&s.sharing, A) > before);
    double asked = monotonic_now();
    answer(&s, A, first);
    before = sharing_silence(&s.sharing, A);
    assert_true(before <= monotonic_now() - asked);
    answer(&s, A, second);
    assert_true(sharing_silence(&s.sharing, A) == 0);
    take(&s, A);
    assert_true(sharing_silence(&s.sharing, A) > 0);
    sharing_set_ready(&s.sharing, A, false);
    assert_true(sharing_silence(&s.sharing, A) == 0);
    sharing_set_ready(&s.sharing, A, true);
    struct told_request of;
    sharing_lost(&s.sharing, A, &of);
    assert_true(sharing_silence(&s.sharing, A) == 0);
    service_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_takes_all_in_order),
        cmocka_unit_test(two_take_what_the_other_has_not),
        cmocka_unit_test(one_that_is_not_ready_takes_none),
        cmocka_unit_test(what_is_given_back_others_take_first),
        cmocka_unit_test(late_answers_take_nothing_from_others),
        cmocka_unit_test(killers_are_found),
        cmocka_unit_test(a_lone_replica_finds_killers),
        cmocka_unit_test(others_take_over),
        cmocka_unit_test(one_that_owes_an_answer_is_silent),
        cmocka_unit_test(leaving_gives_back),
        cmocka_unit_test(windows_follow_the_speed),
        cmocka_unit_test(all_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* journal.h, progress.h: what a trainer writes is what is read, and nothing
 * that is cut or damaged is taken. */
#include "core/report/journal.h"
#include "core/report/progress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void frames_come_back(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    journal_frame(&t, JOURNAL_OPEN, 1.5, "version=1 iteration=0");
    size_t first = t.size;
    journal_frame(&t, JOURNAL_LOG, 2.5, "Счёт");
    journal_frame(&t, JOURNAL_END, 3.5, "");
    struct journal_record r;
    assert_int_equal(journal_unframe(t.data, t.size, &r), first);
    assert_int_equal(r.kind, JOURNAL_OPEN);
    assert_true(r.time == 1.5);
    assert_string_equal(r.payload, "version=1 iteration=0");
    size_t second = journal_unframe(t.data + first, t.size - first, &r);
    assert_string_equal(r.payload, "Счёт");
    assert_int_equal(r.size, strlen("Счёт"));
    size_t at = first + second;
    assert_int_equal(journal_unframe(t.data + at, t.size - at, &r),
                     t.size - at);
    assert_int_equal(r.kind, JOURNAL_END);
    assert_int_equal(r.size, 0);
    text_release(&t);
}

static void a_cut_or_damaged_frame_is_none(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    struct journal_record r;
    journal_frame(&t, JOURNAL_METRIC, 1, "2000-01-01T00:00:00.000Z,1,2");
    for (size_t n = 0; n < t.size; n++)
        assert_int_equal(journal_unframe(t.data, n, &r), 0);
    for (size_t i = 0; i < t.size * 8; i++) {
        t.data[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(journal_unframe(t.data, t.size, &r), 0);
        t.data[i / 8] ^= (char)(1 << i % 8);
    }
    assert_int_equal(journal_unframe(t.data, t.size, &r), t.size);
    text_release(&t);
}

static void bad_payloads_are_none(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    struct journal_record r;
    journal_frame(&t, JOURNAL_LOG, 1, "not \xff UTF-8");
    assert_int_equal(journal_unframe(t.data, t.size, &r), 0);
    text_release(&t);
    journal_frame(&t, (enum journal_kind)'?', 1, "unknown");
    assert_int_equal(journal_unframe(t.data, t.size, &r), 0);
    text_release(&t);
}

static void a_long_payload_is_cut_at_a_character(void **state)
{
    (void)state;
    struct text t = TEXT_INIT, payload = TEXT_INIT;
    struct journal_record r;
    text_puts(&payload, "x");
    for (int i = 0; i < JOURNAL_PAYLOAD_MAX; i++)
        text_puts(&payload, "ё");
    journal_frame(&t, JOURNAL_LOG, 1, text_string(&payload));
    assert_int_equal(journal_unframe(t.data, t.size, &r), t.size);
    assert_int_equal(r.size, JOURNAL_PAYLOAD_MAX - 1);
    assert_int_equal(utf8_valid(r.payload, r.size), r.size);
    text_release(&payload);
    text_release(&t);
}

static void metrics_rows(void **state)
{
    (void)state;
    struct metrics_row row = {.time = 951827696.789,
                              .epoch = 1.5,
                              .iteration = 12,
                              .learning_rate = 0.05,
                              .train_loss = NAN,
                              .average_precision = 0.1234567,
                              .accuracy = NAN,
                              .images_per_second = 1e4},
                       back;
    struct text t = TEXT_INIT;
    metrics_row_print(&t, &row);
    assert_string_equal(
        text_string(&t),
        "2000-02-29T12:34:56.789Z,1.5,12,0.05,,0.1234567,,10000\n");
    t.data[t.size - 1] = 0;
    assert_true(metrics_row_parse(t.data, &back));
    assert_true(fabs(back.time - row.time) < 1e-6);
    assert_true(back.iteration == 12 && back.epoch == 1.5);
    assert_true(isnan(back.train_loss) && isnan(back.accuracy));
    assert_true(back.average_precision == 0.1234567);
    text_release(&t);
    static const char *const bad[] = {
        "",
        "time,epoch,iteration,learning_rate",
        "2000-02-29T12:34:56.789Z,1.5,12,0.05,,0.1,", /* a cell short */
        "2000-02-29T12:34:56.789Z,1.5,12,0.05,,0.1,,1,2",
        "2000-02-29T12:34:56.789Z,1.5,-1,0.05,,0.1,,1",
        "2000-02-29T12:34:56.789Z,1.5,,0.05,,0.1,,1",
        "yesterday,1.5,12,0.05,,0.1,,1",
        "2000-02-29T12:34:56.789Z,x,12,0.05,,0.1,,1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(metrics_row_parse(bad[i], &back));
}

static void progress(void **state)
{
    (void)state;
    struct progress p = {.epoch = 3,
                         .epochs = 30,
                         .iteration = UINT32_MAX + 5ull,
                         .learning_rate = 1e-5,
                         .train_loss = NAN,
                         .eta = 61.25,
                         .average_precision = 0.9},
                    back;
    struct text t = TEXT_INIT;
    progress_print(&t, &p);
    assert_true(progress_parse(text_string(&t), &back));
    assert_true(back.epoch == 3 && back.epochs == 30);
    assert_true(back.iteration == UINT32_MAX + 5ull);
    assert_true(back.learning_rate == 1e-5 && back.eta == 61.25);
    assert_true(isnan(back.train_loss));
    text_release(&t);
    assert_true(progress_parse("", &back));
    assert_true(back.epoch == 0 && isnan(back.eta));
    assert_true(progress_parse("epoch=1 from_the_future=2", &back));
    assert_true(back.epoch == 1);
    assert_false(progress_parse("epoch", &back));
    assert_false(progress_parse("epoch=-1", &back));
    assert_false(progress_parse("eta=soon", &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back),
        cmocka_unit_test(a_cut_or_damaged_frame_is_none),
        cmocka_unit_test(bad_payloads_are_none),
        cmocka_unit_test(a_long_payload_is_cut_at_a_character),
        cmocka_unit_test(metrics_rows),
        cmocka_unit_test(progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

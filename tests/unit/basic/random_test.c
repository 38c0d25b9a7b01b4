/* random.h against the known answers of Random123 and against what its
 * distributions promise. */
#include "trainer/basic/purposes.h"
#include "trainer/basic/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Random123's kat_vectors, "philox4x32 10". */
static const struct {
    uint32_t counter[4], key[2], want[4];
} answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct random r = {.used = 4};
        for (int k = 0; k < 4; k++)
            r.counter[k] = answers[i].counter[k];
        r.key[0] = answers[i].key[0];
        r.key[1] = answers[i].key[1];
        for (int k = 0; k < 4; k++)
            assert_int_equal(random_u32(&r), answers[i].want[k]);
    }
}

/* Every part of a sequence's name matters, and the same name gives the same
 * numbers. */
static void streams_differ(void **state)
{
    static const uint32_t names[][5] = {
        {1, 0, 0, 0, 0}, {1, 1, 0, 0, 0}, {1, 0, 1, 0, 0},
        {1, 0, 0, 1, 0}, {1, 0, 0, 0, 1}, {2, 0, 0, 0, 0},
    };
    enum { N = sizeof names / sizeof *names };
    uint32_t first[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        struct random r, again;
        uint64_t seed = names[i][0] | (uint64_t)names[i][1] << 32;
        random_open(&r, seed, names[i][2], names[i][3], names[i][4]);
        random_open(&again, seed, names[i][2], names[i][3], names[i][4]);
        first[i] = random_u32(&r);
        assert_int_equal(first[i], random_u32(&again));
        for (int k = 0; k < i; k++)
            assert_int_not_equal(first[i], first[k]);
    }
}

static void uniform_stays_inside(void **state)
{
    struct random r;
    double sum = 0;

    (void)state;
    random_open(&r, 7, 0, 0, 0);
    for (int i = 0; i < 100000; i++) {
        float v = random_uniform(&r, -3.0f, 5.0f);
        assert_true(v >= -3.0f && v < 5.0f);
        sum += v;
    }
    assert_true(fabs(sum / 100000 - 1.0) < 0.03);
    for (int i = 0; i < 1000; i++) /* would round up to the limit */
        assert_true(random_uniform(&r, 1e8f, 1e8f + 8) < 1e8f + 8);
}

static void normal_has_its_moments(void **state)
{
    enum { N = 200000 };
    struct random r;
    double sum = 0, square = 0, fourth = 0;

    (void)state;
    random_open(&r, 7, 0, 0, 1);
    for (int i = 0; i < N; i++) {
        double v = random_normal(&r);
        assert_true(isfinite(v));
        sum += v;
        square += v * v;
        fourth += v * v * v * v;
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(square / N - 1) < 0.02);
    assert_true(fabs(fourth / N - 3) < 0.1);
}

static void below_is_even(void **state)
{
    enum { SIDES = 6, N = 60000 };
    int seen[SIDES] = {0};
    struct random r;

    (void)state;
    random_open(&r, 7, 0, 0, 2);
    for (int i = 0; i < N; i++) {
        uint32_t v = random_below(&r, SIDES);
        assert_true(v < SIDES);
        seen[v]++;
    }
    for (int i = 0; i < SIDES; i++)
        assert_true(abs(seen[i] - N / SIDES) < 400);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(random_below(&r, 1), 0);
        assert_true(random_below(&r, 0xC0000000u) < 0xC0000000u);
    }
}

static void no_two_purposes_are_one(void **state)
{
#define PURPOSE_NUMBER(NAME, number) number,
    static const uint32_t numbers[] = {PURPOSES(PURPOSE_NUMBER)};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(numbers[i], numbers[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_purposes_are_one),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(uniform_stays_inside),
        cmocka_unit_test(normal_has_its_moments),
        cmocka_unit_test(below_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "trainer/data/augment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ALL = AUGMENT_ROTATION | AUGMENT_EXPOSURE | AUGMENT_NOISE };

static void draw(uint8_t *rgb, int n)
{
    uint32_t seed = 3;
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        rgb[i] = (uint8_t)(seed >> 24);
    }
}

static void nothing_is_only_planes(void **state)
{
    (void)state;
    enum { SIDE = 33, PIXELS = SIDE * SIDE };
    static uint8_t rgb[PIXELS * 3];
    static float image[PIXELS * 3];
    draw(rgb, PIXELS * 3);
    augment_picture(rgb, SIDE, 0, 1, 2, 3, image);
    for (int i = 0; i < PIXELS * 3; i++)
        assert_true(image[i] == rgb[i % PIXELS * 3 + i / PIXELS]);
}

static void depends_on_seed_epoch_index_only(void **state)
{
    (void)state;
    enum { SIDE = 32, VALUES = SIDE * SIDE * 3 };
    static uint8_t rgb[VALUES];
    static float first[VALUES], image[VALUES];
    static const int others[][3] = {{2, 4, 5}, {1, 5, 5}, {1, 4, 6}};
    draw(rgb, VALUES);
    for (unsigned set = 1; set <= ALL; set++) {
        augment_picture(rgb, SIDE, set, 1, 4, 5, first);
        for (int i = 0; i < 3; i++) {
            augment_picture(rgb, SIDE, set, (uint64_t)others[i][0],
                            others[i][1], others[i][2], image);
            assert_memory_not_equal(image, first, sizeof image);
        }
        augment_picture(rgb, SIDE, set, 1, 4, 5, image);
        assert_memory_equal(image, first, sizeof image);
    }
}

static void values_stay_in_range(void **state)
{
    (void)state;
    enum { SIDE = 31, VALUES = SIDE * SIDE * 3 };
    static uint8_t rgb[VALUES];
    static float image[VALUES];
    for (int i = 0; i < VALUES; i++)
        rgb[i] = i % 2 ? 255 : 0;
    for (int index = 0; index < 300; index++) {
        augment_picture(rgb, SIDE, ALL, 1, 0, index, image);
        for (int i = 0; i < VALUES; i++)
            assert_true(image[i] >= 0 && image[i] <= 255);
    }
}

/* A bright dot on one axis comes out on a circle, within 10 degrees of one of
 * the four directions: 13 of 16 times the first, else one of the others. */
static void rotation_turns(void **state)
{
    (void)state;
    enum { SIDE = 65, MIDDLE = 32, AWAY = 20, PIXELS = SIDE * SIDE };
    enum { DRAWS = 2000 };
    static uint8_t rgb[PIXELS * 3];
    static float image[PIXELS * 3];
    int quarters[4] = {0};
    double least = 90, most = -90;
    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++)
            memset(rgb + ((MIDDLE + y) * SIDE + MIDDLE + AWAY + x) * 3, 255, 3);
    for (int index = 0; index < DRAWS; index++) {
        double sum = 0, x = 0, y = 0;
        augment_picture(rgb, SIDE, AUGMENT_ROTATION, 9, 0, index, image);
        for (int i = 0; i < PIXELS; i++) {
            sum += image[i];
            x += image[i] * (i % SIDE - MIDDLE);
            y += image[i] * (i / SIDE - MIDDLE);
            assert_true(image[i] == image[i + PIXELS] &&
                        image[i] == image[i + 2 * PIXELS]);
        }
        assert_true(fabs(sum - 9 * 255) < 40);
        assert_true(fabs(hypot(x, y) / sum - AWAY) < 0.1);
        double angle = atan2(y, x) * 180 / M_PI;
        int quarter = (int)lround(angle / 90);
        double small = angle - quarter * 90;
        least = small < least ? small : least;
        most = small > most ? small : most;
        quarters[(quarter + 4) % 4]++;
    }
    assert_true(least > -10.3 && least < -9.5 && most < 10.3 && most > 9.5);
    for (int i = 0; i < 4; i++) { /* within five deviations */
        double p = i ? 1. / 16 : 13. / 16,
               deviation = sqrt(DRAWS * p * (1 - p));
        assert_true(fabs(quarters[i] - DRAWS * p) < 5 * deviation);
    }
}

/* Outside of a picture its border goes on, so nothing dark comes in. */
static void rotation_keeps_a_flat_picture(void **state)
{
    (void)state;
    enum { SIDE = 32, VALUES = SIDE * SIDE * 3 };
    static uint8_t rgb[VALUES];
    static float image[VALUES];
    memset(rgb, 93, sizeof rgb);
    for (int index = 0; index < 50; index++) {
        augment_picture(rgb, SIDE, AUGMENT_ROTATION, 1, 0, index, image);
        for (int i = 0; i < VALUES; i++)
            assert_true(fabsf(image[i] - 93) < 1e-3f);
    }
}

/* Checks that value = factor * input + offset, over a range of factors. */
static void exposure_is_linear(void **state)
{
    (void)state;
    enum { SIDE = 32, VALUES = SIDE * SIDE * 3 };
    static uint8_t rgb[VALUES];
    static float image[VALUES];
    double least = 9, most = 0;
    for (int i = 0; i < VALUES; i++)
        rgb[i] = (uint8_t)(100 + i / 3 % 40);
    for (int index = 0; index < 1000; index++) {
        augment_picture(rgb, SIDE, AUGMENT_EXPOSURE, 1, 0, index, image);
        double factor = (image[39] - image[0]) / 39, mean = 0;
        for (int i = 0; i < 40; i++) {
            assert_true(fabs(image[i] - image[0] - i * factor) < 1e-3);
            mean += image[i] / 40;
        }
        least = factor < least ? factor : least;
        most = factor > most ? factor : most;
        assert_true(mean > 0.7 * 119 && mean < 1.3 * 120); /* brightness */
    }
    assert_true(least >= 0.49 && least < 0.6);
    assert_true(most <= 1.69 && most > 1.5);
}

struct moments {
    double mean, deviation, skew, kurtosis, most;
};

static void measure(struct moments *m, const float *v, int n)
{
    double sum[5] = {0};
    *m = (struct moments){0};
    for (int i = 0; i < n; i++)
        m->mean += v[i] / (double)n;
    for (int i = 0; i < n; i++) {
        double d = v[i] - m->mean;
        for (int k = 2; k < 5; k++)
            sum[k] += pow(d, k) / n;
        m->most = fabs(d) > m->most ? fabs(d) : m->most;
    }
    m->deviation = sqrt(sum[2]);
    m->skew = sum[3] / pow(m->deviation, 3);
    m->kurtosis = sum[4] / (sum[2] * sum[2]);
}

static void noise_is_gaussian(void **state)
{
    (void)state;
    enum { SIDE = 301, VALUES = SIDE * SIDE * 3 };
    uint8_t *rgb = malloc(VALUES);
    float *image = malloc(VALUES * sizeof *image);
    double least = 99, most = 0;
    memset(rgb, 128, VALUES);
    for (int index = 0; index < 30; index++) {
        struct moments m;
        augment_picture(rgb, SIDE, AUGMENT_NOISE, 1, 0, index, image);
        measure(&m, image, VALUES);
        least = m.deviation < least ? m.deviation : least;
        most = m.deviation > most ? m.deviation : most;
        if (m.deviation < 0.1)
            continue;
        assert_true(fabs(m.mean - 128) < 5 * m.deviation / sqrt(VALUES));
        assert_true(fabs(m.skew) < 0.03);
        assert_true(fabs(m.kurtosis - 3) < 0.06);
        assert_true(m.most / m.deviation > 3.9 && m.most / m.deviation < 6.5);
        double near = 0; /* neighbouring pixels are independent */
        for (int i = 0; i + 1 < VALUES; i++)
            near += (image[i] - m.mean) * (image[i + 1] - m.mean);
        assert_true(fabs(near / VALUES) / (m.deviation * m.deviation) < 0.01);
    }
    assert_true(least < 1.5 && most > 10 && most < 12.1);
    free(rgb);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_only_planes),
        cmocka_unit_test(depends_on_seed_epoch_index_only),
        cmocka_unit_test(values_stay_in_range),
        cmocka_unit_test(rotation_turns),
        cmocka_unit_test(rotation_keeps_a_flat_picture),
        cmocka_unit_test(exposure_is_linear),
        cmocka_unit_test(noise_is_gaussian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "trainer/pictures/picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void draw(struct picture *p, int width, int height, uint32_t seed)
{
    size_t n = (size_t)width * (size_t)height * 3;
    p->width = width;
    p->height = height;
    p->rgb = malloc(n);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        p->rgb[i] = (uint8_t)(seed >> 24);
    }
}

static void resize(const struct picture *p, int side, uint8_t *rgb)
{
    struct reason why = REASON_INIT;
    if (picture_resize(p, side, rgb, &why))
        fail_msg("%s", why.sentence);
}

/* The weight of input i in output o, not normalised. */
static double share(int i, int o, double scale)
{
    double wide = scale < 1 ? 1 : scale;
    double far = fabs((i + 0.5) - (o + 0.5) * scale) / wide;
    return far < 1 ? 1 - far : 0;
}

/* The reference: both dimensions at once, without rounding between them. */
static double pixel(const struct picture *p, int side, int x, int y, int c)
{
    double sum = 0, shares = 0;
    for (int v = 0; v < p->height; v++)
        for (int u = 0; u < p->width; u++) {
            double w = share(u, x, (double)p->width / side) *
                       share(v, y, (double)p->height / side);
            sum += w * p->rgb[(v * p->width + u) * 3 + c];
            shares += w;
        }
    return sum / shares;
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    static const int cases[][3] = {{28, 28, 32}, {32, 32, 31}, {100, 40, 32},
                                   {1, 1, 32},   {3, 90, 7},   {50, 33, 5},
                                   {640, 8, 32}, {2, 2, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int side = cases[i][2];
        struct picture p = PICTURE_INIT;
        draw(&p, cases[i][0], cases[i][1], (uint32_t)i);
        uint8_t *rgb = malloc((size_t)(side * side) * 3);
        resize(&p, side, rgb);
        for (int k = 0; k < side * side * 3; k++) {
            double want = pixel(&p, side, k / 3 % side, k / 3 / side, k % 3);
            if (fabs(rgb[k] - want) > 1.01)
                fail_msg("%d x %d to %d: %d at %d, expected %g", p.width,
                         p.height, side, rgb[k], k, want);
        }
        free(rgb);
        picture_release(&p);
    }
}

static void same_size_is_a_copy(void **state)
{
    (void)state;
    struct picture p = PICTURE_INIT;
    uint8_t rgb[32 * 32 * 3];
    draw(&p, 32, 32, 5);
    resize(&p, 32, rgb);
    assert_memory_equal(rgb, p.rgb, sizeof rgb);
    picture_release(&p);
}

static void flat_stays_flat(void **state)
{
    (void)state;
    uint8_t rgb[32 * 32 * 3];
    for (int v = 0; v < 256; v += 51)
        for (int width = 1; width < 200; width += 37) {
            struct picture p = PICTURE_INIT;
            draw(&p, width, 77, 1);
            memset(p.rgb, v, (size_t)width * 77 * 3);
            resize(&p, 32, rgb);
            for (size_t i = 0; i < sizeof rgb; i++)
                assert_int_equal(rgb[i], v);
            picture_release(&p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(same_size_is_a_copy),
        cmocka_unit_test(flat_stays_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Thumbnails are small JPEGs of the shape of the file's picture, whatever shape
 * its pixels were decoded to. */
#include "tests/unit/pictures/base64.h"
#include "trainer/pictures/thumbnail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A thumbnail of at most 160 pixels, of a grey picture of width x height that
 * was decoded to these pixels. */
static void assert_sides(int full_width, int full_height, int width, int height,
                         int wanted_width, int wanted_height)
{
    struct picture p = {.width = width,
                        .height = height,
                        .full_width = full_width,
                        .full_height = full_height};
    struct thumbnail_made made = {0};
    p.rgb = malloc((size_t)width * (size_t)height * 3);
    memset(p.rgb, 120, (size_t)width * (size_t)height * 3);
    assert_int_equal(thumbnail_make(&p, 160, &made), 0);
    assert_int_equal(made.width, wanted_width);
    assert_int_equal(made.height, wanted_height);
    /* the first bytes of every JPEG */
    assert_memory_equal(text_string(&made.base64), "/9j/", 4);
    assert_int_equal(made.base64.size % 4, 0);
    thumbnail_release(&made);
    assert_int_equal(made.width, 0);
    picture_release(&p);
}

static void have_the_shape_of_the_picture(void **state)
{
    (void)state;
    assert_sides(400, 100, 400, 100, 160, 40);
    assert_sides(2480, 3508, 310, 439, 113, 160);   /* a JPEG at an eighth */
    assert_sides(9933, 14043, 64, 14043, 113, 160); /* resized along lines */
    assert_sides(595, 842, 448, 448, 113, 160);     /* a page that was drawn */
    assert_sides(100000, 3, 1000, 1, 160, 1);
}

/* Of pictures that are much larger not all pixels are looked at. */
static void large_ones_keep_what_is_where(void **state)
{
    (void)state;
    enum { WIDTH = 2003, HEIGHT = 1507, X = WIDTH / 2, Y = HEIGHT / 2 };
    struct picture p = {.width = WIDTH,
                        .height = HEIGHT,
                        .full_width = WIDTH,
                        .full_height = HEIGHT};
    struct thumbnail_made made = {0};
    p.rgb = malloc(WIDTH * HEIGHT * 3);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            memset(p.rgb + (y * WIDTH + x) * 3,
                   20 + 60 * (x >= X) + 120 * (y >= Y), 3);
    assert_int_equal(thumbnail_make(&p, 160, &made), 0);
    picture_release(&p);
    uint8_t *jpeg = malloc(made.base64.size);
    size_t size = base64_decode(text_string(&made.base64), jpeg);
    assert_int_equal(picture_decode(&p, jpeg, size, 0, NULL), 0);
    assert_int_equal(p.width, 160);
    assert_int_equal(p.height, 120);
    for (int i = 0; i < 4; i++) { /* the middles of the quarters */
        int x = 40 + 80 * (i % 2), y = 30 + 60 * (i / 2);
        int wanted = 20 + 60 * (i % 2) + 120 * (i / 2);
        assert_in_range(p.rgb[(y * p.width + x) * 3], wanted - 4, wanted + 4);
    }
    picture_release(&p);
    free(jpeg);
    thumbnail_release(&made);
}

static void are_not_larger_than_what_was_decoded(void **state)
{
    (void)state;
    assert_sides(28, 28, 28, 28, 28, 28);
    assert_sides(400, 200, 50, 25, 50, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(have_the_shape_of_the_picture),
        cmocka_unit_test(large_ones_keep_what_is_where),
        cmocka_unit_test(are_not_larger_than_what_was_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

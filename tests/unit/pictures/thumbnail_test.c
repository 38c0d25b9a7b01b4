/* Thumbnails are small JPEGs of the shape of the file's picture, whatever shape
 * its pixels were decoded to. */
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
        cmocka_unit_test(are_not_larger_than_what_was_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

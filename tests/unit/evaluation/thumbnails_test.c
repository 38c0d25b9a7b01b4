/* Thumbnails of the worst mistakes: of the shape of the pictures, at their
 * places; what cannot be read has none, and nobody is waited for too long. */
#include "tests/unit/pictures/base64.h"
#include "trainer/evaluation/thumbnails.h"
#include "trainer/pictures/picture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[64];
    int dir;
    char file[3][80];
};

static void file_write(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    enum { WIDTH = 400, HEIGHT = 100 };
    struct folder *f = calloc(1, sizeof *f);
    uint8_t *rgb = malloc(WIDTH * HEIGHT * 3), *jpeg;
    size_t size;
    strcpy(f->path, "/tmp/primofs_test.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->dir = open(f->path, O_PATH | O_DIRECTORY);
    for (int i = 0; i < 3; i++)
        snprintf(f->file[i], sizeof f->file[i], "%s/%d", f->path, i);
    memset(rgb, 200, WIDTH * HEIGHT * 3);
    assert_int_equal(picture_to_jpeg(rgb, WIDTH, HEIGHT, &jpeg, &size, NULL),
                     0);
    file_write(f->file[0], jpeg, size);
    file_write(f->file[1], "no picture", 10); /* the third one is not there */
    free(jpeg);
    free(rgb);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    unlink(f->file[0]);
    unlink(f->file[1]);
    rmdir(f->path);
    close(f->dir);
    free(f);
    return 0;
}

static const char *file_of(void *context, int picture, int *page)
{
    const struct folder *f = context;
    *page = 0;
    return f->file[picture % 3];
}

/* Mistakes of these pictures in turn, the last one the most certain. */
static void sample(struct evaluation *e, int pictures)
{
    evaluation_init(e);
    evaluation_add_class(e, "a", 1);
    evaluation_add_class(e, "b", 1);
    for (int i = 0; i < pictures; i++)
        evaluation_add(
            e, &(struct evaluated){0, 1, 0, (i + 1.0) / pictures, 0, "x"});
}

static void they_are_small_jpegs_of_the_same_shape(void **state)
{
    struct folder *f = *state;
    struct thumbnails thumbnails = {0};
    struct evaluation e;
    sample(&e, 3);
    thumbnails_make(&thumbnails, &e, f->dir, file_of, f, 60);
    assert_int_equal(e.thumbnail_count, 1);
    const struct thumbnail *t = &e.thumbnails[0];
    assert_int_equal(t->picture, 0);
    assert_int_equal(t->width, THUMBNAIL_SIDE);
    assert_int_equal(t->height, THUMBNAIL_SIDE / 4);
    struct picture p = PICTURE_INIT;
    uint8_t *jpeg = malloc(strlen(t->base64));
    size_t size = base64_decode(t->base64, jpeg);
    assert_int_equal(picture_decode(&p, jpeg, size, 0, NULL), 0);
    assert_int_equal(p.width, t->width);
    assert_int_equal(p.height, t->height);
    assert_in_range(p.rgb[0], 195, 205);
    picture_release(&p);
    free(jpeg);
    evaluation_release(&e);
    thumbnails_release(&thumbnails);
}

static void only_the_worst_have_some(void **state)
{
    struct folder *f = *state;
    struct thumbnails thumbnails = {0};
    struct evaluation e;
    enum { PICTURES = 3 * THUMBNAILS_MOST };
    sample(&e, PICTURES);
    thumbnails_make(&thumbnails, &e, f->dir, file_of, f, 60);
    assert_int_equal(e.thumbnail_count, THUMBNAILS_MOST / 3);
    for (int i = 0; i < e.thumbnail_count; i++)
        assert_in_range(e.thumbnails[i].picture, PICTURES - THUMBNAILS_MOST,
                        PICTURES - 1);
    evaluation_release(&e);
    thumbnails_release(&thumbnails);
}

static void what_is_not_made_in_time_is_given_up(void **state)
{
    struct folder *f = *state;
    struct thumbnails thumbnails = {0};
    struct evaluation e;
    sample(&e, THUMBNAILS_MOST);
    thumbnails_make(&thumbnails, &e, f->dir, file_of, f, 0);
    assert_in_range(e.thumbnail_count, 0, THUMBNAILS_MOST / 3 + 1);
    evaluation_release(&e);
    thumbnails_release(&thumbnails);
}

static void without_mistakes_there_are_none(void **state)
{
    struct folder *f = *state;
    struct thumbnails thumbnails = {0};
    struct evaluation e;
    sample(&e, 0);
    thumbnails_make(&thumbnails, &e, f->dir, file_of, f, 60);
    assert_int_equal(e.thumbnail_count, 0);
    evaluation_release(&e);
    thumbnails_release(&thumbnails);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_are_small_jpegs_of_the_same_shape,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_worst_have_some, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_made_in_time_is_given_up,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_mistakes_there_are_none, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

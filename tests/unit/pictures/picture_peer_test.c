/*
 * Pictures as Pillow writes and reads them: what we decode and resize is what
 * it does. Skipped where Debian's python3-pil is not installed.
 */
#include "trainer/pictures/picture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77 };

static char place[64] = "/tmp/primo-peer-XXXXXX";

struct expected {
    uint32_t width, height, side;
    uint8_t *rgb, *small;
};

static void expected_read(struct expected *e, const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(e, sizeof(uint32_t), 3, f), 3);
    size_t rgb = (size_t)e->width * e->height * 3;
    size_t small = (size_t)e->side * e->side * 3;
    e->rgb = malloc(rgb);
    e->small = malloc(small);
    assert_int_equal(fread(e->rgb, 1, rgb, f), rgb);
    assert_int_equal(fread(e->small, 1, small, f), small);
    fclose(f);
}

static int farthest(const uint8_t *a, const uint8_t *b, size_t n)
{
    int most = 0;
    for (size_t i = 0; i < n; i++)
        most = abs(a[i] - b[i]) > most ? abs(a[i] - b[i]) : most;
    return most;
}

/* Lossless and baseline: bit for bit. Alpha and 16 bits may be rounded another
 * way; inside TIFF, libtiff has its own way from YCbCr. */
static int tolerance(const char *name)
{
    if (!strcmp(name, "jpeg.tif"))
        return 3;
    return !strcmp(name, "rgba.png") || !strcmp(name, "la.png") ||
           !strcmp(name, "wide.png") || !strcmp(name, "cmyk.jpg");
}

static void compare(const char *name)
{
    char path[512], raw[600];
    snprintf(path, sizeof path, "%s/%s", place, name);
    snprintf(raw, sizeof raw, "%s.raw", path);
    struct expected e;
    expected_read(&e, raw);
    struct picture p = PICTURE_INIT;
    struct reason why = REASON_INIT;
    if (picture_read(&p, path, 0, &why))
        fail_msg("%s: %s", name, why.sentence);
    if (p.width != (int)e.width || p.height != (int)e.height)
        fail_msg("%s is %d x %d, expected %u x %u", name, p.width, p.height,
                 e.width, e.height);
    int off = farthest(p.rgb, e.rgb, (size_t)e.width * e.height * 3);
    if (off > tolerance(name))
        fail_msg("%s is off by %d", name, off);
    uint8_t *small = malloc((size_t)e.side * e.side * 3);
    assert_int_equal(picture_resize(&p, (int)e.side, small, &why), 0);
    off = farthest(small, e.small, (size_t)e.side * e.side * 3);
    if (off > tolerance(name))
        fail_msg("%s, resized, is off by %d", name, off);
    free(small);
    free(e.rgb);
    free(e.small);
    picture_release(&p);
}

static void pictures_agree_with_pillow(void **state)
{
    (void)state;
    DIR *dir = opendir(place);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.' && !strstr(e->d_name, ".raw")) {
            compare(e->d_name);
            n++;
        }
    closedir(dir);
    assert_true(n > 40);
}

static int place_make(void **state)
{
    (void)state;
    char command[256];
    if (!mkdtemp(place))
        return -1;
    snprintf(command, sizeof command,
             "/usr/bin/python3 tests/peers/pictures.py %s", place);
    return system(command) ? -1 : 0;
}

static int place_drop(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place);
    return system(command) ? -1 : 0;
}

int main(void)
{
    if (system("/usr/bin/python3 -c 'import PIL, numpy' 2>/dev/null")) {
        puts("skipped: python3-pil or python3-numpy is not installed");
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_agree_with_pillow),
    };
    return cmocka_run_group_tests(tests, place_make, place_drop);
}

#include "core/settings/picture_mime.h"

#include <stdint.h>
#include <string.h>

static const struct {
    const char *magic;
    size_t size;
    const char *type;
} kinds[] = {
    {"\xff\xd8\xff", 3, "image/jpeg"},
    {"\x89PNG\r\n\x1a\n", 8, "image/png"},
    {"BM", 2, "image/bmp"},
    {"II*\0", 4, "image/tiff"},
    {"MM\0*", 4, "image/tiff"},
    {"II+\0", 4, "image/tiff"},
    {"MM\0+", 4, "image/tiff"},
    {"%PDF-", 5, "application/pdf"},
};

/* A bitmap without a file header begins with the size of its own; the number of
 * planes, which is always 1, must confirm that. */
static int is_dib(const uint8_t *data, size_t size)
{
    static const uint8_t sizes[] = {12, 40, 52, 56, 64, 108, 124};
    if (size < PICTURE_MIME_BYTES || data[1] || data[2] || data[3] ||
        !memchr(sizes, data[0], sizeof sizes))
        return 0;
    size_t planes = data[0] == 12 ? 8 : 12;
    return data[planes] == 1 && data[planes + 1] == 0;
}

const char *picture_mime(const void *data, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (size >= kinds[i].size &&
            !memcmp(data, kinds[i].magic, kinds[i].size))
            return kinds[i].type;
    return is_dib(data, size) ? "image/bmp" : "";
}

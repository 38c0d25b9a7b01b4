#include "trainer/pictures/format.h"

#include <string.h>

enum { ENTRY_BYTES = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

struct exif {
    const uint8_t *data;
    size_t size;
    bool big; /* endian */
};

/* Reads the number of `bytes` bytes at `at`, which the caller has checked to be
 * inside the data. */
static uint32_t exif_number(const struct exif *e, size_t at, int bytes)
{
    uint32_t n = 0;
    for (int i = 0; i < bytes; i++)
        n |= (uint32_t)e->data[at + (size_t)i]
             << 8 * (e->big ? bytes - 1 - i : i);
    return n;
}

static int entry_orientation(const struct exif *e, size_t at)
{
    if (exif_number(e, at, 2) != TAG_ORIENTATION ||
        exif_number(e, at + 2, 2) != TYPE_SHORT ||
        exif_number(e, at + 4, 4) != 1)
        return 0;
    uint32_t value = exif_number(e, at + 8, 2);
    return value >= 1 && value <= 8 ? (int)value : 0;
}

int exif_orientation(const uint8_t *data, size_t size)
{
    struct exif e = {data, size, false};
    if (size < 8 || (memcmp(data, "II*\0", 4) && memcmp(data, "MM\0*", 4)))
        return 1;
    e.big = data[0] == 'M';
    size_t at = exif_number(&e, 4, 4);
    if (at < 8 || at > size - 2)
        return 1;
    size_t entries = exif_number(&e, at, 2);
    at += 2;
    if (entries > (size - at) / ENTRY_BYTES)
        return 1;
    for (size_t i = 0; i < entries; i++, at += ENTRY_BYTES) {
        int orientation = entry_orientation(&e, at);
        if (orientation)
            return orientation;
    }
    return 1;
}

#include "trainer/pictures/format.h"

#include <string.h>

enum { ENTRY_BYTES = 12, TAG_ORIENTATION = 0x0112 };

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

/* The bytes of a value of a type, 0 = it is no integer. Programs write other
 * types than the standard's SHORT, and other programs read them. */
static int type_bytes(uint32_t type)
{
    static const int bytes[] = {0, 1, 0, 2, 4, 0, 1, 0, 2, 4};
    return type < sizeof bytes / sizeof *bytes ? bytes[type] : 0;
}

/* The first value counts, whatever their number. */
static int entry_orientation(const struct exif *e, size_t at)
{
    int bytes = type_bytes(exif_number(e, at + 2, 2));
    uint64_t count = exif_number(e, at + 4, 4);
    if (exif_number(e, at, 2) != TAG_ORIENTATION || !bytes || !count)
        return 0;
    size_t from = at + 8;
    if (count * (unsigned)bytes > 4)
        from = exif_number(e, at + 8, 4);
    if (from > e->size - (unsigned)bytes)
        return 0;
    uint32_t value = exif_number(e, from, bytes);
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
        entries = (size - at) / ENTRY_BYTES; /* those that are there */
    for (size_t i = 0; i < entries; i++, at += ENTRY_BYTES) {
        int orientation = entry_orientation(&e, at);
        if (orientation)
            return orientation;
    }
    return 1;
}

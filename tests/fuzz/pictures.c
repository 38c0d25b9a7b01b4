/* Files that are said to be pictures: all decoders, at full size, scaled down
 * and only measured, and what is done with the pixels. */
#include "tests/fuzz/fuzz.h"

#include "trainer/pictures/budget.h"
#include "trainer/pictures/picture.h"

#include <stdlib.h>

enum { SIDE = 24 };

static void decode(const uint8_t *data, size_t size, int side)
{
    struct reason why = REASON_INIT;
    struct picture p = PICTURE_INIT;
    uint8_t rgb[SIDE * SIDE * 3];
    uint64_t hash[2];
    int err = picture_decode(&p, data, size, side, &why);
    if (err == 0 && side >= 0) {
        if (!p.rgb || p.width < 1 || p.height < 1)
            abort();
        picture_hash(&p, hash);
        picture_resize(&p, SIDE, rgb, &why);
    }
    picture_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int sides[] = {0, SIDE, PICTURE_MEASURE};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        decode(data, size, sides[i]);
    return 0;
}

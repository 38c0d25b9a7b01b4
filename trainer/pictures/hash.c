#include "trainer/pictures/picture.h"

#include <xxhash.h>

void picture_hash(const struct picture *p, uint64_t hash[2])
{
    uint64_t size = (uint64_t)p->width << 32 | (uint32_t)p->height;
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    XXH128_hash_t h = XXH3_128bits_withSeed(p->rgb, bytes, size);
    hash[0] = h.high64;
    hash[1] = h.low64;
}

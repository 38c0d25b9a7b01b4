/*
 * SHA-256 (FIPS 180-4), in pieces. A struct sha256 belongs to one thread.
 */
#ifndef PRIMO_SHA256_H
#define PRIMO_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX = 65 }; /* 64 digits and a NUL */

struct sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes taken so far */
    uint8_t block[64];
};

/* Life cycle */
void sha256_init(struct sha256 *s);

void sha256_add(struct sha256 *s, const void *data, size_t size);
/* Write the sum of all that was added, in lower-case digits. Nothing may be
 * added afterwards. */
void sha256_end(struct sha256 *s, char hex[SHA256_HEX]);

#endif

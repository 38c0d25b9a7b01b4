/* Reading what is base64, which nothing but tests does. */
#ifndef PRIMO_TEST_BASE64_H
#define PRIMO_TEST_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The bytes that the letters of base64 stand for; returns how many. */
static size_t base64_decode(const char *s, uint8_t *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    unsigned bits = 0;
    for (size_t i = 0; s[i] && s[i] != '='; i++) {
        bits = bits << 6 | (unsigned)(strchr(letters, s[i]) - letters);
        if (i % 4)
            out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return n;
}

#endif

#include "trainer/data/augment.h"

#include "trainer/basic/purposes.h"
#include "trainer/basic/random.h"
#include "trainer/basic/simd.h"

#include <math.h>
#include <string.h>

/* Places in a picture are 16.16 fixed-point numbers; ONE is a pixel's width. */
enum { ONE_BITS = 16, ONE = 1 << ONE_BITS };

static const float angle_most = (float)(10 * M_PI / 180);
static const float factor_least = 0.7f, factor_most = 1.3f;
static const float deviation_most = 12;

/* Copies a picture that is not rotated from [side, side, 3] to [3, side, side].
 */
MULTIVERSION static void planes(const uint8_t *restrict rgb, int pixels,
                                float *restrict image)
{
#pragma omp simd
    for (int i = 0; i < pixels; i++) {
        image[i] = rgb[i * 3];
        image[i + pixels] = rgb[i * 3 + 1];
        image[i + pixels * 2] = rgb[i * 3 + 2];
    }
}

/* Rotation */

static inline int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* Samples one line from (x, y) in steps of (step_x, step_y). The weights of the
 * four neighbours have 8 bits, so that a value needs 24 bits and is exact in a
 * float. Clamping to `most` repeats the border, and keeps p[line + 3] inside.
 */
static void rotated_line(const uint8_t *rgb, int side, int x, int y, int step_x,
                         int step_y, float *image)
{
    int most = (side - 1) * ONE - 1, pixels = side * side, line = side * 3;
    for (int i = 0; i < side; i++, x += step_x, y += step_y) {
        int at_x = clamp(x, 0, most), at_y = clamp(y, 0, most);
        int right = (at_x & (ONE - 1)) >> 8, down = (at_y & (ONE - 1)) >> 8;
        const uint8_t *p =
            rgb + (at_y >> ONE_BITS) * line + (at_x >> ONE_BITS) * 3;
        for (int c = 0; c < 3; c++) {
            int top = p[c] * (256 - right) + p[c + 3] * right;
            int bottom = p[c + line] * (256 - right) + p[c + line + 3] * right;
            int sum = top * (256 - down) + bottom * down;
            image[i + c * pixels] = (float)sum * (1.0f / 65536);
        }
    }
}

enum { TURNS_OF = 16 }; /* of so many pictures 3 are turned by quarters */

static void rotate(const uint8_t *rgb, int side, struct random *r, float *image)
{
    /* Most pictures that a model will see are upright. */
    uint32_t drawn = random_below(r, TURNS_OF);
    double quarter = drawn < 4 ? drawn * M_PI / 2 : 0;
    double angle = quarter + random_uniform(r, -angle_most, angle_most);
    int step_x = (int)lround(cos(angle) * ONE);
    int step_y = (int)lround(sin(angle) * ONE);
    /* Twice the distance from the picture's centre to that of its first pixel:
     * doubled, it is a whole number of pixels for an even side, too. */
    int64_t far = side - 1, middle = far * ONE;
    for (int i = 0; i < side; i++) {
        int64_t down = 2 * i - far;
        int64_t x = (middle - far * step_x - down * step_y) / 2;
        int64_t y = (middle - far * step_y + down * step_x) / 2;
        rotated_line(rgb, side, (int)x, (int)y, step_x, step_y,
                     image + i * side);
    }
}

/* Exposure */

static float mean(const uint8_t *rgb, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += rgb[i];
    return (float)((double)sum / n);
}

MULTIVERSION static void scale(float *image, int n, float factor, float offset)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        float v = image[i] * factor + offset;
        v = v < 0 ? 0 : v;
        image[i] = v > 255 ? 255 : v;
    }
}

/* Changes the contrast about the mean, then the brightness. */
static void expose(const uint8_t *rgb, int n, struct random *r, float *image)
{
    float contrast = random_uniform(r, factor_least, factor_most);
    float brightness = random_uniform(r, factor_least, factor_most);
    scale(image, n, contrast * brightness,
          mean(rgb, n) * (1 - contrast) * brightness);
}

/* Noise. A picture has some hundred thousand values, and drawing them
 * one by one would be slow: the random bits come from a hash of the value's
 * place, and the functions of libm are replaced by series, all of which the
 * compiler can vectorise. */

/* Chris Wellons's hash "lowbias32". */
INLINE uint32_t mix(uint32_t h)
{
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return h ^ h >> 16;
}

/* A uniform number that is never 0, which has no logarithm, nor 1. */
INLINE float between_0_and_1(uint32_t place, const uint32_t key[2])
{
    uint32_t h = mix(mix(place + key[0]) ^ key[1]);
    return ((float)(h >> 9) + 0.5f) * 0x1p-23f;
}

/* The natural logarithm of 0 < v < 1, to 1e-6: v = m * 2^e with m around 1,
 * log m by the series of the area hyperbolic tangent. Never above 0. */
INLINE float logarithm(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t up = bits + (0x3f800000u - 0x3f3504f3u); /* 1 - sqrt(1/2) */
    int e = (int)(up >> 23) - 127;
    bits -= (uint32_t)e << 23;
    float m;
    memcpy(&m, &bits, sizeof m);
    float t = (m - 1) / (m + 1), tt = t * t;
    float series = 1 + tt * (1.0f / 3 + tt * (1.0f / 5 + tt * (1.0f / 7)));
    return (float)e * 0.69314718f + 2 * t * series;
}

/* The sine and the cosine of pi * v for -1/2 <= v < 1/2, to 4e-6, by their
 * Taylor series. */
INLINE void half_turn(float v, float *sine, float *cosine)
{
    float x = v * 3.14159265f, xx = x * x;
    *sine =
        x * (1 + xx * (-1.0f / 6 +
                       xx * (1.0f / 120 + xx * (-1.0f / 5040 + xx / 362880))));
    *cosine =
        1 + xx * (-1.0f / 2 +
                  xx * (1.0f / 24 + xx * (-1.0f / 720 +
                                          xx * (1.0f / 40320 - xx / 3628800))));
}

/* Makes two independent values of N(0, deviation) by the method of Box and
 * Muller. It takes the sine and the cosine of half the angle, for which the
 * series above are good enough, and doubles the angle afterwards. */
INLINE void normal_pair(uint32_t pair, const uint32_t key[2], float deviation,
                        float *a, float *b)
{
    float s, c;
    float radius =
        deviation * sqrtf(-2 * logarithm(between_0_and_1(pair * 2, key)));
    half_turn(between_0_and_1(pair * 2 + 1, key) - 0.5f, &s, &c);
    *a = radius * (c * c - s * s);
    *b = radius * (2 * s * c);
}

INLINE float to_range(float v)
{
    v = v < 0 ? 0 : v;
    return v > 255 ? 255 : v;
}

MULTIVERSION static void noise_pairs(float *restrict first,
                                     float *restrict second, int pairs,
                                     const uint32_t *restrict keys,
                                     float deviation)
{
    const uint32_t key[2] = {keys[0], keys[1]};
#pragma omp simd
    for (int i = 0; i < pairs; i++) {
        float a, b;
        normal_pair((uint32_t)i, key, deviation, &a, &b);
        first[i] = to_range(first[i] + a);
        second[i] = to_range(second[i] + b);
    }
}

static void add_noise(int n, struct random *r, float *image)
{
    float deviation = random_uniform(r, 0, deviation_most);
    uint32_t key[2] = {random_u32(r), random_u32(r)};
    noise_pairs(image, image + n / 2, n / 2, key, deviation);
    if (n % 2)
        image[n - 1] = to_range(image[n - 1] + deviation * random_normal(r));
}

void augment_picture(const uint8_t *rgb, int side, unsigned set, uint64_t seed,
                     int epoch, int index, float *image)
{
    uint32_t a = (uint32_t)epoch, b = (uint32_t)index;
    int pixels = side * side;
    struct random r;
    if (set & AUGMENT_ROTATION) {
        random_open(&r, seed, a, b, PURPOSE_ROTATION);
        rotate(rgb, side, &r, image);
    } else {
        planes(rgb, pixels, image);
    }
    if (set & AUGMENT_EXPOSURE) {
        random_open(&r, seed, a, b, PURPOSE_EXPOSURE);
        expose(rgb, pixels * 3, &r, image);
    }
    if (set & AUGMENT_NOISE) {
        random_open(&r, seed, a, b, PURPOSE_NOISE);
        add_noise(pixels * 3, &r, image);
    }
}

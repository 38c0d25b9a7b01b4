/*
 * Pillow's BILINEAR resize, in the same arithmetic: a triangle filter as wide
 * as the scale, with 22-bit fixed-point weights, first along lines, then along
 * columns, each pass rounded to bytes. The result equals Pillow's bit for bit,
 * so that a model sees the same pixels here as in Python.
 */
#include "trainer/basic/simd.h"
#include "trainer/pictures/filter.h"
#include "trainer/pictures/picture.h"

#include <stdbool.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 8 bits of a 32-bit sum are for the pixel, 2 for the sign and an overshoot. */
enum { WEIGHT_BITS = 32 - 8 - 2 };

/* Which inputs make up an output, and the weight of each. */
struct taps {
    int first, count;
    const int32_t *weight;
};

struct filter {
    struct taps *taps; /* [outputs] */
    int32_t *weights;
};

static void filter_release(struct filter *f)
{
    free(f->taps);
    free(f->weights);
}

/* Computes the taps of output i; weight and share are [most]. The order of the
 * operations is Pillow's, as the weights must be the same to the last bit. */
static void taps_fill(struct taps *t, int32_t *weight, double *share, int i,
                      double scale, int inputs)
{
    double wide = scale < 1 ? 1 : scale, centre = (i + 0.5) * scale, sum = 0;
    int first = (int)(centre - wide + 0.5), end = (int)(centre + wide + 0.5);
    first = first < 0 ? 0 : first;
    end = end > inputs ? inputs : end;
    for (int x = first; x < end; x++) {
        double far = fabs((x - centre + 0.5) * (1 / wide));
        share[x - first] = far < 1 ? 1 - far : 0;
        sum += share[x - first];
    }
    for (int k = 0; k < end - first; k++) {
        double v = sum != 0 ? share[k] * (1 / sum) : share[k];
        weight[k] = (int32_t)(0.5 + v * (1 << WEIGHT_BITS));
    }
    *t = (struct taps){first, end - first, weight};
}

static int filter_init(struct filter *f, int inputs, int outputs,
                       struct reason *why)
{
    double scale = (double)inputs / outputs;
    size_t most = (size_t)ceil(scale < 1 ? 1 : scale) * 2 + 1;
    double *share = malloc(most * sizeof *share);
    f->taps = malloc((size_t)outputs * sizeof *f->taps);
    f->weights = malloc((size_t)outputs * most * sizeof *f->weights);
    bool ok = share && f->taps && f->weights;
    for (int i = 0; ok && i < outputs; i++)
        taps_fill(&f->taps[i], f->weights + (size_t)i * most, share, i, scale,
                  inputs);
    free(share);
    return ok ? 0 : refuse(why, ENOMEM, "no memory to resize a picture");
}

static inline uint8_t to_byte(int32_t sum)
{
    int32_t v = sum >> WEIGHT_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Resizes along lines: [height, width, 3] to [height, side, 3]. */
MULTIVERSION static void resize_across(const struct picture *in,
                                       const struct filter *f, int side,
                                       uint8_t *out)
{
    for (int y = 0; y < in->height; y++) {
        const uint8_t *line = in->rgb + (size_t)y * (size_t)in->width * 3;
        for (int i = 0; i < side; i++, out += 3) {
            const struct taps *t = &f->taps[i];
            const uint8_t *p = line + (size_t)t->first * 3;
            int32_t sum[3] = {1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1),
                              1 << (WEIGHT_BITS - 1)};
            for (int k = 0; k < t->count; k++, p += 3)
                for (int c = 0; c < 3; c++)
                    sum[c] += p[c] * t->weight[k];
            for (int c = 0; c < 3; c++)
                out[c] = to_byte(sum[c]);
        }
    }
}

int filter_open(struct filter **out, int inputs, int outputs,
                struct reason *why)
{
    struct filter *f = calloc(1, sizeof *f);
    int err = f ? filter_init(f, inputs, outputs, why)
                : refuse(why, ENOMEM, "no memory to resize a picture");
    if (err)
        filter_free(f);
    else
        *out = f;
    return err;
}

void filter_free(struct filter *f)
{
    if (f)
        filter_release(f);
    free(f);
}

void filter_line(const struct filter *f, const uint8_t *line, int outputs,
                 uint8_t *out)
{
    const struct picture one = {.height = 1, .rgb = (uint8_t *)(uintptr_t)line};
    resize_across(&one, f, outputs, out);
}

/* Resizes along columns: one line of [bytes] from t->count lines. */
MULTIVERSION static void line_down(const uint8_t *lines, const struct taps *t,
                                   int bytes, int32_t *restrict sum,
                                   uint8_t *restrict out)
{
#pragma omp simd
    for (int x = 0; x < bytes; x++)
        sum[x] = 1 << (WEIGHT_BITS - 1);
    for (int k = 0; k < t->count; k++) {
        const uint8_t *line = lines + (size_t)(t->first + k) * (size_t)bytes;
        int32_t weight = t->weight[k];
#pragma omp simd
        for (int x = 0; x < bytes; x++)
            sum[x] += line[x] * weight;
    }
#pragma omp simd
    for (int x = 0; x < bytes; x++)
        out[x] = to_byte(sum[x]);
}

static int resize_with(const struct picture *in, const struct filter *across,
                       const struct filter *down, int width, int height,
                       uint8_t *rgb, struct reason *why)
{
    int bytes = width * 3;
    uint8_t *lines = malloc((size_t)in->height * (size_t)bytes);
    int32_t *sum = malloc((size_t)bytes * sizeof *sum);
    bool ok = lines && sum;
    if (ok) {
        resize_across(in, across, width, lines);
        for (int i = 0; i < height; i++)
            line_down(lines, &down->taps[i], bytes, sum, rgb + i * bytes);
    }
    free(lines);
    free(sum);
    return ok ? 0 : refuse(why, ENOMEM, "no memory to resize a picture");
}

int picture_resize_to(const struct picture *in, int width, int height,
                      uint8_t *rgb, struct reason *why)
{
    if (in->width == width && in->height == height) {
        memcpy(rgb, in->rgb, (size_t)width * (size_t)height * 3);
        return 0;
    }
    struct filter across = {0}, down = {0};
    int err = filter_init(&across, in->width, width, why);
    if (err == 0)
        err = filter_init(&down, in->height, height, why);
    if (err == 0)
        err = resize_with(in, &across, &down, width, height, rgb, why);
    filter_release(&across);
    filter_release(&down);
    return err;
}

int picture_resize(const struct picture *in, int side, uint8_t *rgb,
                   struct reason *why)
{
    return picture_resize_to(in, side, side, rgb, why);
}

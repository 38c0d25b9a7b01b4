/* What the tests of both kinds of Winograd's algorithm share: where values lie
 * in blocks of channels, and how far results are off. Whoever includes this has
 * defined BLOCK, the channels of a block. */
#ifndef PRIMO_TEST_BLOCKS_H
#define PRIMO_TEST_BLOCKS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TAPS = 9 };

struct shape {
    int n, in, out, side;
};

static float noise(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (float)(int32_t)*state * 0x1p-31f;
}

static size_t activation_count(const struct shape *s, int channels)
{
    return (size_t)s->n * channels * s->side * s->side;
}

static size_t kernel_count(const struct shape *s)
{
    return (size_t)s->in * s->out * TAPS;
}

/* The index of element (c, y, x) of picture n; negative outside of the
 * picture. */
static ptrdiff_t activation_at(const struct shape *s, int channels, int n,
                               int c, int y, int x)
{
    if (y < 0 || x < 0 || y >= s->side || x >= s->side)
        return -1;
    ptrdiff_t plane = (ptrdiff_t)n * (channels / BLOCK) + c / BLOCK;
    return ((plane * s->side + y) * s->side + x) * BLOCK + c % BLOCK;
}

/* The index of a tap in the kernel of the way forward. */
static size_t kernel_at(int ins, int out, int in, int tap)
{
    size_t block = (size_t)(out / BLOCK) * (ins / BLOCK) + in / BLOCK;

    return ((block * TAPS + tap) * BLOCK + in % BLOCK) * BLOCK + out % BLOCK;
}

/* How far results are from what is expected: all together, and the worst. */
struct errors {
    double squares, wanted, most;
    size_t count;
};

static void errors_add(struct errors *e, double got, double want)
{
    double off = fabs(got - want);

    assert_true(isfinite(got));
    e->squares += off * off;
    e->wanted += want * want;
    e->most = off > e->most ? off : e->most;
    e->count++;
}

static void are_small(const struct errors *e, double relative)
{
    double rms = sqrt(e->wanted / (double)e->count);

    assert_true(sqrt(e->squares / (double)e->count) <= relative * rms);
    assert_true(e->most <= 8 * relative * rms);
}

#endif

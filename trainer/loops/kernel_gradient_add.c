/*
 * The inner loops of kernel gradients. Each multiplies a few inputs with two
 * blocks of outputs and keeps the sums in registers while it walks over all
 * pixels of a stretch: then each vector of outputs that is loaded is multiplied
 * as often as there are inputs.
 */
#include "trainer/basic/simd.h"
#include "trainer/loops/kernel_gradient_inside.h"

typedef float vec8 __attribute__((vector_size(32), may_alias));
typedef float vec16 __attribute__((vector_size(64), may_alias));
typedef uint32_t bits16 __attribute__((vector_size(64), may_alias));

/* A walk over the rows of a stretch. */
struct walk {
    const float *from, *d[PAIR]; /* where the present row begins */
    int picture, row;            /* the next row */
};

/* Goes to the next row; false when none is left. `first` is the first input of
 * the block that is multiplied. */
INLINE bool walk_row(struct walk *w, const struct kernel_gradient *g,
                     const struct stretch *s, const struct unit *u, int first)
{
    if (w->row == s->row_end) {
        w->row = s->row;
        w->picture++;
    }
    if (w->picture == s->picture_end)
        return false;
    ptrdiff_t side = g->side, result = g->result_side;
    ptrdiff_t y = (ptrdiff_t)w->row * g->stride + s->y - g->pad;
    ptrdiff_t x = (ptrdiff_t)s->column * g->stride + s->x - g->pad;
    ptrdiff_t plane = w->picture * side * side * g->in;
    ptrdiff_t at = w->picture * result * result * g->out +
                   (w->row * result + s->column) * g->block;

    w->from = u->source + plane + (y * side + x) * g->block + first;
    w->d[0] = u->d_result[0] + at;
    w->d[1] = u->d_result[1] + at;
    w->row++;
    return true;
}

INLINE struct walk walk_begin(const struct stretch *s)
{
    return (struct walk){.picture = s->picture, .row = s->row};
}

#define SPREAD8(v) ((vec8){(v), (v), (v), (v), (v), (v), (v), (v)})
#define SPREAD16(v)                                                            \
    ((vec16){(v), (v), (v), (v), (v), (v), (v), (v), (v), (v), (v), (v), (v),  \
             (v), (v), (v)})

/* Multiplies 4 inputs with two blocks of 8 outputs. The 8 sums, the two vectors
 * of outputs and the input fit the 16 registers of AVX2, and there are 6 loads
 * for 8 multiplications. */
INLINE void add_4_of_8(const struct kernel_gradient *g, const struct stretch *s,
                       const struct unit *u, int first)
{
    vec8 *k0 = (vec8 *)u->d_kernel[0] + first;
    vec8 *k1 = (vec8 *)u->d_kernel[1] + first;
    vec8 a0 = k0[0], a1 = k0[1], a2 = k0[2], a3 = k0[3];
    vec8 b0 = k1[0], b1 = k1[1], b2 = k1[2], b3 = k1[3];
    ptrdiff_t step = (ptrdiff_t)g->stride * 8;

    for (struct walk w = walk_begin(s); walk_row(&w, g, s, u, first);) {
        const vec8 *d0 = (const vec8 *)w.d[0], *d1 = (const vec8 *)w.d[1];
        const float *from = w.from;
        for (int c = s->column_end - s->column; c; c--, from += step) {
            vec8 p = *d0++, q = *d1++, v;
            v = SPREAD8(from[0]), a0 += v * p, b0 += v * q;
            v = SPREAD8(from[1]), a1 += v * p, b1 += v * q;
            v = SPREAD8(from[2]), a2 += v * p, b2 += v * q;
            v = SPREAD8(from[3]), a3 += v * p, b3 += v * q;
        }
    }
    k0[0] = a0, k0[1] = a1, k0[2] = a2, k0[3] = a3;
    k1[0] = b0, k1[1] = b1, k1[2] = b2, k1[3] = b3;
}

MULTIVERSION
void kernel_gradient_add_8(const struct kernel_gradient *g,
                           const struct stretch *s, const struct unit *u)
{
    add_4_of_8(g, s, u, 0);
    add_4_of_8(g, s, u, 4);
}

/* How elements of 32 bits are multiplied: as floats, as pairs of bf16 by the
 * processor's dot product, or as pairs of bf16 that are taken apart first. */
enum products { FLOATS, DOTS, HALVES };

INLINE void add_product(vec16 *sum, const vec16 *a, const vec16 *b,
                        enum products kind)
{
    bits16 x = *(const bits16 *)a, y = *(const bits16 *)b;

    if (kind == FLOATS) {
        *sum += *a * *b;
#if defined(__x86_64__) && defined(__OPTIMIZE__)
    } else if (kind == DOTS) {
        /* MULTIVERSION's clones are not all for processors that have the
         * instruction, so its intrinsic could not be inlined into them. */
        __asm__("vdpbf16ps %2, %1, %0" : "+v"(*sum) : "v"(*a), "v"(*b));
#endif
    } else {
        *sum += (vec16)(x << 16) * (vec16)(y << 16);
        *sum += (vec16)(x & 0xffff0000) * (vec16)(y & 0xffff0000);
    }
}

#define EACH(do)                                                               \
    do                                                                         \
    (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
#define TAKE(i) vec16 a##i = k0[i], b##i = k1[i];
#define ADD(i)                                                                 \
    v = SPREAD16(from[i]);                                                     \
    add_product(&a##i, &v, &p, kind);                                          \
    add_product(&b##i, &v, &q, kind);
#define KEEP(i) k0[i] = a##i, k1[i] = b##i;

/* Multiplies 8 inputs with two blocks of 16 outputs. The 16 sums and what is
 * multiplied fit the 32 registers of AVX-512, and there are 10 loads for 16
 * multiplications. */
INLINE void add_8_of_16(const struct kernel_gradient *g,
                        const struct stretch *s, const struct unit *u,
                        int first, enum products kind)
{
    vec16 *k0 = (vec16 *)u->d_kernel[0] + first;
    vec16 *k1 = (vec16 *)u->d_kernel[1] + first;
    ptrdiff_t step = (ptrdiff_t)g->stride * 16;

    EACH(TAKE)
    for (struct walk w = walk_begin(s); walk_row(&w, g, s, u, first);) {
        const vec16 *d0 = (const vec16 *)w.d[0], *d1 = (const vec16 *)w.d[1];
        const float *from = w.from;
        for (int c = s->column_end - s->column; c; c--, from += step) {
            vec16 p = *d0++, q = *d1++, v;
            EACH(ADD)
        }
    }
    EACH(KEEP)
}

MULTIVERSION
void kernel_gradient_add_16(const struct kernel_gradient *g,
                            const struct stretch *s, const struct unit *u)
{
    add_8_of_16(g, s, u, 0, FLOATS);
    add_8_of_16(g, s, u, 8, FLOATS);
}

MULTIVERSION
static void add_halves(const struct kernel_gradient *g, const struct stretch *s,
                       const struct unit *u)
{
    add_8_of_16(g, s, u, 0, HALVES);
    add_8_of_16(g, s, u, 8, HALVES);
}

#ifdef __x86_64__
__attribute__((target(AVX512_LEVEL))) static void
add_dots(const struct kernel_gradient *g, const struct stretch *s,
         const struct unit *u)
{
    add_8_of_16(g, s, u, 0, DOTS);
    add_8_of_16(g, s, u, 8, DOTS);
}
#endif

add_tap *kernel_gradient_adder_of_pairs(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512bf16"))
        return add_dots;
#endif
    return add_halves;
}

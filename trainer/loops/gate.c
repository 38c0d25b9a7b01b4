#include "trainer/loops/gate.h"

#include "trainer/loops/lanes.h"

/* A lane of one picture. */
struct part {
    size_t at;       /* its first element among activations */
    size_t value;    /* its first channel among values */
    bool is_padding; /* it has no channels */
};

static int blocks_of(const struct gate *q)
{
    return (q->channels + q->block - 1) / q->block;
}

static int parts_of(const struct gate *q)
{
    return q->n * blocks_of(q) * (q->block / LANE);
}

INLINE struct part part_of(const struct gate *q, int i)
{
    int per_block = q->block / LANE, lanes = blocks_of(q) * per_block;
    int channel = i % lanes * LANE;
    size_t plane = (size_t)(i / per_block);

    return (struct part){
        .at = plane * (size_t)q->rows * (size_t)q->block +
              (size_t)(i % per_block) * LANE,
        .value = (size_t)(i / lanes) * (size_t)q->channels + (size_t)channel,
        .is_padding = channel >= q->channels,
    };
}

/* The means or gates of a lane; those of padding are 0. */
INLINE void value_load(vec *v, const struct gate *q, struct part p)
{
    *v = (vec){0};
    if (!p.is_padding)
        load(v, q->values, p.value, false);
}

/* Means */

INLINE void mean_part(const struct gate *q, int i, const bool bf16)
{
    struct part p = part_of(q, i);
    vec v, even = {0}, odd = {0};
    size_t block = (size_t)q->block;
    int row = 0;

    if (p.is_padding)
        return;
    for (; row + 1 < q->rows; row += 2, p.at += 2 * block) {
        load(&v, q->x, p.at, bf16);
        even += v;
        load(&v, q->x, p.at + block, bf16);
        odd += v;
    }
    if (row < q->rows) {
        load(&v, q->x, p.at, bf16);
        even += v;
    }
    even = (even + odd) / (float)q->rows;
    store(q->values, p.value, &even, false);
}

MULTIVERSION
static void mean_one(const struct gate *q, int i)
{
    if (q->bf16)
        mean_part(q, i, true);
    else
        mean_part(q, i, false);
}

void gate_mean(const struct gate *q)
{
    int parts = parts_of(q);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < parts; i++)
        mean_one(q, i);
}

INLINE void mean_back_part(const struct gate *q, void *d_x, int i,
                           const bool bf16)
{
    struct part p = part_of(q, i);
    vec v, more;

    value_load(&more, q, p);
    more /= (float)q->rows;
    for (int row = 0; row < q->rows; row++, p.at += (size_t)q->block) {
        load(&v, d_x, p.at, bf16);
        v += more;
        store(d_x, p.at, &v, bf16);
    }
}

MULTIVERSION
static void mean_back_one(const struct gate *q, void *d_x, int i)
{
    if (q->bf16)
        mean_back_part(q, d_x, i, true);
    else
        mean_back_part(q, d_x, i, false);
}

void gate_mean_back(const struct gate *q, void *d_x)
{
    int parts = parts_of(q);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < parts; i++)
        mean_back_one(q, d_x, i);
}

/* Products */

INLINE void product_part(const struct gate *q, void *y, int i, const bool bf16)
{
    struct part p = part_of(q, i);
    vec v, by;

    value_load(&by, q, p);
    for (int row = 0; row < q->rows; row++, p.at += (size_t)q->block) {
        load(&v, q->x, p.at, bf16);
        v *= by;
        store(y, p.at, &v, bf16);
    }
}

MULTIVERSION
static void product_one(const struct gate *q, void *y, int i)
{
    if (q->bf16)
        product_part(q, y, i, true);
    else
        product_part(q, y, i, false);
}

void gate_product(const struct gate *q, void *y)
{
    int parts = parts_of(q);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < parts; i++)
        product_one(q, y, i);
}

/* Returns the gradient of the lane's gates in *sum. */
INLINE void product_back_part(const struct gate *q, const void *d_y, void *d_x,
                              struct part p, vec *sum, const bool bf16)
{
    vec x, g, by;

    value_load(&by, q, p);
    *sum = (vec){0};
    for (int row = 0; row < q->rows; row++, p.at += (size_t)q->block) {
        load(&x, q->x, p.at, bf16);
        load(&g, d_y, p.at, bf16);
        *sum += x * g;
        g *= by;
        store(d_x, p.at, &g, bf16);
    }
}

MULTIVERSION
static void product_back_one(const struct gate *q, const void *d_y, void *d_x,
                             float *d_gates, int i)
{
    struct part p = part_of(q, i);
    vec sum;

    if (q->bf16)
        product_back_part(q, d_y, d_x, p, &sum, true);
    else
        product_back_part(q, d_y, d_x, p, &sum, false);
    if (!p.is_padding)
        store(d_gates, p.value, &sum, false);
}

void gate_product_back(const struct gate *q, const void *d_y, void *d_x,
                       float *d_gates)
{
    int parts = parts_of(q);

#pragma omp parallel for schedule(static)
    for (int i = 0; i < parts; i++)
        product_back_one(q, d_y, d_x, d_gates, i);
}

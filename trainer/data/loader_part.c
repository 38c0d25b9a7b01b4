#include "trainer/data/loader_part.h"

#include "trainer/basic/purposes.h"
#include "trainer/basic/random.h"

#include <errno.h>
#include <stdlib.h>

struct batch *part_find(struct part *part, int epoch, int step)
{
    for (int i = 0; i < RING; i++) {
        struct batch *b = &part->ring[i];
        if (b->live && b->epoch == epoch && b->step == step)
            return b;
    }
    return NULL;
}

void part_seek(struct part *part, int epoch, int step)
{
    part->next_epoch = epoch;
    part->next_step = step;
}

/* Shuffles the part for an epoch (Fisher and Yates); the test part keeps its
 * order. */
static void part_shuffle(struct part *part, int epoch)
{
    struct random r;
    if (part->order_epoch == epoch)
        return;
    random_open(&r, part->seed, (uint32_t)epoch, 0, PURPOSE_ORDER);
    for (int i = 0; i < part->count; i++)
        part->order[i] = i;
    for (int i = part->count - 1; part->training && i > 0; i--) {
        int k = (int)random_below(&r, (uint32_t)i + 1);
        int swapped = part->order[i];
        part->order[i] = part->order[k];
        part->order[k] = swapped;
    }
    part->order_epoch = epoch;
}

/* Where share i of pictures begins that are dealt out evenly: a share of a
 * batch to a node, or a batch of an epoch. */
static int share_first(int total, int shares, int i)
{
    int rest = total % shares;
    return total / shares * i + (i < rest ? i : rest);
}

/* Which of the pictures of a batch are this node's. */
static void batch_split(const struct part *part, struct batch *b)
{
    bool whole = part->nodes < 2 || b->epoch >= LOADER_PLAIN;
    int nodes = whole ? 1 : part->nodes, node = whole ? 0 : part->node;
    b->first = share_first(b->total, nodes, node);
    b->count = share_first(b->total, nodes, node + 1) - b->first;
    b->spare = part->training && b->count == 0;
    if (b->spare) {
        b->first = b->total - 1;
        b->count = 1;
    }
}

/* Where a batch begins. Those of training are of equal size, but for one
 * picture, so that none is of a few: normalisation knows nothing from two or
 * three pictures, and one such batch in an epoch keeps a network from learning.
 */
static int batch_first(const struct part *part, int step)
{
    int full = step * part->size;
    if (part->training)
        return share_first(part->used, part->steps, step);
    return full < part->used ? full : part->used;
}

void part_next(struct part *part, struct batch *b)
{
    int step = part->next_step, first = batch_first(part, step);
    part_shuffle(part, part->next_epoch);
    b->live = true;
    b->training = part->training;
    b->epoch = part->next_epoch;
    b->step = step;
    b->total = batch_first(part, step + 1) - first;
    batch_split(part, b);
    first += b->first;
    b->taken = b->done = b->err = 0;
    for (int i = 0; i < b->count; i++) {
        b->entries[i] = &part->entries[part->order[first + i]];
        b->labels[i] = b->entries[i]->sample->label;
    }
    if (++part->next_step == part->steps) {
        part->next_step = 0;
        part->next_epoch += part->training;
    }
}

void part_take_back(struct part *part)
{
    if (part->lent)
        part_next(part, part->lent);
    part->lent = NULL;
}

/* Of an odd number in batches of two, the last one is left out: a picture alone
 * has no deviation to normalise by. */
static void cut(struct part *part)
{
    bool pairs = part->training && part->size == 2 && part->count > 1;
    part->used = pairs ? part->count / 2 * 2 : part->count;
    part->steps = (part->used + part->size - 1) / part->size;
}

static int no_memory(struct reason *why)
{
    return refuse(why, ENOMEM, "no memory for the batches");
}

static int ring_init(struct part *part, size_t image, struct reason *why)
{
    size_t n = (size_t)(part->count < part->size ? part->count : part->size);
    for (int i = 0; i < RING; i++) {
        struct batch *b = &part->ring[i];
        b->entries = calloc(n + 1, sizeof *b->entries);
        b->images = malloc((n * image + 1) * sizeof *b->images);
        b->labels = malloc((n + 1) * sizeof *b->labels);
        if (!b->entries || !b->images || !b->labels)
            return no_memory(why);
    }
    return 0;
}

int part_init(struct part *part, const struct scan *scan,
              const struct loader_options *options, bool training,
              struct reason *why)
{
    size_t most = (size_t)scan->count + 1;
    *part = (struct part){.training = training,
                          .nodes = options->nodes,
                          .node = options->node,
                          .seed = options->seed,
                          .size = options->batch,
                          .order_epoch = -1};
    part->entries = malloc(most * sizeof *part->entries);
    part->order = malloc(most * sizeof *part->order);
    if (!part->entries || !part->order)
        return no_memory(why);
    for (int i = 0; i < scan->count; i++) {
        const struct scanned *p = &scan->pictures[i];
        if (p->fault || scan_is_test(scan, i) == training)
            continue;
        part->entries[part->count] =
            (struct entry){scan_sample(scan, i), p->pixels, part->count};
        part->count++;
    }
    cut(part);
    return ring_init(part, (size_t)options->side * (size_t)options->side * 3,
                     why);
}

void part_release(struct part *part)
{
    for (int i = 0; i < RING; i++) {
        free(part->ring[i].entries);
        free(part->ring[i].images);
        free(part->ring[i].labels);
    }
    free(part->entries);
    free(part->order);
}

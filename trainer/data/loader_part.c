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

/* The first picture of a batch that a node gets. */
static int share_first(int total, int nodes, int node)
{
    int rest = total % nodes;
    return total / nodes * node + (node < rest ? node : rest);
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

void part_next(struct part *part, struct batch *b)
{
    int first = part->next_step * part->size, left = part->count - first;
    part_shuffle(part, part->next_epoch);
    b->live = true;
    b->training = part->training;
    b->epoch = part->next_epoch;
    b->step = part->next_step;
    b->total = left < part->size ? left : part->size;
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

/* A training batch of one picture has no deviation to normalise by, and is left
 * out unless it is the only one. */
static int part_steps(int count, int batch, bool training)
{
    int whole = count / batch, rest = count % batch;
    return whole + (rest > 1 || (rest == 1 && (!training || whole == 0)));
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
    part->steps = part_steps(part->count, part->size, training);
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

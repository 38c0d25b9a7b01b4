/*
 * Sums go on while the trainer computes. The values of one are divided among
 * the ranks: each gets what the others have of its slice, adds that up in the
 * order of the ranks, and gives all of them the result. So each value comes out
 * as the same bits on all ranks, however it travels and whatever comes first.
 *
 * Two of them are under way at a time: one is being received while the ranks
 * agree on the end of the other. With more, the small messages for which
 * trainers wait meanwhile would stand in a longer line.
 */
#include "trainer/mpi/world.h"
#include "trainer/nodes/wire.h"

#include <stdlib.h>

enum {
    UNDER_WAY = 2,
    PIECE = 1024, /* values that are added at a time */
    TAGS = 1024,  /* of sums that might be taken for each other */
};

enum phase { IDLE, SLICES, RESULTS };

struct sum {
    enum phase phase;
    struct nodes_request what;
    uint64_t number;
    struct pending p;
    char *parts; /* what the others have of our slice */
};

struct sums {
    struct sum list[UNDER_WAY];
    struct nodes_request
        asked[NODES_SLOTS];        /* number i is in i % NODES_SLOTS */
    uint64_t begun, started, done; /* how many, in their order */
};

bool sums_open(struct world *w)
{
    size_t most = NODES_SLOT + NODES_MOST * sizeof(float);
    struct sums *s = calloc(1, sizeof *s);
    w->under_way = s;
    for (int i = 0; s && i < UNDER_WAY; i++)
        if (!(s->list[i].parts = malloc(most)))
            return false;
    return s;
}

/* Where things are */

static size_t value_size(const struct nodes_request *r)
{
    return r->verb == NODES_SUM_BF16 ? sizeof(uint16_t) : sizeof(float);
}

/* Where the slice of a rank begins, in bytes. */
static size_t slice(const struct world *w, const struct nodes_request *r,
                    int rank)
{
    size_t each = value_size(r), count = r->size / each;
    size_t ranks = (size_t)w->count, k = (size_t)rank;
    return each * (count / ranks * k + count % ranks * k / ranks);
}

static size_t slice_size(const struct world *w, const struct nodes_request *r,
                         int rank)
{
    return slice(w, r, rank + 1) - slice(w, r, rank);
}

static char *slot_of(const struct world *w, const struct nodes_request *r)
{
    return w->slots + (size_t)r->slot * NODES_SLOT;
}

/* What a rank has of our slice. */
static const void *part_of(const struct world *w, const struct sum *s, int rank)
{
    size_t own = slice_size(w, &s->what, w->rank);
    if (rank == w->rank)
        return slot_of(w, &s->what) + slice(w, &s->what, rank);
    return s->parts + own * (size_t)(rank - (rank > w->rank));
}

/* Adding */

static void put(float *to, const void *from, size_t i, size_t n, bool bf16)
{
    const uint16_t *halves = (const uint16_t *)from + i;
    const float *whole = (const float *)from + i;
    for (size_t k = 0; k < n; k++)
        to[k] = bf16 ? wire_value(halves[k]) : whole[k];
}

static void add(float *to, const void *from, size_t i, size_t n, bool bf16)
{
    const uint16_t *halves = (const uint16_t *)from + i;
    const float *whole = (const float *)from + i;
    for (size_t k = 0; k < n; k++)
        to[k] += bf16 ? wire_value(halves[k]) : whole[k];
}

static void take(void *to, const float *from, size_t i, size_t n, bool bf16)
{
    uint16_t *halves = (uint16_t *)to + i;
    float *whole = (float *)to + i;
    for (size_t k = 0; k < n && bf16; k++)
        halves[k] = wire_round(from[k]);
    for (size_t k = 0; k < n && !bf16; k++)
        whole[k] = from[k];
}

/* Puts the sum of what the ranks have of our slice in its place. */
static void slice_add(const struct world *w, const struct sum *s)
{
    bool bf16 = s->what.verb == NODES_SUM_BF16;
    char *to = slot_of(w, &s->what) + slice(w, &s->what, w->rank);
    size_t count = slice_size(w, &s->what, w->rank) / value_size(&s->what);
    float sum[PIECE];
    for (size_t i = 0; i < count; i += PIECE) {
        size_t n = count - i < PIECE ? count - i : PIECE;
        put(sum, part_of(w, s, 0), i, n, bf16);
        for (int r = 1; r < w->count; r++)
            add(sum, part_of(w, s, r), i, n, bf16);
        take(to, sum, i, n, bf16);
    }
}

/* Phases */

static void phase_begin(struct world *w, struct sum *s, enum phase phase)
{
    const struct nodes_request *r = &s->what;
    char *slot = slot_of(w, r), *mine = slot + slice(w, r, w->rank);
    size_t own = slice_size(w, r, w->rank);
    s->phase = phase;
    s->p.comm = w->sums;
    s->p.tag = (int)(s->number % TAGS) * 2 + (phase == RESULTS);
    s->p.takes = s->p.tag;
    s->p.count = 0;
    for (int i = 0; i < w->count; i++) {
        char *theirs = slot + slice(w, r, i);
        if (i == w->rank)
            continue;
        if (phase == SLICES) {
            pending_get(&s->p, (void *)part_of(w, s, i), own, i);
            pending_put(&s->p, theirs, slice_size(w, r, i), i);
        } else {
            pending_get(&s->p, theirs, slice_size(w, r, i), i);
            pending_put(&s->p, mine, own, i);
        }
    }
}

/* Starts sums that wait while others are under way. */
static void sums_start(struct world *w)
{
    struct sums *s = w->under_way;
    for (int i = 0; i < UNDER_WAY && s->started < s->begun; i++) {
        struct sum *free = &s->list[i];
        if (free->phase != IDLE)
            continue;
        free->number = s->started++;
        free->what = s->asked[free->number % NODES_SLOTS];
        phase_begin(w, free, SLICES);
    }
}

static bool sum_look(struct world *w, struct sum *s)
{
    int done = s->phase == IDLE ? 0 : pending_look(&s->p);
    if (done < 0)
        return false;
    if (!done)
        return true;
    if (s->phase == SLICES) {
        slice_add(w, s);
        phase_begin(w, s, RESULTS);
    } else {
        s->phase = IDLE;
    }
    return true;
}

bool sums_look(struct world *w)
{
    struct sums *s = w->under_way;
    uint64_t first = s->started;
    for (int i = 0; i < UNDER_WAY; i++) {
        if (!sum_look(w, &s->list[i]))
            return words_differ(w);
        if (s->list[i].phase != IDLE && s->list[i].number < first)
            first = s->list[i].number;
    }
    s->done = first;
    sums_start(w);
    return true;
}

bool sums_begin(struct world *w, const struct nodes_request *r)
{
    struct sums *s = w->under_way;
    if (r->size > NODES_SLOT || r->size % value_size(r) ||
        r->slot != s->begun % NODES_SLOTS || s->begun - s->done == NODES_SLOTS)
        return false;
    s->asked[r->slot] = *r;
    s->begun++;
    sums_start(w);
    return true;
}

uint64_t sums_asked(const struct world *w)
{
    return w->under_way->begun;
}

bool sums_are_under_way(const struct world *w)
{
    return w->under_way->done < w->under_way->begun;
}

/* The last one that has used the slot. */
bool sums_is_done(const struct world *w, uint32_t slot)
{
    const struct sums *s = w->under_way;
    for (uint64_t i = s->done; i < s->begun; i++)
        if (i % NODES_SLOTS == slot)
            return false;
    return true;
}

#include "trainer/mpi/world.h"

#include <sched.h>
#include <time.h>

enum { PIECE = 1024 }; /* values that are added at a time */

/* While a trainer waits for an exchange, its cores are idle, and a sleep
 * between two looks makes the exchange take several times as long: so it is
 * looked all the time at first. Who is waited for longer is a slower host, and
 * the pictures of the next batches are being prepared meanwhile. */
#define SPIN_SECONDS  0.1
#define SHORT_SECONDS 2.0
#define LOOK_SECONDS  0.005 /* between two looks at words and the trainer */
enum { NAP_SHORT = 50000, NAP_LONG = 1000000 };

struct pending {
    MPI_Request list[2 * NODES_MOST];
    bool receives[2 * NODES_MOST];
    int size[2 * NODES_MOST]; /* bytes to receive */
    int count;
    int tag;
};

static void put(struct world *w, struct pending *p, const void *data,
                size_t size, int rank)
{
    p->receives[p->count] = false;
    if (MPI_Isend(data, (int)size, MPI_BYTE, rank, p->tag, w->work,
                  &p->list[p->count]))
        p->list[p->count] = MPI_REQUEST_NULL;
    p->count++;
}

static void get(struct world *w, struct pending *p, void *data, size_t size,
                int rank)
{
    p->receives[p->count] = true;
    p->size[p->count] = (int)size;
    if (MPI_Irecv(data, (int)size, MPI_BYTE, rank, MPI_ANY_TAG, w->work,
                  &p->list[p->count]))
        p->list[p->count] = MPI_REQUEST_NULL;
    p->count++;
}

/* Whether what has come is what was asked for. */
static bool is_right(const struct pending *p, const MPI_Status *status)
{
    for (int i = 0; i < p->count; i++) {
        int size;
        if (!p->receives[i])
            continue;
        MPI_Get_count(&status[i], MPI_BYTE, &size);
        if (status[i].MPI_TAG != p->tag || size != p->size[i])
            return false;
    }
    return true;
}

static void rest(double waited)
{
    const struct timespec nap = {.tv_nsec = waited < SHORT_SECONDS ? NAP_SHORT
                                                                   : NAP_LONG};
    if (waited < SPIN_SECONDS)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

/* Waits for all of them, and for none that is after them. */
static bool settle(struct world *w, struct pending *p)
{
    MPI_Status status[2 * NODES_MOST];
    double began = world_now(), looked = began, now = began;
    for (int done = 0;; rest(now - began)) {
        int err = MPI_Testall(p->count, p->list, &done, status);
        if (err || (done && !is_right(p, status))) {
            words_lost(w, NODES_DIFFER, w->rank, 0, NULL);
            return false;
        }
        if (done)
            break;
        now = world_now();
        if (now - looked < LOOK_SECONDS)
            continue;
        looked = now;
        if (!words_look(w) || !child_look(w))
            return false;
    }
    p->count = 0;
    return true;
}

/* The values of a sum are divided among the ranks: each adds up its slice. */
static size_t slice_start(const struct world *w, size_t count, int rank)
{
    return count / (size_t)w->count * (size_t)rank +
           count % (size_t)w->count * (size_t)rank / (size_t)w->count;
}

/* Adds what the ranks have, in their order. `from` has a list for each. */
static void add(float *to, const float *const *from, int ranks, size_t count)
{
    float sum[PIECE];
    for (size_t i = 0; i < count; i += PIECE) {
        size_t n = count - i < PIECE ? count - i : PIECE;
        for (size_t k = 0; k < n; k++)
            sum[k] = from[0][i + k];
        for (int r = 1; r < ranks; r++)
            for (size_t k = 0; k < n; k++)
                sum[k] += from[r][i + k];
        for (size_t k = 0; k < n; k++)
            to[i + k] = sum[k];
    }
}

bool exchange_sum(struct world *w, size_t size)
{
    struct pending p = {.tag = NODES_SUM};
    float *values = (float *)w->window;
    const float *from[NODES_MOST];
    size_t count = size / sizeof *values, start[NODES_MOST + 1];
    for (int r = 0; r <= w->count; r++)
        start[r] = slice_start(w, count, r);
    float *mine = values + start[w->rank], *part = w->parts;
    size_t own = start[w->rank + 1] - start[w->rank];
    for (int r = 0; r < w->count; r++) {
        from[r] = r == w->rank ? mine : part;
        if (r == w->rank)
            continue;
        get(w, &p, part, own * sizeof *part, r);
        put(w, &p, values + start[r],
            (start[r + 1] - start[r]) * sizeof *values, r);
        part += own;
    }
    if (!settle(w, &p))
        return false;
    add(mine, from, w->count, own);
    for (int r = 0; r < w->count; r++) {
        if (r == w->rank)
            continue;
        get(w, &p, values + start[r],
            (start[r + 1] - start[r]) * sizeof *values, r);
        put(w, &p, mine, own * sizeof *mine, r);
    }
    return settle(w, &p);
}

bool exchange_share(struct world *w, size_t size)
{
    struct pending p = {.tag = NODES_SHARE};
    for (int r = 1; r < w->count && w->rank == 0; r++)
        put(w, &p, w->window, size, r);
    if (w->rank)
        get(w, &p, w->window, size, 0);
    return settle(w, &p);
}

bool exchange_gather(struct world *w, size_t size)
{
    struct pending p = {.tag = NODES_GATHER};
    for (int r = 0; r < w->count; r++) {
        if (r == w->rank)
            continue;
        get(w, &p, w->window + (size_t)r * size, size, r);
        put(w, &p, w->window + (size_t)w->rank * size, size, r);
    }
    return settle(w, &p);
}

#include "trainer/mpi/world.h"

#include <sched.h>
#include <time.h>

/* While a trainer waits for an exchange, its cores are idle, and a sleep
 * between two looks makes the exchange take several times as long: so it is
 * looked all the time at first. Who is waited for longer is a slower host, and
 * the pictures of the next batches are being prepared meanwhile. */
#define SPIN_SECONDS  0.1
#define SHORT_SECONDS 2.0
#define LOOK_SECONDS  0.005 /* between two looks at words and the trainer */
enum { NAP_SHORT = 50000, NAP_LONG = 1000000 };

/* Messages */

void pending_put(struct pending *p, const void *data, size_t size, int rank)
{
    p->receives[p->count] = false;
    if (MPI_Isend(data, (int)size, MPI_BYTE, rank, p->tag, p->comm,
                  &p->list[p->count]))
        p->list[p->count] = MPI_REQUEST_NULL;
    p->count++;
}

void pending_get(struct pending *p, void *data, size_t size, int rank)
{
    p->receives[p->count] = true;
    p->size[p->count] = (int)size;
    if (MPI_Irecv(data, (int)size, MPI_BYTE, rank, p->takes, p->comm,
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

int pending_look(struct pending *p)
{
    MPI_Status status[2 * NODES_MOST];
    int done = 0;
    int err = MPI_Testall(p->count, p->list, &done, status);
    if (err || (done && !is_right(p, status)))
        return -1;
    if (done)
        p->count = 0;
    return done != 0;
}

/* Waiting */

static void rest(double waited)
{
    const struct timespec nap = {.tv_nsec = waited < SHORT_SECONDS ? NAP_SHORT
                                                                   : NAP_LONG};
    if (waited < SPIN_SECONDS)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

static bool settle_now(struct world *w, struct pending *p, uint32_t slot)
{
    double began = world_now(), looked = began, now = began;
    for (;; rest(now - began)) {
        if (!sums_look(w))
            return false;
        int done = p ? pending_look(p) : sums_is_done(w, slot);
        if (done)
            return done > 0 || words_differ(w);
        now = world_now();
        if (now - looked < LOOK_SECONDS)
            continue;
        looked = now;
        if (!words_look(w) || !child_look(w))
            return false;
    }
}

/* Waits for all messages of *p, or where it is NULL for the sum in a slot. */
static bool settle(struct world *w, struct pending *p, uint32_t slot)
{
    w->exchanges += p != NULL;
    w->waits = true;
    bool together = settle_now(w, p, slot);
    w->waits = false;
    return together;
}

bool exchange_wait(struct world *w, uint32_t slot)
{
    return settle(w, NULL, slot);
}

bool exchange_share(struct world *w, size_t size)
{
    struct pending p = {w->work, NODES_SHARE, MPI_ANY_TAG, .count = 0};
    for (int r = 1; r < w->count && w->rank == 0; r++)
        pending_put(&p, w->window, size, r);
    if (w->rank)
        pending_get(&p, w->window, size, 0);
    return settle(w, &p, 0);
}

bool exchange_gather(struct world *w, size_t size)
{
    struct pending p = {w->work, NODES_GATHER, MPI_ANY_TAG, .count = 0};
    for (int r = 0; r < w->count; r++) {
        if (r == w->rank)
            continue;
        pending_get(&p, w->window + (size_t)r * size, size, r);
        pending_put(&p, w->window + (size_t)w->rank * size, size, r);
    }
    return settle(w, &p, 0);
}

#include "trainer/mpi/world.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BEAT_SECONDS   1.0
#define SILENT_SECONDS 8
#define GAP_SECONDS    2.0 /* so long without a look: we slept ourselves */
#define END_SECONDS    2.0
#define STUCK_SECONDS  30.0 /* more than a slow network takes for one sum */

static bool is_lost(const struct world *w)
{
    return w->head->loss != NODES_TOGETHER;
}

/* How far we have come. */
static struct step step_now(const struct world *w)
{
    return (struct step){.sums = sums_asked(w),
                         .exchanges = w->exchanges,
                         .waits =
                             w->waits || (w->socket >= 0 && w->trainer == 0)};
}

/* What we have to say now. */
static struct word word_now(const struct world *w)
{
    struct word word = {.step = step_now(w),
                        .kind = is_lost(w) ? WORD_LOST : WORD_HERE,
                        .loss = w->head->loss,
                        .lost = w->head->lost,
                        .number = w->head->number};
    memcpy(word.said, w->head->said, sizeof word.said);
    return word;
}

/* Tells a rank, unless it has not taken the word before. */
static bool word_put(struct world *w, int rank, const struct word *word)
{
    struct peer *p = &w->peers[rank];
    int done = 0;
    MPI_Test(&p->put, &done, MPI_STATUS_IGNORE);
    if (!done)
        return false;
    p->out = *word;
    return MPI_Isend(&p->out, sizeof p->out, MPI_BYTE, rank, 0, w->words,
                     &p->put) == MPI_SUCCESS;
}

static void word_get(struct world *w, int rank)
{
    struct peer *p = &w->peers[rank];
    if (MPI_Irecv(&p->in, sizeof p->in, MPI_BYTE, rank, 0, w->words, &p->get))
        p->get = MPI_REQUEST_NULL;
}

void words_begin(struct world *w)
{
    w->looked = world_now();
    for (int i = 0; i < w->count; i++) {
        w->peers[i].heard = w->looked;
        w->peers[i].get = w->peers[i].put = MPI_REQUEST_NULL;
        if (i != w->rank)
            word_get(w, i);
    }
}

static void loss_note(struct world *w, const struct word *word)
{
    struct nodes_head *h = w->head;
    if (is_lost(w))
        return;
    h->lost = word->lost < (uint32_t)w->count ? word->lost : 0;
    h->number = word->number;
    memcpy(h->said, word->said, sizeof h->said);
    h->said[sizeof h->said - 1] = 0;
    h->loss = word->loss;
}

static void tell_all(struct world *w)
{
    const struct word word = word_now(w);
    w->beaten = world_now();
    for (int i = 0; i < w->count; i++)
        if (i != w->rank)
            word_put(w, i, &word);
}

void words_lost(struct world *w, enum nodes_loss loss, int rank, int number,
                const char *said)
{
    struct word word = {.loss = loss, .lost = (uint32_t)rank, .number = number};
    snprintf(word.said, sizeof word.said, "%s", said ? said : "");
    loss_note(w, &word);
    tell_all(w);
}

void words_print(const struct world *w)
{
    const struct nodes_head *h = w->head;
    const char *name = h->name[h->lost];
    if (h->loss == NODES_SILENT)
        fprintf(stderr,
                "primo-nodes: host '%s' has said nothing for %d seconds\n",
                name, h->number);
    else if (h->loss == NODES_DIFFER)
        fprintf(stderr, "primo-nodes: the hosts have lost step\n");
}

/* Rank 0, whose trainer goes on alone. */
static bool needs_none(const struct world *w)
{
    return w->apart && w->rank == 0;
}

bool words_differ(struct world *w)
{
    words_lost(w, NODES_DIFFER, w->rank, 0, NULL);
    return false;
}

static void word_take(struct world *w, int rank)
{
    struct peer *p = &w->peers[rank];
    p->heard = w->looked;
    p->step = p->in.step;
    if (p->in.kind == WORD_LOST && !needs_none(w))
        loss_note(w, &p->in);
    if (p->in.kind == WORD_END && rank == 0) {
        w->over = true;
        w->status = p->in.number;
    }
}

static void hear(struct world *w, int rank)
{
    struct peer *p = &w->peers[rank];
    int done = 1;
    while (p->get != MPI_REQUEST_NULL) {
        int err = MPI_Test(&p->get, &done, MPI_STATUS_IGNORE);
        if (err || !done)
            return;
        word_take(w, rank);
        word_get(w, rank);
    }
}

/* Sums and other exchanges travel on ways of their own, where one that only
 * some of the ranks take part in meets nothing that it could be told from: they
 * would wait for each other for ever. Where all wait that have asked for the
 * same, what is asked for is under way. */
static bool all_wait_apart(const struct world *w, uint64_t *asked)
{
    const struct step own = step_now(w);
    bool apart = false;
    *asked = own.sums + own.exchanges;
    for (int i = 0; i < w->count; i++) {
        const struct step *s = &w->peers[i].step;
        if (i == w->rank)
            continue;
        if (!s->waits)
            return false;
        *asked += s->sums + s->exchanges;
        apart |= s->sums != own.sums || s->exchanges != own.exchanges;
    }
    return apart;
}

/* A rank that is slower, or far away, catches up. */
static void stuck_look(struct world *w, double now)
{
    uint64_t asked;
    if (!w->waits || !all_wait_apart(w, &asked)) {
        w->stuck = 0;
    } else if (w->stuck <= 0 || asked != w->stuck_at) {
        w->stuck = now;
        w->stuck_at = asked;
    } else if (now - w->stuck > STUCK_SECONDS) {
        words_differ(w);
    }
}

bool words_look(struct world *w)
{
    double now = world_now(), gap = now - w->looked;
    w->looked = now;
    w->stuck = gap > GAP_SECONDS ? 0 : w->stuck;
    for (int i = 0; i < w->count; i++) {
        struct peer *p = &w->peers[i];
        if (i == w->rank)
            continue;
        if (gap > GAP_SECONDS)
            p->heard = now;
        hear(w, i);
        if (now - p->heard <= SILENT_SECONDS)
            continue;
        if (needs_none(w))
            w->deserted = true;
        else if (!is_lost(w))
            words_lost(w, NODES_SILENT, i, SILENT_SECONDS, NULL);
    }
    if (!is_lost(w))
        stuck_look(w, now);
    if (now - w->beaten > BEAT_SECONDS)
        tell_all(w);
    return !w->over && !is_lost(w);
}

void words_end(struct world *w)
{
    const struct word word = {.kind = WORD_END, .number = w->status};
    const struct timespec nap = {.tv_nsec = 5000000};
    double until = world_now() + END_SECONDS;
    bool told[NODES_MOST] = {0};
    int left = 1, done;
    while (left && world_now() < until) {
        left = 0;
        for (int i = 0; i < w->count; i++) {
            if (i == w->rank)
                continue;
            told[i] = told[i] || word_put(w, i, &word);
            MPI_Test(&w->peers[i].put, &done, MPI_STATUS_IGNORE);
            left += !told[i] || !done;
        }
        nanosleep(&nap, NULL);
    }
}

#include "core/serve/sharing.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"

#include <stdlib.h>
#include <string.h>

/* A replica that answers in less than the first time gets more requests at
 * once, as its pictures may be long on their way; one that takes more than the
 * second gets fewer, so that it does not hold what others could answer. */
#define QUICK_SECONDS 1.0
#define SLOW_SECONDS  2.0
#define RATE_SECONDS  2.0
/* Reading all pages of a large file may take longer, and is then done twice. */
#define STUCK_SECONDS 30.0

/* Life cycle */

void sharing_init(struct sharing *s)
{
    *s = (struct sharing){.rate_since = monotonic_now()};
    pthread_mutex_init(&s->lock, NULL);
}

void sharing_release(struct sharing *s)
{
    pthread_mutex_destroy(&s->lock);
    free(s->shares);
    free(s->out);
    free(s->suspects);
}

void sharing_join(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    ALLOC_GROW(s->shares, s->share_count + 1, s->share_room);
    s->shares[s->share_count++] =
        (struct share){.run = run, .window = SHARE_FIRST};
    pthread_mutex_unlock(&s->lock);
}

/* What follows up to the next headline is called under the lock. */

static struct share *share_of(const struct sharing *s, uint64_t run)
{
    struct share *at = s->shares;
    while (at->run != run)
        at++;
    return at;
}

static int count_of(const struct sharing *s, uint64_t run)
{
    int count = 0;
    for (size_t i = 0; i < s->out_count; i++)
        count += s->out[i].run == run;
    return count;
}

/* Whether one is with the replica that is told alone. */
static bool has_alone(const struct sharing *s, uint64_t run)
{
    bool has = false;
    for (size_t i = 0; s->alone_until && i < s->out_count; i++)
        has |=
            s->out[i].run == run && s->out[i].told.revision <= s->alone_until;
    return has;
}

static bool can_answer(const struct share *of)
{
    return of->ready && !of->stuck;
}

/* How many requests may be with a replica whose next one has this revision. */
static int room_of(const struct sharing *s, const struct share *of,
                   uint64_t next)
{
    bool only = s->share_count == 1;
    if (!only && !can_answer(of))
        return 0;
    if (next <= s->alone_until || has_alone(s, of->run))
        return 1;
    return only ? SHARE_MOST : of->window;
}

static bool another_is_ready(const struct sharing *s, uint64_t run)
{
    bool ready = false;
    for (size_t i = 0; i < s->share_count; i++)
        ready |= s->shares[i].run != run && can_answer(&s->shares[i]);
    return ready;
}

static struct shared_request *out_find(const struct sharing *s,
                                       uint64_t revision)
{
    for (size_t i = 0; i < s->out_count; i++)
        if (s->out[i].told.revision == revision)
            return &s->out[i];
    return NULL;
}

static void out_drop(struct sharing *s, struct shared_request *at)
{
    *at = s->out[--s->out_count];
}

static struct suspect *suspect_find(const struct sharing *s, uint64_t revision)
{
    for (size_t i = 0; i < s->suspect_count; i++)
        if (s->suspects[i].revision == revision)
            return &s->suspects[i];
    return NULL;
}

static void suspect_drop(struct sharing *s, struct suspect *at)
{
    *at = s->suspects[--s->suspect_count];
}

static void give_back(struct sharing *s, uint64_t run)
{
    for (size_t i = 0; i < s->out_count;) {
        uint64_t revision = s->out[i].told.revision;
        if (s->out[i].run != run) {
            i++;
            continue;
        }
        s->from = revision <= s->from ? revision - 1 : s->from;
        out_drop(s, &s->out[i]);
    }
}

/* Read */

uint64_t sharing_from(struct sharing *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t from = s->from;
    pthread_mutex_unlock(&s->lock);
    return from;
}

bool sharing_skips(struct sharing *s, uint64_t run, uint64_t revision)
{
    pthread_mutex_lock(&s->lock);
    const struct suspect *suspect = suspect_find(s, revision);
    bool skips = out_find(s, revision) ||
                 (suspect && suspect->run == run && another_is_ready(s, run));
    pthread_mutex_unlock(&s->lock);
    return skips;
}

int sharing_count(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    int count = count_of(s, run);
    pthread_mutex_unlock(&s->lock);
    return count;
}

bool sharing_has_several(struct sharing *s)
{
    pthread_mutex_lock(&s->lock);
    bool has = s->share_count > 1;
    pthread_mutex_unlock(&s->lock);
    return has;
}

bool sharing_others_ready(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    bool ready = another_is_ready(s, run);
    pthread_mutex_unlock(&s->lock);
    return ready;
}

bool sharing_others_have_room(struct sharing *s, uint64_t run)
{
    bool have = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->share_count; i++) {
        const struct share *of = &s->shares[i];
        have |= of->run != run && can_answer(of) &&
                count_of(s, of->run) < room_of(s, of, s->from + 1);
    }
    pthread_mutex_unlock(&s->lock);
    return have;
}

double sharing_silence(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    const struct share *of = share_of(s, run);
    bool owes = of->ready && (of->stuck || count_of(s, run));
    double silence = owes ? monotonic_now() - of->heard : 0;
    pthread_mutex_unlock(&s->lock);
    return silence;
}

bool sharing_has_room(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    bool has = count_of(s, run) < room_of(s, share_of(s, run), s->from + 1);
    pthread_mutex_unlock(&s->lock);
    return has;
}

/* Change */

void sharing_leave(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    give_back(s, run);
    *share_of(s, run) = s->shares[--s->share_count];
    pthread_mutex_unlock(&s->lock);
}

void sharing_set_ready(struct sharing *s, uint64_t run, bool ready)
{
    pthread_mutex_lock(&s->lock);
    share_of(s, run)->ready = ready;
    share_of(s, run)->stuck = false;
    share_of(s, run)->heard = monotonic_now();
    pthread_mutex_unlock(&s->lock);
}

void sharing_excuse(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    share_of(s, run)->heard = monotonic_now();
    pthread_mutex_unlock(&s->lock);
}

bool sharing_take(struct sharing *s, uint64_t run, uint64_t from,
                  struct told_request request)
{
    pthread_mutex_lock(&s->lock);
    bool takes =
        s->from == from && !out_find(s, request.revision) &&
        count_of(s, run) < room_of(s, share_of(s, run), request.revision);
    if (takes) {
        if (!count_of(s, run))
            share_of(s, run)->heard = monotonic_now();
        ALLOC_GROW(s->out, s->out_count + 1, s->out_room);
        s->out[s->out_count++] = (struct shared_request){
            .told = request, .run = run, .since = monotonic_now()};
        /* who passes over suspects has left some behind */
        s->from = s->suspect_count ? from : request.revision;
    }
    pthread_mutex_unlock(&s->lock);
    return takes;
}

/* The request that has been with another replica for longest. */
static struct shared_request *oldest(const struct sharing *s, uint64_t run)
{
    struct shared_request *at = NULL;
    for (size_t i = 0; i < s->out_count; i++)
        if (s->out[i].run != run && (!at || s->out[i].since < at->since))
            at = &s->out[i];
    return at;
}

bool sharing_take_over(struct sharing *s, uint64_t run,
                       struct told_request *out)
{
    double now = monotonic_now();
    pthread_mutex_lock(&s->lock);
    struct shared_request *at = oldest(s, run);
    bool takes = at && now - at->since > STUCK_SECONDS &&
                 can_answer(share_of(s, run)) && !count_of(s, run);
    if (takes) {
        share_of(s, at->run)->stuck = true;
        share_of(s, run)->heard = now;
        at->run = run;
        at->since = now;
        *out = at->told;
    }
    pthread_mutex_unlock(&s->lock);
    return takes;
}

int share_window(int window, double seconds)
{
    if (seconds < QUICK_SECONDS && window < SHARE_MOST)
        return window + 1;
    if (seconds > SLOW_SECONDS && window > SHARE_LEAST)
        return window - 1;
    return window;
}

void sharing_answered(struct sharing *s, uint64_t run, uint64_t revision)
{
    pthread_mutex_lock(&s->lock);
    struct shared_request *at = out_find(s, revision);
    struct suspect *suspect = suspect_find(s, revision);
    struct share *of = share_of(s, run);
    of->stuck = false;
    of->heard = monotonic_now();
    if (at && at->run == run) {
        of->window = share_window(of->window, monotonic_now() - at->since);
        out_drop(s, at);
    }
    if (suspect)
        suspect_drop(s, suspect);
    pthread_mutex_unlock(&s->lock);
}

void sharing_give_back(struct sharing *s, uint64_t run)
{
    pthread_mutex_lock(&s->lock);
    give_back(s, run);
    pthread_mutex_unlock(&s->lock);
}

/* Whether a worker has died of the only request that was with it, as another
 * one has before. */
static bool died_twice(struct sharing *s, uint64_t run,
                       const struct told_request *of)
{
    struct suspect *before = suspect_find(s, of->revision);
    if (before) {
        suspect_drop(s, before);
        return true;
    }
    ALLOC_GROW(s->suspects, s->suspect_count + 1, s->suspect_room);
    s->suspects[s->suspect_count++] =
        (struct suspect){.revision = of->revision, .run = run};
    return false;
}

bool sharing_lost(struct sharing *s, uint64_t run, struct told_request *of)
{
    int count = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->out_count; i++) {
        if (s->out[i].run != run)
            continue;
        *of = s->out[i].told;
        count++;
        if (of->revision > s->alone_until)
            s->alone_until = of->revision;
    }
    bool twice = count == 1 && died_twice(s, run, of);
    give_back(s, run);
    share_of(s, run)->ready = share_of(s, run)->stuck = false;
    pthread_mutex_unlock(&s->lock);
    return twice;
}

/* Speed */

void sharing_note(struct sharing *s, double ms)
{
    pthread_mutex_lock(&s->lock);
    s->latencies[s->latency_count++ % LATENCIES] = ms;
    s->rate_count++;
    pthread_mutex_unlock(&s->lock);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool sharing_measure(struct sharing *s, struct sharing_speed *out)
{
    double sorted[LATENCIES], now = monotonic_now();
    pthread_mutex_lock(&s->lock);
    unsigned n = s->latency_count < LATENCIES ? s->latency_count : LATENCIES;
    bool due = n && now - s->rate_since >= RATE_SECONDS;
    memcpy(sorted, s->latencies, n * sizeof *sorted);
    if (due) {
        out->rate = (double)s->rate_count / (now - s->rate_since);
        s->rate_count = 0;
        s->rate_since = now;
    }
    pthread_mutex_unlock(&s->lock);
    if (!due)
        return false;
    qsort(sorted, n, sizeof *sorted, by_size);
    out->median = sorted[n / 2];
    out->most = sorted[n * 99 / 100];
    return true;
}

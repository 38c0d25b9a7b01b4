#include "core/serve/serving_follow.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/inbox/spool.h"
#include "core/report/journal.h"
#include "core/serve/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One piece of the journal on its way into the store. */
struct piece {
    struct serving_watch *w;
    struct launch_piece from;
    uint64_t *ids;   /* new ones, two for each answer */
    size_t id_count; /* how many there are, and */
    size_t ids_used; /* were used in this transaction */
    uint64_t *done;  /* requests that were answered */
    size_t done_count, done_room;
    struct told_request *gone; /* bytes that are not needed any more */
    size_t gone_count, gone_room;
    bool ended, ready;
    struct store_txn *txn;
    struct serving s;
    struct replica *r; /* of s: that which says this */
};

/* Answers */

/* The model that the worker names, if it was told of it. */
static const struct answer_model *model_of(const struct serving_watch *w,
                                           const struct answer *a)
{
    char *end;
    uint64_t version =
        strncmp(a->model, "model.", 6) ? 0 : strtoull(a->model + 6, &end, 10);
    if (version && version == w->model.version)
        return &w->model;
    return version && version == w->before.version ? &w->before : NULL;
}

/* `when_done = delete` leaves the bytes without an object that names them. */
static void note_gone(struct piece *p, uint64_t request, uint64_t body)
{
    struct object o = OBJECT_INIT;
    if (body && object_get(p->txn, request, &o) == 0 && !o.number) {
        ALLOC_GROW(p->gone, p->gone_count + 1, p->gone_room);
        p->gone[p->gone_count++] = (struct told_request){request, body};
    }
    object_release(&o);
}

static uint64_t body_of(struct piece *p, uint64_t request)
{
    struct object o = OBJECT_INIT;
    uint64_t body = object_get(p->txn, request, &o) == 0 ? o.number : 0;
    object_release(&o);
    return body;
}

static void note_done(struct piece *p, const struct answer *a, uint64_t body)
{
    note_gone(p, a->request, body);
    ALLOC_GROW(p->done, p->done_count + 1, p->done_room);
    p->done[p->done_count++] = a->request;
    p->ids_used += 2;
}

static void done_measure(struct piece *p, const struct answer *a)
{
    struct object o = OBJECT_INIT;
    struct request r;
    if (request_load(p->txn, a->request, &o, &r) == 0)
        sharing_note(p->w->sharing, (r.ended - r.completed) * 1e3);
    object_release(&o);
}

static int answer_put(struct piece *p, const struct answer *a,
                      struct reason *why)
{
    struct answering answering = {.primo = p->w->primo,
                                  .txn = p->txn,
                                  .serving = &p->s,
                                  .service = &p->w->text,
                                  .model = model_of(p->w, a)};
    bool taken = false;
    if (p->ids_used + 2 <= p->id_count)
        memcpy(answering.ids, p->ids + p->ids_used, sizeof answering.ids);
    uint64_t body = body_of(p, a->request);
    int err = answer_take(&answering, a, &taken, why);
    if (err == 0 && taken) {
        note_done(p, a, body);
        done_measure(p, a);
    }
    return err;
}

/* One that its worker gives. */
static int answer_of_worker(struct piece *p, const struct answer *a,
                            struct reason *why)
{
    size_t before = p->done_count;
    int err = answer_put(p, a, why);
    p->r->losses = 0;
    p->r->answers += p->done_count - before;
    return err;
}

/* Records */

static int end_take(struct piece *p, const char *payload, double time,
                    struct reason *why)
{
    const char *failed = "failed: ";
    p->ended = true;
    p->r->loaded = false;
    if (strncmp(payload, failed, strlen(failed)))
        return 0;
    snprintf(p->r->fault, sizeof p->r->fault, "%.1000s",
             payload + strlen(failed));
    p->r->fault[utf8_valid(p->r->fault, strlen(p->r->fault))] = 0;
    make_printable(p->r->fault);
    int err = serving_log_replica(p->txn, &p->s, p->r, time, p->r->fault, why);
    if (err == 0)
        err = serving_step_replica(&p->s, p->r, LIFE_ENDED_FAILED, why);
    if (err || status_is_live(p->s.status))
        return err;
    snprintf(p->s.reason, sizeof p->s.reason, "%s", p->r->fault);
    return serving_event(p->txn, &p->s, p->w->primo->owner, p->s.reason, why);
}

static int record_take(struct piece *p, const struct journal_record *r,
                       struct reason *why)
{
    double now = unix_now(),
           time = r->time > 0 && r->time < now ? r->time : now;
    struct answer a;
    switch (r->kind) {
    case JOURNAL_ANSWER:
        return answer_parse(r->payload, &a) ? answer_of_worker(p, &a, why) : 0;
    case JOURNAL_LOG:
        return serving_log_replica(p->txn, &p->s, p->r, time, r->payload, why);
    case JOURNAL_STAGE:
        if (!strcmp(r->payload, "serving")) {
            serving_step_replica(&p->s, p->r, LIFE_TRAINING, NULL);
            p->ready = true;
        }
        return 0;
    case JOURNAL_END:
        return end_take(p, r->payload, time, why);
    default:
        return 0;
    }
}

static void measure(struct piece *p)
{
    struct sharing_speed speed;
    if (!sharing_measure(p->w->sharing, &speed))
        return;
    p->s.latency_median = speed.median;
    p->s.latency_most = speed.most;
    p->s.rate = speed.rate;
}

static int records_take(struct piece *p, struct reason *why)
{
    struct journal_record r;
    size_t at = 0, n;
    int err = 0;
    while (err == 0 && status_is_live(p->r->status) &&
           (n = journal_unframe(p->from.data.data + at, p->from.data.size - at,
                                &r)) > 0) {
        err = record_take(p, &r, why);
        at += n;
    }
    p->r->segment = p->from.segment;
    p->r->offset = p->from.offset + at;
    measure(p);
    return err;
}

static int piece_put(struct piece *p, struct reason *why)
{
    int err = store_begin(p->w->primo->store, true, &p->txn, why);
    if (err)
        return err;
    p->ids_used = p->done_count = p->gone_count = 0;
    err = serving_load(p->txn, p->w->service, &p->s, why);
    p->r = serving_replica(&p->s, p->w->run);
    if (err == 0 && !p->r)
        err = -ESRCH;
    if (err == 0)
        err = records_take(p, why);
    if (err == 0)
        err = serving_save(p->txn, &p->s, why);
    return store_end(p->txn, err, why);
}

/* Pieces */

/* How many answers are in it; those that the worker was told of are as good as
 * told. */
static size_t answers_count(struct piece *p)
{
    struct journal_record r;
    struct answer a;
    size_t count = 0;
    for (size_t at = 0, n;
         (n = journal_unframe(p->from.data.data + at, p->from.data.size - at,
                              &r)) > 0;
         at += n)
        if (r.kind == JOURNAL_ANSWER && answer_parse(r.payload, &a)) {
            count++;
            sharing_answered(p->w->sharing, p->w->run, a.revision);
        }
    return count;
}

static void ids_get(struct piece *p)
{
    size_t wanted = 2 * answers_count(p);
    p->ids = xcalloc(wanted + 1, sizeof *p->ids);
    while (p->id_count < wanted &&
           ids_take(&p->w->primo->ids, p->w->primo->store, &p->ids[p->id_count],
                    NULL) == 0)
        p->id_count++;
}

static void tell_done(struct piece *p)
{
    for (size_t i = 0; i < p->gone_count; i++)
        spool_remove(p->w->primo, p->gone[i].request, p->gone[i].revision);
    for (size_t i = 0; i < p->done_count; i++)
        serve_answered(p->w->primo->serve, p->done[i]);
}

static void piece_release(struct piece *p)
{
    text_release(&p->from.data);
    free(p->ids);
    free(p->done);
    free(p->gone);
}

bool serving_follow(struct serving_watch *w)
{
    struct piece p = {.w = w};
    struct serving s;
    int err = serving_read(w->primo->store, w->service, &s, NULL);
    const struct replica *r = serving_replica(&s, w->run);
    bool live = err == 0 && r && status_is_live(r->status);
    if (live)
        p.from = (struct launch_piece){r->segment, r->offset, TEXT_INIT};
    if (!live || launch_piece_next(&w->target, w->run, &p.from) <= 0) {
        piece_release(&p);
        return false;
    }
    ids_get(&p);
    pthread_mutex_lock(&w->primo->change);
    err = piece_put(&p, NULL);
    if (store_makes_room(w->primo->store, err))
        err = piece_put(&p, NULL);
    pthread_mutex_unlock(&w->primo->change);
    if (err == 0)
        tell_done(&p);
    w->ended |= err == 0 && p.ended;
    if (err == 0 && (p.ready || p.ended))
        sharing_set_ready(w->sharing, w->run, !p.ended);
    piece_release(&p);
    return err == 0;
}

void serving_answer(struct serving_watch *w, const struct answer *a)
{
    struct piece p = {.w = w};
    pthread_mutex_lock(&w->primo->change);
    int err = store_begin(w->primo->store, true, &p.txn, NULL);
    if (err == 0) {
        err = serving_load(p.txn, w->service, &p.s, NULL);
        if (err == 0)
            err = answer_put(&p, a, NULL);
        for (int i = 0; i < p.s.replica_count; i++)
            p.s.replicas[i].losses = 0; /* that was what they died of */
        if (err == 0)
            err = serving_save(p.txn, &p.s, NULL);
        err = store_end(p.txn, err, NULL);
    }
    pthread_mutex_unlock(&w->primo->change);
    if (err == 0)
        tell_done(&p);
    piece_release(&p);
}

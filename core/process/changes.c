#include "core/process/changes.h"

#include "core/basic/alloc.h"
#include "core/process/process.h"
#include "core/state/events.h"
#include "core/store/node.h"

#include <errno.h>
#include <stdlib.h>

/* What was known of a process at the last look. */
struct known {
    uint64_t process;
    double status_changed;
    uint64_t metrics;                /* id of the stream */
    uint64_t metrics_size, log_size; /* bytes */
    uint64_t model;
    bool seen;
};

void changes_release(struct changes *c)
{
    free(c->known);
    *c = (struct changes){0};
}

static struct known *known_of(struct changes *c, uint64_t process, bool *is_new)
{
    for (size_t i = 0; i < c->known_count; i++)
        if (c->known[i].process == process) {
            *is_new = false;
            return &c->known[i];
        }
    ALLOC_GROW(c->known, c->known_count + 1, c->known_room);
    *is_new = true;
    c->known[c->known_count] = (struct known){.process = process};
    return &c->known[c->known_count++];
}

static bool compare(struct changes *c, struct store_txn *txn,
                    const struct process *p, struct process_change *out)
{
    struct known now = {
        .process = p->id,
        .status_changed = p->status_changed,
        .metrics = process_metrics(p).id,
        .metrics_size = stream_size(txn, process_metrics(p)),
        .log_size = stream_size(txn, process_log(p)),
        .model = p->model,
        .seen = true,
    };
    bool is_new;
    struct known *old = known_of(c, p->id, &is_new);
    bool run = now.metrics != old->metrics;
    *out = (struct process_change){
        .process = p->id,
        .model = now.model != old->model ? now.model : 0,
        .texts = {[CHANGE_STATUS] = now.status_changed != old->status_changed,
                  [CHANGE_METRICS] =
                      run || now.metrics_size != old->metrics_size,
                  [CHANGE_LOG] = run || now.log_size != old->log_size},
    };
    *old = now;
    return !is_new && (out->model || out->texts[CHANGE_STATUS] ||
                       out->texts[CHANGE_METRICS] || out->texts[CHANGE_LOG]);
}

static void forget_unseen(struct changes *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->known_count; i++)
        if (c->known[i].seen)
            c->known[kept++] = c->known[i];
    c->known_count = kept;
}

/* Returns how many processes have changed, in a list that the caller frees. */
static size_t processes_look(struct changes *c, struct store_txn *txn,
                             struct process_change **out)
{
    struct process p;
    uint64_t after = 0;
    size_t count = 0, room = 0;
    int err;
    *out = NULL;
    for (size_t i = 0; i < c->known_count; i++)
        c->known[i].seen = false;
    while ((err = process_next(txn, &after, &p)) == 0 || err == -EBADMSG) {
        struct process_change one;
        if (err == 0 && compare(c, txn, &p, &one)) {
            ALLOC_GROW(*out, count + 1, room);
            (*out)[count++] = one;
        }
        process_release(&p);
    }
    forget_unseen(c);
    return count;
}

static bool events_look(struct changes *c, struct store_txn *txn,
                        struct text *news)
{
    uint64_t size = stream_size(txn, EVENTS), from = c->events_size;
    if (size == from)
        return false;
    if (size > from)
        stream_read(txn, EVENTS, from, size - from, news);
    c->events_size = size;
    return true;
}

bool changes_look(struct changes *c, struct primo *primo,
                  void (*each)(void *context,
                               const struct process_change *change),
                  void *context, struct text *news)
{
    struct store_txn *txn;
    struct process_change *changed;
    if (store_begin(primo->store, false, &txn, NULL))
        return false;
    size_t count = processes_look(c, txn, &changed);
    bool events = events_look(c, txn, news);
    store_abort(txn);
    for (size_t i = 0; each && i < count; i++)
        each(context, &changed[i]);
    free(changed);
    return events;
}

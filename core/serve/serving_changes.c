#include "core/serve/serving_changes.h"

#include "core/basic/alloc.h"
#include "core/inbox/serving.h"

#include <errno.h>
#include <stdlib.h>

/* What was known of a service at the last look. */
struct known_serving {
    uint64_t service;
    double status_changed;
    uint64_t log_size, results_size; /* bytes */
};

void serving_changes_release(struct serving_changes *c)
{
    free(c->known);
    *c = (struct serving_changes){0};
}

static struct known_serving *known_of(struct serving_changes *c,
                                      uint64_t service, bool *is_new)
{
    size_t i = 0;
    while (i < c->count && c->known[i].service != service)
        i++;
    *is_new = i == c->count;
    if (*is_new) {
        ALLOC_GROW(c->known, c->count + 1, c->room);
        c->known[c->count++] = (struct known_serving){.service = service};
    }
    return &c->known[i];
}

static bool compare(struct serving_changes *c, struct store_txn *txn,
                    const struct serving *s, struct serving_change *out)
{
    bool is_new;
    struct known_serving *old = known_of(c, s->id, &is_new);
    struct known_serving now = {s->id, s->status_changed,
                                stream_size(txn, serving_log(s)),
                                stream_size(txn, serving_results(s))};
    *out = (struct serving_change){
        .service = s->id,
        .status = now.status_changed != old->status_changed,
        .log = now.log_size != old->log_size,
        .results = now.results_size != old->results_size};
    *old = now;
    return !is_new && (out->status || out->log || out->results);
}

void serving_changes_look(struct serving_changes *c, struct primo *primo,
                          void (*each)(void *context,
                                       const struct serving_change *change),
                          void *context)
{
    struct serving_change *changed = NULL, one;
    struct serving s;
    struct store_txn *txn;
    uint64_t after = 0;
    size_t count = 0, room = 0;
    int err;
    if (store_begin(primo->store, false, &txn, NULL))
        return;
    while ((err = serving_next(txn, &after, &s)) == 0 || err == -EBADMSG) {
        if (err || !compare(c, txn, &s, &one))
            continue;
        ALLOC_GROW(changed, count + 1, room);
        changed[count++] = one;
    }
    store_abort(txn);
    for (size_t i = 0; each && i < count; i++)
        each(context, &changed[i]);
    free(changed);
}

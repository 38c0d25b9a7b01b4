#include "core/training/change_inside.h"

#include "core/basic/clock.h"
#include "core/store/garbage.h"
#include "core/store/stream.h"

#include <errno.h>

int change_begin(struct change *c, struct primo *primo, uint64_t id,
                 struct reason *why)
{
    c->primo = primo;
    process_init(&c->p);
    pthread_mutex_lock(&primo->change);
    int err = store_begin(primo->store, true, &c->txn, why);
    if (err == 0) {
        err = process_load(c->txn, id, &c->p, why);
        if (err)
            store_abort(c->txn);
    }
    if (err)
        pthread_mutex_unlock(&primo->change);
    return err;
}

int change_end(struct change *c, int err, struct reason *why)
{
    if (err == 0) {
        c->p.changed = time_after(c->p.changed);
        err = process_save(c->txn, &c->p, why);
    }
    err = store_end(c->txn, err, why);
    pthread_mutex_unlock(&c->primo->change);
    process_release(&c->p);
    return err;
}

int change_event(struct change *c, const struct caller *caller,
                 const char *what, struct reason *why)
{
    return process_event(c->txn, &c->p, caller->uid, what, why);
}

int run_texts_drop(struct store_txn *txn, const struct process *p,
                   struct reason *why)
{
    int err = stream_drop(txn, process_metrics(p), why);
    if (err == 0)
        err = stream_drop(txn, process_log(p), why);
    if (err == 0 && p->run)
        err = garbage_note(txn, GARBAGE_RUNS, p->run, why);
    return err || !p->run ? err : blob_drop_all(txn, p->run, why);
}

int process_check_enabled(const struct process *p, struct reason *why)
{
    if (p->enabled)
        return 0;
    return refuse(why, EBUSY,
                  "the process on '%s' is disabled; echo yes > "
                  "processes/%s/enabled",
                  p->machine, p->machine);
}

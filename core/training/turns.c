#include "core/training/turns.h"

#include "core/basic/alloc.h"
#include "core/process/process.h"
#include "core/process/queue.h"
#include "core/process/run_setup.h"
#include "core/store/node.h"
#include "core/training/action.h"

#include <errno.h>
#include <stdlib.h>

/* Whether the machine is elsewhere, and not reached now: what is started there
 * would fail, one line after the other, and so the queue waits. */
static bool is_away(struct primo *primo, struct store_txn *txn,
                    const struct process *p)
{
    struct launch_target target = {0};
    struct machine_facts facts = {.elsewhere = false};
    settings_init(&target.machine);
    if (machine_load(txn, p->machine, &target.machine, NULL, NULL) == 0)
        target.site = launch_site_find(
            &primo->sites, settings_get(&target.machine, KEY_LAUNCHER));
    if (target.site)
        target.site->launcher->facts(&target, &facts);
    settings_release(&target.machine);
    return facts.elsewhere && !facts.reached;
}

/* The idle processes that somebody waits for, in a list that the caller frees.
 */
static uint64_t *waiting(struct primo *primo, size_t *count)
{
    struct process p;
    struct store_txn *txn;
    uint64_t *out = NULL, after = 0;
    size_t room = 0;
    int err;
    *count = 0;
    if (store_begin(primo->store, false, &txn, NULL))
        return NULL;
    while ((err = process_next(txn, &after, &p)) == 0 || err == -EBADMSG) {
        if (err == 0 && p.queued && p.enabled && !status_is_live(p.status) &&
            !is_away(primo, txn, &p)) {
            ALLOC_GROW(out, *count + 1, room);
            out[(*count)++] = p.id;
        }
        process_release(&p);
    }
    store_abort(txn);
    return out;
}

static int first_of(struct primo *primo, uint64_t process, struct queued *out)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, NULL);
    if (err)
        return err;
    err = queue_first(txn, process, out);
    store_abort(txn);
    return err;
}

/* Whether the line itself is the reason, and not the state of the disk. */
static bool is_its_fault(int err)
{
    return err == -EINVAL || err == -EACCES || err == -ENOENT || err == -EPERM;
}

/* Lines that cannot be started go, until one is. */
static void turn_take(struct primo *primo, uint64_t process)
{
    struct queued next;
    int err = -EINVAL;
    while (is_its_fault(err) && first_of(primo, process, &next) == 0) {
        struct reason why = REASON_INIT;
        err = process_start_queued(primo, process, &next, &why);
        if (is_its_fault(err) &&
            process_pass_over(primo, process, &next, why.sentence))
            return;
    }
}

void turns_take(struct primo *primo)
{
    size_t count;
    uint64_t *list = waiting(primo, &count);
    for (size_t i = 0; i < count; i++)
        turn_take(primo, list[i]);
    free(list);
}

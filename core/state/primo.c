#include "core/state/primo.h"

#include "core/basic/clock.h"
#include "core/basic/name.h"

#include <errno.h>

int object_load(struct primo *primo, uint64_t id, struct object *out)
{
    if (scratch_get(&primo->scratch, id, out) == 0)
        return 0;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, NULL);
    if (err)
        return err;
    err = object_get(txn, id, out);
    store_abort(txn);
    return err;
}

int object_load_replaced(struct primo *primo, uint64_t id, struct object *out)
{
    int err = object_load(primo, id, out);
    return err == -ENOENT ? replaced_get(&primo->replaced, id, out) : err;
}

int object_search(struct primo *primo, uint64_t parent, const char *name,
                  struct object *out)
{
    if (scratch_find(&primo->scratch, parent, name, out) == 0)
        return 0;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, NULL);
    if (err)
        return err;
    err = object_find(txn, parent, name, out);
    store_abort(txn);
    return err;
}

bool object_by_own_name(struct primo *primo, const struct object *o)
{
    struct object other = OBJECT_INIT;
    if (!name_is_scratch(o->name))
        return true;
    if (o->scratch || !*o->home)
        return false;
    bool taken = object_search(primo, o->parent, o->home, &other) == 0;
    object_release(&other);
    return !taken;
}

void directory_changed(struct primo *primo, unsigned no)
{
    times_set(&primo->directories, no, clock_ns());
}

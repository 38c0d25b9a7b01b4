#include "core/tree/displaced.h"

#include <string.h>

static const char prefix[] = "displaced/";
enum { PREFIX_SIZE = sizeof prefix - 1 };

static struct store_key displaced_key(uint64_t id)
{
    struct store_key key = {0};
    key_bytes(&key, prefix, PREFIX_SIZE);
    key_u64(&key, id);
    return key;
}

int displaced_note(struct store_txn *txn, uint64_t id, struct reason *why)
{
    struct store_key key = displaced_key(id);
    return store_put(txn, STORE_META, &key, "", 0, why);
}

int displaced_forget(struct store_txn *txn, uint64_t id, struct reason *why)
{
    struct store_key key = displaced_key(id);
    return store_delete(txn, STORE_META, &key, why);
}

static int displaced_restore(struct store_txn *txn, uint64_t id,
                             struct reason *why)
{
    struct object o = OBJECT_INIT, other = OBJECT_INIT;
    int err = 0;
    if (object_get(txn, id, &o) == 0) {
        if (object_find(txn, o.parent, o.home, &other) == 0) {
            err = object_drop(txn, &o, why);
        } else {
            strcpy(o.name, o.home);
            *o.home = 0;
            err = object_put(txn, &o, why);
        }
    }
    object_release(&o);
    object_release(&other);
    return err;
}

int displaced_restore_all(struct primo *primo, struct reason *why)
{
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = {0};
    bool any = false;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    key_bytes(&key, prefix, PREFIX_SIZE);
    while (err == 0 &&
           store_next(txn, STORE_META, &key, PREFIX_SIZE, false, &v) == 0) {
        err = displaced_restore(txn, key_read_u64(&key, PREFIX_SIZE), why);
        if (err == 0)
            err = store_delete(txn, STORE_META, &key, why);
        any = true;
    }
    if (err || !any) { /* an empty transaction is not worth a sync */
        store_abort(txn);
        return err;
    }
    return store_commit(txn, why);
}

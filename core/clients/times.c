#include "core/clients/times.h"

#include <string.h>

static struct store_key times_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "directory-times", 15);
    return key;
}

void times_load(struct times *t, struct store *s, int64_t now)
{
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = times_key();
    int64_t saved[256];
    for (int i = 0; i < 256; i++)
        saved[i] = now;
    if (store_begin(s, false, &txn, NULL))
        return;
    bool any = store_get(txn, STORE_META, &key, &v) == 0;
    if (any && v.size == sizeof saved)
        memcpy(saved, v.data, sizeof saved);
    store_abort(txn);
    for (int i = 0; i < 256; i++)
        __atomic_store_n(&t->at[i], saved[i], __ATOMIC_RELAXED);
    __atomic_store_n(&t->dirty, !any, __ATOMIC_RELAXED);
}

int times_save(struct times *t, struct store *s, struct reason *why)
{
    struct store_txn *txn;
    struct store_key key = times_key();
    int64_t now[256];
    if (!__atomic_exchange_n(&t->dirty, false, __ATOMIC_ACQ_REL))
        return 0;
    for (int i = 0; i < 256; i++)
        now[i] = times_get(t, (unsigned)i);
    int err = store_begin(s, true, &txn, why);
    if (err)
        return err;
    err = store_put(txn, STORE_META, &key, now, sizeof now, why);
    return store_end(txn, err, why);
}

int64_t times_get(const struct times *t, unsigned no)
{
    return __atomic_load_n(&t->at[no], __ATOMIC_RELAXED);
}

void times_set(struct times *t, unsigned no, int64_t now)
{
    __atomic_store_n(&t->at[no], now, __ATOMIC_RELAXED);
    __atomic_store_n(&t->dirty, true, __ATOMIC_RELEASE);
}

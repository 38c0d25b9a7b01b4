#include "core/store/garbage.h"

#include <errno.h>
#include <string.h>

static struct store_key folder_key(const char *folder)
{
    struct store_key key = {0};
    key_bytes(&key, "garbage/", 8);
    key_bytes(&key, folder, strlen(folder));
    key_bytes(&key, "/", 1);
    return key;
}

static struct store_key garbage_key(const char *folder, uint64_t id)
{
    struct store_key key = folder_key(folder);
    key_u64(&key, id);
    return key;
}

static struct store_key sums_key(uint64_t id)
{
    struct store_key key = {0};
    key_bytes(&key, "sums/", 5);
    key_u64(&key, id);
    return key;
}

int garbage_noted(struct store_txn *txn, const char *folder, uint64_t id)
{
    struct store_key key = garbage_key(folder, id);
    struct store_view v;
    int err = store_get(txn, STORE_META, &key, &v);
    return err == 0 ? 1 : err == -ENOENT ? 0 : err;
}

int garbage_note(struct store_txn *txn, const char *folder, uint64_t id,
                 struct reason *why)
{
    struct store_key key = garbage_key(folder, id), sums = sums_key(id);
    int err = store_delete(txn, STORE_META, &sums, why);
    return err ? err : store_put(txn, STORE_META, &key, "1", 1, why);
}

int garbage_forget(struct store_txn *txn, const char *folder, uint64_t id,
                   struct reason *why)
{
    struct store_key key = garbage_key(folder, id);
    return store_delete(txn, STORE_META, &key, why);
}

int garbage_forget_all(struct store_txn *txn, const char *folder,
                       struct reason *why)
{
    struct store_key key = folder_key(folder);
    return store_delete_all(txn, STORE_META, &key, key.size, why);
}

int sums_get(struct store_txn *txn, uint64_t id, struct text *out)
{
    struct store_key key = sums_key(id);
    struct store_view v;
    int err = store_get(txn, STORE_META, &key, &v);
    if (err == 0)
        text_add(out, v.data, v.size);
    return err;
}

int sums_put(struct store_txn *txn, uint64_t id, const struct text *sums,
             struct reason *why)
{
    struct store_key key = sums_key(id);
    return store_put(txn, STORE_META, &key, text_string(sums), sums->size, why);
}

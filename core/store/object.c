#include "core/store/object.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUT = 1, ID_BLOCK = 1024 };

/* What the store keeps in front of name, home and body. */
struct object_record {
    uint32_t layout, kind;
    uint64_t parent, number;
    uint32_t mode, uid, gid;
    uint16_t name_size, home_size;
    int64_t atime, mtime, ctime;
};

void object_release(struct object *o)
{
    text_release(&o->body);
    memset(o, 0, sizeof *o);
}

void object_copy(struct object *to, const struct object *from)
{
    *to = *from;
    text_init(&to->body);
    text_add(&to->body, text_string(&from->body), from->body.size);
}

/* Keys */

static struct store_key object_key(uint64_t id)
{
    struct store_key key = {0};
    key_u64(&key, id);
    return key;
}

static struct store_key name_key(uint64_t parent, const char *name)
{
    struct store_key key = {0};
    key_u64(&key, parent);
    key_bytes(&key, name, strlen(name));
    return key;
}

static struct store_key child_key(uint64_t parent, uint64_t id)
{
    struct store_key key = {0};
    key_u64(&key, parent);
    key_u64(&key, id);
    return key;
}

/* Read */

static int object_decode(uint64_t id, struct store_view v, struct object *out)
{
    struct object_record r;
    if (v.size < sizeof r)
        return -EIO;
    memcpy(&r, v.data, sizeof r);
    const char *rest = (const char *)v.data + sizeof r;
    size_t left = v.size - sizeof r;
    if (r.layout != LAYOUT || r.name_size >= sizeof out->name ||
        r.home_size >= sizeof out->home ||
        left < (size_t)r.name_size + r.home_size)
        return -EIO;
    memset(out, 0, sizeof *out);
    out->id = id;
    out->parent = r.parent;
    out->kind = (enum object_kind)r.kind;
    out->mode = r.mode;
    out->uid = r.uid;
    out->gid = r.gid;
    out->atime = r.atime;
    out->mtime = r.mtime;
    out->ctime = r.ctime;
    out->number = r.number;
    memcpy(out->name, rest, r.name_size);
    memcpy(out->home, rest + r.name_size, r.home_size);
    size_t head = (size_t)r.name_size + r.home_size;
    text_add(&out->body, rest + head, left - head);
    return 0;
}

int object_get(struct store_txn *txn, uint64_t id, struct object *out)
{
    struct store_key key = object_key(id);
    struct store_view v;
    int err = store_get(txn, STORE_OBJECT, &key, &v);
    return err ? err : object_decode(id, v, out);
}

int object_find(struct store_txn *txn, uint64_t parent, const char *name,
                struct object *out)
{
    struct store_key key = name_key(parent, name);
    struct store_view v;
    int err = store_get(txn, STORE_NAME, &key, &v);
    if (err)
        return err;
    uint64_t id;
    if (v.size != sizeof id)
        return -EIO;
    memcpy(&id, v.data, sizeof id);
    return object_get(txn, id, out);
}

int object_next(struct store_txn *txn, uint64_t parent, uint64_t after,
                struct object *out)
{
    struct store_key key = child_key(parent, after);
    struct store_view v;
    int err = store_next(txn, STORE_CHILD, &key, 8, false, &v);
    return err ? err : object_get(txn, key_read_u64(&key, 8), out);
}

bool object_has_children(struct store_txn *txn, uint64_t parent)
{
    struct store_key key = child_key(parent, 0);
    struct store_view v;
    return store_next(txn, STORE_CHILD, &key, 8, false, &v) == 0;
}

int object_latest(struct store_txn *txn, uint64_t parent, uint64_t *number)
{
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    *number = 0;
    while (object_next(txn, parent, after, &o) == 0) {
        after = o.id;
        if (o.number > *number)
            *number = o.number;
        object_release(&o);
    }
    return *number ? 0 : -ENOENT;
}

/* Change */

static void object_encode(const struct object *o, struct text *out)
{
    struct object_record r = {
        .layout = LAYOUT,
        .kind = o->kind,
        .parent = o->parent,
        .number = o->number,
        .mode = o->mode,
        .uid = o->uid,
        .gid = o->gid,
        .name_size = (uint16_t)strlen(o->name),
        .home_size = (uint16_t)strlen(o->home),
        .atime = o->atime,
        .mtime = o->mtime,
        .ctime = o->ctime,
    };
    text_add(out, &r, sizeof r);
    text_puts(out, o->name);
    text_puts(out, o->home);
    text_add(out, text_string(&o->body), o->body.size);
}

static int names_drop(struct store_txn *txn, const struct object *o,
                      struct reason *why)
{
    struct store_key name = name_key(o->parent, o->name);
    struct store_key child = child_key(o->parent, o->id);
    int err = store_delete(txn, STORE_NAME, &name, why);
    return err ? err : store_delete(txn, STORE_CHILD, &child, why);
}

static int names_put(struct store_txn *txn, const struct object *o,
                     struct reason *why)
{
    struct store_key name = name_key(o->parent, o->name);
    struct store_key child = child_key(o->parent, o->id);
    int err = store_put(txn, STORE_NAME, &name, &o->id, sizeof o->id, why);
    return err ? err : store_put(txn, STORE_CHILD, &child, "", 0, why);
}

int object_put(struct store_txn *txn, const struct object *o,
               struct reason *why)
{
    struct object old = OBJECT_INIT;
    bool known = object_get(txn, o->id, &old) == 0;
    bool moved = !known || old.parent != o->parent || strcmp(old.name, o->name);
    int err = 0;
    if (known && moved)
        err = names_drop(txn, &old, why);
    object_release(&old);
    if (err == 0 && moved)
        err = names_put(txn, o, why);
    if (err)
        return err;
    struct text record = TEXT_INIT;
    object_encode(o, &record);
    struct store_key key = object_key(o->id);
    err = store_put(txn, STORE_OBJECT, &key, record.data, record.size, why);
    text_release(&record);
    return err;
}

int object_drop(struct store_txn *txn, const struct object *o,
                struct reason *why)
{
    int err = names_drop(txn, o, why);
    struct store_key key = object_key(o->id);
    return err ? err : store_delete(txn, STORE_OBJECT, &key, why);
}

/* Ids */

static int id_block_reserve(struct store *s, uint64_t *first,
                            struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(s, true, &txn, why);
    if (err)
        return err;
    struct store_key key = {0};
    key_bytes(&key, "next id", 7);
    struct store_view v;
    uint64_t next = OBJECT_FIRST_ID;
    if (store_get(txn, STORE_META, &key, &v) == 0 && v.size == sizeof next)
        memcpy(&next, v.data, sizeof next);
    *first = next;
    next += ID_BLOCK;
    err = store_put(txn, STORE_META, &key, &next, sizeof next, why);
    return store_end(txn, err, why);
}

int ids_take(struct id_source *ids, struct store *s, uint64_t *out,
             struct reason *why)
{
    int err = 0;
    pthread_mutex_lock(&ids->lock);
    if (ids->next == ids->end) {
        err = id_block_reserve(s, &ids->next, why);
        ids->end = err ? ids->next : ids->next + ID_BLOCK;
    }
    if (err == 0)
        *out = ids->next++;
    pthread_mutex_unlock(&ids->lock);
    return err;
}

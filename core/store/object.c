#include "core/store/object.h"

#include "core/basic/name.h"
#include "core/store/garbage.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LAYOUT_PLAIN = 1, LAYOUT = OBJECT_LAYOUT, ID_BLOCK = 1024 };

/* What the store keeps in front of name, home and body. */
struct object_record {
    uint32_t layout, kind;
    uint64_t parent, number;
    uint32_t mode, uid, gid;
    uint16_t name_size, home_size;
    int64_t atime, mtime, ctime;
    uint32_t writer, unused;
};

static size_t head_size(uint32_t layout)
{
    return layout == LAYOUT ? sizeof(struct object_record)
                            : offsetof(struct object_record, writer);
}

/* The checksum of a head and of what follows the checksum. */
static uint32_t record_sum(const struct object_record *r, const char *rest,
                           size_t size)
{
    uLong sum = crc32_z(0, (const Bytef *)r, head_size(r->layout));
    return (uint32_t)crc32_z(sum, (const Bytef *)rest, size);
}

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

/* Checks the checksum of a record, and finds what follows it. Returns false
 * where the record is not as it was written. */
static bool record_open(struct store_view v, struct object_record *r,
                        const char **rest, size_t *left)
{
    uint32_t sum;
    if (v.size < sizeof r->layout)
        return false;
    memcpy(&r->layout, v.data, sizeof r->layout);
    size_t head = head_size(r->layout);
    if (v.size < head)
        return false;
    memcpy(r, v.data, head);
    if (r->layout < LAYOUT)
        r->writer = r->uid;
    *rest = (const char *)v.data + head;
    *left = v.size - head;
    if (r->layout == LAYOUT_PLAIN)
        return true;
    if ((r->layout != LAYOUT && r->layout != OBJECT_SUMMED) ||
        *left < sizeof sum)
        return false;
    memcpy(&sum, *rest, sizeof sum);
    *rest += sizeof sum;
    *left -= sizeof sum;
    return sum == record_sum(r, *rest, *left);
}

int object_decode(uint64_t id, struct store_view v, struct object *out)
{
    struct object_record r;
    const char *rest;
    size_t left;
    if (!record_open(v, &r, &rest, &left) || r.name_size >= sizeof out->name ||
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
    out->writer = r.writer;
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

int object_twin(struct store_txn *txn, uint64_t parent, const char *name,
                const char *except, char *twin)
{
    struct store_key key = name_key(parent, "");
    struct store_view v;
    int err;
    while ((err = store_next(txn, STORE_NAME, &key, 8, false, &v)) == 0) {
        size_t n = key.size - 8;
        memcpy(twin, key.bytes + 8, n);
        twin[n] = 0;
        if (name_is_twin(twin, name) && (!except || strcmp(twin, except)))
            return 0;
    }
    return err;
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

/* Check */

/* Checks that an object can be found by its name and in its parent. */
static int names_check(struct store_txn *txn, const struct object *o,
                       struct reason *why)
{
    struct store_key name = name_key(o->parent, o->name);
    struct store_key child = child_key(o->parent, o->id);
    struct store_view v;
    uint64_t id = 0;
    if (store_get(txn, STORE_NAME, &name, &v) == 0 && v.size == sizeof id)
        memcpy(&id, v.data, sizeof id);
    if (id != o->id || store_get(txn, STORE_CHILD, &child, &v))
        return refuse(why, EUCLEAN,
                      "the state database is damaged: '%s' is not found by its "
                      "name",
                      o->name);
    return 0;
}

static int record_check(struct store_txn *txn, uint64_t id, struct store_view v,
                        struct reason *why)
{
    struct object o = OBJECT_INIT;
    uint32_t layout = 0;
    memcpy(&layout, v.data, v.size < sizeof layout ? 0 : sizeof layout);
    int err = object_decode(id, v, &o);
    if (err && layout > LAYOUT && layout < 256)
        err = refuse(why, EINVAL,
                     "the state directory was written by a newer primofs "
                     "(records of layout %u, this one knows up to %u)",
                     layout, (unsigned)LAYOUT);
    else if (err)
        err = refuse(why, EUCLEAN,
                     "the state database is damaged: the record of object %llu "
                     "is not as it was written",
                     (unsigned long long)id);
    else
        err = names_check(txn, &o, why);
    object_release(&o);
    return err;
}

int objects_check(struct store_txn *txn,
                  bool (*found)(void *context, const struct reason *why),
                  void *context)
{
    struct store_key key = object_key(0); /* lies before the first object */
    struct store_view v;
    int err = 0, first = 0;
    bool go_on = true;
    while (go_on &&
           (err = store_next(txn, STORE_OBJECT, &key, 0, false, &v)) == 0) {
        struct reason why = REASON_INIT;
        int bad = key.size == 8
                      ? record_check(txn, key_read_u64(&key, 0), v, &why)
                      : refuse(&why, EUCLEAN,
                               "the state database is damaged: an object has "
                               "a key of %zu bytes",
                               key.size);
        if (bad)
            go_on = found(context, &why);
        first = first ? first : bad;
    }
    if (err && err != -ENOENT && !first) {
        struct reason why = REASON_INIT;
        first = refuse(&why, EUCLEAN,
                       "the state database is damaged: its objects cannot be "
                       "listed");
        found(context, &why);
    }
    return first;
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
        .writer = o->writer,
        .name_size = (uint16_t)strlen(o->name),
        .home_size = (uint16_t)strlen(o->home),
        .atime = o->atime,
        .mtime = o->mtime,
        .ctime = o->ctime,
    };
    struct text rest = TEXT_INIT;
    text_puts(&rest, o->name);
    text_puts(&rest, o->home);
    text_add(&rest, text_string(&o->body), o->body.size);
    uint32_t sum = record_sum(&r, text_string(&rest), rest.size);
    text_add(out, &r, sizeof r);
    text_add(out, &sum, sizeof sum);
    text_add(out, text_string(&rest), rest.size);
    text_release(&rest);
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

/* Notes the body of an object that is gone as garbage, where it had one. */
static int body_forget(struct store_txn *txn, const struct object *o,
                       struct reason *why)
{
    if (o->kind == OBJECT_VERSION)
        return garbage_note(txn, GARBAGE_MODELS, o->id, why);
    if (o->kind == OBJECT_BASE && o->number)
        return garbage_note(txn, GARBAGE_BASES, o->number, why);
    return 0;
}

int object_put(struct store_txn *txn, const struct object *o,
               struct reason *why)
{
    struct object old = OBJECT_INIT;
    int err = object_get(txn, o->id, &old);
    if (err && err != -ENOENT)
        return refuse(why, -err, "'%s' cannot be read", o->name);
    bool known = err == 0;
    bool moved = !known || old.parent != o->parent || strcmp(old.name, o->name);
    err = known && moved ? names_drop(txn, &old, why) : 0;
    if (err == 0 && known && old.number != o->number)
        err = body_forget(txn, &old, why);
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
    if (err == 0)
        err = store_delete(txn, STORE_OBJECT, &key, why);
    return err ? err : body_forget(txn, o, why);
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

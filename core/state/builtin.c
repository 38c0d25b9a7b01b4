#include "core/state/builtin.h"

#include "core/basic/clock.h"
#include "core/store/node.h"

#include <errno.h>
#include <string.h>

/* The objects that are there from the first mount on. */
static const struct {
    enum tree_no parent;
    enum object_kind kind;
    bool builtin; /* it cannot be removed */
    const char *name;
    const char *body;
    size_t size;
} defaults[] = {
#define TEXT_BODY(s) s, sizeof s - 1
    {TREE_MACHINES, OBJECT_MACHINE, false, "local",
     TEXT_BODY("# the machine that primofs runs on\n"
               "launcher = local\nthreads = auto\nenabled = yes\n")},
    {TREE_TYPES, OBJECT_TYPE, true, "classifier",
     TEXT_BODY("goal = classification\n"
               "description = says which class a picture belongs to\n")},
    /* a valid .safetensors file without tensors: ResNet-18 from scratch */
    {TREE_BASES, OBJECT_BASE, true, "base",
     TEXT_BODY("\x58\0\0\0\0\0\0\0"
               "{\"__metadata__\":{\"architecture\":\"resnet18\","
               "\"weights\":\"none: trained from scratch\"}}     ")},
};

bool object_is_builtin(enum object_kind kind, const char *name)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (defaults[i].builtin && defaults[i].kind == kind &&
            !strcmp(defaults[i].name, name))
            return true;
    return false;
}

static int defaults_put(struct primo *p, struct store_txn *txn,
                        uint64_t first_id, struct reason *why)
{
    int err = 0;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && !err; i++) {
        struct object o = {.id = first_id + i,
                           .parent = defaults[i].parent,
                           .kind = defaults[i].kind,
                           .mode =
                               defaults[i].kind == OBJECT_BASE ? 0444 : 0644,
                           .uid = p->owner,
                           .gid = p->group};
        strcpy(o.name, defaults[i].name);
        text_add(&o.body, defaults[i].body, defaults[i].size);
        o.atime = o.mtime = o.ctime = clock_ns();
        err = object_put(txn, &o, why);
        object_release(&o);
    }
    return err;
}

static struct store_key populated_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "populated", 9);
    return key;
}

bool builtin_there(struct primo *p)
{
    struct store_key key = populated_key();
    struct store_view v;
    struct store_txn *txn;
    if (store_begin(p->store, false, &txn, NULL))
        return true; /* the next request that reads the store is told why */
    bool there = store_get(txn, STORE_META, &key, &v) != -ENOENT;
    store_abort(txn);
    return there;
}

int builtin_make(struct primo *p, struct reason *why)
{
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = populated_key();
    uint64_t id = 0;
    int err = 0;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && !err; i++) {
        uint64_t last;
        err = ids_take(&p->ids, p->store, &last, why);
        id = i ? id : last;
    }
    if (err == 0)
        err = store_begin(p->store, true, &txn, why);
    if (err)
        return err;
    err = store_get(txn, STORE_META, &key, &v);
    if (err != -ENOENT) {
        store_abort(txn);
        return err ? refuse(why, EIO, "the state database cannot be read") : 0;
    }
    err = defaults_put(p, txn, id, why);
    if (err == 0)
        err = store_put(txn, STORE_META, &key, "1", 1, why);
    return store_end(txn, err, why);
}

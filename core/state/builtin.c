#include "core/state/builtin.h"

#include "core/basic/clock.h"
#include "core/store/node.h"

#include <errno.h>
#include <string.h>

/* A valid .safetensors file without tensors: a network from scratch. The size
 * of the header, and blanks that fill it up. */
#define FRESH_NETWORK(size, architecture, blanks)                              \
    size "\0\0\0\0\0\0\0"                                                      \
         "{\"__metadata__\":{\"architecture\":\"" architecture "\","           \
         "\"weights\":\"none: trained from scratch\"}}" blanks

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
    {TREE_BASES, OBJECT_BASE, true, "scratch",
     TEXT_BODY(FRESH_NETWORK("\x58", "resnet18", "     "))},
    {TREE_BASES, OBJECT_BASE, true, "mobilenet",
     TEXT_BODY(FRESH_NETWORK("\x60", "mobilenet_v3_small", "   "))},
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

bool object_is_builtin(enum object_kind kind, const char *name)
{
    if (kind == OBJECT_BASE && !strcmp(name, SHIPPED_BASE_NAME))
        return true;
    for (int i = 0; i < DEFAULTS; i++)
        if (defaults[i].builtin && defaults[i].kind == kind &&
            !strcmp(defaults[i].name, name))
            return true;
    return false;
}

static int default_put(struct primo *p, struct store_txn *txn, int i,
                       uint64_t id, struct reason *why)
{
    struct object o = {.id = id,
                       .parent = defaults[i].parent,
                       .kind = defaults[i].kind,
                       .mode = defaults[i].kind == OBJECT_BASE ? 0444 : 0644,
                       .uid = p->owner,
                       .gid = p->group};
    strcpy(o.name, defaults[i].name);
    text_add(&o.body, defaults[i].body, defaults[i].size);
    o.atime = o.mtime = o.ctime = clock_ns();
    int err = object_put(txn, &o, why);
    object_release(&o);
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

/* Whether the object is to be made. In a state directory that has its objects,
 * of this version or of one before, only what nobody can remove is missing. */
static bool default_due(struct store_txn *txn, int i, bool populated)
{
    struct object o = OBJECT_INIT;
    if (!populated)
        return true;
    bool missing =
        defaults[i].builtin &&
        object_find(txn, defaults[i].parent, defaults[i].name, &o) == -ENOENT;
    object_release(&o);
    return missing;
}

/* Finds out which objects are to be made: due[DEFAULTS]. Returns their number,
 * or -errno. */
static int defaults_due(struct primo *p, bool *due, struct reason *why)
{
    struct store_key key = populated_key();
    struct store_view v;
    struct store_txn *txn;
    int count = 0, err = store_begin(p->store, false, &txn, why);
    if (err)
        return err;
    err = store_get(txn, STORE_META, &key, &v);
    if (err && err != -ENOENT)
        refuse(why, EIO, "the state database cannot be read");
    for (int i = 0; i < DEFAULTS; i++)
        count += due[i] = default_due(txn, i, err == 0);
    store_abort(txn);
    return err && err != -ENOENT ? err : count;
}

int builtin_make(struct primo *p, struct reason *why)
{
    struct store_key key = populated_key();
    struct store_txn *txn;
    bool due[DEFAULTS];
    uint64_t id[DEFAULTS];
    int count = defaults_due(p, due, why);
    if (count <= 0)
        return count;
    int err = 0;
    for (int i = 0; i < DEFAULTS && !err; i++)
        if (due[i])
            err = ids_take(&p->ids, p->store, &id[i], why);
    if (err == 0)
        err = store_begin(p->store, true, &txn, why);
    if (err)
        return err;
    for (int i = 0; i < DEFAULTS && !err; i++)
        if (due[i])
            err = default_put(p, txn, i, id[i], why);
    if (err == 0)
        err = store_put(txn, STORE_META, &key, "1", 1, why);
    return store_end(txn, err, why);
}

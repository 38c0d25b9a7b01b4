#include "core/check.h"

#include "core/basic/language.h"
#include "core/models/body_sums.h"
#include "core/store/node.h"
#include "core/store/object.h"
#include "core/store/pages.h"
#include "core/store/stream.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct checking {
    int state;
    struct store *store;
    struct store_txn *txn;
    uint64_t found;           /* damages */
    uint64_t objects, bodies; /* looked at */
    enum store_table table;
};

static void tell(struct checking *c, const struct reason *why)
{
    c->found++;
    printf("%s\n", why->sentence);
}

static bool take_reason(void *context, const struct reason *why)
{
    tell(context, why);
    return true;
}

/* Whether a daemon has it: then the file changes while it is read. */
static bool is_in_use(int state)
{
    int fd = openat(state, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool used = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return used;
}

/* Texts */

static bool take_piece(void *context, struct store_view key,
                       struct store_view value)
{
    struct checking *c = context;
    struct reason why = REASON_INIT;
    size_t plain = c->table == STORE_STREAM ? STREAM_KEY : BLOB_KEY;
    if (piece_is_whole(key, value, plain))
        return true;
    refuse(&why, EUCLEAN, "a text of object %llu is not as it was written",
           key.size < 8 ? 0ULL : (unsigned long long)view_read_u64(key, 0));
    tell(c, &why);
    return true;
}

static void texts_check(struct checking *c, enum store_table table)
{
    struct store_key first = {0};
    struct store_view v;
    struct reason why = REASON_INIT;
    c->table = table;
    key_u64(&first, 0);
    int err = store_next(c->txn, table, &first, 0, true, &v);
    if (err == 0)
        err = store_walk(c->txn, table, &first, 0, take_piece, c);
    if (err && err != -ENOENT) {
        refuse(&why, EUCLEAN, "the table '%s' cannot be read",
               store_table_name(table));
        tell(c, &why);
    }
}

/* Bodies */

static void body_check_all(struct checking *c, const char *folder, uint64_t id,
                           const char *called)
{
    struct reason why = REASON_INIT;
    int dir = directory_seen(c->state, folder, &why);
    c->bodies++;
    int err = dir < 0 ? dir : body_sums_check(c->txn, dir, id, &why);
    if (dir >= 0)
        close(dir);
    if (err) {
        reason_prefix(&why, "%s: ", called);
        tell(c, &why);
    }
}

static void versions_check(struct checking *c, const struct object *family)
{
    struct object o = OBJECT_INIT;
    char called[600];
    for (uint64_t after = 0; object_next(c->txn, family->id, after, &o) == 0;) {
        after = o.id;
        snprintf(called, sizeof called, "models/%s/%s", family->name, o.name);
        body_check_all(c, "models", o.id, called);
        object_release(&o);
    }
}

static void bodies_check(struct checking *c)
{
    struct object o = OBJECT_INIT;
    char called[300];
    uint64_t after = 0;
    while (object_next(c->txn, TREE_MODELS, after, &o) == 0) {
        after = o.id;
        versions_check(c, &o);
        object_release(&o);
    }
    for (after = 0; object_next(c->txn, TREE_BASES, after, &o) == 0;) {
        after = o.id;
        snprintf(called, sizeof called, "bases/%s", o.name);
        if (o.number)
            body_check_all(c, "bases", o.number, called);
        object_release(&o);
    }
}

static void objects_count(struct checking *c)
{
    struct store_key key = {0};
    struct store_view v;
    key_u64(&key, 0);
    while (store_next(c->txn, STORE_OBJECT, &key, 0, false, &v) == 0)
        c->objects++;
}

static int contents_check(struct checking *c, struct reason *why)
{
    int err = store_open_view(&c->store, c->state, why);
    if (err)
        return err;
    err = store_begin(c->store, false, &c->txn, why);
    if (err == 0) {
        objects_check(c->txn, take_reason, c);
        texts_check(c, STORE_STREAM);
        texts_check(c, STORE_BLOB);
        bodies_check(c);
        objects_count(c);
        store_abort(c->txn);
    }
    store_close(c->store);
    return err;
}

int check_state(const char *state, struct reason *why)
{
    struct checking c = {0};
    struct reason damage = REASON_INIT;
    c.state = directory_own_top(state, false, why);
    if (c.state < 0)
        return c.state;
    bool used = is_in_use(c.state);
    int err = used ? 0 : pages_check(c.state, "db/data.mdb", &damage);
    if (err == -EUCLEAN)
        tell(&c, &damage);
    else if (err)
        *why = damage;
    if (err == 0) /* what is not in order may not be mapped */
        err = contents_check(&c, why);
    close(c.state);
    if (err == 0 && !c.found)
        printf(used ? _("no fault (objects: %llu, models and bases: %llu); the "
                        "pages of the database are checked only where it is "
                        "not mounted\n")
                    : _("no fault (objects: %llu, models and bases: %llu)\n"),
               (unsigned long long)c.objects, (unsigned long long)c.bodies);
    return c.found ? refuse(why, EUCLEAN,
                            "%s is damaged: see what was said above", state)
                   : err;
}

#include "core/training/keep.h"

#include "core/basic/alloc.h"
#include "core/models/model.h"
#include "core/process/process.h"
#include "core/serve/serving.h"
#include "core/store/node.h"
#include "core/store/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many */

static void take_text(struct store_txn *txn, uint64_t run, enum run_text part,
                      unsigned scope, struct settings *s)
{
    struct text text = TEXT_INIT;
    if (blob_get(txn, run, (char)part, &text) == 0)
        settings_parse(s, text_string(&text), text.size, scope, "", NULL);
    text_release(&text);
}

uint64_t keep_of_run(struct primo *primo, uint64_t run)
{
    struct settings s;
    struct store_txn *txn;
    if (store_begin(primo->store, false, &txn, NULL))
        return 0;
    settings_init(&s);
    take_text(txn, run, RUN_TYPE, SCOPE_TYPE, &s);
    take_text(txn, run, RUN_TEMPLATE, SCOPE_TEMPLATE, &s);
    store_abort(txn);
    uint64_t keep = strtoull(settings_get(&s, KEY_KEEP), NULL, 10);
    settings_release(&s);
    return keep;
}

/* Which ones */

/* Whether a text of this directory names the version, as "TEMPLATE/N". An error
 * means that this is not known. */
static int is_named_in(struct store_txn *txn, enum tree_no directory,
                       unsigned scope, enum key key, const char *version)
{
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    int err, found = 0;
    while (!found && (err = object_next(txn, directory, after, &o)) == 0) {
        struct settings s;
        settings_init(&s);
        settings_parse(&s, text_string(&o.body), o.body.size, scope, "", NULL);
        const char *named = settings_get(&s, key);
        named += strncmp(named, "models/", 7) ? 0 : 7;
        found = !strcmp(named, version);
        after = o.id;
        settings_release(&s);
        object_release(&o);
    }
    return found ? 1 : err == -ENOENT ? 0 : err;
}

/* Whether the version has to stay, or may have to. */
static bool is_needed(struct store_txn *txn, const char *template,
                      const struct object *version)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", template, version->name);
    return serving_needs_model(txn, version->id, NULL) ||
           is_named_in(txn, TREE_SERVICES, SCOPE_SERVICE, KEY_SERVICE_MODEL,
                       path) ||
           is_named_in(txn, TREE_TEMPLATES, SCOPE_TEMPLATE, KEY_BASE, path);
}

struct versions {
    struct {
        uint64_t id, number;
        bool needed;
    } * list;
    size_t count, room;
};

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b; /* id, number */
    return x[1] < y[1] ? 1 : x[1] > y[1] ? -1 : 0;
}

/* The versions of a model, the newest first. */
static void versions_load(struct store_txn *txn, const char *template,
                          struct versions *out)
{
    struct object family = OBJECT_INIT, o = OBJECT_INIT;
    uint64_t after = 0;
    if (object_find(txn, TREE_MODELS, template, &family))
        return;
    while (object_next(txn, family.id, after, &o) == 0) {
        ALLOC_GROW(out->list, out->count + 1, out->room);
        out->list[out->count].id = after = o.id;
        out->list[out->count].needed = is_needed(txn, template, &o);
        out->list[out->count++].number = o.number;
        object_release(&o);
    }
    object_release(&family);
    if (out->count)
        qsort(out->list, out->count, sizeof *out->list, by_number);
}

void keep_newest(struct primo *primo, const char *template, uint64_t keep)
{
    const struct caller owner = {primo->owner, primo->group, 0};
    struct versions v = {0};
    struct store_txn *txn;
    char what[64];
    snprintf(what, sizeof what, "removed: the template has keep = %" PRIu64,
             keep);
    if (store_begin(primo->store, false, &txn, NULL))
        return;
    versions_load(txn, template, &v);
    store_abort(txn);
    for (size_t i = (size_t)keep; i < v.count; i++)
        if (!v.list[i].needed)
            model_remove(primo, &owner, v.list[i].id, what, NULL);
    free(v.list);
}

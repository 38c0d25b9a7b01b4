#include "core/training/keep.h"

#include "core/basic/alloc.h"
#include "core/inbox/serving.h"
#include "core/models/model.h"
#include "core/process/process.h"
#include "core/state/events.h"
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

/* What is to be kept, as it is asked again when a version goes. */
struct keeping {
    const char *template;
    uint64_t keep;
};

static uint64_t newer_versions(struct store_txn *txn,
                               const struct object *version)
{
    struct object o = OBJECT_INIT;
    uint64_t after = 0, count = 0;
    while (object_next(txn, version->parent, after, &o) == 0) {
        count += o.number > version->number;
        after = o.id;
        object_release(&o);
    }
    return count;
}

static int is_surplus(void *context, struct store_txn *txn,
                      const struct object *version, struct reason *why)
{
    const struct keeping *k = context;
    if (newer_versions(txn, version) >= k->keep &&
        !is_needed(txn, k->template, version))
        return 0;
    return refuse(why, EBUSY, "the version is kept");
}

/* The surplus versions of a model, in a list that the caller frees. */
static uint64_t *surplus(struct primo *primo, struct keeping *k, size_t *count)
{
    struct object family = OBJECT_INIT, o = OBJECT_INIT;
    struct store_txn *txn;
    uint64_t after = 0, *list = NULL;
    size_t room = 0;
    *count = 0;
    if (store_begin(primo->store, false, &txn, NULL))
        return NULL;
    if (object_find(txn, TREE_MODELS, k->template, &family) == 0)
        while (object_next(txn, family.id, after, &o) == 0) {
            after = o.id;
            if (is_surplus(k, txn, &o, NULL) == 0) {
                ALLOC_GROW(list, *count + 1, room);
                list[(*count)++] = o.id;
            }
            object_release(&o);
        }
    object_release(&family);
    store_abort(txn);
    return list;
}

/* Removing them */

static void tell_refusal(struct primo *primo, const struct keeping *k,
                         const struct caller *writer, const char *sentence)
{
    struct store_txn *txn;
    char called[300];
    snprintf(called, sizeof called, "models/%s", k->template);
    if (store_begin(primo->store, true, &txn, NULL))
        return;
    int err =
        event_add(txn, writer->uid, called, NULL,
                  "keep = %" PRIu64 " removes nothing: %s", k->keep, sentence);
    store_end(txn, err, NULL);
}

void keep_newest(struct primo *primo, const char *template, uint64_t keep,
                 uid_t writer)
{
    const struct caller caller = caller_absent(writer);
    struct keeping k = {template, keep};
    struct reason why = REASON_INIT;
    size_t count;
    uint64_t *list = surplus(primo, &k, &count);
    char what[64];
    snprintf(what, sizeof what, "removed: the template has keep = %" PRIu64,
             keep);
    if (count &&
        roles_judge(&primo->roles, &caller, KEY_MODELS, RIGHT_DELETE, &why)) {
        tell_refusal(primo, &k, &caller, why.sentence);
        count = 0;
    }
    for (size_t i = 0; i < count; i++)
        model_remove(primo, &caller, list[i], is_surplus, &k, what, NULL);
    free(list);
}

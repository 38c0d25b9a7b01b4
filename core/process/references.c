#include "core/process/references.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/basic/name.h"
#include "core/process/process.h"
#include "core/state/builtin.h"
#include "core/store/node.h"
#include "core/store/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The keys whose values name objects. */
static const struct {
    enum key key;
    enum tree_no directory;
    const char *name; /* the directory's name */
    const char *what; /* what is in it, for a sentence */
} references[] = {
    {KEY_TYPE, TREE_TYPES, "types", N_("type")},
    {KEY_SERVICE_MACHINE, TREE_MACHINES, "machines", N_("machine")},
};

/* Lists the names in a directory, as many as fit into a sentence. */
static void put_names(struct store_txn *txn, enum tree_no directory,
                      struct text *out)
{
    enum { MOST = 600 };
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    while (object_next(txn, directory, after, &o) == 0) {
        after = o.id;
        bool room = out->size + strlen(o.name) < MOST;
        if (!name_is_scratch(o.name))
            text_printf(out, "%s%s", out->size ? ", " : "",
                        room ? o.name : "…");
        object_release(&o);
        if (!room)
            return;
    }
}

int reference_find(struct store_txn *txn, enum key key, const char *value,
                   struct object *out, struct reason *why)
{
    struct text names = TEXT_INIT;
    int err = 0;
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        enum tree_no directory = references[i].directory;
        if (references[i].key != key)
            continue;
        err = object_find(txn, directory, value, out);
        if (err == 0)
            break;
        put_names(txn, directory, &names);
        err = refuse(why, EINVAL, "there is no %s '%s' in %s/, there is %s",
                     _(references[i].what), value, references[i].name,
                     names.size ? text_string(&names) : _("none"));
    }
    text_release(&names);
    return err;
}

int references_judge(struct store_txn *txn, enum key key, const char *value,
                     struct reason *why)
{
    bool several = params[key].kind == PARAM_NAMES;
    int err = 0;
    for (size_t n;
         err == 0 && (n = several ? member_next(&value) : strlen(value)) > 0;
         value += n) {
        struct object o = OBJECT_INIT;
        char *name = xstrndup(value, n);
        err = reference_find(txn, key, name, &o, why);
        object_release(&o);
        free(name);
    }
    return err;
}

/* In use */

static bool text_has_type(const struct text *text, const char *type)
{
    struct settings s;
    settings_init(&s);
    int err = settings_parse(&s, text_string(text), text->size, SCOPE_TEMPLATE,
                             "", NULL);
    bool has = err == 0 && !strcmp(settings_get(&s, KEY_TYPE), type);
    settings_release(&s);
    return has;
}

static bool run_has_type(struct store_txn *txn, const struct process *p,
                         const char *type)
{
    struct text template = TEXT_INIT;
    bool has = blob_get(txn, p->run, RUN_TEMPLATE, &template) == 0 &&
               text_has_type(&template, type);
    text_release(&template);
    return has;
}

static bool run_has_base(struct store_txn *txn, const struct process *p,
                         const char *base)
{
    struct text job = TEXT_INIT;
    struct settings s;
    char called[300];
    snprintf(called, sizeof called, "bases/%s", base);
    settings_init(&s);
    bool has = blob_get(txn, p->run, RUN_JOB, &job) == 0 &&
               settings_parse(&s, text_string(&job), job.size, SCOPE_JOB, "",
                              NULL) == 0 &&
               !strcmp(settings_get(&s, KEY_BASE_FILE), called);
    settings_release(&s);
    text_release(&job);
    return has;
}

/* A machine is needed by its process, even an idle one; a template, a type and
 * a base only by a live process. */
static int process_needs(struct store_txn *txn, const struct process *p,
                         const struct object *o, const char *name,
                         struct reason *why)
{
    bool live = status_is_live(p->status);
    if (o->kind == OBJECT_MACHINE && !strcmp(p->machine, name))
        return refuse(why, EBUSY,
                      "the machine '%s' is in use: it has a process; "
                      "rmdir processes/%s first",
                      name, name);
    if (o->kind == OBJECT_TEMPLATE && live &&
        !strcmp(process_template(p), name))
        return refuse(why, EBUSY,
                      "the template '%s' is in use by the process on "
                      "'%s', which is %s",
                      name, p->machine, status_name(p->status));
    if (o->kind == OBJECT_TYPE && live && run_has_type(txn, p, name))
        return refuse(why, EBUSY,
                      "the type '%s' is in use by the process on '%s', which "
                      "is %s",
                      name, p->machine, status_name(p->status));
    if (o->kind == OBJECT_BASE && live && run_has_base(txn, p, name))
        return refuse(why, EBUSY,
                      "the base model '%s' is in use by the process on '%s', "
                      "which is %s",
                      name, p->machine, status_name(p->status));
    return 0;
}

static int processes_need(struct store_txn *txn, const struct object *o,
                          const char *name, struct reason *why)
{
    struct process p;
    uint64_t after = 0;
    int err;
    while ((err = process_next(txn, &after, &p)) == 0) {
        err = process_needs(txn, &p, o, name, why);
        process_release(&p);
        if (err)
            return err;
    }
    return err == -ENOENT ? 0
                          : refuse(why, EIO,
                                   "whether '%s' is in use is not known: the "
                                   "record of a process cannot be read",
                                   name);
}

static int templates_need(struct store_txn *txn, const struct object *o,
                          const char *name, struct reason *why)
{
    struct object item = OBJECT_INIT;
    uint64_t after = 0;
    int err = 0;
    if (o->kind != OBJECT_TYPE)
        return 0;
    while (err == 0 && object_next(txn, TREE_TEMPLATES, after, &item) == 0) {
        after = item.id;
        if (!name_is_scratch(item.name) && text_has_type(&item.body, name))
            err = refuse(why, EBUSY,
                         "the type '%s' is in use by the template '%s'", name,
                         item.name);
        object_release(&item);
    }
    return err;
}

int reference_may_drop(struct primo *primo, const struct object *o,
                       struct reason *why)
{
    struct store_txn *txn;
    if (!object_by_own_name(primo, o))
        return 0;
    const char *name = name_is_scratch(o->name) ? o->home : o->name;
    if (object_is_builtin(o->kind, name))
        return refuse(why, EPERM,
                      "'%s' is built in: it cannot be removed or renamed",
                      name);
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = processes_need(txn, o, name, why);
    if (err == 0)
        err = templates_need(txn, o, name, why);
    store_abort(txn);
    return err;
}

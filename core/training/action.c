#include "core/training/action.h"

#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/process/run_setup.h"
#include "core/store/node.h"
#include "core/store/stream.h"
#include "core/system/file.h"
#include "core/training/change_inside.h"
#include "core/training/supervisor.h"

#include <errno.h>
#include <string.h>

/* Create and remove */

static int process_insert(struct primo *primo, struct store_txn *txn,
                          const struct caller *caller, const char *machine,
                          uint64_t id, struct reason *why)
{
    struct settings settings;
    settings_init(&settings);
    int err = machine_load(txn, machine, &settings, NULL, why);
    settings_release(&settings);
    struct object o = {.id = id,
                       .parent = TREE_PROCESSES,
                       .kind = OBJECT_PROCESS,
                       .mode = 0755,
                       .uid = primo->owner,
                       .gid = primo->group};
    struct object old = OBJECT_INIT;
    if (err == 0 && object_find(txn, TREE_PROCESSES, machine, &old) == 0)
        err = refuse(why, EEXIST, "the machine '%s' has a process already",
                     machine);
    object_release(&old);
    if (err)
        return err;
    strcpy(o.name, machine);
    o.mtime = o.ctime = o.atime = clock_ns();
    err = object_put(txn, &o, why);
    struct process p;
    process_init(&p);
    p.id = id;
    strcpy(p.machine, machine);
    p.author = caller->uid;
    p.created = p.changed = p.status_changed = p.template_changed =
        p.enabled_changed = p.queue_changed = (double)o.mtime / 1e9;
    if (err == 0)
        err = process_save(txn, &p, why);
    if (err == 0)
        err = stream_append(txn, process_metrics(&p), METRICS_HEADER,
                            strlen(METRICS_HEADER), why);
    if (err == 0)
        err = process_event(txn, &p, caller->uid, "created", why);
    process_release(&p);
    return err;
}

int process_create(struct primo *primo, const struct caller *caller,
                   const char *machine, uint64_t *id, struct reason *why)
{
    int err = name_check(machine, strlen(machine), why);
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, id, why);
    if (err)
        return err;
    struct store_txn *txn;
    pthread_mutex_lock(&primo->change);
    err = store_begin(primo->store, true, &txn, why);
    if (err == 0) {
        err = process_insert(primo, txn, caller, machine, *id, why);
        err = store_end(txn, err, why);
    }
    pthread_mutex_unlock(&primo->change);
    return err;
}

static int remove_once(struct primo *primo, const struct caller *caller,
                       uint64_t id, struct reason *why)
{
    struct change c;
    struct object o = OBJECT_INIT;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = process_step(&c.p, LIFE_REMOVE, why);
    if (err == 0)
        err = change_event(&c, caller, "removed", why);
    if (err == 0)
        err = run_texts_drop(c.txn, &c.p, why);
    if (err == 0)
        err = queue_drop(c.txn, &c.p, why);
    if (err == 0 && object_get(c.txn, id, &o) == 0)
        err = object_drop(c.txn, &o, why);
    object_release(&o);
    /* Not change_end(), which would save the record that was just dropped. */
    err = store_end(c.txn, err, why);
    pthread_mutex_unlock(&primo->change);
    process_release(&c.p);
    return err;
}

int process_remove(struct primo *primo, const struct caller *caller,
                   uint64_t id, struct reason *why)
{
    int err = remove_once(primo, caller, id, why);
    if (store_makes_room(primo->store, err))
        err = remove_once(primo, caller, id, why);
    if (err == 0)
        supervisor_sweep(primo->supervisor);
    return err;
}

/* Set up */

int process_set_template(struct primo *primo, const struct caller *caller,
                         uint64_t id, const char *name, struct reason *why)
{
    struct change c;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = process_step(&c.p, LIFE_EDIT, why);
    struct object template = OBJECT_INIT;
    if (err == 0 && *name) {
        err = name_check(name, strlen(name), why);
        if (err == 0 && object_find(c.txn, TREE_TEMPLATES, name, &template))
            err = refuse(why, EINVAL, "there is no template '%s' in templates/",
                         name);
    }
    object_release(&template);
    if (err == 0) {
        strcpy(c.p.template, name);
        c.p.template_changed = time_after(c.p.template_changed);
        err = change_event(&c, caller, "template set", why);
    }
    return change_end(&c, err, why);
}

int process_set_enabled(struct primo *primo, const struct caller *caller,
                        uint64_t id, const char *word, struct reason *why)
{
    bool yes;
    struct change c;
    int err = enabled_parse(word, &yes, why);
    if (err == 0)
        err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    c.p.enabled = yes;
    c.p.enabled_changed = time_after(c.p.enabled_changed);
    err = change_event(&c, caller, yes ? "enabled" : "disabled", why);
    return change_end(&c, err, why);
}

/* Stop */

static int stop_once(struct primo *primo, const struct caller *caller,
                     uint64_t id, struct reason *why)
{
    struct change c;
    int err = change_begin(&c, primo, id, why);
    if (err)
        return err;
    err = process_step(&c.p, LIFE_STOP, why);
    if (err == 0)
        err = process_check_enabled(&c.p, why);
    if (err == 0)
        err = change_event(&c, caller, "stop requested", why);
    return change_end(&c, err, why);
}

int process_stop(struct primo *primo, const struct caller *caller, uint64_t id,
                 const char *said, struct reason *why)
{
    (void)said;
    int err = stop_once(primo, caller, id, why);
    /* A full disk must not prevent a stop, which ends what fills the disk. */
    if (store_makes_room(primo->store, err))
        err = stop_once(primo, caller, id, why);
    if (err == 0)
        supervisor_wake(primo->supervisor);
    return err;
}

bool process_is_new_to(struct primo *primo, const struct caller *caller,
                       uint64_t id)
{
    struct process p;
    if (process_read(primo->store, id, &p, NULL))
        return false;
    bool yes = !p.run && p.author == caller->uid;
    process_release(&p);
    return yes;
}

int process_may_hide(struct primo *primo, uint64_t id, struct reason *why)
{
    struct process p;
    enum status to;
    int err = process_read(primo->store, id, &p, why);
    if (err == 0)
        err = life_step(p.status, LIFE_EDIT, &to, why);
    process_release(&p);
    return err;
}

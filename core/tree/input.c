#include "core/tree/input.h"

#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/inbox/serving.h"
#include "core/models/base_file.h"
#include "core/process/references.h"
#include "core/state/events.h"
#include "core/system/file.h"
#include "core/tree/displaced.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names and texts */

/* The row of the inputs in a directory; EPERM where there can be none. */
static int input_row(struct node directory, enum tree_no *out,
                     struct reason *why)
{
    enum tree_no no = row_of_objects(directory.no);
    if (no && row_is_input(&tree_rows[no])) {
        *out = no;
        return 0;
    }
    struct text names = TEXT_INIT;
    for (int i = 0; i < TREE_ROWS; i++)
        if (tree_rows[i].help && row_is_input(&tree_rows[i]) &&
            !tree_rows[i].shape->passing)
            text_printf(&names, "%s%s/", names.size ? ", " : "",
                        tree_rows[tree_rows[i].parent].name);
    refuse(why, EPERM, "files can only be made in %s", text_string(&names));
    text_release(&names);
    return -EPERM;
}

/* The judge of settings.h for values that a table of words cannot check. */
static int input_judge(void *context, enum key key, const char *value,
                       struct reason *why)
{
    struct primo *primo = context;
    struct store_txn *txn;
    if (key == KEY_MEMBERS)
        return members_judge(value, why);
    /* Every other key that is judged names an object, which must exist. */
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = references_judge(txn, key, value, why);
    store_abort(txn);
    return err;
}

struct settings_check input_check(struct primo *primo, const struct row *row)
{
    return (struct settings_check){
        .scope = row->scope, .judge = input_judge, .context = primo};
}

/* A template's name is that of its models, too. */
static int twin_find(struct primo *primo, uint64_t directory, const char *name,
                     const char *except, char *twin, struct reason *why)
{
    struct object models = OBJECT_INIT;
    struct store_txn *txn;
    int err = scratch_twin(&primo->scratch, directory, name, except, twin);
    if (err == 0)
        return 0;
    err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = object_twin(txn, directory, name, except, twin);
    if (err == -ENOENT && directory == TREE_TEMPLATES &&
        object_find(txn, TREE_MODELS, name, &models) == -ENOENT)
        err = object_twin(txn, TREE_MODELS, name, NULL, twin);
    object_release(&models);
    store_abort(txn);
    return err;
}

int input_twin_check(struct primo *primo, uint64_t directory, const char *name,
                     const char *except, struct reason *why)
{
    char twin[256];
    if (name_is_scratch(name) || !name_has_twins(name))
        return 0;
    int err = twin_find(primo, directory, name, except, twin, why);
    if (err)
        return err == -ENOENT ? 0 : err;
    return refuse(why, EINVAL,
                  "there is '%s' already, which looks the same: it differs in "
                  "the composition of its characters only (Unicode NFC or NFD)",
                  twin);
}

int input_name_check(const char *name, struct reason *why)
{
    size_t n = strlen(name);
    int err = 0;
    if (!name_is_scratch(name))
        err = name_check(name, n, why);
    else if (n > 255)
        err = refuse(why, ENAMETOOLONG, "a name must have at most 255 bytes");
    return err ? err : name_new_check(name, why);
}

int input_text_check(struct primo *primo, const struct row *row,
                     const struct text *text, struct reason *why)
{
    if (text->size > INPUT_BYTES)
        return refuse(why, EFBIG, "a text must have at most %d KiB",
                      INPUT_BYTES >> 10);
    struct settings_check check = input_check(primo, row);
    return settings_lines(&check, text_string(text), text->size, NULL, "", why);
}

int input_event(struct store_txn *txn, const struct caller *caller,
                const struct object *o, const char *what, struct reason *why)
{
    char object[300];
    snprintf(object, sizeof object, "%s/%s", tree_rows[o->parent].name,
             o->name);
    return event_add(txn, caller->uid, object, why, "%s", what);
}

void input_changed(struct primo *primo, const struct object *o)
{
    struct node directory = {(enum tree_no)o->parent, 0};
    enum tree_no no = 0;
    if (input_row(directory, &no, NULL) == 0 && tree_rows[no].changed)
        tree_rows[no].changed(primo);
}

int input_end(struct primo *primo, const struct object *o,
              struct store_txn *txn, int err, struct reason *why)
{
    err = store_end(txn, err, why);
    if (err == 0)
        input_changed(primo, o);
    return err;
}

/* Create */

int input_create(struct primo *primo, const struct caller *caller,
                 struct node directory, const char *name, uint32_t mode,
                 struct node *out, struct reason *why)
{
    enum tree_no no = 0;
    struct object o = OBJECT_INIT, old = OBJECT_INIT;
    int err = input_row(directory, &no, why);
    if (err == 0)
        err = input_name_check(name, why);
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, &o.id, why);
    if (err)
        return err;
    o.parent = directory.no;
    o.kind = tree_rows[no].kind;
    /* `w` is always set: cp gives its copy the mode of the original, and nobody
     * could ever write the copy of a read-only file, as `w` here says whether
     * anybody may (tree_mode_may()). */
    o.mode = (mode & 0777) | 0200;
    o.uid = caller->uid;
    o.gid = caller->gid;
    o.writer = caller->uid;
    strcpy(o.name, name);
    o.atime = o.mtime = o.ctime = clock_ns();
    /* A new file is in memory, so that it needs no transaction and waits for no
     * save of others: instead of primo->change, only `names` is held, which
     * keeps two callers from taking the same name. */
    pthread_mutex_lock(&primo->names);
    int there = object_search(primo, o.parent, name, &old);
    if (there == 0)
        err = refuse(why, EEXIST, "'%s' exists", name);
    else if (there != -ENOENT)
        err = refuse_errno(why, -there, "'%s' cannot be read", name);
    else
        err = input_twin_check(primo, o.parent, name, NULL, why);
    if (err == 0)
        err = scratch_put(&primo->scratch, &o, why);
    pthread_mutex_unlock(&primo->names);
    object_release(&old);
    if (err == 0)
        directory_changed(primo, directory.no);
    *out = (struct node){no, o.id};
    return err;
}

/* Remove */

static int drop_once(struct primo *primo, const struct caller *caller,
                     const struct object *o, const char *event,
                     struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = object_drop(txn, o, why);
    if (err == 0)
        err = displaced_forget(txn, o->id, why);
    if (err == 0 && event && !name_is_scratch(o->name))
        err = input_event(txn, caller, o, event, why);
    return input_end(primo, o, txn, err, why);
}

/* On a full disk the reserve is given up, and then the body of a base model,
 * which is nearly all that it takes. */
int input_drop(struct primo *primo, const struct caller *caller,
               const struct object *o, const char *event, struct reason *why)
{
    int err = drop_once(primo, caller, o, event, why);
    if (store_makes_room(primo->store, err))
        err = drop_once(primo, caller, o, event, why);
    if (is_full(err) && o->kind == OBJECT_BASE) {
        body_drop(primo, o);
        err = drop_once(primo, caller, o, event, why);
    }
    return err;
}

void input_discard(struct primo *primo, struct node n)
{
    struct object o = OBJECT_INIT;
    pthread_mutex_lock(&primo->change);
    if (object_load(primo, n.object, &o) == 0) {
        if (o.parent < OBJECT_FIRST_ID)
            directory_changed(primo, (unsigned)o.parent);
        /* Somebody may have saved a good text through another open: it stays.
         */
        if (o.scratch)
            scratch_drop(&primo->scratch, o.id);
        else if (o.body.size == 0 && !o.number)
            input_drop(primo, NULL, &o, NULL, NULL);
    }
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
}

int input_may_drop(struct primo *primo, const struct object *o,
                   struct reason *why)
{
    struct store_txn *txn;
    int err = reference_may_drop(primo, o, why);
    if (err || !object_by_own_name(primo, o))
        return err;
    err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = serving_needs_input(
        txn, o->kind, name_is_scratch(o->name) ? o->home : o->name, why);
    store_abort(txn);
    return err;
}

int input_unlink(struct primo *primo, const struct caller *caller,
                 struct node directory, struct node n, struct reason *why)
{
    (void)directory;
    struct object o = OBJECT_INIT;
    pthread_mutex_lock(&primo->change);
    int err = object_load(primo, n.object, &o);
    if (err) {
        refuse(why, -err, "the file is gone");
    } else if (o.scratch) {
        scratch_drop(&primo->scratch, o.id);
    } else {
        err = input_may_drop(primo, &o, why);
        if (err == 0)
            err = input_drop(primo, caller, &o, "removed", why);
    }
    if (err == 0)
        body_drop(primo, &o);
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
    return err;
}

/* Attributes */

static int object_store(struct primo *primo, const struct object *o,
                        struct reason *why)
{
    if (o->scratch)
        return scratch_put(&primo->scratch, o, why);
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = object_put(txn, o, why);
    return store_end(txn, err, why);
}

int input_change(struct primo *primo, const struct caller *caller,
                 struct node n, const struct tree_change *c, struct reason *why)
{
    struct object o = OBJECT_INIT;
    pthread_mutex_lock(&primo->change);
    int err = object_load(primo, n.object, &o);
    bool replaced =
        err == -ENOENT && replaced_get(&primo->replaced, n.object, &o) == 0;
    if (err)
        refuse(replaced ? NULL : why, -err, "the file is gone");
    if (err == 0 && c->owner_set && !is_administrator(&primo->roles, caller) &&
        ((c->uid != (uint32_t)-1 && c->uid != o.uid) ||
         (c->gid != (uint32_t)-1 && c->gid != o.gid)))
        err = refuse(why, EPERM, "only the administrator may give a file away");
    if (err == 0) {
        o.mode = c->mode_set ? c->mode & 0777 : o.mode;
        if (c->owner_set && c->uid != (uint32_t)-1)
            o.uid = c->uid;
        if (c->owner_set && c->gid != (uint32_t)-1)
            o.gid = c->gid;
        o.atime = c->atime_set ? c->atime : o.atime;
        o.mtime = c->mtime_set ? c->mtime : o.mtime;
        o.ctime = clock_ns();
        err = object_store(primo, &o, why);
    }
    /* before a close that waits for us saves the object with the old time */
    if (err == 0 && c->mtime_set)
        handles_set_mtime(&primo->handles, n.object, c->mtime);
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
    return replaced ? 0 : err; /* nobody sees what becomes of a replaced one */
}

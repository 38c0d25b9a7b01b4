#include "core/tree/input.h"

#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/models/base_file.h"
#include "core/process/refer.h"
#include "core/state/builtin.h"
#include "core/state/events.h"
#include "core/tree/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the rename to a scratch name leaves behind, for the next mount. */
static struct store_key displaced_key(uint64_t id)
{
    struct store_key key = {0};
    key_bytes(&key, "displaced/", 10);
    key_u64(&key, id);
    return key;
}

/* The row of the files in a directory; EPERM where nobody makes any. */
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
        if (tree_rows[i].help && row_is_input(&tree_rows[i]))
            text_printf(&names, "%s%s/", names.size ? ", " : "",
                        tree_rows[tree_rows[i].parent].name);
    refuse(why, EPERM, "files can be made in %s only", text_string(&names));
    text_release(&names);
    return -EPERM;
}

static int input_judge(void *context, enum key key, const char *value,
                       struct reason *why)
{
    struct primo *primo = context;
    struct object o = OBJECT_INIT;
    struct store_txn *txn;
    if (key == KEY_MEMBERS)
        return members_judge(value, why);
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = refer_find(txn, key, value, &o, why);
    store_abort(txn);
    object_release(&o);
    return err;
}

struct settings_check input_check(struct primo *primo, const struct row *row)
{
    return (struct settings_check){
        .scope = row->scope, .judge = input_judge, .context = primo};
}

static int input_name_check(const char *name, struct reason *why)
{
    size_t n = strlen(name);
    if (!name_is_scratch(name))
        return name_check(name, n, why);
    if (n > 255)
        return refuse(why, ENAMETOOLONG, "a name must have at most 255 bytes");
    if (utf8_valid(name, n) < n)
        return refuse(why, EINVAL, "a name must be valid UTF-8");
    return 0;
}

static int input_text_check(struct primo *primo, const struct row *row,
                            const struct text *text, struct reason *why)
{
    if (text->size > INPUT_BYTES)
        return refuse(why, EFBIG, "a text must have at most %d KiB",
                      INPUT_BYTES >> 10);
    struct settings_check check = input_check(primo, row);
    return settings_lines(&check, text_string(text), text->size, NULL, "", why);
}

static int input_event(struct store_txn *txn, const struct caller *caller,
                       const struct object *o, const char *what,
                       struct reason *why)
{
    char object[300];
    snprintf(object, sizeof object, "%s/%s", tree_rows[o->parent].name,
             o->name);
    return event_add(txn, caller->uid, object, why, "%s", what);
}

/* A durable change of an input is made: those who keep what it says take it
 * anew before the change is confirmed. */
static void input_changed(struct primo *primo, const struct object *o)
{
    struct node directory = {(enum tree_no)o->parent, 0};
    enum tree_no no = 0;
    if (input_row(directory, &no, NULL) == 0 && tree_rows[no].changed)
        tree_rows[no].changed(primo);
}

static int input_end(struct primo *primo, const struct object *o,
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
    o.mode = (mode & 0777) | 0200; /* cp of a read-only file makes none */
    o.uid = caller->uid;
    o.gid = caller->gid;
    strcpy(o.name, name);
    o.atime = o.mtime = o.ctime = clock_ns();
    pthread_mutex_lock(&primo->names);
    if (object_search(primo, o.parent, name, &old) == 0)
        err = refuse(why, EEXIST, "'%s' exists", name);
    else
        err = scratch_put(&primo->scratch, &o, why);
    pthread_mutex_unlock(&primo->names);
    object_release(&old);
    if (err == 0)
        directory_changed(primo, directory.no);
    *out = (struct node){no, o.id};
    return err;
}

/* Save */

static int save_write(struct store_txn *txn, const struct caller *caller,
                      const struct object *o, bool fresh, struct reason *why)
{
    int err = object_put(txn, o, why);
    if (err == 0 && (o->body.size || o->number))
        err = input_event(txn, caller, o, fresh ? "created" : "changed", why);
    return err;
}

static void save_done(struct primo *primo, const struct object *o)
{
    input_changed(primo, o);
    if (o->scratch)
        scratch_drop(&primo->scratch, o->id);
}

/* A text that is to be saved, with others that are at the same time. */
struct save {
    struct primo *primo;
    const struct caller *caller;
    struct node node;
    const struct text *text;
    int64_t mtime;
    bool fresh;
    struct object o; /* as it will be; of the functions below */
};

static int save_judge(struct commit *c, bool *due, struct reason *why)
{
    struct save *s = c->context;
    struct object *o = &s->o;
    int err = object_load(s->primo, s->node.object, o);
    if (err)
        return err == -ENOENT ? 0
                              : refuse(why, -err, "the file cannot be read");
    /* one that was renamed to a scratch name may be put back to its own */
    bool scratch = name_is_scratch(o->name) && !*o->home;
    if (!scratch)
        err = input_text_check(s->primo, node_row(s->node), s->text, why);
    if (err)
        return err;
    text_clear(&o->body);
    text_add(&o->body, text_string(s->text), s->text->size);
    o->mtime = s->mtime;
    o->ctime = clock_ns();
    *due = !scratch || !o->scratch;
    return *due ? 0 : scratch_put(&s->primo->scratch, o, why);
}

static int save_make(struct commit *c, struct store_txn *txn,
                     struct reason *why)
{
    struct save *s = c->context;
    return save_write(txn, s->caller, &s->o, s->fresh, why);
}

static void save_made(struct commit *c)
{
    struct save *s = c->context;
    save_done(s->primo, &s->o);
}

int input_save(struct primo *primo, const struct caller *caller, struct node n,
               const struct text *text, int64_t mtime, bool fresh,
               struct reason *why)
{
    struct save save = {primo, caller, n, text, mtime, fresh, OBJECT_INIT};
    struct commit commit = {.judge = save_judge,
                            .write = save_make,
                            .done = save_made,
                            .context = &save};
    int err = commit_run(&primo->commits, &commit, why);
    object_release(&save.o);
    return err;
}

static int save_alone(struct primo *primo, const struct caller *caller,
                      const struct object *o, bool fresh, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = store_end(txn, save_write(txn, caller, o, fresh, why), why);
    if (err == 0)
        save_done(primo, o);
    return err;
}

/* A new body takes the place of the old one. */
static int body_replace(struct primo *primo, const struct caller *caller,
                        struct object *o, uint64_t body, bool fresh,
                        struct reason *why)
{
    struct object old = *o;
    text_clear(&o->body);
    o->number = body;
    o->ctime = clock_ns();
    int err = name_is_scratch(o->name) && o->scratch
                  ? scratch_put(&primo->scratch, o, why)
                  : save_alone(primo, caller, o, fresh, why);
    if (err == 0)
        body_drop(primo, &old);
    return err;
}

int input_save_body(struct primo *primo, const struct caller *caller,
                    struct node n, uint64_t body, int64_t mtime, bool fresh,
                    bool *cut, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_load(primo, n.object, &o);
    bool scratch = err == 0 && name_is_scratch(o.name);
    object_release(&o);
    if (err) /* gone: so is what was written */
        return err == -ENOENT ? err : refuse(why, -err, "it cannot be read");
    if (!scratch)
        err = body_check(primo, body, cut, why);
    if (err)
        return err;
    pthread_mutex_lock(&primo->change);
    err = object_load(primo, n.object, &o);
    if (err == 0) {
        o.mtime = mtime;
        err = body_replace(primo, caller, &o, body, fresh, why);
    }
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
    return err;
}

static int drop_durable(struct primo *primo, const struct caller *caller,
                        const struct object *o, const char *event,
                        struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    struct store_key displaced = displaced_key(o->id);
    err = object_drop(txn, o, why);
    if (err == 0)
        err = store_delete(txn, STORE_META, &displaced, why);
    if (err == 0 && event && !name_is_scratch(o->name))
        err = input_event(txn, caller, o, event, why);
    return input_end(primo, o, txn, err, why);
}

void input_discard(struct primo *primo, struct node n)
{
    struct object o = OBJECT_INIT;
    pthread_mutex_lock(&primo->change);
    if (object_load(primo, n.object, &o) == 0) {
        directory_changed(primo, (unsigned)o.parent);
        if (o.scratch)
            scratch_drop(&primo->scratch, o.id);
        else if (o.body.size == 0 && !o.number)
            drop_durable(primo, NULL, &o, NULL, NULL);
    }
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
}

/* Unlink */

int input_unlink(struct primo *primo, const struct caller *caller,
                 struct node n, struct reason *why)
{
    struct object o = OBJECT_INIT;
    pthread_mutex_lock(&primo->change);
    int err = object_load(primo, n.object, &o);
    if (err) {
        refuse(why, -err, "the file is gone");
    } else if (o.scratch) {
        scratch_drop(&primo->scratch, o.id);
    } else {
        err = refer_may_drop(primo, &o, why);
        if (err == 0)
            err = drop_durable(primo, caller, &o, "removed", why);
    }
    if (err == 0)
        body_drop(primo, &o);
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
    return err;
}

/* Rename */

struct move {
    struct object from, to; /* `to`: what has the new name now */
    bool from_there, to_there;
    const char *name; /* the new one */
    enum tree_no no;
};

static int move_durable(struct primo *primo, const struct caller *caller,
                        struct move *m, struct reason *why)
{
    struct object *o = &m->from;
    bool was_scratch = name_is_scratch(o->name);
    bool fresh = o->scratch, away = name_is_scratch(m->name);
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    struct store_key key = displaced_key(o->id);
    if (m->to_there && !m->to.scratch)
        err = object_drop(txn, &m->to, why);
    if (err == 0 && !was_scratch && !fresh && !away)
        err = input_event(txn, caller, o, "renamed away", why);
    if (away && !was_scratch)
        strcpy(o->home, o->name);
    if (!away)
        *o->home = 0;
    strcpy(o->name, m->name);
    o->ctime = clock_ns();
    if (err == 0)
        err = object_put(txn, o, why);
    if (err == 0)
        err = *o->home ? store_put(txn, STORE_META, &key, "", 0, why)
                       : store_delete(txn, STORE_META, &key, why);
    if (err == 0 && !away)
        err = input_event(txn, caller, o, m->to_there ? "changed" : "created",
                          why);
    err = input_end(primo, o, txn, err, why);
    if (err == 0 && fresh)
        scratch_drop(&primo->scratch, o->id);
    return err;
}

static int input_content_check(struct primo *primo, const struct move *m,
                               struct reason *why)
{
    const struct row *row = &tree_rows[m->no];
    if (row->shape != SHAPE_WEIGHTS)
        return input_text_check(primo, row, &m->from.body, why);
    if (object_is_builtin(m->from.kind, m->name))
        return refuse(why, EPERM, "'%s' is built in and cannot be replaced",
                      m->name);
    if (!m->from.number)
        return refuse(why, EINVAL, "an empty file is no base model");
    return body_check(primo, m->from.number, NULL, why);
}

static int move_check(struct primo *primo, struct move *m, bool no_replace,
                      struct reason *why)
{
    if (m->to_there && no_replace)
        return refuse(why, EEXIST, "'%s' exists", m->name);
    int err = input_name_check(m->name, why);
    bool home = !strcmp(m->from.home, m->name); /* back to its own name */
    if (err == 0 && !name_is_scratch(m->name) && !home)
        err = refer_may_rename(primo, &m->from, why);
    if (err == 0 && !name_is_scratch(m->name))
        err = input_content_check(primo, m, why);
    if (err == 0 && m->to_there && name_is_scratch(m->name))
        err = refer_may_drop(primo, &m->to, why);
    return err;
}

static int input_move(struct primo *primo, const struct caller *caller,
                      struct move *m, bool no_replace, struct reason *why)
{
    int err = move_check(primo, m, no_replace, why);
    if (err)
        return err;
    if (!m->from.scratch || !name_is_scratch(m->name)) {
        err = move_durable(primo, caller, m, why);
    } else {
        strcpy(m->from.name, m->name);
        m->from.ctime = clock_ns();
        err = scratch_put(&primo->scratch, &m->from, why);
        if (err == 0 && m->to_there && !m->to.scratch)
            err = drop_durable(primo, caller, &m->to, NULL, why);
    }
    if (err == 0 && m->to_there && m->to.scratch)
        scratch_drop(&primo->scratch, m->to.id);
    if (err == 0 && m->to_there)
        body_drop(primo, &m->to);
    return err;
}

/* Renaming is editing, of what it replaces too; a new file is created by it. */
static int move_may(struct primo *primo, const struct caller *caller,
                    struct node directory, struct node n, const char *new_name,
                    struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct node to;
    int err = tree_may(primo, caller, n, RIGHT_EDIT, why);
    if (err)
        return err;
    if (tree_find(primo, directory, new_name, &to, NULL) == 0)
        return tree_may(primo, caller, to, RIGHT_EDIT, why);
    if (object_load(primo, n.object, &o) == 0 && o.scratch)
        err =
            tree_may_or(primo, caller, directory, RIGHT_CREATE,
                        name_is_scratch(new_name) ? 1u << RIGHT_EDIT : 0, why);
    object_release(&o);
    return err;
}

int tree_rename(struct primo *primo, const struct caller *caller,
                struct node directory, const char *name, struct node to,
                const char *new_name, bool no_replace, struct reason *why)
{
    struct node n;
    struct move m = {.name = new_name};
    int err = tree_find(primo, directory, name, &n, why);
    if (err == 0)
        err = move_may(primo, caller, directory, n, new_name, why);
    if (err == 0 && !row_is_input(node_row(n)))
        err = refuse(why, EPERM, "'%s' cannot be renamed", name);
    if (err == 0 && (directory.no != to.no || directory.object != to.object))
        err = refuse(why, EXDEV,
                     "a file cannot be moved to another kind of "
                     "directory; it can be copied");
    if (err || !strcmp(name, new_name))
        return err;
    m.no = n.no;
    pthread_mutex_lock(&primo->change);
    pthread_mutex_lock(&primo->names);
    err = object_load(primo, n.object, &m.from);
    m.to_there =
        object_search(primo, (uint64_t)directory.no, new_name, &m.to) == 0;
    if (err)
        refuse(why, -err, "'%s' is gone", name);
    else
        err = input_move(primo, caller, &m, no_replace, why);
    pthread_mutex_unlock(&primo->names);
    pthread_mutex_unlock(&primo->change);
    object_release(&m.from);
    object_release(&m.to);
    if (err == 0)
        directory_changed(primo, directory.no);
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
    if (err)
        refuse(why, -err, "the file is gone");
    if (err == 0 && c->owner_set && caller->uid != 0 &&
        ((c->uid != (uint32_t)-1 && c->uid != o.uid) ||
         (c->gid != (uint32_t)-1 && c->gid != o.gid)))
        err = refuse(why, EPERM, "only root may give a file away");
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
    object_release(&o);
    pthread_mutex_unlock(&primo->change);
    if (err == 0 && c->mtime_set)
        handles_set_mtime(&primo->handles, n.object, c->mtime);
    return err;
}

/* After a crash */

/* One file that was renamed to a scratch name: back to its own, if that is
 * free, or gone. */
static int displaced_restore(struct store_txn *txn, uint64_t id,
                             struct reason *why)
{
    struct object o = OBJECT_INIT, other = OBJECT_INIT;
    int err = 0;
    if (object_get(txn, id, &o) == 0) {
        if (object_find(txn, o.parent, o.home, &other) == 0) {
            err = object_drop(txn, &o, why);
        } else {
            strcpy(o.name, o.home);
            *o.home = 0;
            err = object_put(txn, &o, why);
        }
    }
    object_release(&o);
    object_release(&other);
    return err;
}

int displaced_restore_all(struct primo *p, struct reason *why)
{
    enum { PREFIX = 10 };
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = {0};
    bool any = false;
    int err = store_begin(p->store, true, &txn, why);
    if (err)
        return err;
    key_bytes(&key, "displaced/", PREFIX);
    while (err == 0 &&
           store_next(txn, STORE_META, &key, PREFIX, false, &v) == 0) {
        err = displaced_restore(txn, key_read_u64(&key, PREFIX), why);
        if (err == 0)
            err = store_delete(txn, STORE_META, &key, why);
        any = true;
    }
    if (err || !any) {
        store_abort(txn);
        return err;
    }
    return store_commit(txn, why);
}

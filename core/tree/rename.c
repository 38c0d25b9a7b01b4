/*
 * Renaming inputs. A new name may make a scratch file an input (how editors and
 * copying tools save), displace an input (displaced.h), or replace one by
 * another; what gets the name of an input is checked as a saved one is.
 */
#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/models/base_file.h"
#include "core/process/references.h"
#include "core/rights/mode.h"
#include "core/tree/displaced.h"
#include "core/tree/gate.h"
#include "core/tree/input.h"

#include <errno.h>
#include <string.h>

struct move {
    struct object from;
    bool to_there;    /* a file has the new name now, */
    struct object to; /* and this is it: it is replaced */
    const char *name; /* the new name */
    const struct row *row;
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
        err = *o->home ? displaced_note(txn, o->id, why)
                       : displaced_forget(txn, o->id, why);
    if (err == 0 && !away)
        err = input_event(txn, caller, o, m->to_there ? "changed" : "created",
                          why);
    err = input_end(primo, o, txn, err, why);
    if (err == 0 && fresh)
        scratch_drop(&primo->scratch, o->id);
    return err;
}

static int move_check(struct primo *primo, struct move *m, bool no_replace,
                      struct reason *why)
{
    if (m->to_there && no_replace)
        return refuse(why, EEXIST, "'%s' exists", m->name);
    /* A displaced file returns to its own name. */
    bool home = !strcmp(m->from.home, m->name);
    bool new_name = !m->to_there && !home;
    int err = new_name ? input_name_check(m->name, why) : 0;
    if (err == 0 && new_name)
        err =
            input_twin_check(primo, m->from.parent, m->name, m->from.name, why);
    if (err == 0 && !name_is_scratch(m->name) && !home)
        err = m->from.kind == OBJECT_TEMPLATE
                  ? 0
                  : input_may_drop(primo, &m->from, why);
    if (err == 0 && !name_is_scratch(m->name))
        err = m->row->shape->accept(primo, m->row, &m->from, m->name, why);
    if (err == 0 && m->to_there && name_is_scratch(m->name))
        err = input_may_drop(primo, &m->to, why);
    return err;
}

static int move_scratch(struct primo *primo, const struct caller *caller,
                        struct move *m, struct reason *why)
{
    strcpy(m->from.name, m->name);
    m->from.ctime = clock_ns();
    int err = scratch_put(&primo->scratch, &m->from, why);
    if (err == 0 && m->to_there && !m->to.scratch)
        err = input_drop(primo, caller, &m->to, NULL, why);
    return err;
}

/* A replaced text stays readable for who has just found it by its name. That of
 * a base model is a file, which goes at once. */
static int input_move(struct primo *primo, const struct caller *caller,
                      struct move *m, bool no_replace, struct reason *why)
{
    int err = move_check(primo, m, no_replace, why);
    if (err)
        return err;
    bool keep = m->to_there && !m->to.number;
    if (keep)
        replaced_keep(&primo->replaced, &m->to);
    err = m->from.scratch && name_is_scratch(m->name)
              ? move_scratch(primo, caller, m, why)
              : move_durable(primo, caller, m, why);
    if (err && keep)
        replaced_undo(&primo->replaced);
    if (err == 0 && m->to_there && m->to.scratch)
        scratch_drop(&primo->scratch, m->to.id);
    if (err == 0 && m->to_there)
        body_drop(primo, &m->to);
    return err;
}

/* Rights */

/* Renaming needs the right to edit the file, and that which it replaces, and
 * their modes must let the caller take their names away. It creates a file that
 * had not been saved under another name before. */
static int move_may(struct primo *primo, const struct caller *caller,
                    const struct renaming *r, const struct move *m,
                    struct reason *why)
{
    enum tree_no no = row_of_objects(r->directory.no);
    struct node from = {no, m->from.id}, to = {no, m->to.id};
    int err = tree_may(primo, caller, from, RIGHT_EDIT, why);
    if (err == 0)
        err = mode_may_replace(&primo->roles, caller, &m->from, why);
    if (err == 0 && m->to_there)
        err = tree_may(primo, caller, to, RIGHT_EDIT, why);
    if (err == 0 && m->to_there)
        err = mode_may_replace(&primo->roles, caller, &m->to, why);
    if (err || m->to_there || !m->from.scratch)
        return err;
    return tree_may_or(primo, caller, r->directory, RIGHT_CREATE,
                       name_is_scratch(m->name) ? 1u << RIGHT_EDIT : 0, why);
}

/* The files that have the two names now. */
static int move_load(struct primo *primo, const struct renaming *r,
                     struct move *m, struct reason *why)
{
    uint64_t directory = (uint64_t)r->directory.no;
    *m = (struct move){.name = r->new_name, .row = m->row};
    int err = object_search(primo, directory, r->name, &m->from);
    if (err)
        return err == -ENOENT
                   ? err
                   : refuse(why, -err, "'%s' cannot be read", r->name);
    err = object_search(primo, directory, r->new_name, &m->to);
    m->to_there = err == 0;
    return err && err != -ENOENT
               ? refuse(why, -err, "'%s' cannot be read", r->new_name)
               : 0;
}

static void move_release(struct move *m)
{
    object_release(&m->from);
    object_release(&m->to);
}

/* Whether all is as it was by which the right to something was judged. */
static bool is_as_judged(const struct object *o, const struct object *judged)
{
    return o->id == judged->id && o->scratch == judged->scratch &&
           o->uid == judged->uid && o->gid == judged->gid &&
           o->mode == judged->mode && !strcmp(o->name, judged->name);
}

/* The rights are asked before the locks, as that may take a directory service
 * that does not answer. What was asked about must then still be there under
 * them, or it is asked again: `change` keeps the objects as they are, and
 * `names` keeps input_create() from taking the new name. */
static int move_judged(struct primo *primo, const struct caller *caller,
                       const struct renaming *r, const struct move *judged,
                       bool *changed, struct reason *why)
{
    struct move m = {.row = judged->row};
    pthread_mutex_lock(&primo->change);
    pthread_mutex_lock(&primo->names);
    int err = move_load(primo, r, &m, why);
    *changed = err || m.to_there != judged->to_there ||
               !is_as_judged(&m.from, &judged->from) ||
               (m.to_there && !is_as_judged(&m.to, &judged->to));
    if (!*changed)
        err = input_move(primo, caller, &m, r->no_replace, why);
    pthread_mutex_unlock(&primo->names);
    pthread_mutex_unlock(&primo->change);
    move_release(&m);
    return err;
}

static int move(struct primo *primo, const struct caller *caller,
                const struct renaming *r, bool *changed, struct reason *why)
{
    struct move m = {.row = &tree_rows[row_of_objects(r->directory.no)]};
    *changed = false;
    int err = move_load(primo, r, &m, why);
    if (err == 0)
        err = move_may(primo, caller, r, &m, why);
    if (err == 0)
        err = move_judged(primo, caller, r, &m, changed, why);
    move_release(&m);
    return err;
}

/* Each turn but the last was overtaken by a change of somebody else's. */
int tree_rename(struct primo *primo, const struct caller *caller,
                const struct renaming *r, struct reason *why)
{
    struct node from = r->directory, to = r->to, n;
    bool changed = true;
    int err = tree_find(primo, from, r->name, &n, why);
    const struct row *row = node_row(n);
    bool can = err == 0 && (row_is_input(row) || row->shape->rename);
    if (err == 0)
        err = tree_may(primo, caller, n, can ? row->needs : RIGHT_EDIT, why);
    if (err == 0 && !can)
        err = refuse(why, EPERM, "'%s' cannot be renamed", r->name);
    if (err == 0 && (from.no != to.no || from.object != to.object))
        err = refuse(why, EXDEV,
                     "a file cannot be moved to another kind of "
                     "directory; it can be copied");
    if (err || !strcmp(r->name, r->new_name))
        return err;
    if (row->shape->rename)
        return row->shape->rename(primo, caller, n, to, r->new_name,
                                  r->no_replace, why);
    while (changed)
        err = move(primo, caller, r, &changed, why);
    if (err == 0)
        directory_changed(primo, from.no);
    return err;
}

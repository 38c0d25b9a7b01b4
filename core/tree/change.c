/* Changes of names and attributes: first the rights are checked, then the row
 * or its shape makes the change. */
#include "core/basic/clock.h"
#include "core/rights/mode.h"
#include "core/tree/gate.h"

#include <errno.h>

/* An input is also asked whether its mode lets the caller take it away. */
static int unlink_may(struct primo *primo, const struct caller *caller,
                      struct node n, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = tree_may(primo, caller, n, RIGHT_DELETE, why);
    if (err == 0 && row_is_input(node_row(n)) &&
        object_load(primo, n.object, &o) == 0)
        err = mode_may_replace(&primo->roles, caller, &o, why);
    object_release(&o);
    return err;
}

int tree_unlink(struct primo *primo, const struct caller *caller,
                struct node directory, const char *name, struct reason *why)
{
    struct node n;
    int err = tree_find(primo, directory, name, &n, why);
    if (err == 0)
        err = unlink_may(primo, caller, n, why);
    if (err)
        return err;
    const struct shape *shape = node_row(n)->shape;
    if (!shape->unlink)
        return refuse(why, EISDIR, "'%s' is a directory", name);
    err = shape->unlink(primo, caller, directory, n, why);
    if (err == 0 && shape->is_input)
        directory_changed(primo, directory.no);
    return err;
}

/* Whether this is a touch(1), which sets the times to now. Some clients (sshfs)
 * send the present time in whole seconds instead. */
static bool is_touch(const struct tree_change *c)
{
    int64_t second = 1000000000, away = c->mtime - clock_ns();
    if (!c->mtime_set)
        return false;
    return c->now ||
           (c->mtime % second == 0 && away < 2 * second && away > -2 * second);
}

/* Checks a change against the file itself: only its owner may change its mode
 * and its owner, and whoever may write it may change its times. */
static int change_fits(struct primo *primo, const struct caller *caller,
                       const struct object *o, const struct tree_change *c,
                       struct reason *why)
{
    if ((c->mode_set || c->owner_set) &&
        !mode_is_owner(&primo->roles, caller, o))
        return refuse(why, EPERM,
                      "only its owner and the administrator may change the "
                      "mode and the owner of a file");
    return mode_may_replace(&primo->roles, caller, o, why);
}

/* Whoever made a file may set its mode and times without the right to edit it,
 * as copying tools do after they have written it. */
static int change_may(struct primo *primo, const struct caller *caller,
                      struct node n, const struct tree_change *c,
                      struct reason *why)
{
    const struct row *row = node_row(n);
    struct object o = OBJECT_INIT;
    unsigned others = 0;
    if (row_is_directory(row))
        return tree_may(primo, caller, n, RIGHT_VIEW, why);
    if (!row_is_input(row))
        return tree_may(primo, caller, n, row->needs ? row->needs : RIGHT_EDIT,
                        why);
    bool there = object_load(primo, n.object, &o) == 0;
    if (there && o.uid == caller->uid)
        others = 1u << RIGHT_CREATE;
    int err = tree_may_or(primo, caller, n, RIGHT_EDIT, others, why);
    if (err == 0 && there)
        err = change_fits(primo, caller, &o, c, why);
    object_release(&o);
    return err;
}

int tree_change(struct primo *primo, const struct caller *caller, struct node n,
                const struct tree_change *c, struct reason *why)
{
    const struct row *row = node_row(n);
    if (row->shape->touch && is_touch(c)) {
        int err = tree_may(primo, caller, n, row->needs, why);
        return err ? err : row->shape->touch(primo, caller, n, why);
    }
    int err = change_may(primo, caller, n, c, why);
    if (err)
        return err;
    if (!row->shape->change)
        return refuse(why, EPERM, "the attributes of this file are generated");
    return row->shape->change(primo, caller, n, c, why);
}

int tree_mkdir(struct primo *primo, const struct caller *caller,
               struct node directory, const char *name, struct node *out,
               struct reason *why)
{
    const struct row *row = node_row(directory);
    if (!row->make)
        return refuse(why, EPERM,
                      "directories can only be made in processes/, with the "
                      "name of a machine, and in inference/, with the name of "
                      "a service");
    int err = tree_may(primo, caller, directory, RIGHT_CREATE, why);
    out->no = row_of_objects(directory.no);
    if (err == 0)
        err = row->make(primo, caller, name, &out->object, why);
    if (err == 0)
        directory_changed(primo, directory.no);
    return err;
}

/* A fixed directory of an object is hidden, as its files are, so that `rm -r`
 * can remove the object. */
static int hide_directory(struct primo *primo, const struct caller *caller,
                          struct node parent, struct node n, struct reason *why)
{
    struct tree_entry e;
    int err = tree_may(primo, caller, parent, RIGHT_DELETE, why);
    if (err == 0 && tree_next(primo, n, 0, &e, NULL) == 0)
        err = refuse(why, ENOTEMPTY, "the directory is not empty");
    if (err == 0)
        err = node_row(parent)->hide(primo, parent.object, why);
    if (err == 0)
        hidden_add(&primo->hidden,
                   &(struct hidden_file){.inode = tree_inode(n.object, n.no)});
    return err;
}

/* What is written aside in a directory goes with it. */
static void drop_aside(struct primo *primo, uint64_t directory)
{
    struct object o = OBJECT_INIT;
    while (scratch_next(&primo->scratch, directory, 0, &o) == 0) {
        scratch_drop(&primo->scratch, o.id);
        object_release(&o);
    }
}

int tree_rmdir(struct primo *primo, const struct caller *caller,
               struct node directory, const char *name, struct reason *why)
{
    struct node n;
    int err = tree_find(primo, directory, name, &n, why);
    if (err)
        return err;
    const struct row *row = node_row(n);
    if (!row_is_directory(row))
        return refuse(why, ENOTDIR, "'%s' is not a directory", name);
    if (!row->drop && node_row(directory)->hide && !row->kind)
        return hide_directory(primo, caller, directory, n, why);
    if (!row->drop)
        return refuse(why, EPERM, "'%s' is part of the tree", name);
    err = tree_may(primo, caller, n, RIGHT_DELETE, why);
    if (err == 0)
        err = row->drop(primo, caller, n.object, why);
    if (err == 0) {
        hidden_clear_object(&primo->hidden, n.object);
        drop_aside(primo, n.object);
        directory_changed(primo, directory.no);
    }
    return err;
}

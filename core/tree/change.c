/* Changes of names and attributes: the gate first, then what the row's shape
 * means by it. */
#include "core/basic/clock.h"
#include "core/tree/gate.h"
#include "core/tree/input.h"

#include <errno.h>

static int generated_unlink(struct primo *primo, struct node directory,
                            struct node n, struct reason *why)
{
    const struct row *dir = node_row(directory);
    if (!dir->hide)
        return refuse(why, EPERM, "%s is generated and cannot be removed",
                      node_row(n)->name ? node_row(n)->name : "this");
    int err = dir->hide(primo, directory.object, why);
    if (err == 0)
        hidden_add(&primo->hidden, tree_inode(n.object, n.no));
    return err;
}

int tree_unlink(struct primo *primo, const struct caller *caller,
                struct node directory, const char *name, struct reason *why)
{
    struct node n;
    int err = tree_find(primo, directory, name, &n, why);
    if (err == 0)
        err = tree_may(primo, caller, n, RIGHT_DELETE, why);
    if (err)
        return err;
    switch (node_row(n)->shape) {
    case SHAPE_DIRECTORY:
        return refuse(why, EISDIR, "'%s' is a directory", name);
    case SHAPE_INPUT:
    case SHAPE_WEIGHTS:
        err = input_unlink(primo, caller, n, why);
        if (err == 0)
            directory_changed(primo, directory.no);
        return err;
    default:
        return generated_unlink(primo, directory, n, why);
    }
}

/* touch: a time that is "now", or, as some send it, a whole second near it. */
static bool is_touch(const struct tree_change *c)
{
    int64_t second = 1000000000, away = c->mtime - clock_ns();
    if (!c->mtime_set)
        return false;
    return c->now ||
           (c->mtime % second == 0 && away < 2 * second && away > -2 * second);
}

/* Who made a file may set its mode and times without the right to edit it, as
 * copying tools do when they have written it. */
static int change_may(struct primo *primo, const struct caller *caller,
                      struct node n, struct reason *why)
{
    const struct row *row = node_row(n);
    struct object o = OBJECT_INIT;
    unsigned others = 0;
    if (row->shape == SHAPE_DIRECTORY)
        return tree_may(primo, caller, n, RIGHT_VIEW, why);
    if (!row_is_input(row))
        return tree_may(primo, caller, n, row->needs ? row->needs : RIGHT_EDIT,
                        why);
    if (object_load(primo, n.object, &o) == 0 && o.uid == caller->uid)
        others = 1u << RIGHT_CREATE;
    object_release(&o);
    return tree_may_or(primo, caller, n, RIGHT_EDIT, others, why);
}

int tree_change(struct primo *primo, const struct caller *caller, struct node n,
                const struct tree_change *c, struct reason *why)
{
    const struct row *row = node_row(n);
    if (row->shape == SHAPE_ACTION && is_touch(c)) {
        int err = tree_may(primo, caller, n, row->needs, why);
        return err ? err : row->act(primo, caller, n.object, why);
    }
    int err = change_may(primo, caller, n, why);
    if (err)
        return err;
    if (row_is_input(row))
        return input_change(primo, caller, n, c, why);
    /* what rsync -a and tar set of a directory is not kept, but no fault */
    if (row->shape == SHAPE_ACTION || row->shape == SHAPE_WORD ||
        row->shape == SHAPE_DIRECTORY)
        return 0;
    return refuse(why, EPERM, "the attributes of this file are generated");
}

int tree_mkdir(struct primo *primo, const struct caller *caller,
               struct node directory, const char *name, struct node *out,
               struct reason *why)
{
    const struct row *row = node_row(directory);
    if (!row->make)
        return refuse(why, EPERM,
                      "directories can be made in processes/ only: "
                      "one named like a machine");
    int err = tree_may(primo, caller, directory, RIGHT_CREATE, why);
    out->no = row_of_objects(directory.no);
    if (err == 0)
        err = row->make(primo, caller, name, &out->object, why);
    if (err == 0)
        directory_changed(primo, directory.no);
    return err;
}

int tree_rmdir(struct primo *primo, const struct caller *caller,
               struct node directory, const char *name, struct reason *why)
{
    struct node n;
    int err = tree_find(primo, directory, name, &n, why);
    if (err)
        return err;
    const struct row *row = node_row(n);
    if (row->shape != SHAPE_DIRECTORY)
        return refuse(why, ENOTDIR, "'%s' is not a directory", name);
    if (!row->drop)
        return refuse(why, EPERM, "'%s' is part of the tree", name);
    err = tree_may(primo, caller, n, RIGHT_DELETE, why);
    if (err == 0)
        err = row->drop(primo, caller, n.object, why);
    if (err == 0) {
        hidden_clear_object(&primo->hidden, n.object);
        directory_changed(primo, directory.no);
    }
    return err;
}

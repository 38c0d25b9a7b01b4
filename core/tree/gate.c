#include "core/tree/gate.h"

#include "core/basic/name.h"
#include "core/rights/mode.h"

#include <errno.h>
#include <unistd.h>

/* The line of a role that covers a node; 0 = there is none, and everybody with
 * a role may view the node. */
static enum key node_line(struct node n)
{
    const struct row *row = node_row(n);
    while (!row->line && row->parent)
        row = &tree_rows[row->parent];
    return row->line;
}

/* The rights that suffice instead of another one. Whoever may create inputs may
 * write a new one until it is first closed, and do anything with their own
 * scratch files; whoever may edit inputs may remove what an editor has left. */
static unsigned input_others(struct primo *primo, const struct caller *caller,
                             struct node n, enum right right)
{
    struct object o = OBJECT_INIT;
    unsigned others = 0;
    if (object_load(primo, n.object, &o))
        return 0;
    if (o.scratch && o.uid == caller->uid)
        others = 1u << RIGHT_CREATE | 1u << RIGHT_EDIT | 1u << RIGHT_MANAGE;
    else if (right == RIGHT_DELETE && name_is_scratch(o.name) &&
             !object_by_own_name(primo, &o))
        others = 1u << RIGHT_EDIT;
    object_release(&o);
    return others;
}

/* Whether a node is the caller's own. */
static bool is_own(struct primo *primo, const struct caller *caller,
                   struct node n)
{
    struct object o = OBJECT_INIT;
    bool own = n.object && object_load(primo, n.object, &o) == 0 &&
               o.uid == caller->uid;
    object_release(&o);
    return own;
}

/* What somebody has who sees only his own: the directories that hold it, the
 * texts that show it, and those files. */
static unsigned own_others(struct primo *primo, const struct caller *caller,
                           struct node n, enum right right)
{
    const struct row *row = node_row(n);
    bool all = row->kind == OBJECT_REQUEST || row->kind == OBJECT_SORTED
                   ? is_own(primo, caller, n)
                   : right == RIGHT_VIEW;
    return all ? 1u << RIGHT_CREATE : 0;
}

unsigned tree_others(struct primo *primo, const struct caller *caller,
                     struct node n, enum right right)
{
    const struct row *row = node_row(n);
    if (row->own)
        return own_others(primo, caller, n, right);
    if (row_is_input(row))
        return input_others(primo, caller, n, right);
    if (row->setup && right == row->needs &&
        row->setup(primo, caller, n.object))
        return 1u << RIGHT_CREATE;
    return 0;
}

int tree_may_or(struct primo *primo, const struct caller *caller, struct node n,
                enum right right, unsigned others, struct reason *why)
{
    enum key line = node_line(n);
    if (is_administrator(&primo->roles, caller) ||
        roles_allow(&primo->roles, caller, line, 1u << right | others))
        return 0;
    others = tree_others(primo, caller, n, right);
    if (others && roles_allow(&primo->roles, caller, line, others))
        return 0;
    return roles_refuse(&primo->roles, caller, line, right, why);
}

int tree_may(struct primo *primo, const struct caller *caller, struct node n,
             enum right right, struct reason *why)
{
    return tree_may_or(primo, caller, n, right, 0, why);
}

bool tree_sees_all(struct primo *primo, const struct caller *caller)
{
    return is_administrator(&primo->roles, caller) ||
           roles_allow(&primo->roles, caller, KEY_ROLES, 1u << RIGHT_MANAGE);
}

bool tree_views(struct primo *primo, const struct caller *caller, struct node n)
{
    return is_administrator(&primo->roles, caller) ||
           roles_allow(&primo->roles, caller, node_line(n), 1u << RIGHT_VIEW);
}

/* Whether something in a folder of sorted/ is the caller's. */
static bool has_own(struct primo *primo, const struct caller *caller,
                    struct node n)
{
    struct tree_entry e = {0};
    while (tree_next(primo, n, e.cookie, &e, NULL) == 0)
        if (is_own(primo, caller, e.node))
            return true;
    return false;
}

bool tree_sees(struct primo *primo, const struct caller *caller, struct node n)
{
    const struct row *row = node_row(n);
    if (!row->own || !row->kind || tree_views(primo, caller, n))
        return true;
    return row_is_directory(row) ? has_own(primo, caller, n)
                                 : is_own(primo, caller, n);
}

/* access(2) */

static bool takes_files(enum tree_no directory)
{
    enum tree_no no = row_of_objects(directory);
    return (no && row_is_input(&tree_rows[no])) || tree_rows[directory].make;
}

static int access_write(struct primo *primo, const struct caller *caller,
                        struct node n, struct reason *why)
{
    const struct row *row = node_row(n);
    if (row_is_directory(row))
        return tree_may(primo, caller, n,
                        takes_files(n.no) ? RIGHT_CREATE : RIGHT_DELETE, why);
    if (!row->needs)
        return refuse(why, EACCES, "this file is generated and read-only");
    return tree_may(primo, caller, n, row->needs, why);
}

int tree_access(struct primo *primo, const struct caller *caller, struct node n,
                int mask, struct reason *why)
{
    const struct row *row = node_row(n);
    struct object o = OBJECT_INIT;
    int err = 0;
    if ((mask & X_OK) && !row_is_directory(row))
        err = refuse(why, EACCES, "this file is not a program");
    if (err == 0 && (mask & R_OK))
        err = tree_may(primo, caller, n, RIGHT_VIEW, why);
    if (err == 0 && (mask & W_OK))
        err = access_write(primo, caller, n, why);
    if (err == 0 && row_is_input(row) && (mask & (R_OK | W_OK)) &&
        object_load(primo, n.object, &o) == 0)
        err =
            mode_may(&primo->roles, caller, &o, mask & R_OK, mask & W_OK, why);
    object_release(&o);
    return err;
}

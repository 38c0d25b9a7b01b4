/* Directories: of fixed rows, of objects, or of both. */
#include "core/tree/shapes/common.h"

#include <errno.h>

/* Whether anybody may make or remove names in it. */
static bool is_writable(enum tree_no no)
{
    if (tree_rows[no].make || tree_rows[no].hide)
        return true;
    enum tree_no child = row_of_objects(no);
    return child && (row_is_input(&tree_rows[child]) || tree_rows[child].drop);
}

/* Roles say who may. Where everyone has files of his own, the mode lets all
 * others write as well: servers such as Samba judge by it before they try. */
static int directory_stat(const struct stat_request *r, struct tree_stat *out,
                          struct reason *why)
{
    (void)why;
    if (is_writable(r->node.no))
        out->mode |= tree_rows[r->node.no].own ? 0222 : 0200;
    return 0;
}

/* What tools set on directories that they copy is passed over. A model is never
 * copied in, and who takes rights to it away wants them gone. */
static int directory_change(struct primo *primo, const struct caller *caller,
                            struct node n, const struct tree_change *c,
                            struct reason *why)
{
    enum object_kind kind = node_row(n)->kind;
    if (c->mode_set && (c->mode & 0777) != 0755 &&
        (kind == OBJECT_MODEL || kind == OBJECT_VERSION))
        return refuse(why, EPERM,
                      "the mode of a model stays 755: roles say who may view "
                      "models");
    return change_ignored(primo, caller, n, c, why);
}

/* The kernel may keep the name: only rmdir removes it, of which it knows. */
const struct shape shape_directory = {
    .mode = S_IFDIR | 0555,
    .stat = directory_stat,
    .change = directory_change,
    .keeps_name = true,
};

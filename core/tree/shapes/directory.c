/* Directories: of fixed rows, of objects, or of both. */
#include "core/tree/shapes/common.h"

/* Whether anybody may make or remove names in it. */
static bool is_writable(enum tree_no no)
{
    if (tree_rows[no].make || tree_rows[no].hide)
        return true;
    enum tree_no child = row_of_objects(no);
    return child && (row_is_input(&tree_rows[child]) || tree_rows[child].drop);
}

static int directory_stat(const struct stat_request *r, struct tree_stat *out,
                          struct reason *why)
{
    (void)why;
    if (is_writable(r->node.no))
        out->mode |= 0200;
    return 0;
}

/* The kernel may keep the name: only rmdir removes it, of which it knows. */
const struct shape shape_directory = {
    .mode = S_IFDIR | 0555,
    .stat = directory_stat,
    .change = change_ignored,
    .keeps_name = true,
};

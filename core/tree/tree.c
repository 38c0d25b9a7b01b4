#include "core/tree/tree.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/process/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How long a model counts as new. */
#define NEW_NS (5 * (int64_t)1000000000)

const char *row_title(const struct row *row)
{
    static const char *const names[] = {
        [OBJECT_TEMPLATE] = NC_("title", "NAME"),
        [OBJECT_MACHINE] = NC_("title", "NAME"),
        [OBJECT_TYPE] = NC_("title", "NAME"),
        [OBJECT_BASE] = NC_("title", "NAME"),
        [OBJECT_ROLE] = NC_("title", "NAME"),
        [OBJECT_PROCESS] = NC_("title", "MACHINE"),
        [OBJECT_MODEL] = NC_("title", "TEMPLATE"),
        [OBJECT_VERSION] = NC_("title", "N"),
        [OBJECT_SERVICE] = NC_("title", "NAME"),
        [OBJECT_SERVING] = NC_("title", "NAME"),
        [OBJECT_REQUEST] = NC_("title", "FILE"),
        [OBJECT_CLASS] = NC_("title", "CLASS"),
        [OBJECT_SORTED] = NC_("title", "FILE"),
        [OBJECT_ASIDE] = NC_("title", "NAME~"),
    };
    return row->name ? row->name : translate_in("title", names[row->kind]);
}

enum tree_no row_next(enum tree_no directory, enum tree_no after)
{
    for (int no = (int)after + 1; no < TREE_ROWS; no++)
        if (tree_rows[no].parent == directory && tree_rows[no].help)
            return (enum tree_no)no;
    return 0;
}

enum tree_no row_of_objects_next(enum tree_no directory, enum tree_no after)
{
    enum tree_no no = row_next(directory, after);
    while (no && !tree_rows[no].kind)
        no = row_next(directory, no);
    return no;
}

enum tree_no row_of_objects(enum tree_no directory)
{
    return row_of_objects_next(directory, 0);
}

/* Identity */

bool tree_node(uint64_t inode, struct node *out)
{
    out->no = (enum tree_no)(inode & 0xFF);
    out->object = inode >> 8;
    return node_row(*out)->help != NULL;
}

static uint64_t node_inode(struct node n)
{
    return tree_inode(n.object, n.no);
}

/* Whether the row is named by an object rather than by itself. */
static bool is_object(const struct row *row)
{
    return row->kind != 0;
}

/* The name of an object as the row shows it. It has room for any. */
static void shown_name(const struct row *row, const struct object *o, char *out)
{
    size_t skip = row->prefix ? strlen(row->prefix) : 0;
    snprintf(out, 256, "%s%s", o->name + skip, row->suffix ? row->suffix : "");
}

/* The name in the store; false = no object of the row is shown so. */
static bool stored_name(const struct row *row, const char *name, char *out)
{
    size_t end = row->suffix ? strlen(row->suffix) : 0, n = strlen(name);
    if (n < end || (end && strcmp(name + n - end, row->suffix)))
        return false;
    return snprintf(out, 256, "%s%.*s", row->prefix ? row->prefix : "",
                    (int)(n - end), name) < 256;
}

/* The id under which the objects of a directory are filed. */
static uint64_t objects_parent(struct node directory)
{
    return directory.object ? directory.object : (uint64_t)directory.no;
}

void tree_path(struct primo *primo, struct node n, struct text *out)
{
    const struct row *row = node_row(n);
    if (n.no == TREE_ROOT) {
        text_puts(out, "/");
        return;
    }
    struct node parent;
    if (row->parent != TREE_ROOT && tree_parent(primo, n, &parent, NULL) == 0) {
        tree_path(primo, parent, out);
        text_puts(out, "/");
    }
    struct object o = OBJECT_INIT;
    if (!is_object(row))
        text_puts(out, row->name);
    else if (object_load(primo, n.object, &o) == 0) {
        char name[256];
        shown_name(row, &o, name);
        text_puts(out, name);
    }
    object_release(&o);
}

/* Find */

static bool node_exists(struct primo *primo, struct node n)
{
    const struct row *row = node_row(n);
    if (hidden_has(&primo->hidden, node_inode(n)))
        return false;
    return !row->shape->exists || row->shape->exists(primo, n);
}

/* Whether the row of a node shows its object. */
static bool object_fits(struct primo *primo, struct node n,
                        const struct object *o)
{
    const struct row *row = node_row(n);
    return o->kind == row->kind &&
           (!row->shape->exists || row->shape->exists(primo, n));
}

/* Finds the fixed child of this name, whether it exists now or not. */
static bool fixed_child(struct node directory, const char *name,
                        struct node *out)
{
    enum tree_no no = row_next(directory.no, 0);
    while (no && (!tree_rows[no].name || strcmp(tree_rows[no].name, name)))
        no = row_next(directory.no, no);
    *out = (struct node){no, directory.object};
    return no != 0;
}

static int find_fixed(struct primo *primo, struct node directory,
                      const char *name, struct node *out)
{
    return fixed_child(directory, name, out) && node_exists(primo, *out)
               ? 0
               : -ENOENT;
}

bool tree_find_hidden(struct primo *primo, struct node directory,
                      const char *name, struct node *out)
{
    return fixed_child(directory, name, out) &&
           hidden_has(&primo->hidden, node_inode(*out));
}

bool tree_unhide(struct primo *primo, struct node n)
{
    hidden_clear(&primo->hidden, node_inode(n), node_inode(n));
    return node_exists(primo, n);
}

/* Finds the object that a row shows under this name. */
static int find_object(struct primo *primo, struct node directory,
                       enum tree_no no, const char *name, struct node *out)
{
    struct object o = OBJECT_INIT;
    char stored[256];
    if (!stored_name(&tree_rows[no], name, stored))
        return -ENOENT;
    int err = object_search(primo, objects_parent(directory), stored, &o);
    *out = (struct node){no, o.id};
    if (err == 0 && !object_fits(primo, *out, &o))
        err = -ENOENT;
    object_release(&o);
    return err;
}

int tree_find(struct primo *primo, struct node directory, const char *name,
              struct node *out, struct reason *why)
{
    if (!row_is_directory(node_row(directory)))
        return refuse(why, ENOTDIR, "this is not a directory");
    if (strlen(name) > 255)
        return -ENAMETOOLONG;
    if (find_fixed(primo, directory, name, out) == 0)
        return 0;
    enum tree_no no = 0;
    int err = -ENOENT;
    while (err == -ENOENT && (no = row_of_objects_next(directory.no, no)))
        err = find_object(primo, directory, no, name, out);
    /* what cannot be read is not what is not there */
    return err && err != -ENOENT
               ? refuse_errno(why, -err, "'%s' cannot be read", name)
               : err;
}

int tree_parent(struct primo *primo, struct node n, struct node *out,
                struct reason *why)
{
    const struct row *row = node_row(n);
    *out = (struct node){TREE_ROOT, 0};
    if (n.no == TREE_ROOT)
        return 0;
    out->no = row->parent;
    if (!is_object(row)) {
        out->object = n.object;
        return 0;
    }
    struct object o = OBJECT_INIT;
    int err = object_load(primo, n.object, &o);
    if (err)
        return refuse(why, -err, "the object is gone");
    out->object = o.parent < OBJECT_FIRST_ID ? 0 : o.parent;
    object_release(&o);
    return 0;
}

/* List: fixed rows first, by number, then objects, by id */

static bool next_fixed(struct primo *primo, struct node directory,
                       uint64_t cookie, struct tree_entry *out)
{
    enum tree_no no = cookie < TREE_ROWS ? (enum tree_no)cookie : TREE_ROWS;
    while ((no = row_next(directory.no, no))) {
        const struct row *row = &tree_rows[no];
        out->node = (struct node){no, directory.object};
        if (!row->name || row->unlisted || !node_exists(primo, out->node))
            continue;
        out->cookie = no;
        strcpy(out->name, row->name);
        return true;
    }
    return false;
}

/* The next object that is filed under `parent`, in memory or not. */
static int next_object(struct primo *primo, uint64_t parent, uint64_t cookie,
                       struct object *out, struct reason *why)
{
    struct object kept = OBJECT_INIT, scratch = OBJECT_INIT;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = object_next(txn, parent, cookie, &kept);
    store_abort(txn);
    if (err && err != -ENOENT)
        return refuse_errno(why, -err, "the directory cannot be read");
    bool in_memory =
        scratch_next(&primo->scratch, parent, cookie, &scratch) == 0 &&
        (err || scratch.id <= kept.id);
    if (in_memory || err == 0)
        object_copy(out, in_memory ? &scratch : &kept);
    object_release(&kept);
    object_release(&scratch);
    return in_memory ? 0 : err;
}

/* The cookie of an object is its id and, above it, the row that shows it. */
enum { ROW_SHIFT = 54 };
#define ID_BITS ((1ull << ROW_SHIFT) - 1)

/* The next object that this row shows. */
static int next_shown(struct primo *primo, struct node directory,
                      enum tree_no no, uint64_t after, struct tree_entry *out,
                      struct reason *why)
{
    struct object o = OBJECT_INIT;
    bool found = false;
    int err = 0;
    while (!found && (err = next_object(primo, objects_parent(directory), after,
                                        &o, why)) == 0) {
        after = o.id;
        out->cookie = o.id | (uint64_t)no << ROW_SHIFT;
        out->node = (struct node){no, o.id};
        shown_name(&tree_rows[no], &o, out->name);
        found = object_fits(primo, out->node, &o);
        object_release(&o);
    }
    return err;
}

int tree_next(struct primo *primo, struct node directory, uint64_t cookie,
              struct tree_entry *out, struct reason *why)
{
    enum tree_no no = (enum tree_no)(cookie >> ROW_SHIFT);
    uint64_t after = no ? cookie & ID_BITS : 0;
    int err = -ENOENT;
    if (!row_is_directory(node_row(directory)))
        return refuse(why, ENOTDIR, "this is not a directory");
    if (!no && next_fixed(primo, directory, cookie, out))
        return 0;
    if (!no)
        no = row_of_objects(directory.no);
    for (; no && err == -ENOENT; no = row_of_objects_next(directory.no, no)) {
        if (!tree_rows[no].unlisted)
            err = next_shown(primo, directory, no, after, out, why);
        after = 0;
    }
    return err;
}

/* Show */

int tree_request(struct primo *primo, struct node n,
                 int (*take)(struct show_request *r, struct node n,
                             void *context, struct reason *why),
                 void *context, struct reason *why)
{
    struct process p;
    struct show_request r = {.primo = primo, .object = n.object};
    int err = store_begin(primo->store, false, &r.txn, why);
    if (err)
        return err;
    if (tree_rows[node_row(n)->parent].kind == OBJECT_PROCESS) {
        err = process_load(r.txn, n.object, &p, why);
        r.process = err ? NULL : &p;
    }
    if (err == 0)
        err = take(&r, n, context, why);
    store_abort(r.txn);
    if (r.process)
        process_release(&p);
    return err;
}

static int take_shown(struct show_request *r, struct node n, void *context,
                      struct reason *why)
{
    struct shown *s = context;
    int err = node_row(n)->show(r, &s->text, why);
    s->mtime = r->mtime ? r->mtime : r->primo->opened;
    return err;
}

int tree_show(struct primo *primo, struct node n, struct shown *out,
              struct reason *why)
{
    return tree_request(primo, n, take_shown, out, why);
}

static int take_rests(struct show_request *r, struct node n, void *context,
                      struct reason *why)
{
    (void)n;
    (void)why;
    *(bool *)context =
        !r->primo->view && r->process && !status_is_live(r->process->status);
    return 0;
}

bool tree_rests(struct primo *primo, struct node n)
{
    bool rests = false;
    return tree_request(primo, n, take_rests, &rests, NULL) == 0 && rests;
}

/* Stat */

static bool is_settled(const struct primo *primo, const struct object *o,
                       struct node n, bool written)
{
    if (primo->view)
        return false; /* another daemon changes things */
    if (row_is_input(node_row(n)))
        return !written && !o->scratch && (o->body.size || o->number);
    /* The inotify child of fs/notices makes the directory of a new model a
     * second time, so that programs which watch for it are notified. */
    bool is_model = o->kind == OBJECT_MODEL || o->kind == OBJECT_VERSION;
    return !is_model || clock_ns() - o->ctime > NEW_NS;
}

static int stat_object(struct primo *primo, uint64_t id, struct object *o,
                       struct tree_stat *out, struct reason *why)
{
    int err = object_load_replaced(primo, id, o);
    if (err)
        return refuse(why, -err, "the object is gone");
    out->atime = o->atime;
    out->mtime = o->mtime;
    out->ctime = o->ctime;
    return 0;
}

int tree_stat(struct primo *primo, const struct caller *caller, struct node n,
              const struct shown *shown, struct tree_stat *out,
              struct reason *why)
{
    const struct row *row = node_row(n);
    struct object o = OBJECT_INIT;
    struct stat_request r = {primo, caller, n, shown, &o};
    int err = 0;
    *out = (struct tree_stat){.inode = node_inode(n),
                              .mode = row->shape->mode,
                              .uid = primo->owner,
                              .gid = primo->group,
                              .mtime = times_get(&primo->directories, n.no)};
    /* This is asked before the attributes are taken: whoever opens the file for
     * writing after it makes the kernel forget what we are about to answer. */
    bool written =
        row_is_input(row) && handles_write(&primo->handles, n.object);
    if (row_is_input(row) && !row->shape->shows_writing)
        handles_settle(&primo->handles, n.object);
    if (n.object)
        err = stat_object(primo, n.object, &o, out, why);
    out->settled = is_settled(primo, &o, n, written);
    if (err == 0 && hidden_has(&primo->hidden, out->inode))
        err = -ENOENT;
    if (err == 0 && row->shape->stat)
        err = row->shape->stat(&r, out, why);
    object_release(&o);
    if (out->atime < out->mtime)
        out->atime = out->mtime;
    if (!row_is_input(row))
        out->ctime = out->mtime;
    return err;
}

#include "core/tree/tree.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/models/base_file.h"
#include "core/models/model.h"
#include "core/process/process.h"

#include <errno.h>
#include <string.h>

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

enum tree_no row_of_objects(enum tree_no directory)
{
    enum tree_no no = row_next(directory, 0);
    while (no && !tree_rows[no].kind)
        no = row_next(directory, no);
    return no;
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
    else if (object_load(primo, n.object, &o) == 0)
        text_puts(out, o.name);
    object_release(&o);
}

/* Find */

static bool node_exists(struct primo *primo, struct node n)
{
    const struct row *row = node_row(n);
    if (hidden_has(&primo->hidden, node_inode(n)))
        return false;
    if (row->shape == SHAPE_BODY)
        return model_file_size(primo, n.object, row->name) >= 0;
    if (row->shape != SHAPE_LINK)
        return true;
    struct shown target = {TEXT_INIT, 0};
    int err = tree_show(primo, n, &target, NULL);
    text_release(&target.text);
    return err == 0;
}

/* The fixed child of that name, whether it is there now or not. */
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

bool tree_unhide(struct primo *primo, struct node directory, const char *name,
                 struct node *out)
{
    if (!fixed_child(directory, name, out) ||
        !hidden_has(&primo->hidden, node_inode(*out)))
        return false;
    hidden_clear(&primo->hidden, node_inode(*out), node_inode(*out));
    return node_exists(primo, *out);
}

int tree_find(struct primo *primo, struct node directory, const char *name,
              struct node *out, struct reason *why)
{
    if (node_row(directory)->shape != SHAPE_DIRECTORY)
        return refuse(why, ENOTDIR, "this is not a directory");
    if (strlen(name) > 255)
        return -ENAMETOOLONG;
    if (find_fixed(primo, directory, name, out) == 0)
        return 0;
    enum tree_no no = row_of_objects(directory.no);
    struct object o = OBJECT_INIT;
    if (!no || object_search(primo, objects_parent(directory), name, &o))
        return -ENOENT;
    *out = (struct node){no, o.id};
    object_release(&o);
    return 0;
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

int tree_next(struct primo *primo, struct node directory, uint64_t cookie,
              struct tree_entry *out, struct reason *why)
{
    if (node_row(directory)->shape != SHAPE_DIRECTORY)
        return refuse(why, ENOTDIR, "this is not a directory");
    if (next_fixed(primo, directory, cookie, out))
        return 0;
    enum tree_no no = row_of_objects(directory.no);
    if (!no)
        return -ENOENT;
    uint64_t parent = objects_parent(directory);
    struct object kept = OBJECT_INIT, scratch = OBJECT_INIT;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = object_next(txn, parent, cookie, &kept);
    store_abort(txn);
    bool in_memory =
        scratch_next(&primo->scratch, parent, cookie, &scratch) == 0 &&
        (err || scratch.id <= kept.id);
    const struct object *next = in_memory ? &scratch : &kept;
    if (in_memory)
        err = 0;
    if (err == 0) {
        out->cookie = next->id;
        out->node = (struct node){no, next->id};
        strcpy(out->name, next->name);
    }
    object_release(&kept);
    object_release(&scratch);
    return err;
}

/* Show */

/* Run `take` with what the show functions of the node need. */
static int with_request(struct primo *primo, struct node n,
                        int (*take)(struct show_request *r, struct node n,
                                    void *context, struct reason *why),
                        void *context, struct reason *why)
{
    struct process p;
    struct show_request r = {.primo = primo, .object = n.object};
    int err = store_begin(primo->store, false, &r.txn, why);
    if (err)
        return err;
    if (node_row(n)->parent == TREE_PROCESS) {
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
    struct object o = OBJECT_INIT;
    if (node_row(n)->show)
        return with_request(primo, n, take_shown, out, why);
    int err = object_load(primo, n.object, &o); /* an object's own text */
    if (err)
        return refuse(why, -err, "the object is gone");
    text_add(&out->text, text_string(&o.body), o.body.size);
    out->mtime = o.mtime;
    object_release(&o);
    return 0;
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
    return with_request(primo, n, take_rests, &rests, NULL) == 0 && rests;
}

static int take_stream(struct show_request *r, struct node n, void *context,
                       struct reason *why)
{
    struct stream *s = context;
    (void)why;
    *s = (struct stream){0, node_row(n)->stream};
    if (r->process)
        s->id = process_metrics(r->process).id;
    return 0;
}

int tree_stream(struct primo *primo, struct node n, struct stream *out,
                struct reason *why)
{
    return with_request(primo, n, take_stream, out, why);
}

/* Stat */

/* Whether names in a directory can be made or removed by anybody. */
static bool directory_writable(enum tree_no no)
{
    if (tree_rows[no].make || tree_rows[no].hide)
        return true;
    enum tree_no child = row_next(no, 0);
    while (child && !row_is_input(&tree_rows[child]) && !tree_rows[child].drop)
        child = row_next(no, child);
    return child != 0;
}

static uint32_t shape_mode(enum tree_no no)
{
    switch (tree_rows[no].shape) {
    case SHAPE_DIRECTORY:
        return S_IFDIR | (directory_writable(no) ? 0755 : 0555);
    case SHAPE_LINK:
        return S_IFLNK | 0777;
    case SHAPE_WORD:
    case SHAPE_ACTION:
    case SHAPE_INPUT:
    case SHAPE_WEIGHTS:
        return S_IFREG | 0644;
    default:
        return S_IFREG | 0444;
    }
}

/* When the last line of the events was written, by what it says itself. */
static int64_t last_event(struct store_txn *txn, struct stream s, uint64_t size,
                          int64_t otherwise)
{
    enum { LINE_MOST = 2048 };
    struct text end = TEXT_INIT;
    uint64_t from = size > LINE_MOST ? size - LINE_MOST : 0;
    double time;
    if (stream_read(txn, s, from, LINE_MOST, &end) == 0 && end.size > 1) {
        end.data[end.size - 1] = 0; /* the newline */
        const char *newline = strrchr(end.data, '\n');
        if (parse_time(newline ? newline + 1 : end.data, &time))
            otherwise = (int64_t)(time * 1e9);
    }
    text_release(&end);
    return otherwise;
}

/* The time and size of a growing text; times come with its show function. */
static int take_growing(struct show_request *r, struct node n, void *context,
                        struct reason *why)
{
    struct tree_stat *st = context;
    struct stream s;
    int err = take_stream(r, n, &s, why);
    if (err)
        return err;
    st->size = stream_size(r->txn, s);
    if (n.no == TREE_P_METRICS && r->process->row_time > 0)
        st->mtime = (int64_t)(r->process->row_time * 1e9);
    else if (n.no == TREE_P_LOG && r->process->log_time > 0)
        st->mtime = (int64_t)(r->process->log_time * 1e9);
    else if (r->process)
        st->mtime = (int64_t)(r->process->created * 1e9);
    else
        st->mtime = last_event(r->txn, s, st->size, st->mtime);
    return 0;
}

static int stat_object(const struct primo *primo, const struct object *o,
                       struct node n, struct tree_stat *out)
{
    const struct row *row = node_row(n);
    if (is_object(row) && row->shape != SHAPE_DIRECTORY) {
        out->mode = S_IFREG | (o->mode & 0777);
        out->uid = o->uid;
        out->gid = o->gid;
        out->size = o->body.size;
        if (row->shape == SHAPE_WEIGHTS && o->number) {
            int64_t size = body_size(primo, o->number);
            out->size = size < 0 ? 0 : (uint64_t)size;
        }
    }
    out->atime = o->atime;
    out->mtime = o->mtime;
    out->ctime = o->ctime;
    return 0;
}

static int stat_text(struct primo *primo, struct node n,
                     const struct shown *shown, struct tree_stat *out,
                     struct reason *why)
{
    struct shown own = {TEXT_INIT, 0};
    int err = 0;
    if (!shown) {
        err = tree_show(primo, n, &own, why);
        shown = &own;
    }
    out->size = shown->text.size;
    out->mtime = shown->mtime;
    text_release(&own.text);
    return err;
}

static bool is_settled(const struct primo *primo, const struct object *o,
                       struct node n, bool written)
{
    if (primo->view)
        return false; /* another daemon changes things */
    if (row_is_input(node_row(n)))
        return !written && !o->scratch && (o->body.size || o->number);
    /* a new model is made once more for those who wait for it */
    bool is_model = o->kind == OBJECT_MODEL || o->kind == OBJECT_VERSION;
    return !is_model || clock_ns() - o->ctime > NEW_NS;
}

int tree_stat(struct primo *primo, struct node n, const struct shown *shown,
              struct tree_stat *out, struct reason *why)
{
    const struct row *row = node_row(n);
    struct object o = OBJECT_INIT;
    int err = 0;
    *out = (struct tree_stat){.inode = node_inode(n),
                              .mode = shape_mode(n.no),
                              .uid = primo->owner,
                              .gid = primo->group};
    out->mtime = times_get(&primo->directories, n.no);
    /* asked first: who opens it for writing later makes it be asked again */
    bool written =
        row_is_input(row) && handles_write(&primo->handles, n.object);
    if (row_is_input(row))
        handles_settle(&primo->handles, n.object);
    if (n.object && (err = object_load(primo, n.object, &o)) == 0)
        stat_object(primo, &o, n, out);
    out->settled = is_settled(primo, &o, n, written);
    object_release(&o);
    if (err)
        return refuse(why, ENOENT, "the object is gone");
    if (hidden_has(&primo->hidden, out->inode))
        return -ENOENT;
    int64_t size;
    switch (row->shape) {
    case SHAPE_TEXT:
    case SHAPE_WORD:
    case SHAPE_ACTION:
    case SHAPE_WAIT:
    case SHAPE_LINK:
        err = stat_text(primo, n, shown, out, why);
        break;
    case SHAPE_GROWING:
        err = with_request(primo, n, take_growing, out, why);
        break;
    case SHAPE_ERRORS:
        out->size = refusals_size(&primo->refusals, NULL, &out->mtime);
        break;
    case SHAPE_BODY:
        size = model_file_size(primo, n.object, row->name);
        if (size < 0)
            return -ENOENT;
        out->size = (uint64_t)size;
        break;
    default:
        break;
    }
    if (out->atime < out->mtime)
        out->atime = out->mtime;
    if (!is_object(row) || row->shape == SHAPE_DIRECTORY)
        out->ctime = out->mtime;
    return err;
}

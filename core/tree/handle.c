#include "core/tree/handle_inside.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/tree/gate.h"
#include "core/tree/input.h"

#include <errno.h>
#include <stdlib.h>

/* How long the last close may take after a flush. It normally follows at once;
 * when the file has another open descriptor, it does not come at all. */
enum { RELEASE_NS = 20000000 };

/* Open */

static int open_may(struct primo *primo, const struct caller *caller,
                    struct node n, int flags, struct reason *why)
{
    const struct row *row = node_row(n);
    if (row_is_directory(row))
        return refuse(why, EISDIR, "this is a directory");
    if (S_ISLNK(row->shape->mode))
        return refuse(why, ELOOP, "this is a link");
    int err =
        wants_read(flags) ? tree_may(primo, caller, n, RIGHT_VIEW, why) : 0;
    if (err || !wants_write(flags))
        return err;
    if (!row->needs)
        return refuse(why, EACCES, "this file is generated and read-only");
    return tree_may(primo, caller, n, row->needs, why);
}

static const struct shape *shape_of(const struct handle *h)
{
    return node_row(h->node)->shape;
}

static struct handle *handle_new(struct primo *primo,
                                 const struct caller *caller, struct node node,
                                 int flags)
{
    struct handle *h = xcalloc(1, sizeof *h);
    h->primo = primo;
    h->caller = *caller;
    h->node = node;
    h->flags = flags;
    if (wants_write(flags))
        tree_path(primo, node, &h->path);
    pthread_mutex_init(&h->lock, NULL);
    h->opened.object = node.object;
    h->opened.writes = wants_write(flags);
    if (row_is_input(node_row(node)) &&
        !is_administrator(&primo->roles, caller))
        h->others = tree_others(primo, caller, node, RIGHT_EDIT);
    handles_add(&primo->handles, &h->opened);
    return h;
}

static void handle_free(struct handle *h)
{
    handles_remove(&h->primo->handles, &h->opened);
    if (shape_of(h)->close)
        shape_of(h)->close(h);
    texts_drop(&h->primo->texts, h->shown);
    bodies_drop(&h->primo->bodies, h->body);
    text_release(&h->text);
    usage_give(&h->primo->usage, h->caller.uid, USAGE_TEXTS, h->charged);
    usage_give(&h->primo->usage, h->caller.uid, USAGE_OPENS, 1);
    text_release(&h->path);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* Open a node to which the caller has the rights. */
static int handle_begin(struct primo *primo, const struct caller *caller,
                        struct node node, int flags, const struct text *shown,
                        bool fresh, struct handle **out, struct reason *why)
{
    int err = usage_take(&primo->usage, caller->uid, USAGE_OPENS, 1, why);
    if (err)
        return err;
    struct handle *h = handle_new(primo, caller, node, flags);
    h->fresh = fresh;
    err = shape_of(h)->open ? shape_of(h)->open(h, shown, why) : 0;
    if (err)
        handle_free(h);
    else
        *out = h;
    return err;
}

int handle_open(struct primo *primo, const struct caller *caller,
                struct node node, int flags, const struct text *shown,
                struct handle **out, struct reason *why)
{
    int err = open_may(primo, caller, node, flags, why);
    if (err)
        return err;
    return handle_begin(primo, caller, node, flags, shown, false, out, why);
}

static int input_make(struct primo *primo, const struct caller *caller,
                      const struct creation *c, struct node *node,
                      struct reason *why)
{
    enum tree_no no = row_of_objects(c->directory.no);
    if (no && tree_rows[no].shape->make)
        return tree_rows[no].shape->make(primo, caller, c->directory, c->name,
                                         c->mode, node, why);
    return input_create(primo, caller, c->directory, c->name, c->mode, node,
                        why);
}

int handle_create(struct primo *primo, const struct caller *caller,
                  const struct creation *c, struct node *node,
                  struct handle **out, struct reason *why)
{
    /* Whoever may edit may create scratch files, as editors do. */
    unsigned others = name_is_scratch(c->name) ? 1u << RIGHT_EDIT : 0;
    enum tree_no no = row_of_objects(c->directory.no);
    if (no && tree_rows[no].shape->passing)
        others = 1u << RIGHT_EDIT | 1u << RIGHT_MANAGE;
    int err = 0;
    if (tree_find_hidden(primo, c->directory, c->name, node)) {
        err = open_may(primo, caller, *node, c->flags, why);
        if (err == 0 && tree_unhide(primo, *node))
            return handle_open(primo, caller, *node, c->flags, NULL, out, why);
    }
    if (err == 0)
        err =
            tree_may_or(primo, caller, c->directory, RIGHT_CREATE, others, why);
    if (err == 0)
        err = input_make(primo, caller, c, node, why);
    if (err)
        return err;
    err = handle_begin(primo, caller, *node, c->flags, NULL, true, out, why);
    if (err)
        input_discard(primo, *node);
    return err;
}

void handles_release(struct primo *primo)
{
    while (primo->handles.first)
        handle_free((struct handle *)primo->handles.first);
}

/* Read */

struct node handle_node(const struct handle *h)
{
    return h->node;
}

const char *handle_path(const struct handle *h)
{
    return text_string(&h->path);
}

int handle_descriptor(const struct handle *h)
{
    return h->body ? h->body->fd : -1;
}

/* What only grows, or is read anew, shows more than there was to see when it
 * was opened. */
static int follow_may(struct handle *h, struct reason *why)
{
    const struct row *row = node_row(h->node);
    return row->shape->follows || row->polled ? handle_may(h, RIGHT_VIEW, why)
                                              : 0;
}

int handle_follow(struct handle *h, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    int err = follow_may(h, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

bool handle_staged(struct handle *h, uint64_t *size)
{
    const struct shape *shape = shape_of(h);
    if (!shape->write || shape->shows_writing)
        return false;
    pthread_mutex_lock(&h->lock);
    bool staged = h->dirty || h->emptied;
    if (staged)
        *size =
            shape->staged ? shape->staged(h) : handle_text(h)->size + h->zeroes;
    pthread_mutex_unlock(&h->lock);
    return staged;
}

int handle_read(struct handle *h, uint64_t offset, size_t size,
                struct text *out, struct reason *why)
{
    if (!shape_of(h)->read)
        return 0;
    pthread_mutex_lock(&h->lock);
    int err = follow_may(h, why);
    if (err == 0)
        err = shape_of(h)->read(h, offset, size, out, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

bool handle_renewed(struct handle *h, struct shown *out)
{
    if (!shape_of(h)->renewed)
        return false;
    pthread_mutex_lock(&h->lock);
    bool renewed = shape_of(h)->renewed(h, out);
    pthread_mutex_unlock(&h->lock);
    return renewed;
}

bool handle_has_news(struct handle *h)
{
    if (!shape_of(h)->has_news)
        return false;
    pthread_mutex_lock(&h->lock);
    bool news = shape_of(h)->has_news(h);
    pthread_mutex_unlock(&h->lock);
    return news;
}

/* Asking again */

int handle_may(struct handle *h, enum right right, struct reason *why)
{
    return tree_may_or(h->primo, &h->caller, h->node, right, h->others, why);
}

void handle_used_by(struct handle *h, const struct caller *caller)
{
    if (!caller->pid || caller->uid != h->caller.uid ||
        caller->gid != h->caller.gid)
        return;
    pthread_mutex_lock(&h->lock);
    h->caller.pid = caller->pid;
    pthread_mutex_unlock(&h->lock);
}

void handle_refused(struct handle *h, int err, const struct reason *why)
{
    h->refused = true;
    h->why = why ? *why : (struct reason){.code = -err};
}

/* Write */

static int write_locked(struct handle *h, uint64_t offset, const char *data,
                        size_t size, struct reason *why)
{
    if (h->refused) { /* some programs try a second time */
        if (why)
            *why = h->why;
        return -h->why.code;
    }
    if (!shape_of(h)->write)
        return refuse(why, EBADF, "the file is not open for writing");
    h->asked = false;
    /* Inputs stage what is written, and the rest acts on it. */
    const struct row *row = node_row(h->node);
    int err = row_is_input(row) ? 0 : handle_may(h, row->needs, why);
    if (err)
        return err;
    return shape_of(h)->write(h, offset, data, size, why);
}

int handle_write(struct handle *h, uint64_t offset, const char *data,
                 size_t size, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    if (h->emptied) /* the close that handle_flush() expected does not come */
        handles_closing(&h->primo->handles, &h->opened, false, 0);
    int err = write_locked(h, offset, data, size, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

bool handle_awaits_room(struct handle *h)
{
    pthread_mutex_lock(&h->lock);
    bool awaits = shape_of(h)->awaits_room && !h->dirty;
    pthread_mutex_unlock(&h->lock);
    return awaits;
}

int handle_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    if (!shape_of(h)->truncate)
        return refuse(why, EACCES, "this file is generated and read-only");
    pthread_mutex_lock(&h->lock);
    h->asked = false;
    int err = shape_of(h)->truncate(h, size, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

/* Save */

/* Whether what is to be saved may be. The close that may save it last comes
 * from the kernel, not from a process with groups, so that the answer of the
 * flush before it stands. */
static int save_may(struct handle *h, struct reason *why)
{
    if (h->asked || !(h->dirty || h->emptied || h->fresh))
        return 0;
    int err = handle_may(h, node_row(h->node)->needs, why);
    h->asked = err == 0;
    if (err == 0)
        return 0;
    handle_refused(h, err, why);
    h->dirty = h->emptied = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

static int save_locked(struct handle *h, bool last, struct reason *why)
{
    if (h->refused || !wants_write(h->flags) || !shape_of(h)->save)
        return 0;
    int err = save_may(h, why);
    return err ? err : shape_of(h)->save(h, last, why);
}

int handle_flush(struct handle *h, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    int err = save_locked(h, false, why);
    if (wants_write(h->flags))
        handles_flushed(&h->opened);
    /* If the file was only emptied, the last close saves it. The kernel does
     * not wait for that close; whoever opens or stats the file next does, in
     * handles_settle(). */
    if (err == 0 && h->emptied && !h->refused && wants_write(h->flags))
        handles_closing(&h->primo->handles, &h->opened, false,
                        monotonic_ns() + RELEASE_NS);
    pthread_mutex_unlock(&h->lock);
    return err;
}

int handle_sync(struct handle *h, struct reason *why)
{
    int err = handle_flush(h, why);
    if (err || !shape_of(h)->sync)
        return err;
    pthread_mutex_lock(&h->lock);
    err = h->refused ? 0 : save_may(h, why);
    if (err == 0 && !h->refused)
        err = shape_of(h)->sync(h, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

int handle_close(struct handle *h, struct reason *why)
{
    bool writes = wants_write(h->flags);
    if (writes)
        handles_closing(&h->primo->handles, &h->opened, true, 0);
    pthread_mutex_lock(&h->lock);
    int err = save_locked(h, true, why);
    pthread_mutex_unlock(&h->lock);
    if (writes)
        handles_closed(&h->primo->handles, &h->opened);
    handle_free(h);
    return err;
}

int tree_truncate(struct primo *primo, const struct caller *caller,
                  struct node n, uint64_t size, struct reason *why)
{
    struct handle *h;
    int err = handle_open(primo, caller, n, O_WRONLY, NULL, &h, why);
    if (err)
        return err;
    err = handle_truncate(h, size, why);
    if (err == 0)
        err = handle_flush(h, why);
    if (err)
        h->refused = true; /* the close saves nothing */
    int end = handle_close(h, err ? NULL : why);
    return err ? err : end;
}

#include "core/tree/shapes/common.h"

#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/clients/scratch.h"
#include "core/rights/mode.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* How long a file of a model that was removed alone is out of sight. */
#define BACK_NS (5 * (int64_t)1000000000)

/* Generated files */

int shown_stat(const struct stat_request *r, struct tree_stat *out,
               struct reason *why)
{
    struct shown own = {TEXT_INIT, 0};
    const struct shown *shown = r->shown ? r->shown : &own;
    int err = r->shown ? 0 : tree_show(r->primo, r->node, &own, why);
    out->size = shown->text.size;
    out->mtime = shown->mtime;
    text_release(&own.text);
    return err;
}

int shown_open(struct handle *h, const struct text *text, struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    int err = 0;
    if (text)
        text_add(&now.text, text_string(text), text->size);
    else
        err = tree_show(h->primo, h->node, &now, why);
    if (err == 0)
        err = handle_show(h, &now.text, why);
    text_release(&now.text);
    return err;
}

int generated_unlink(struct primo *primo, const struct caller *caller,
                     struct node directory, struct node n, struct reason *why)
{
    const struct row *dir = node_row(directory);
    if (!dir->hide)
        return refuse(why, EPERM, "%s is generated and cannot be removed",
                      node_row(n)->name ? node_row(n)->name : "this");
    int err = dir->hide(primo, directory.object, why);
    /* rm -r of a model takes its directory, too, before they are back */
    const struct hidden_file file = {
        .inode = tree_inode(n.object, n.no),
        .until = dir->kind == OBJECT_PROCESS ? 0 : clock_ns() + BACK_NS,
        .name = node_row(n)->name,
        .user = caller->uid};
    if (err == 0)
        hidden_add(&primo->hidden, &file);
    return err;
}

int change_ignored(struct primo *primo, const struct caller *caller,
                   struct node n, const struct tree_change *c,
                   struct reason *why)
{
    (void)primo;
    (void)caller;
    (void)n;
    (void)c;
    (void)why;
    return 0;
}

/* Reading */

int handle_show(struct handle *h, struct text *text, struct reason *why)
{
    struct kept_text *kept;
    int err = texts_keep(&h->primo->texts, h->caller.uid, text, &kept, why);
    if (err)
        return err;
    texts_drop(&h->primo->texts, h->shown);
    stage_cut(h, 0);
    h->shown = kept;
    h->zeroes = 0;
    return 0;
}

int handle_read_text(struct handle *h, uint64_t offset, size_t size,
                     struct text *out, struct reason *why)
{
    const struct text *t = handle_text(h);
    uint64_t end = t->size + h->zeroes;
    (void)why;
    if (offset >= end)
        return 0;
    if (size > end - offset)
        size = (size_t)(end - offset);
    size_t had = out->size;
    text_resize(out, had + size); /* with zeroes */
    if (offset < t->size) {
        size_t there = t->size - (size_t)offset;
        memcpy(out->data + had, t->data + offset, there < size ? there : size);
    }
    return 0;
}

int handle_read_file(int fd, uint64_t offset, size_t size, struct text *out,
                     struct reason *why)
{
    size_t had = out->size;
    text_resize(out, had + size);
    ssize_t n = pread(fd, out->data + had, size, (off_t)offset);
    int code = errno;
    text_resize(out, had + (n > 0 ? (size_t)n : 0));
    return n < 0 ? refuse_errno(why, code, "the model cannot be read") : 0;
}

/* Inputs */

int handle_load(struct handle *h, struct object *o, struct reason *why)
{
    /* A shell may have just emptied the file, and its last close may still be
     * on the way. */
    handles_settle(&h->primo->handles, h->node.object);
    int err = object_load_replaced(h->primo, h->node.object, o);
    if (err)
        return refuse(why, -err,
                      err == -ENOENT ? "the file is gone"
                                     : "the file cannot be read");
    /* Whoever creates a file may write it, whatever mode it gets. */
    return h->fresh
               ? 0
               : mode_may(&h->primo->roles, &h->caller, o, wants_read(h->flags),
                          wants_write(h->flags), why);
}

/* This is atomic because handles_set_mtime() holds another lock than we do. */
int handle_load_text(struct handle *h, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = handle_load(h, &o, why);
    __atomic_store_n(&h->opened.mtime, o.mtime, __ATOMIC_RELAXED);
    h->emptied = (h->flags & O_TRUNC) && o.body.size > 0;
    if (err == 0 && !(h->flags & O_TRUNC))
        err = handle_show(h, &o.body, why);
    object_release(&o);
    return err;
}

int object_stat(const struct stat_request *r, struct tree_stat *out,
                struct reason *why)
{
    const struct object *o = r->object;
    (void)why;
    out->mode = S_IFREG | (o->mode & 0777);
    out->uid = o->uid;
    out->gid = o->gid;
    out->size = o->body.size;
    return 0;
}

void handle_written(struct handle *h)
{
    __atomic_store_n(&h->opened.mtime, clock_ns(), __ATOMIC_RELAXED);
}

struct save handle_save_of(struct handle *h)
{
    return (struct save){
        .primo = h->primo,
        .caller = &h->caller,
        .node = h->node,
        .mtime = __atomic_load_n(&h->opened.mtime, __ATOMIC_RELAXED),
        .fresh = h->fresh,
    };
}

bool handle_is_scratch(const struct handle *h)
{
    struct object o = OBJECT_INIT;
    bool scratch = object_load(h->primo, h->node.object, &o) == 0 &&
                   name_is_scratch(o.name);
    object_release(&o);
    return scratch;
}

/* Staging a text */

int stage_text(struct handle *h, uint64_t size, struct reason *why)
{
    const struct text *t = handle_text(h);
    uint64_t needed = t->size > size ? t->size : size;
    int err = needed > h->charged
                  ? usage_change(&h->primo->usage, h->caller.uid, USAGE_TEXTS,
                                 h->charged, needed, why)
                  : 0;
    if (err)
        return err;
    if (needed > h->charged)
        h->charged = needed;
    if (h->shown)
        text_add(&h->text, text_string(t), t->size);
    texts_drop(&h->primo->texts, h->shown);
    h->shown = NULL;
    return 0;
}

void stage_nothing(struct handle *h)
{
    texts_drop(&h->primo->texts, h->shown);
    h->shown = NULL;
    stage_cut(h, 0);
}

int stage_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    int err = stage_text(h, size, why);
    if (err)
        return err;
    h->emptied |= size == 0 && h->text.size > 0;
    h->dirty = size ? h->dirty || size != h->text.size : false;
    text_resize(&h->text, (size_t)size);
    if (size == 0)
        h->refused = false;
    return 0;
}

void stage_cut(struct handle *h, uint64_t size)
{
    struct text cut = TEXT_INIT;
    if (h->text.size > size) {
        text_add(&cut, h->text.data, (size_t)size);
        text_move(&h->text, &cut);
    }
    usage_give(&h->primo->usage, h->caller.uid, USAGE_TEXTS,
               h->charged - h->text.size);
    h->charged = h->text.size;
}

/* As in sysfs, so that tools know it for a size that says nothing. */
enum { AWAITED_SIZE = 4096 };

int awaited_text_stat(const struct stat_request *r, struct tree_stat *out,
                      struct reason *why)
{
    int err = shown_stat(r, out, why);
    if (out->size == 0)
        out->size = AWAITED_SIZE;
    return err;
}

int awaited_text_read(struct handle *h, uint64_t offset, size_t size,
                      struct text *out, struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    int err = offset ? 0 : tree_show(h->primo, h->node, &now, why);
    if (err == 0 && now.text.size)
        err = handle_show(h, &now.text, why);
    else if (!offset)
        size = 0; /* there is no text yet */
    text_release(&now.text);
    return err ? err : handle_read_text(h, offset, size, out, why);
}

int handle_read_awaited(struct handle *h, struct text *text, size_t size,
                        struct text *out, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    int err = handle_show(h, text, why);
    if (err == 0)
        err = handle_read_text(h, 0, size, out, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

#include "core/tree/handle_inside.h"

#include "core/basic/clock.h"
#include "core/basic/file.h"
#include "core/basic/name.h"
#include "core/models/model.h"
#include "core/tree/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RELEASE_NS = 20000000 }; /* from a flush to its close, mostly */

/* Open */

static int open_may(struct primo *primo, const struct caller *caller,
                    struct node n, int flags, struct reason *why)
{
    const struct row *row = node_row(n);
    if (row->shape == SHAPE_DIRECTORY)
        return refuse(why, EISDIR, "this is a directory");
    if (row->shape == SHAPE_LINK)
        return refuse(why, ELOOP, "this is a link");
    int err =
        wants_read(flags) ? tree_may(primo, caller, n, RIGHT_VIEW, why) : 0;
    if (err || !wants_write(flags))
        return err;
    if (!row->needs)
        return refuse(why, EACCES, "this file is generated and read-only");
    return tree_may(primo, caller, n, row->needs, why);
}

static int open_input(struct handle *h, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = handle_load(h, &o, why);
    if (err == 0 && !(h->flags & O_TRUNC))
        text_add(&h->text, text_string(&o.body), o.body.size);
    h->opened.mtime = o.mtime;
    h->emptied = (h->flags & O_TRUNC) && o.body.size > 0;
    object_release(&o);
    return err;
}

static int open_state(struct handle *h, const struct text *shown,
                      struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    if (shown) {
        text_add(&h->text, text_string(shown), shown->size);
        return 0;
    }
    int err = tree_show(h->primo, h->node, &now, why);
    text_move(&h->text, &now.text);
    return err;
}

static int open_shape(struct handle *h, const struct text *shown,
                      struct reason *why)
{
    const struct row *row = node_row(h->node);
    switch (row->shape) {
    case SHAPE_INPUT:
        return open_input(h, why);
    case SHAPE_WEIGHTS:
        return weights_open(h, why);
    case SHAPE_BODY:
        h->fd = model_file_open(h->primo, h->node.object, row->name, why);
        return h->fd < 0 ? h->fd : 0;
    case SHAPE_GROWING:
        return tree_stream(h->primo, h->node, &h->stream, why);
    case SHAPE_ERRORS:
        h->all = tree_sees_all(h->primo, &h->caller);
        return 0;
    case SHAPE_WORD:
        return h->flags & O_TRUNC ? 0 : open_state(h, NULL, why);
    case SHAPE_TEXT:
        return open_state(h, shown, why);
    default:
        return 0;
    }
}

/* Note how far the lines of the staged text are known to be right. */
static int check_lines(struct handle *h, struct reason *why)
{
    const struct text *t = &h->text;
    while (h->checked < t->size) {
        const char *line = t->data + h->checked;
        const char *end = memchr(line, '\n', t->size - h->checked);
        if (!end)
            return 0;
        int err =
            settings_line(&h->check, line, (size_t)(end - line), NULL, "", why);
        if (err)
            return err;
        h->checked += (size_t)(end - line) + 1;
    }
    return 0;
}

static void check_restart(struct handle *h)
{
    h->check = input_check(h->primo, node_row(h->node));
    h->checked = 0;
    h->disordered = check_lines(h, NULL) != 0;
}

static struct handle *handle_new(struct primo *primo,
                                 const struct caller *caller, struct node node,
                                 int flags)
{
    struct handle *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    h->primo = primo;
    h->caller = *caller;
    h->node = node;
    h->flags = flags;
    h->fd = -1;
    if (wants_write(flags))
        tree_path(primo, node, &h->path);
    pthread_mutex_init(&h->lock, NULL);
    h->opened.object = node.object;
    h->opened.writes = wants_write(flags);
    handles_add(&primo->handles, &h->opened);
    return h;
}

static void handle_free(struct handle *h)
{
    handles_remove(&h->primo->handles, &h->opened);
    if (h->fd >= 0)
        close(h->fd);
    staged_drop(&h->staged);
    text_release(&h->text);
    text_release(&h->path);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static int handle_begin(struct handle *h, const struct text *shown,
                        struct handle **out, struct reason *why)
{
    int err = open_shape(h, shown, why);
    if (err) {
        handle_free(h);
        return err;
    }
    if (node_row(h->node)->shape == SHAPE_INPUT && wants_write(h->flags))
        check_restart(h);
    *out = h;
    return 0;
}

int handle_open(struct primo *primo, const struct caller *caller,
                struct node node, int flags, const struct text *shown,
                struct handle **out, struct reason *why)
{
    int err = open_may(primo, caller, node, flags, why);
    if (err)
        return err;
    return handle_begin(handle_new(primo, caller, node, flags), shown, out,
                        why);
}

int handle_create(struct primo *primo, const struct caller *caller,
                  struct node directory, const char *name, uint32_t mode,
                  int flags, struct node *node, struct handle **out,
                  struct reason *why)
{
    if (tree_unhide(primo, directory, name, node))
        return handle_open(primo, caller, *node, flags, NULL, out, why);
    unsigned others = name_is_scratch(name) ? 1u << RIGHT_EDIT : 0;
    int err = tree_may_or(primo, caller, directory, RIGHT_CREATE, others, why);
    if (err == 0)
        err = input_create(primo, caller, directory, name, mode, node, why);
    if (err)
        return err;
    struct handle *h = handle_new(primo, caller, *node, flags);
    h->fresh = true;
    err = handle_begin(h, NULL, out, why);
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
    return h->fd;
}

/* Write */

/* The staged text was refused: keep what was there before. */
static int write_refused(struct handle *h, struct text *before, int err,
                         const struct reason *why)
{
    text_move(&h->text, before);
    handle_refused(h, err, why);
    h->dirty = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

static int write_input(struct handle *h, uint64_t offset, const char *data,
                       size_t size, struct reason *why)
{
    struct object o = OBJECT_INIT;
    bool named = object_load(h->primo, h->node.object, &o) == 0;
    bool scratch = named && name_is_scratch(o.name);
    object_release(&o);
    size_t most = scratch ? SCRATCH_FILE_SIZE : INPUT_BYTES;
    struct text before = TEXT_INIT;
    text_add(&before, text_string(&h->text), h->text.size);
    if (h->flags & O_APPEND)
        offset = h->text.size;
    if (offset + size > most)
        return write_refused(h, &before,
                             refuse(why, scratch ? ENOSPC : EFBIG,
                                    "a text must have at most %zu KiB",
                                    most >> 10),
                             why);
    if (offset < h->checked || offset > h->text.size)
        h->disordered = true;
    text_write(&h->text, (size_t)offset, data, size);
    int err = scratch || h->disordered ? 0 : check_lines(h, why);
    if (err)
        return write_refused(h, &before, err, why);
    text_release(&before);
    h->dirty = true;
    __atomic_store_n(&h->opened.mtime, clock_ns(), __ATOMIC_RELAXED);
    return 0;
}

/* The trimmed word of a staged text; EINVAL for more than one line. */
static int word_of(const struct text *t, char *out, size_t size,
                   struct reason *why)
{
    const char *s = text_string(t);
    size_t from = strspn(s, " \t\r\n"), end = t->size;
    while (end > from && strchr(" \t\r\n", s[end - 1]))
        end--;
    if (end - from >= size || memchr(s, 0, t->size) ||
        memchr(s + from, '\n', end - from))
        return refuse(why, EINVAL, "one line of at most %zu bytes is accepted",
                      size - 1);
    memcpy(out, s + from, end - from);
    out[end - from] = 0;
    return 0;
}

static int store_word(struct handle *h, struct reason *why)
{
    char word[256];
    int err = word_of(&h->text, word, sizeof word, why);
    if (err == 0)
        err = node_row(h->node)->store(h->primo, &h->caller, h->node.object,
                                       word, why);
    h->dirty = h->emptied = false;
    h->refused = false;
    if (err)
        handle_refused(h, err, why);
    return err;
}

static int write_word(struct handle *h, uint64_t offset, const char *data,
                      size_t size, struct reason *why)
{
    if (h->flags & O_APPEND)
        offset = h->text.size;
    if (offset + size > 4096)
        return refuse(why, EFBIG, "one line is accepted");
    if (!h->dirty && offset == 0)
        text_resize(&h->text, 0); /* opened without truncating */
    text_write(&h->text, (size_t)offset, data, size);
    h->dirty = true;
    if (size && data[size - 1] == '\n')
        return store_word(h, why);
    return 0;
}

static int write_action(struct handle *h, size_t size, struct reason *why)
{
    if (!size || h->fired)
        return 0;
    h->fired = true;
    return node_row(h->node)->act(h->primo, &h->caller, h->node.object, why);
}

static int write_locked(struct handle *h, uint64_t offset, const char *data,
                        size_t size, struct reason *why)
{
    if (h->refused) { /* some programs try once more */
        if (why)
            *why = h->why;
        return -h->why.code;
    }
    switch (node_row(h->node)->shape) {
    case SHAPE_INPUT:
        return write_input(h, offset, data, size, why);
    case SHAPE_WEIGHTS:
        return weights_write(h, offset, data, size, why);
    case SHAPE_WORD:
        return write_word(h, offset, data, size, why);
    case SHAPE_ACTION:
        return write_action(h, size, why);
    default:
        return refuse(why, EBADF, "the file is not open for writing");
    }
}

int handle_write(struct handle *h, uint64_t offset, const char *data,
                 size_t size, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    if (h->emptied)
        handles_closing(&h->primo->handles, &h->opened, false, 0);
    int err = write_locked(h, offset, data, size, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

int handle_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    enum shape shape = node_row(h->node)->shape;
    if (shape == SHAPE_ACTION)
        return 0;
    if (shape == SHAPE_WEIGHTS) {
        pthread_mutex_lock(&h->lock);
        int err = weights_truncate(h, size, why);
        pthread_mutex_unlock(&h->lock);
        return err;
    }
    if (shape != SHAPE_INPUT && shape != SHAPE_WORD)
        return refuse(why, EACCES, "this file is generated and read-only");
    if (size > SCRATCH_FILE_SIZE)
        return refuse(why, EFBIG, "a text must have at most %d KiB",
                      INPUT_BYTES >> 10);
    pthread_mutex_lock(&h->lock);
    h->emptied |= size == 0 && h->text.size > 0;
    h->dirty = size ? h->dirty || size != h->text.size : false;
    text_resize(&h->text, (size_t)size);
    if (size == 0)
        h->refused = false;
    __atomic_store_n(&h->opened.mtime, clock_ns(), __ATOMIC_RELAXED);
    if (shape == SHAPE_INPUT)
        check_restart(h);
    pthread_mutex_unlock(&h->lock);
    return 0;
}

/* Save */

static int save_input(struct handle *h, struct reason *why)
{
    int64_t mtime = __atomic_load_n(&h->opened.mtime, __ATOMIC_RELAXED);
    struct save save = {h->primo, &h->caller, h->node, mtime, h->fresh};
    int err = input_save(&save, &h->text, why);
    h->dirty = h->emptied = false;
    if (err == 0 && h->text.size)
        h->fresh = false;
    if (err && !is_full(err) && err != -EIO) {
        handle_refused(h, err, why);
        if (h->fresh)
            input_discard(h->primo, h->node);
    }
    return err;
}

/* Emptying alone waits for the last close: shells close the file once before
 * they write it. A new file is saved even when nothing was written. */
static int save_locked(struct handle *h, bool last, struct reason *why)
{
    enum shape shape = node_row(h->node)->shape;
    bool due = h->dirty || (last && h->emptied);
    if (h->refused || !wants_write(h->flags))
        return 0;
    if (shape == SHAPE_WORD)
        return due ? store_word(h, why) : 0;
    if (shape == SHAPE_WEIGHTS)
        return due || (last && h->fresh) ? weights_save(h, last, why) : 0;
    if (shape != SHAPE_INPUT)
        return 0;
    struct object o = OBJECT_INIT;
    if (h->fresh && object_load(h->primo, h->node.object, &o) == 0)
        due |= o.scratch && !name_is_scratch(o.name);
    object_release(&o);
    return due ? save_input(h, why) : 0;
}

int handle_flush(struct handle *h, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    int err = save_locked(h, false, why);
    /* the kernel does not wait for the last close, which will save this */
    if (err == 0 && h->emptied && !h->refused && wants_write(h->flags))
        handles_closing(&h->primo->handles, &h->opened, false,
                        clock_ns() + RELEASE_NS);
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
        handles_closing(&h->primo->handles, &h->opened, false, 0);
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
        h->refused = true; /* nothing of it is saved at close */
    int end = handle_close(h, err ? NULL : why);
    return err ? err : end;
}

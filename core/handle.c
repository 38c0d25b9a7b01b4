#include "handle.h"

#include "base_file.h"
#include "input.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RELEASE_NS = 20000000 }; /* from a flush to its close, mostly */

struct handle {
    struct primo *primo;
    struct caller caller;
    struct node node;
    struct text path; /* as it was when opened, for people; of writers */
    int flags;
    pthread_mutex_t lock; /* guards all below */
    struct text text;     /* a state, or the staged text of this open */
    int fd;               /* SHAPE_BODY, SHAPE_WEIGHTS that is read, else -1 */
    struct staged staged; /* SHAPE_WEIGHTS: what was written */
    uint64_t body;        /* of it: what it is written over; 0 = nothing */
    struct stream stream; /* SHAPE_GROWING */
    uint64_t read_end;    /* of it: how far it was read */
    bool read_once;
    bool all;             /* SHAPE_ERRORS: those of all users */
    bool renewed;         /* by a read from 0, which nobody has asked for */
    int64_t renewed_time; /* the mtime of that state */
    /* of those that write */
    bool fresh;        /* this open made the file */
    bool dirty;        /* written since the last save */
    bool emptied;      /* cut to nothing since the last save */
    bool refused;      /* saves nothing until it is cut to nothing */
    struct reason why; /* it was, if refused */
    bool fired;        /* an action, once per open */
    /* under primo->handles.lock: it is saved for the last time; ns until which
     * that may be about to begin, 0 = not */
    bool closing;
    int64_t may_close;
    int64_t mtime;
    struct settings_check check; /* of the lines in text[0 .. checked) */
    size_t checked;
    bool disordered; /* written into the middle: checked as a whole at close */
    struct handle *next, *before; /* in primo->handles, under its lock */
};

static bool wants_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

static bool wants_read(int flags)
{
    return (flags & O_ACCMODE) != O_WRONLY;
}

/* The list of all */

static void handle_list(struct handle *h)
{
    struct handles *all = &h->primo->handles;
    pthread_mutex_lock(&all->lock);
    h->next = all->first;
    if (h->next)
        h->next->before = h;
    all->first = h;
    if (wants_write(h->flags))
        __atomic_add_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&all->lock);
}

static void handle_unlist(struct handle *h)
{
    struct handles *all = &h->primo->handles;
    pthread_mutex_lock(&all->lock);
    if (h->next)
        h->next->before = h->before;
    if (h->before)
        h->before->next = h->next;
    else if (all->first == h)
        all->first = h->next;
    if (wants_write(h->flags))
        __atomic_sub_fetch(&all->writing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&all->lock);
}

bool handles_write(struct primo *primo, uint64_t object)
{
    struct handles *all = &primo->handles;
    if (!__atomic_load_n(&all->writing, __ATOMIC_SEQ_CST))
        return false;
    pthread_mutex_lock(&all->lock);
    struct handle *h = all->first;
    while (h && (h->node.object != object || !wants_write(h->flags)))
        h = h->next;
    pthread_mutex_unlock(&all->lock);
    return h != NULL;
}

void handles_set_mtime(struct primo *primo, uint64_t object, int64_t mtime)
{
    struct handles *all = &primo->handles;
    pthread_mutex_lock(&all->lock);
    for (struct handle *h = all->first; h; h = h->next)
        if (h->node.object == object)
            __atomic_store_n(&h->mtime, mtime, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&all->lock);
}

/* Wait where h is closing, or may be about to; false = there is no need. */
static bool settle_one(struct handles *all, const struct handle *h)
{
    struct timespec until = {h->may_close / 1000000000,
                             h->may_close % 1000000000};
    if (h->closing)
        pthread_cond_wait(&all->settled, &all->lock);
    else if (h->may_close > clock_ns())
        pthread_cond_timedwait(&all->settled, &all->lock, &until);
    else
        return false;
    return true;
}

void handles_settle(struct primo *primo, uint64_t object)
{
    struct handles *all = &primo->handles;
    if (!__atomic_load_n(&all->closing, __ATOMIC_ACQUIRE))
        return;
    pthread_mutex_lock(&all->lock);
    for (struct handle *h = all->first; h;)
        h = h->node.object == object && settle_one(all, h) ? all->first
                                                           : h->next;
    pthread_mutex_unlock(&all->lock);
}

static void closing_set(struct handle *h, bool closing, int64_t may_close)
{
    struct handles *all = &h->primo->handles;
    pthread_mutex_lock(&all->lock);
    int was = h->closing || h->may_close;
    h->closing = closing;
    h->may_close = may_close;
    __atomic_add_fetch(&all->closing, (closing || may_close) - was,
                       __ATOMIC_RELEASE);
    pthread_cond_broadcast(&all->settled);
    pthread_mutex_unlock(&all->lock);
}

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

static int input_load(struct handle *h, struct object *o, struct reason *why)
{
    handles_settle(h->primo, h->node.object);
    if (object_load(h->primo, h->node.object, o))
        return refuse(why, ENOENT, "the file is gone");
    return h->fresh
               ? 0
               : tree_mode_may(h->primo, &h->caller, o, wants_read(h->flags),
                               wants_write(h->flags), why);
}

static int open_input(struct handle *h, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = input_load(h, &o, why);
    if (err == 0 && !(h->flags & O_TRUNC))
        text_add(&h->text, text_string(&o.body), o.body.size);
    h->mtime = o.mtime;
    h->emptied = (h->flags & O_TRUNC) && o.body.size > 0;
    object_release(&o);
    return err;
}

/* The built-in one is a text, all others are files. */
static int open_weights(struct handle *h, struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = input_load(h, &o, why);
    if (err == 0 && wants_write(h->flags) && object_is_builtin(o.kind, o.name))
        err = refuse(why, EPERM, "'%s' is built in and cannot be written",
                     o.name);
    if (err == 0 && !wants_write(h->flags)) {
        text_add(&h->text, text_string(&o.body), o.body.size);
        h->fd = o.number ? body_open(h->primo, o.number, why) : -1;
        err = h->fd < -1 ? h->fd : 0;
    }
    h->body = h->flags & O_TRUNC ? 0 : o.number;
    h->mtime = o.mtime;
    h->emptied = (h->flags & O_TRUNC) && o.number;
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
        return open_weights(h, why);
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
    handle_list(h);
    return h;
}

static void handle_free(struct handle *h)
{
    handle_unlist(h);
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
        handle_free(primo->handles.first);
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

static int read_stream(struct handle *h, uint64_t offset, size_t size,
                       struct text *out, struct reason *why)
{
    struct store_txn *txn;
    /* a start gives the process new texts, which a follower goes on with */
    tree_stream(h->primo, h->node, &h->stream, NULL);
    int err = store_begin(h->primo->store, false, &txn, why);
    if (err)
        return err;
    size_t had = out->size;
    err = stream_read(txn, h->stream, offset, size, out);
    store_abort(txn);
    if (err == 0 && offset + (out->size - had) > h->read_end)
        h->read_end = offset + (out->size - had);
    return err ? refuse(why, -err, "the text cannot be read") : 0;
}

static int read_body(int fd, uint64_t offset, size_t size, struct text *out,
                     struct reason *why)
{
    size_t had = out->size;
    text_resize(out, had + size);
    ssize_t n = pread(fd, out->data + had, size, (off_t)offset);
    int code = errno;
    text_resize(out, had + (n > 0 ? (size_t)n : 0));
    return n < 0 ? refuse_errno(why, code, "the model cannot be read") : 0;
}

/* A handle without changes of its own shows what is saved; a polled text its
 * new state. Where the file is gone, the last state stays. */
static void refresh(struct handle *h)
{
    const struct row *row = node_row(h->node);
    bool input = row->shape == SHAPE_INPUT && !h->dirty && !h->emptied;
    bool polled = row->polled && h->read_once;
    struct shown now = {TEXT_INIT, 0};
    if (!input && !polled)
        return;
    if (input)
        handles_settle(h->primo, h->node.object);
    if (tree_show(h->primo, h->node, &now, NULL) == 0) {
        text_move(&h->text, &now.text);
        h->renewed = polled;
        h->renewed_time = now.mtime;
    }
    text_release(&now.text);
}

static int read_text(struct handle *h, uint64_t offset, size_t size,
                     struct text *out)
{
    if (offset == 0)
        refresh(h);
    h->read_once = true;
    if (offset < h->text.size) {
        size_t left = h->text.size - offset;
        text_add(out, h->text.data + offset, left < size ? left : size);
    }
    return 0;
}

/* What was written through it, or what it would be written over. */
static int read_weights(struct handle *h, uint64_t offset, size_t size,
                        struct text *out, struct reason *why)
{
    if (h->fd >= 0 || h->staged.id)
        return read_body(h->fd >= 0 ? h->fd : h->staged.fd, offset, size, out,
                         why);
    if (!h->body)
        return read_text(h, offset, size, out);
    int fd = body_open(h->primo, h->body, why);
    if (fd < 0)
        return fd;
    int err = read_body(fd, offset, size, out, why);
    close(fd);
    return err;
}

static int read_wait(struct handle *h, struct text *out, struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    int err = tree_show(h->primo, h->node, &now, why);
    text_move(out, &now.text);
    return err;
}

static int read_locked(struct handle *h, uint64_t offset, size_t size,
                       struct text *out, struct reason *why)
{
    switch (node_row(h->node)->shape) {
    case SHAPE_GROWING:
        return read_stream(h, offset, size, out, why);
    case SHAPE_BODY:
        return read_body(h->fd, offset, size, out, why);
    case SHAPE_WEIGHTS:
        return read_weights(h, offset, size, out, why);
    case SHAPE_ERRORS:
        refusals_read(&h->primo->refusals, h->all ? NULL : &h->caller.uid,
                      offset, size, out);
        return 0;
    case SHAPE_ACTION:
        return 0;
    case SHAPE_WAIT:
        return offset ? 0 : read_wait(h, out, why);
    default:
        return read_text(h, offset, size, out);
    }
}

int handle_read(struct handle *h, uint64_t offset, size_t size,
                struct text *out, struct reason *why)
{
    pthread_mutex_lock(&h->lock);
    int err = read_locked(h, offset, size, out, why);
    pthread_mutex_unlock(&h->lock);
    return err;
}

bool handle_renewed(struct handle *h, struct shown *out)
{
    pthread_mutex_lock(&h->lock);
    bool renewed = h->renewed;
    if (renewed) {
        text_add(&out->text, text_string(&h->text), h->text.size);
        out->mtime = h->renewed_time;
    }
    h->renewed = false;
    pthread_mutex_unlock(&h->lock);
    return renewed;
}

static bool has_news_locked(struct handle *h)
{
    struct shown now = {TEXT_INIT, 0};
    struct store_txn *txn;
    bool news = false;
    if (node_row(h->node)->shape == SHAPE_GROWING &&
        store_begin(h->primo->store, false, &txn, NULL) == 0) {
        news = stream_size(txn, h->stream) > h->read_end;
        store_abort(txn);
    } else if (node_row(h->node)->polled &&
               tree_show(h->primo, h->node, &now, NULL) == 0) {
        news = now.text.size != h->text.size ||
               memcmp(text_string(&now.text), text_string(&h->text),
                      now.text.size);
    }
    text_release(&now.text);
    return news;
}

bool handle_has_news(struct handle *h)
{
    pthread_mutex_lock(&h->lock);
    bool news = has_news_locked(h);
    pthread_mutex_unlock(&h->lock);
    return news;
}

/* Write */

static void refused_note(struct handle *h, int err, const struct reason *why)
{
    h->refused = true;
    h->why = why ? *why : (struct reason){.code = -err};
}

/* The staged text was refused: keep what was there before. */
static int write_refused(struct handle *h, struct text *before, int err,
                         const struct reason *why)
{
    text_move(&h->text, before);
    refused_note(h, err, why);
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
    __atomic_store_n(&h->mtime, clock_ns(), __ATOMIC_RELAXED);
    return 0;
}

/* A base model */

static int weights_stage(struct handle *h, struct reason *why)
{
    return h->staged.id ? 0 : staged_begin(&h->staged, h->primo, h->body, why);
}

/* Room is given back at once: a full disk is everybody's. */
static int weights_refused(struct handle *h, int err, const struct reason *why)
{
    staged_drop(&h->staged);
    refused_note(h, err, why);
    h->dirty = h->emptied = false;
    if (h->fresh)
        input_discard(h->primo, h->node);
    return err;
}

static int write_weights(struct handle *h, uint64_t offset, const char *data,
                         size_t size, struct reason *why)
{
    struct object o = OBJECT_INIT;
    bool scratch = object_load(h->primo, h->node.object, &o) == 0 &&
                   name_is_scratch(o.name);
    object_release(&o);
    int err = weights_stage(h, why);
    if (err == 0 && (h->flags & O_APPEND))
        offset = staged_size(&h->staged);
    if (err == 0)
        err = staged_write(&h->staged, offset, data, size, !scratch && !h->body,
                           why);
    if (err)
        return weights_refused(h, err, why);
    h->dirty = true;
    __atomic_store_n(&h->mtime, clock_ns(), __ATOMIC_RELAXED);
    return 0;
}

static int truncate_weights(struct handle *h, uint64_t size, struct reason *why)
{
    if (size == 0) {
        h->emptied |= h->body != 0;
        h->dirty = h->refused = false;
        h->body = 0;
        staged_drop(&h->staged);
        return 0;
    }
    if (h->refused)
        return 0;
    int err = weights_stage(h, why);
    if (err == 0)
        err = staged_truncate(&h->staged, size, why);
    h->dirty |= err == 0;
    return err;
}

/* A copy that is not complete is no fault before the last close: a program may
 * close it once more than it writes it. */
static int save_weights(struct handle *h, bool last, struct reason *why)
{
    int64_t mtime = __atomic_load_n(&h->mtime, __ATOMIC_RELAXED);
    bool cut = false;
    int err = weights_stage(h, why);
    if (err == 0)
        err = input_save_body(h->primo, &h->caller, h->node, h->staged.id,
                              mtime, h->fresh, &cut, why);
    if (err == -ENOENT) { /* it was removed meanwhile */
        staged_drop(&h->staged);
        h->dirty = false;
        return 0;
    }
    if (err && cut && !last)
        return err;
    if (err)
        return weights_refused(h, err, why);
    h->body = h->staged.id;
    staged_forget(&h->staged);
    h->dirty = h->emptied = h->fresh = false;
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
        refused_note(h, err, why);
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
        return write_weights(h, offset, data, size, why);
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
        closing_set(h, false, 0);
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
        int err = truncate_weights(h, size, why);
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
    __atomic_store_n(&h->mtime, clock_ns(), __ATOMIC_RELAXED);
    if (shape == SHAPE_INPUT)
        check_restart(h);
    pthread_mutex_unlock(&h->lock);
    return 0;
}

/* Save */

static int save_input(struct handle *h, struct reason *why)
{
    int64_t mtime = __atomic_load_n(&h->mtime, __ATOMIC_RELAXED);
    int err = input_save(h->primo, &h->caller, h->node, &h->text, mtime,
                         h->fresh, why);
    h->dirty = h->emptied = false;
    if (err == 0 && h->text.size)
        h->fresh = false;
    if (err && err != -ENOSPC && err != -EIO) {
        refused_note(h, err, why);
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
        return due || (last && h->fresh) ? save_weights(h, last, why) : 0;
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
        closing_set(h, false, clock_ns() + RELEASE_NS);
    pthread_mutex_unlock(&h->lock);
    return err;
}

int handle_close(struct handle *h, struct reason *why)
{
    bool writes = wants_write(h->flags);
    if (writes)
        closing_set(h, true, 0);
    pthread_mutex_lock(&h->lock);
    int err = save_locked(h, true, why);
    pthread_mutex_unlock(&h->lock);
    if (writes)
        closing_set(h, false, 0);
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

#include "core/process/queue.h"

#include "core/basic/alloc.h"
#include "core/basic/name.h"
#include "core/process/show.h"
#include "core/store/node.h"
#include "core/store/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWNER_BYTES = 24 }; /* at most, before a line of the blob */

/* Lines */

/* A line of the text, with its end; of the blob, also whose it is. */
struct line {
    uint64_t uid, gid;
    const char *text;
    size_t size;
};

static bool line_next(const char **at, const char *end, struct line *out)
{
    const char *from = *at, *stop;
    if (from == end)
        return false;
    stop = memchr(from, '\n', (size_t)(end - from));
    *at = stop ? stop + 1 : end;
    *out = (struct line){.text = from, .size = (size_t)(*at - from)};
    return true;
}

/* The next line of the blob, which always ends in a zero (struct text). */
static bool stored_next(const char **at, const char *end, struct line *out)
{
    struct line line;
    char *next;
    if (!line_next(at, end, &line))
        return false;
    out->uid = strtoull(line.text, &next, 10);
    out->gid = strtoull(next, &next, 10);
    out->text = next + (*next == ' ');
    out->size = line.size - (size_t)(out->text - line.text);
    return true;
}

static void store_line(struct text *out, const struct line *l)
{
    text_printf(out, "%" PRIu64 " %" PRIu64 " ", l->uid, l->gid);
    text_add(out, l->text, l->size);
}

/* What the line says, without blanks around it; 0 where it says nothing. */
static size_t line_word(const struct line *l, const char **word)
{
    static const char blanks[] = " \t\r\n";
    size_t from = 0, end = l->size;
    while (from < end && strchr(blanks, l->text[from]))
        from++;
    while (end > from && strchr(blanks, l->text[end - 1]))
        end--;
    *word = l->text + from;
    return end > from && **word == '#' ? 0 : end - from;
}

static bool line_says_as(const struct line *a, const struct line *b)
{
    const char *one, *other;
    size_t size = line_word(a, &one);
    return size == line_word(b, &other) && !memcmp(one, other, size);
}

/* Takes a line apart. Returns 0 where it says nothing, 1, or an error. */
static int line_parse(const struct line *l, struct queued *out,
                      struct reason *why)
{
    const char *word;
    size_t size = line_word(l, &word), name = 0;
    while (name < size && !strchr(" \t", word[name]))
        name++;
    const char *rest = word + name, *end = word + size;
    while (rest < end && strchr(" \t", *rest))
        rest++;
    if (size == 0)
        return 0;
    if (rest < end && *rest != '/')
        return refuse(why, EINVAL,
                      "a line is the name of a template, behind which only "
                      "the path of its dataset is accepted; got '%.*s'",
                      (int)size, word);
    int err = name_check(word, name, why);
    if (err == 0 && (size_t)(end - rest) >= sizeof out->said)
        err = refuse(why, EINVAL, "a path must have less than %zu bytes",
                     sizeof out->said);
    if (err)
        return err;
    out->caller = (struct caller){(uid_t)l->uid, (gid_t)l->gid, 0};
    snprintf(out->template, sizeof out->template, "%.*s", (int)name, word);
    snprintf(out->said, sizeof out->said, "%.*s", (int)(end - rest), rest);
    return 1;
}

/* A new line must name a template that is there; returns as line_parse(). */
static int line_judge(struct store_txn *txn, const struct line *l,
                      struct reason *why)
{
    struct queued q;
    struct object template = OBJECT_INIT;
    int says = line_parse(l, &q, why);
    if (says == 1 && object_find(txn, TREE_TEMPLATES, q.template, &template))
        says = refuse(why, EINVAL, "there is no template '%s' in templates/",
                      q.template);
    object_release(&template);
    return says;
}

/* The lines that were there, of which each answers for one that is written. */
struct lines {
    struct text stored;
    struct line list[QUEUE_LINES];
    size_t count;
    int err; /* -EIO: it is not as it was written */
};

static struct lines *lines_load(struct store_txn *txn, uint64_t process)
{
    struct lines *l = xcalloc(1, sizeof *l);
    int err = blob_get(txn, process, PROCESS_QUEUE, &l->stored);
    l->err = err == -ENOENT ? 0 : err;
    const char *at = text_string(&l->stored), *end = at + l->stored.size;
    while (l->count < QUEUE_LINES && stored_next(&at, end, &l->list[l->count]))
        l->count++;
    return l;
}

static int lines_whole(const struct lines *l, struct reason *why)
{
    return l->err ? refuse(why, EIO,
                           "the queue cannot be read; a new text may be "
                           "written in its place")
                  : 0;
}

static void lines_free(struct lines *l)
{
    text_release(&l->stored);
    free(l);
}

/* Whether a line was there: then it stays whose it was. */
static bool lines_take(struct lines *old, struct line *l)
{
    for (size_t i = 0; i < old->count; i++)
        if (old->list[i].text && line_says_as(&old->list[i], l)) {
            l->uid = old->list[i].uid;
            l->gid = old->list[i].gid;
            old->list[i].text = NULL;
            return true;
        }
    return false;
}

/* Appends the lines of a text as they are stored, and counts what waits. */
static int lines_put(struct store_txn *txn, const struct caller *caller,
                     struct lines *old, const char *at, size_t size,
                     struct text *out, uint64_t *waiting, struct reason *why)
{
    const char *end = at + size;
    struct line l;
    size_t count = 0;
    if (memchr(at, 0, size))
        return refuse(why, EINVAL, "the text must not have a NUL");
    while (line_next(&at, end, &l)) {
        const char *word;
        l.uid = caller->uid;
        l.gid = caller->gid;
        int says = old && lines_take(old, &l) ? line_word(&l, &word) > 0
                                              : line_judge(txn, &l, why);
        if (says < 0)
            return says;
        if (++count > QUEUE_LINES)
            return refuse(why, EFBIG, "a queue must have at most %d lines",
                          QUEUE_LINES);
        *waiting += (uint64_t)says;
        store_line(out, &l);
    }
    return 0;
}

/* Read */

int show_queue(struct show_request *r, struct text *out, struct reason *why)
{
    struct lines *l = lines_load(r->txn, r->process->id);
    int err = lines_whole(l, why);
    r->mtime = (int64_t)(r->process->queue_changed * 1e9);
    for (size_t i = 0; i < l->count; i++)
        text_add(out, l->list[i].text, l->list[i].size);
    lines_free(l);
    return err;
}

/* The place of the first line that waits; the count where none does. */
static size_t lines_first(const struct lines *l, struct queued *out)
{
    size_t i = 0;
    while (i < l->count && line_parse(&l->list[i], out, NULL) != 1)
        i++;
    return i;
}

int queue_first(struct store_txn *txn, uint64_t process, struct queued *out)
{
    struct lines *l = lines_load(txn, process);
    bool there = lines_first(l, out) < l->count;
    lines_free(l);
    return there ? 0 : -ENOENT;
}

int queue_check(struct primo *primo, uint64_t process, const char *lines,
                size_t size, struct reason *why)
{
    const struct caller nobody = {0};
    struct text out = TEXT_INIT;
    uint64_t waiting = 0;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    struct lines *old = lines_load(txn, process);
    err = lines_put(txn, &nobody, old, lines, size, &out, &waiting, why);
    store_abort(txn);
    lines_free(old);
    text_release(&out);
    return err;
}

/* Change */

static int queue_put(struct store_txn *txn, struct process *p,
                     const struct text *stored, uint64_t waiting,
                     struct reason *why)
{
    p->queued = waiting;
    p->queue_changed = time_after(p->queue_changed);
    return blob_put(txn, p->id, PROCESS_QUEUE, text_string(stored),
                    stored->size, why);
}

/* Also what means nothing has its place, or it could be appended for ever. */
static int bound(const struct text *stored, struct reason *why)
{
    const char *at = text_string(stored), *end = at + stored->size;
    struct line l;
    size_t lines = 0;
    while (line_next(&at, end, &l))
        lines++;
    if (lines > QUEUE_LINES)
        return refuse(why, EFBIG, "a queue must have at most %d lines",
                      QUEUE_LINES);
    return stored->size > QUEUE_BYTES + OWNER_BYTES * QUEUE_LINES
               ? refuse(why, EFBIG, "a queue must have at most %d KiB",
                        QUEUE_BYTES >> 10)
               : 0;
}

static int save_put(struct store_txn *txn, const struct caller *caller,
                    struct process *p, const struct text *text, bool append,
                    struct reason *why)
{
    struct lines *old = lines_load(txn, p->id);
    struct text out = TEXT_INIT;
    uint64_t waiting = append ? p->queued : 0;
    if (append)
        text_add(&out, text_string(&old->stored), old->stored.size);
    if (out.size && out.data[out.size - 1] != '\n')
        text_puts(&out, "\n");
    int err = append ? lines_whole(old, why) : 0;
    if (err == 0)
        err = lines_put(txn, caller, append ? NULL : old, text_string(text),
                        text->size, &out, &waiting, why);
    if (err == 0)
        err = bound(&out, why);
    if (err == 0)
        err = queue_put(txn, p, &out, waiting, why);
    if (err == 0)
        err = process_event(txn, p, caller->uid, "queue changed", why);
    text_release(&out);
    lines_free(old);
    return err;
}

static int save_once(struct primo *primo, const struct caller *caller,
                     uint64_t process, const struct text *text, bool append,
                     struct reason *why)
{
    struct process p;
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = process_load(txn, process, &p, why);
    if (err == 0)
        err = save_put(txn, caller, &p, text, append, why);
    if (err == 0)
        err = process_save(txn, &p, why);
    process_release(&p);
    return store_end(txn, err, why);
}

int queue_save(struct primo *primo, const struct caller *caller,
               uint64_t process, const struct text *text, bool append,
               struct reason *why)
{
    if (text->size > QUEUE_BYTES)
        return refuse(why, EFBIG, "a queue must have at most %d KiB",
                      QUEUE_BYTES >> 10);
    pthread_mutex_lock(&primo->change);
    int err = save_once(primo, caller, process, text, append, why);
    /* nothing may be in the way of who empties the queue */
    if (text->size == 0 && store_makes_room(primo->store, err))
        err = save_once(primo, caller, process, text, append, why);
    pthread_mutex_unlock(&primo->change);
    return err;
}

int queue_drop_first(struct store_txn *txn, struct process *p,
                     struct reason *why)
{
    struct lines *l = lines_load(txn, p->id);
    struct text out = TEXT_INIT;
    struct queued first;
    size_t drop = lines_first(l, &first);
    for (size_t i = 0; i < l->count; i++)
        if (i != drop)
            store_line(&out, &l->list[i]);
    int err = queue_put(txn, p, &out, p->queued ? p->queued - 1 : 0, why);
    text_release(&out);
    lines_free(l);
    return err;
}

int queue_drop(struct store_txn *txn, const struct process *p,
               struct reason *why)
{
    return blob_drop_all(txn, p->id, why);
}

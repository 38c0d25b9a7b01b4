/*
 * Files aside: what editors and copying tools write beside a text that users
 * write (template, enabled, queue), and then rename onto it. They are in memory
 * only and mean nothing by themselves; names that no tool uses are refused, so
 * that a misspelt one is not taken for the text. Renaming one onto a text
 * writes that; renaming a text away makes one of it, as tools do which keep a
 * copy.
 */
#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/clients/scratch.h"
#include "core/rights/mode.h"
#include "core/tree/gate.h"
#include "core/tree/shapes/common.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Most bytes of one: those of the longest text, and a line. */
enum { ASIDE_BYTES = 68 << 10 };

/* The writer of one that not only its maker has written. */
#define SEVERAL ((uid_t)-1)

/* How long a text that was renamed away is out of sight. */
#define AWAY_NS (5 * (int64_t)1000000000)

/* Names */

static bool all_of(const char *s, int (*is)(int c))
{
    while (*s && is((unsigned char)*s))
        s++;
    return !*s;
}

/* Names that tools take beside NAME: .NAME.x, NAME~, NAME.new, 4913 (vim),
 * sed4kVRgE, XX4kVRgE (perl -i), tmp4kv (many libraries). */
static bool name_is_aside(enum tree_no directory, const char *name)
{
    static const char *const starts[] = {"sed", "XX", "tmp"};
    if (name_is_scratch(name) || all_of(name, isdigit))
        return true;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (!strncmp(name, starts[i], strlen(starts[i])))
            return true;
    for (enum tree_no no = 0; (no = row_next(directory, no));) {
        const struct row *row = &tree_rows[no];
        size_t n = row->shape->take ? strlen(row->name) : 0;
        if (n && !strncmp(name, row->name, n) &&
            !isalnum((unsigned char)name[n]))
            return true;
    }
    return false;
}

static int name_judge(struct node directory, const char *name,
                      struct reason *why)
{
    if (!name_is_aside(directory.no, name))
        return refuse(why, EPERM,
                      "no file '%s' can be made here, but for a moment those "
                      "from which an editor renames, such as .NAME, NAME~ and "
                      "NAME.new",
                      name);
    return strlen(name) > 255
               ? refuse(why, ENAMETOOLONG, "a name must have at most 255 bytes")
               : name_new_check(name, why);
}

/* Making and renaming */

static int aside_put(struct primo *primo, const struct caller *caller,
                     struct node directory, const char *name, uint32_t mode,
                     const struct text *text, struct node *out,
                     struct reason *why)
{
    struct object o = OBJECT_INIT, old = OBJECT_INIT;
    int err = name_judge(directory, name, why);
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, &o.id, why);
    if (err)
        return err;
    o.parent = directory.object;
    o.kind = OBJECT_ASIDE;
    o.mode = (mode & 0777) | 0200;
    o.uid = o.writer = caller->uid;
    o.gid = caller->gid;
    strcpy(o.name, name);
    o.atime = o.mtime = o.ctime = clock_ns();
    if (text)
        text_add(&o.body, text_string(text), text->size);
    pthread_mutex_lock(&primo->names);
    err = object_search(primo, o.parent, name, &old) == 0
              ? refuse(why, EEXIST, "'%s' exists", name)
              : scratch_put(&primo->scratch, &o, why);
    pthread_mutex_unlock(&primo->names);
    *out = (struct node){row_of_objects(directory.no), o.id};
    object_release(&old);
    object_release(&o);
    return err;
}

static int aside_make(struct primo *primo, const struct caller *caller,
                      struct node directory, const char *name, uint32_t mode,
                      struct node *out, struct reason *why)
{
    return aside_put(primo, caller, directory, name, mode, NULL, out, why);
}

/* Makes the way free for a file aside that gets this name. */
static int replace(struct primo *primo, const struct caller *caller,
                   struct node directory, const char *name, bool no_replace,
                   struct reason *why)
{
    struct node old;
    if (tree_find(primo, directory, name, &old, NULL))
        return 0;
    if (no_replace)
        return refuse(why, EEXIST, "'%s' exists", name);
    if (!row_is_input(node_row(old)))
        return refuse(why, EPERM, "'%s' is generated", name);
    int err = tree_may(primo, caller, old, RIGHT_DELETE, why);
    return err ? err : input_unlink(primo, caller, directory, old, why);
}

int aside_from(struct primo *primo, const struct caller *caller, struct node n,
               struct node directory, const char *name, bool no_replace,
               struct reason *why)
{
    struct shown now = {TEXT_INIT, 0};
    struct node made;
    const struct hidden_file away = {.inode = tree_inode(n.object, n.no),
                                     .until = clock_ns() + AWAY_NS};
    int err = name_judge(directory, name, why);
    if (err == 0)
        err = replace(primo, caller, directory, name, no_replace, why);
    if (err == 0)
        err = tree_show(primo, n, &now, why);
    if (err == 0)
        err = aside_put(primo, caller, directory, name, 0644, &now.text, &made,
                        why);
    if (err == 0)
        hidden_add(&primo->hidden, &away);
    text_release(&now.text);
    return err;
}

/* The text that has this name, seen or not. */
static bool find_text(struct primo *primo, struct node directory,
                      const char *name, struct node *out)
{
    bool there = tree_find_hidden(primo, directory, name, out) ||
                 tree_find(primo, directory, name, out, NULL) == 0;
    return there && node_row(*out)->name;
}

/* Writes the text as if it had been written in its place. */
static int rename_onto(struct primo *primo, const struct caller *caller,
                       const struct object *o, struct node to,
                       struct reason *why)
{
    const struct row *row = node_row(to);
    if (!row->shape->take)
        return refuse(why, EACCES, "this file is generated and read-only");
    int err = tree_may(primo, caller, to, row->needs, why);
    if (err == 0 && o->writer != caller->uid) /* it counts as the caller's */
        err = refuse(why, EPERM,
                     "somebody else has written the file; copy it instead");
    if (err == 0)
        err = row->shape->take(primo, caller, to, &o->body, why);
    if (err == 0) {
        tree_unhide(primo, to);
        scratch_drop(&primo->scratch, o->id);
    }
    return err;
}

static int aside_rename(struct primo *primo, const struct caller *caller,
                        struct node n, struct node directory, const char *name,
                        bool no_replace, struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct node to;
    int err = object_load(primo, n.object, &o);
    if (err)
        return refuse(why, -err, "the file is gone");
    bool onto = find_text(primo, directory, name, &to);
    if (onto && no_replace)
        err = refuse(why, EEXIST, "'%s' exists", name);
    else if (onto)
        err = rename_onto(primo, caller, &o, to, why);
    if (err == 0 && !onto)
        err = name_judge(directory, name, why);
    if (err == 0 && !onto)
        err = replace(primo, caller, directory, name, no_replace, why);
    if (err == 0 && !onto) {
        strcpy(o.name, name);
        o.ctime = clock_ns();
        err = scratch_put(&primo->scratch, &o, why);
    }
    object_release(&o);
    return err;
}

/* Open files */

static int aside_open(struct handle *h, const struct text *text,
                      struct reason *why)
{
    (void)text;
    return handle_load_text(h, why);
}

static int aside_write(struct handle *h, uint64_t offset, const char *data,
                       size_t size, struct reason *why)
{
    if (h->flags & O_APPEND)
        offset = handle_text(h)->size;
    int err = offset + size > ASIDE_BYTES
                  ? refuse(why, EFBIG, "a text must have at most %d KiB",
                           ASIDE_BYTES >> 10)
                  : stage_text(h, offset + size, why);
    if (err)
        return err;
    text_write(&h->text, (size_t)offset, data, size);
    h->dirty = true;
    handle_written(h);
    return 0;
}

static int aside_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    int err = size > ASIDE_BYTES
                  ? refuse(why, EFBIG, "a text must have at most %d KiB",
                           ASIDE_BYTES >> 10)
                  : stage_text(h, size, why);
    if (err)
        return err;
    text_resize(&h->text, (size_t)size);
    h->dirty = true;
    return 0;
}

/* One that was renamed onto a text meanwhile is gone. */
static int aside_save(struct handle *h, bool last, struct reason *why)
{
    struct object o = OBJECT_INIT;
    (void)last;
    if (!h->dirty && !h->emptied)
        return 0;
    h->dirty = h->emptied = false;
    if (object_load(h->primo, h->node.object, &o))
        return 0;
    text_clear(&o.body);
    text_add(&o.body, text_string(handle_text(h)), handle_text(h)->size);
    o.mtime = __atomic_load_n(&h->opened.mtime, __ATOMIC_RELAXED);
    o.ctime = clock_ns();
    if (o.writer != h->caller.uid)
        o.writer = SEVERAL;
    int err = scratch_put(&h->primo->scratch, &o, why);
    object_release(&o);
    return err;
}

const struct shape shape_aside = {
    .mode = S_IFREG | 0644,
    .stat = object_stat,
    .unlink = input_unlink,
    .change = input_change,
    .make = aside_make,
    .rename = aside_rename,
    .open = aside_open,
    .read = handle_read_text,
    .write = aside_write,
    .truncate = aside_truncate,
    .save = aside_save,
    .is_input = true,
    .passing = true,
    .direct_io = true,
};

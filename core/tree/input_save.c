/* Saving inputs: texts of several users share a transaction, bodies of base
 * models are saved one by one. */
#include "core/basic/clock.h"
#include "core/basic/name.h"
#include "core/models/base_file.h"
#include "core/tree/input.h"

#include <errno.h>

/* Texts */

static int save_write(struct store_txn *txn, const struct caller *caller,
                      const struct object *o, bool fresh, struct reason *why)
{
    int err = object_put(txn, o, why);
    if (err == 0 && (o->body.size || o->number))
        err = input_event(txn, caller, o, fresh ? "created" : "changed", why);
    return err;
}

static void save_done(struct primo *primo, const struct object *o)
{
    input_changed(primo, o);
    if (o->scratch)
        scratch_drop(&primo->scratch, o->id);
}

/* A text on its way through commit.h, where saves of many users share one
 * transaction. */
struct save_text {
    const struct save *save;
    const struct text *text;
    struct object o; /* as it will be; filled by save_judge() */
};

static int save_judge(struct commit *c, bool *due, struct reason *why)
{
    struct save_text *s = c->context;
    struct object *o = &s->o;
    int err = object_load(s->save->primo, s->save->node.object, o);
    if (err)
        return err == -ENOENT ? 0
                              : refuse(why, -err, "the file cannot be read");
    /* A displaced file may be put back to its own name, so that its text must
     * be a good one even while the name is that of a scratch file. */
    bool scratch = name_is_scratch(o->name) && !*o->home;
    if (!scratch)
        err = input_text_check(s->save->primo, node_row(s->save->node), s->text,
                               why);
    if (err)
        return err;
    text_clear(&o->body);
    text_add(&o->body, text_string(s->text), s->text->size);
    o->writer = s->save->caller->uid;
    o->mtime = s->save->mtime;
    o->ctime = clock_ns();
    *due = !scratch || !o->scratch;
    return *due ? 0 : scratch_put(&s->save->primo->scratch, o, why);
}

static int save_make(struct commit *c, struct store_txn *txn,
                     struct reason *why)
{
    struct save_text *s = c->context;
    return save_write(txn, s->save->caller, &s->o, s->save->fresh, why);
}

static void save_made(struct commit *c)
{
    struct save_text *s = c->context;
    save_done(s->save->primo, &s->o);
}

int input_save(const struct save *save, const struct text *text,
               struct reason *why)
{
    struct save_text s = {save, text, OBJECT_INIT};
    struct commit commit = {.judge = save_judge,
                            .write = save_make,
                            .done = save_made,
                            .context = &s};
    int err = commit_run(&save->primo->commits, &commit, why);
    object_release(&s.o);
    return err;
}

/* Bodies */

static int save_alone(const struct save *s, const struct object *o,
                      struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(s->primo->store, true, &txn, why);
    if (err)
        return err;
    err = store_end(txn, save_write(txn, s->caller, o, s->fresh, why), why);
    if (err == 0)
        save_done(s->primo, o);
    return err;
}

/* Give the object the new body, and drop the old one when nothing names it any
 * more. */
static int body_replace(const struct save *s, struct object *o, uint64_t body,
                        struct reason *why)
{
    struct object old = *o;
    text_clear(&o->body);
    o->number = body;
    o->writer = s->caller->uid;
    o->mtime = s->mtime;
    o->ctime = clock_ns();
    int err = name_is_scratch(o->name) && o->scratch
                  ? scratch_put(&s->primo->scratch, o, why)
                  : save_alone(s, o, why);
    if (err == 0)
        body_drop(s->primo, &old);
    return err;
}

int input_save_body(const struct save *s, uint64_t body, bool *cut,
                    struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_load(s->primo, s->node.object, &o);
    bool scratch = err == 0 && name_is_scratch(o.name);
    object_release(&o);
    if (err) /* the file was removed, and what was written with it */
        return err == -ENOENT ? err : refuse(why, -err, "it cannot be read");
    /* The check reads and syncs a file of gigabytes, so it comes before the
     * lock that every other change waits for. The object may change meanwhile
     * and is loaded again under it. */
    if (!scratch)
        err = body_check(s->primo, body, cut, why);
    if (err)
        return err;
    pthread_mutex_lock(&s->primo->change);
    err = object_load(s->primo, s->node.object, &o);
    if (err == 0)
        err = body_replace(s, &o, body, why);
    object_release(&o);
    pthread_mutex_unlock(&s->primo->change);
    return err;
}

#include "core/clients/scratch.h"

#include "core/basic/alloc.h"

#include "core/basic/name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void scratch_init(struct scratch *s, struct usage *usage)
{
    *s = (struct scratch){.usage = usage};
    pthread_mutex_init(&s->lock, NULL);
}

void scratch_release(struct scratch *s)
{
    for (size_t i = 0; i < s->count; i++) {
        object_release(s->list[i]);
        free(s->list[i]);
    }
    free(s->list);
    pthread_mutex_destroy(&s->lock);
}

static struct object *by_id(const struct scratch *s, uint64_t id)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i]->id == id)
            return s->list[i];
    return NULL;
}

static struct object *by_name(const struct scratch *s, uint64_t parent,
                              const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i]->parent == parent && !strcmp(s->list[i]->name, name))
            return s->list[i];
    return NULL;
}

static struct object *by_order(const struct scratch *s, uint64_t parent,
                               uint64_t after)
{
    struct object *best = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct object *o = s->list[i];
        if (o->parent == parent && o->id > after && (!best || o->id < best->id))
            best = o;
    }
    return best;
}

/* Copies what was found and releases the lock, which the caller has taken. */
static int found(struct scratch *s, const struct object *o, struct object *out)
{
    if (o)
        object_copy(out, o);
    pthread_mutex_unlock(&s->lock);
    return o ? 0 : -ENOENT;
}

int scratch_get(struct scratch *s, uint64_t id, struct object *out)
{
    pthread_mutex_lock(&s->lock);
    return found(s, by_id(s, id), out);
}

int scratch_find(struct scratch *s, uint64_t parent, const char *name,
                 struct object *out)
{
    pthread_mutex_lock(&s->lock);
    return found(s, by_name(s, parent, name), out);
}

int scratch_twin(struct scratch *s, uint64_t parent, const char *name,
                 const char *except, char *twin)
{
    int err = -ENOENT;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count && err; i++) {
        const struct object *o = s->list[i];
        if (o->parent != parent || !name_is_twin(o->name, name) ||
            (except && !strcmp(o->name, except)))
            continue;
        strcpy(twin, o->name);
        err = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

int scratch_next(struct scratch *s, uint64_t parent, uint64_t after,
                 struct object *out)
{
    pthread_mutex_lock(&s->lock);
    return found(s, by_order(s, parent, after), out);
}

/* Take what the object is going to need beyond what it has (NULL = nothing),
 * which may be another user's. */
static int charge(struct scratch *s, const struct object *old,
                  const struct object *o, struct reason *why)
{
    bool others = !old || old->uid != o->uid;
    size_t before = others ? 0 : old->body.size;
    int err =
        others ? usage_take(s->usage, o->uid, USAGE_SCRATCH_FILES, 1, why) : 0;
    if (err)
        return err;
    err = usage_change(s->usage, o->uid, USAGE_SCRATCH_BYTES, before,
                       o->body.size, why);
    if (err && others)
        usage_give(s->usage, o->uid, USAGE_SCRATCH_FILES, 1);
    return err;
}

static void discharge(struct scratch *s, const struct object *o)
{
    usage_give(s->usage, o->uid, USAGE_SCRATCH_FILES, 1);
    usage_give(s->usage, o->uid, USAGE_SCRATCH_BYTES, o->body.size);
}

static int scratch_put_locked(struct scratch *s, const struct object *o,
                              struct reason *why)
{
    struct object *old = by_id(s, o->id);
    if (o->body.size > SCRATCH_FILE_SIZE)
        return refuse(why, ENOSPC, "a scratch file must have at most %d KiB",
                      SCRATCH_FILE_SIZE >> 10);
    int err = charge(s, old, o, why);
    if (err)
        return err;
    if (old && old->uid != o->uid)
        discharge(s, old);
    if (!old) {
        ALLOC_GROW(s->list, s->count + 1, s->room);
        old = xcalloc(1, sizeof *old);
        s->list[s->count++] = old;
    }
    object_release(old);
    object_copy(old, o);
    old->scratch = true;
    return 0;
}

int scratch_put(struct scratch *s, const struct object *o, struct reason *why)
{
    pthread_mutex_lock(&s->lock);
    int err = scratch_put_locked(s, o, why);
    pthread_mutex_unlock(&s->lock);
    return err;
}

void scratch_drop(struct scratch *s, uint64_t id)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i]->id != id)
            continue;
        discharge(s, s->list[i]);
        object_release(s->list[i]);
        free(s->list[i]);
        s->list[i] = s->list[--s->count];
        break;
    }
    pthread_mutex_unlock(&s->lock);
}

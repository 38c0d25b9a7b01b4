#include "core/clients/replaced.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void replaced_init(struct replaced *r)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
}

static struct object *nth(const struct replaced *r, size_t i)
{
    return &r->ring[(r->first + i) % REPLACED_FILES];
}

static void drop_oldest(struct replaced *r)
{
    struct object *o = nth(r, 0);
    r->bytes -= o->body.size;
    object_release(o);
    r->first = (r->first + 1) % REPLACED_FILES;
    r->count--;
}

void replaced_release(struct replaced *r)
{
    while (r->count)
        drop_oldest(r);
    free(r->ring);
    pthread_mutex_destroy(&r->lock);
}

int replaced_get(struct replaced *r, uint64_t id, struct object *out)
{
    int err = -ENOENT;
    pthread_mutex_lock(&r->lock);
    for (size_t i = r->count; i > 0 && err; i--) {
        const struct object *o = nth(r, i - 1);
        if (o->id == id) {
            object_copy(out, o);
            err = 0;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

void replaced_keep(struct replaced *r, const struct object *o)
{
    pthread_mutex_lock(&r->lock);
    if (!r->ring)
        r->ring = xcalloc(REPLACED_FILES, sizeof *r->ring);
    if (r->count == REPLACED_FILES)
        drop_oldest(r);
    object_copy(nth(r, r->count), o);
    r->bytes += o->body.size;
    r->count++;
    while (r->bytes > REPLACED_BYTES)
        drop_oldest(r);
    pthread_mutex_unlock(&r->lock);
}

void replaced_undo(struct replaced *r)
{
    pthread_mutex_lock(&r->lock);
    if (r->count) {
        struct object *last = nth(r, r->count - 1);
        r->bytes -= last->body.size;
        object_release(last);
        r->count--;
    }
    pthread_mutex_unlock(&r->lock);
}

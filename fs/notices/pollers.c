#include "fs/notices/pollers.h"

#include "core/basic/alloc.h"

#include <stdlib.h>

struct poller {
    struct node node;
    const void *handle;
    struct fuse_pollhandle *poll;
    struct poller *next;
};

void pollers_init(struct pollers *p)
{
    *p = (struct pollers){.first = NULL};
    pthread_mutex_init(&p->lock, NULL);
}

/* Takes the pollers of a handle, or of a node where `handle` is NULL, off the
 * list. The caller holds the lock. */
static struct poller *take(struct pollers *p, struct node node,
                           const void *handle)
{
    struct poller *taken = NULL, **at = &p->first;
    while (*at) {
        struct poller *one = *at;
        if (handle
                ? one->handle == handle
                : one->node.no == node.no && one->node.object == node.object) {
            *at = one->next;
            one->next = taken;
            taken = one;
        } else {
            at = &one->next;
        }
    }
    return taken;
}

static void free_all(struct poller *one, bool wake)
{
    while (one) {
        struct poller *next = one->next;
        if (wake)
            fuse_lowlevel_notify_poll(one->poll);
        fuse_pollhandle_destroy(one->poll);
        free(one);
        one = next;
    }
}

void pollers_clear(struct pollers *p)
{
    free_all(p->first, false);
    p->first = NULL;
}

void pollers_add(struct pollers *p, struct node node, const void *handle,
                 struct fuse_pollhandle *poll)
{
    struct poller *one = xmalloc(sizeof *one);
    pthread_mutex_lock(&p->lock);
    struct poller *old = take(p, node, handle);
    *one = (struct poller){node, handle, poll, p->first};
    p->first = one;
    pthread_mutex_unlock(&p->lock);
    free_all(old, false);
}

void pollers_forget(struct pollers *p, const void *handle)
{
    pthread_mutex_lock(&p->lock);
    struct poller *old = take(p, (struct node){0}, handle);
    pthread_mutex_unlock(&p->lock);
    free_all(old, false);
}

void pollers_wake(struct pollers *p, struct node node)
{
    pthread_mutex_lock(&p->lock);
    struct poller *woken = take(p, node, NULL);
    pthread_mutex_unlock(&p->lock);
    free_all(woken, true);
}

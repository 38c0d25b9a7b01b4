#include "core/clients/hidden.h"

#include "core/basic/alloc.h"
#include "core/store/node.h"

#include <stdlib.h>
#include <string.h>

void hidden_init(struct hidden *h)
{
    memset(h, 0, sizeof *h);
    pthread_rwlock_init(&h->lock, NULL);
}

void hidden_release(struct hidden *h)
{
    free(h->list);
    pthread_rwlock_destroy(&h->lock);
}

/* The index of the first entry that is not less than `inode`. */
static size_t lower_bound(const struct hidden *h, uint64_t inode)
{
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->list[middle].inode < inode)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool hidden_has(struct hidden *h, uint64_t inode)
{
    pthread_rwlock_rdlock(&h->lock);
    size_t at = lower_bound(h, inode);
    bool has = at < h->count && h->list[at].inode == inode;
    pthread_rwlock_unlock(&h->lock);
    return has;
}

void hidden_add(struct hidden *h, const struct hidden_file *file)
{
    pthread_rwlock_wrlock(&h->lock);
    size_t at = lower_bound(h, file->inode);
    if (at == h->count || h->list[at].inode != file->inode) {
        ALLOC_GROW(h->list, h->count + 1, h->room);
        memmove(h->list + at + 1, h->list + at,
                (h->count - at) * sizeof *h->list);
        h->list[at] = *file;
        h->count++;
    }
    pthread_rwlock_unlock(&h->lock);
}

bool hidden_take_due(struct hidden *h, int64_t now, struct hidden_file *out)
{
    size_t at = 0;
    pthread_rwlock_wrlock(&h->lock);
    while (at < h->count && (!h->list[at].until || h->list[at].until > now))
        at++;
    bool due = at < h->count;
    if (due) {
        *out = h->list[at];
        memmove(h->list + at, h->list + at + 1,
                (h->count - at - 1) * sizeof *h->list);
        h->count--;
    }
    pthread_rwlock_unlock(&h->lock);
    return due;
}

void hidden_clear(struct hidden *h, uint64_t first, uint64_t last)
{
    pthread_rwlock_wrlock(&h->lock);
    size_t from = lower_bound(h, first), to = from;
    while (to < h->count && h->list[to].inode <= last)
        to++;
    if (from < to) { /* the list may be NULL, which memmove() must not get */
        memmove(h->list + from, h->list + to,
                (h->count - to) * sizeof *h->list);
        h->count -= to - from;
    }
    pthread_rwlock_unlock(&h->lock);
}

void hidden_clear_object(struct hidden *h, uint64_t object)
{
    hidden_clear(h, tree_inode(object, 0), tree_inode(object + 1, 0) - 1);
}

#include "trainer/net/buffers.h"

#include "trainer/dnn/dnn.h"

#include <stdlib.h>

void buffers_release(struct buffers *b)
{
    for (int i = 0; i < b->count; i++)
        free(b->list[i].data);
    b->count = 0;
}

static int find(const struct buffers *b, const void *data)
{
    for (int i = 0; i < b->count; i++)
        if (b->list[i].data == data)
            return i;
    return -1;
}

int buffers_users(const struct buffers *b, const void *data)
{
    int i = find(b, data);
    return i < 0 ? 0 : b->list[i].users;
}

/* Finds the smallest free buffer that is large enough. */
static struct buffer *best_fit(struct buffers *b, size_t size)
{
    struct buffer *best = NULL;
    for (int i = 0; i < b->count; i++) {
        struct buffer *it = &b->list[i];
        if (!it->users && it->size >= size && (!best || it->size < best->size))
            best = it;
    }
    return best;
}

void *buffers_take(struct buffers *b, size_t size)
{
    struct buffer *it = best_fit(b, size);
    if (!it) {
        void *data = b->count < BUFFERS_MAX ? dnn_alloc(size) : NULL;
        if (!data)
            return NULL;
        it = &b->list[b->count++];
        *it = (struct buffer){.data = data, .size = size};
    }
    it->users = 1;
    return it->data;
}

void buffers_share(struct buffers *b, const void *data)
{
    b->list[find(b, data)].users++;
}

void buffers_give(struct buffers *b, const void *data)
{
    b->list[find(b, data)].users--;
}

void buffers_give_all(struct buffers *b)
{
    for (int i = 0; i < b->count; i++)
        b->list[i].users = 0;
}

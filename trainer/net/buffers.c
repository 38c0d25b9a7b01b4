#include "trainer/net/buffers.h"

#include "trainer/dnn/dnn.h"

#include <stdlib.h>
#include <string.h>

/* Chunks are only reserved, and become memory where they are taken, so that a
 * large one costs a small network nothing. */
enum { LINE = 64, CHUNK = 64 << 20 };

void buffers_release(struct buffers *b)
{
    for (int i = 0; i < b->chunks; i++)
        free(b->chunk[i].data);
    b->count = b->chunks = 0;
}

static int find(const struct buffers *b, const void *data)
{
    for (int i = 0; i < b->count; i++)
        if (b->list[i].data == data && b->list[i].users)
            return i;
    return -1;
}

int buffers_users(const struct buffers *b, const void *data)
{
    int i = find(b, data);
    return i < 0 ? 0 : b->list[i].users;
}

/* Finds the smallest free buffer that is large enough; -1 = there is none. */
static int best_fit(const struct buffers *b, size_t size)
{
    int best = -1;
    for (int i = 0; i < b->count; i++) {
        const struct buffer *it = &b->list[i];
        if (!it->users && it->size >= size &&
            (best < 0 || it->size < b->list[best].size))
            best = i;
    }
    return best;
}

/* Adds a chunk, as one free buffer. A limit of memory may have room for a small
 * one only. */
static int chunk_add(struct buffers *b, size_t size)
{
    if (b->count == BUFFERS_MAX || b->chunks == BUFFERS_MAX)
        return -1;
    size_t whole = size > CHUNK ? size : CHUNK;
    char *data = dnn_reserve(whole);
    if (!data && whole > size)
        data = dnn_reserve(whole = size);
    if (!data)
        return -1;
    b->chunk[b->chunks] = (struct chunk){.data = data};
    b->list[b->count] =
        (struct buffer){.data = data, .size = whole, .chunk = b->chunks++};
    return b->count++;
}

/* Cuts off what is more than `size`, as a free buffer. If there are too many
 * buffers, it stays with this one. */
static void cut(struct buffers *b, int i, size_t size)
{
    struct buffer *it = &b->list[i];
    if (it->size == size || b->count == BUFFERS_MAX)
        return;
    memmove(it + 2, it + 1, (size_t)(b->count++ - i - 1) * sizeof *it);
    it[1] = (struct buffer){
        .data = it->data + size, .size = it->size - size, .chunk = it->chunk};
    it->size = size;
}

static void touch(struct buffers *b, const struct buffer *it)
{
    struct chunk *c = &b->chunk[it->chunk];
    size_t end = (size_t)(it->data - c->data) + it->size;
    if (end <= c->used)
        return;
    dnn_clear(c->data + c->used, end - c->used);
    c->used = end;
}

void *buffers_take(struct buffers *b, size_t size)
{
    size = (size + LINE - 1) / LINE * LINE;
    int i = best_fit(b, size);
    i = i < 0 ? chunk_add(b, size) : i;
    if (i < 0)
        return NULL;
    cut(b, i, size);
    b->list[i].users = 1;
    touch(b, &b->list[i]);
    return b->list[i].data;
}

void buffers_share(struct buffers *b, const void *data)
{
    int i = find(b, data);
    if (i >= 0)
        b->list[i].users++;
}

/* Makes one of a free buffer and the next one, if that is free, too. */
static void join_next(struct buffers *b, int i)
{
    if (i < 0 || i + 1 >= b->count)
        return;
    struct buffer *it = &b->list[i];
    if (it->users || it[1].users || it->chunk != it[1].chunk)
        return;
    it->size += it[1].size;
    memmove(it + 1, it + 2, (size_t)(--b->count - i - 1) * sizeof *it);
}

void buffers_give(struct buffers *b, const void *data)
{
    int i = find(b, data);
    if (i < 0 || --b->list[i].users)
        return;
    join_next(b, i);
    join_next(b, i - 1);
}

void buffers_give_all(struct buffers *b)
{
    for (int i = 0; i < b->count; i++)
        b->list[i].users = 0;
    for (int i = b->count - 1; i >= 0; i--)
        join_next(b, i);
}

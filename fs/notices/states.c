#include "fs/notices/states.h"

#include "core/basic/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { SEQUENCE_SHIFT = 48, SEQUENCE_MAX = 0x7FFF };
#define INODE_MASK (((uint64_t)1 << SEQUENCE_SHIFT) - 1)

struct state {
    uint64_t node_id, stream, look_ups;
    struct shown shown;
    struct state *next; /* in its bucket; the newest of an inode first */
};

void states_init(struct states *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

static void state_free(struct state *state)
{
    text_release(&state->shown.text);
    free(state);
}

void states_release(struct states *s)
{
    for (int i = 0; i < STATES_BUCKETS; i++) {
        while (s->bucket[i]) {
            struct state *state = s->bucket[i];
            s->bucket[i] = state->next;
            state_free(state);
        }
    }
    pthread_mutex_destroy(&s->lock);
}

bool states_node(uint64_t node_id, struct node *out)
{
    return tree_node(node_id & INODE_MASK, out);
}

static struct state **bucket_of(struct states *s, uint64_t node_id)
{
    uint64_t inode = node_id & INODE_MASK;
    return &s->bucket[(inode ^ inode >> 8) % STATES_BUCKETS];
}

static struct state *find(struct states *s, uint64_t node_id)
{
    struct state *state = *bucket_of(s, node_id);
    while (state && state->node_id != node_id)
        state = state->next;
    return state;
}

static bool same(const struct state *state, const struct shown *shown,
                 uint64_t stream)
{
    if (stream)
        return state->stream == stream;
    return state->shown.mtime == shown->mtime &&
           state->shown.text.size == shown->text.size &&
           !memcmp(text_string(&state->shown.text), text_string(&shown->text),
                   shown->text.size);
}

static void shown_copy(struct shown *to, const struct shown *from)
{
    text_release(&to->text);
    text_add(&to->text, text_string(&from->text), from->text.size);
    to->mtime = from->mtime;
}

static struct state *add(struct states *s, uint64_t node_id,
                         const struct shown *shown, uint64_t stream)
{
    struct state **bucket = bucket_of(s, node_id);
    struct state *state = xcalloc(1, sizeof *state);
    state->node_id = node_id;
    state->stream = stream;
    if (shown)
        shown_copy(&state->shown, shown);
    state->next = *bucket;
    *bucket = state;
    return state;
}

/* A node id of this inode that the kernel does not know. */
static uint64_t fresh_id(struct states *s, uint64_t inode)
{
    uint64_t sequence = 0;
    for (struct state *at = *bucket_of(s, inode); at; at = at->next) {
        if ((at->node_id & INODE_MASK) == inode) {
            sequence = at->node_id >> SEQUENCE_SHIFT;
            break;
        }
    }
    uint64_t id;
    do {
        sequence = sequence % SEQUENCE_MAX + 1;
        id = sequence << SEQUENCE_SHIFT | inode;
    } while (find(s, id));
    return id;
}

uint64_t states_look_up(struct states *s, struct node n,
                        const struct shown *shown, uint64_t stream)
{
    uint64_t inode = tree_inode(n.object, n.no);
    pthread_mutex_lock(&s->lock);
    struct state *state = *bucket_of(s, inode);
    while (state && ((state->node_id & INODE_MASK) != inode ||
                     !same(state, shown, stream)))
        state = state->next;
    if (!state)
        state = add(s, fresh_id(s, inode), shown, stream);
    state->look_ups++;
    uint64_t id = state->node_id;
    pthread_mutex_unlock(&s->lock);
    return id;
}

void states_adopt(struct states *s, uint64_t node_id, const struct shown *shown,
                  uint64_t stream)
{
    pthread_mutex_lock(&s->lock);
    struct state *state = find(s, node_id);
    if (!state)
        state = add(s, node_id, shown, stream);
    state->look_ups++;
    pthread_mutex_unlock(&s->lock);
}

bool states_get(struct states *s, uint64_t node_id, struct shown *out)
{
    pthread_mutex_lock(&s->lock);
    struct state *state = find(s, node_id);
    if (state)
        shown_copy(out, &state->shown);
    pthread_mutex_unlock(&s->lock);
    return state != NULL;
}

size_t states_known(struct states *s, struct node n, uint64_t *ids, size_t most)
{
    uint64_t inode = tree_inode(n.object, n.no);
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    for (struct state *at = *bucket_of(s, inode); at && count < most;
         at = at->next)
        if ((at->node_id & INODE_MASK) == inode)
            ids[count++] = at->node_id;
    pthread_mutex_unlock(&s->lock);
    return count;
}

bool states_renew(struct states *s, uint64_t node_id, const struct shown *shown)
{
    pthread_mutex_lock(&s->lock);
    struct state *state = find(s, node_id);
    bool other = state && !same(state, shown, state->stream);
    if (other)
        shown_copy(&state->shown, shown);
    pthread_mutex_unlock(&s->lock);
    return other;
}

bool states_hold(struct states *s, uint64_t node_id)
{
    pthread_mutex_lock(&s->lock);
    struct state *state = find(s, node_id);
    if (state)
        state->look_ups++;
    pthread_mutex_unlock(&s->lock);
    return state != NULL;
}

void states_forget(struct states *s, uint64_t node_id, uint64_t look_ups)
{
    pthread_mutex_lock(&s->lock);
    struct state **at = bucket_of(s, node_id);
    while (*at && (*at)->node_id != node_id)
        at = &(*at)->next;
    if (*at) {
        struct state *state = *at;
        state->look_ups -=
            look_ups < state->look_ups ? look_ups : state->look_ups;
        if (!state->look_ups) {
            *at = state->next;
            state_free(state);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

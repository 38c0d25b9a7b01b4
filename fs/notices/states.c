#include "fs/notices/states.h"

#include "core/basic/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { SEQUENCE_SHIFT = 48, SEQUENCE_MAX = 0x7FFF };
#define INODE_MASK (((uint64_t)1 << SEQUENCE_SHIFT) - 1)

struct state {
    uint64_t node_id, stream, look_ups;
    struct shown shown; /* its bytes may have been dropped */
    uint64_t print; /* fingerprint of the text, also once the text is dropped */
    size_t size;    /* size of the text */
    struct state *next; /* the next one in its bucket; the newest state of an
                           inode comes first */
    /* the list of states that have bytes, in the order of their last use */
    struct state *newer, *older;
};

void states_init(struct states *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

/* The texts, by when they were last used */

static bool is_dropped(const struct state *state)
{
    return state->size != state->shown.text.size;
}

static void unlink_text(struct states *s, struct state *state)
{
    if (!state->shown.text.size)
        return;
    *(state->newer ? &state->newer->older : &s->newest) = state->older;
    *(state->older ? &state->older->newer : &s->oldest) = state->newer;
    state->newer = state->older = NULL;
    s->bytes -= state->size;
}

static void link_text(struct states *s, struct state *state)
{
    if (!state->shown.text.size)
        return;
    state->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = state;
    s->newest = state;
    s->bytes += state->size;
}

static void drop_text(struct states *s, struct state *state)
{
    unlink_text(s, state);
    text_release(&state->shown.text);
}

static void shown_copy(struct shown *to, const struct shown *from)
{
    text_release(&to->text);
    text_add(&to->text, text_string(&from->text), from->text.size);
    to->mtime = from->mtime;
}

/* Gives a state this text, and notes that it was used just now. */
static void take_text(struct states *s, struct state *state,
                      const struct shown *shown)
{
    drop_text(s, state);
    shown_copy(&state->shown, shown);
    state->size = shown->text.size;
    state->print = text_print(&shown->text);
    link_text(s, state);
    while (s->bytes > STATES_BYTES && s->oldest != state)
        drop_text(s, s->oldest);
}

static void state_free(struct states *s, struct state *state)
{
    drop_text(s, state);
    free(state);
}

void states_release(struct states *s)
{
    for (int i = 0; i < STATES_BUCKETS; i++) {
        while (s->bucket[i]) {
            struct state *state = s->bucket[i];
            s->bucket[i] = state->next;
            state_free(s, state);
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
           state->size == shown->text.size &&
           (is_dropped(state)
                ? state->print == text_print(&shown->text)
                : !memcmp(text_string(&state->shown.text),
                          text_string(&shown->text), shown->text.size));
}

static struct state *add(struct states *s, uint64_t node_id,
                         const struct shown *shown, uint64_t stream)
{
    struct state **bucket = bucket_of(s, node_id);
    struct state *state = xcalloc(1, sizeof *state);
    state->node_id = node_id;
    state->stream = stream;
    if (shown)
        take_text(s, state, shown);
    state->next = *bucket;
    *bucket = state;
    return state;
}

/* Makes a node id of this inode that the kernel does not know. */
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
    else if (is_dropped(state))
        take_text(s, state, shown);
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

enum state_known states_get(struct states *s, uint64_t node_id,
                            struct shown *out)
{
    enum state_known known = STATE_UNKNOWN;
    pthread_mutex_lock(&s->lock);
    struct state *state = find(s, node_id);
    if (state)
        known = is_dropped(state) ? STATE_DROPPED : STATE_KNOWN;
    if (known == STATE_KNOWN) {
        shown_copy(out, &state->shown);
        unlink_text(s, state);
        link_text(s, state);
    }
    pthread_mutex_unlock(&s->lock);
    return known;
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
    if (other || (state && is_dropped(state)))
        take_text(s, state, shown);
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
            state_free(s, state);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

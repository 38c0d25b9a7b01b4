#include "core/usage/bodies.h"

#include "core/basic/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void bodies_init(struct bodies *b, struct usage *usage)
{
    memset(b, 0, sizeof *b);
    b->usage = usage;
    pthread_mutex_init(&b->lock, NULL);
}

void bodies_release(struct bodies *b)
{
    pthread_mutex_destroy(&b->lock);
}

static struct open_body **bucket_of(struct bodies *b,
                                    const struct body_key *key)
{
    return &b->bucket[(key->object ^ key->user) % BODIES_BUCKETS];
}

static bool same(const struct body_key *a, const struct body_key *b)
{
    return a->user == b->user && a->object == b->object &&
           !strcmp(a->name, b->name);
}

struct open_body *bodies_find(struct bodies *b, const struct body_key *key)
{
    pthread_mutex_lock(&b->lock);
    struct open_body *at = *bucket_of(b, key);
    while (at && !same(&at->key, key))
        at = at->next;
    if (at)
        at->holds++;
    pthread_mutex_unlock(&b->lock);
    return at;
}

int bodies_add(struct bodies *b, const struct body_key *key, int fd,
               struct open_body **out, struct reason *why)
{
    int err = usage_take(b->usage, key->user, USAGE_DESCRIPTORS, 1, why);
    if (err) {
        close(fd);
        return err;
    }
    struct open_body *body = xcalloc(1, sizeof *body);
    *body = (struct open_body){.key = *key, .fd = fd, .holds = 1};
    pthread_mutex_lock(&b->lock);
    struct open_body **bucket = bucket_of(b, key);
    body->next = *bucket;
    *bucket = *out = body;
    pthread_mutex_unlock(&b->lock);
    return 0;
}

void bodies_drop(struct bodies *b, struct open_body *body)
{
    if (!body)
        return;
    pthread_mutex_lock(&b->lock);
    bool last = --body->holds == 0;
    struct open_body **at = bucket_of(b, &body->key);
    while (last && *at != body)
        at = &(*at)->next;
    if (last)
        *at = body->next;
    pthread_mutex_unlock(&b->lock);
    if (!last)
        return;
    usage_give(b->usage, body->key.user, USAGE_DESCRIPTORS, 1);
    close(body->fd);
    free(body);
}

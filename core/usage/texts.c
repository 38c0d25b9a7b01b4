#include "core/usage/texts.h"

#include "core/basic/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void texts_init(struct texts *t, struct usage *usage)
{
    memset(t, 0, sizeof *t);
    t->usage = usage;
    pthread_mutex_init(&t->lock, NULL);
}

void texts_release(struct texts *t)
{
    pthread_mutex_destroy(&t->lock);
}

static struct kept_text *find(struct texts *t, uid_t user, uint64_t print,
                              const struct text *text)
{
    struct kept_text *at = t->bucket[print % TEXTS_BUCKETS];
    while (at &&
           (at->user != user || at->print != print ||
            at->text.size != text->size ||
            memcmp(text_string(&at->text), text_string(text), text->size)))
        at = at->next;
    return at;
}

static int add(struct texts *t, uid_t user, uint64_t print, struct text *text,
               struct kept_text **out, struct reason *why)
{
    struct kept_text **bucket = &t->bucket[print % TEXTS_BUCKETS];
    int err = usage_take(t->usage, user, USAGE_TEXTS, text->size, why);
    if (err)
        return err;
    struct kept_text *kept = xcalloc(1, sizeof *kept);
    kept->user = user;
    kept->print = print;
    text_move(&kept->text, text);
    kept->next = *bucket;
    *bucket = *out = kept;
    return 0;
}

int texts_keep(struct texts *t, uid_t user, struct text *text,
               struct kept_text **out, struct reason *why)
{
    uint64_t print = text_print(text);
    int err = 0;
    pthread_mutex_lock(&t->lock);
    *out = find(t, user, print, text);
    if (!*out)
        err = add(t, user, print, text, out, why);
    if (err == 0)
        (*out)->holds++;
    pthread_mutex_unlock(&t->lock);
    if (err == 0)
        text_release(text);
    return err;
}

void texts_drop(struct texts *t, struct kept_text *kept)
{
    if (!kept)
        return;
    pthread_mutex_lock(&t->lock);
    bool last = --kept->holds == 0;
    struct kept_text **at = &t->bucket[kept->print % TEXTS_BUCKETS];
    while (last && *at != kept)
        at = &(*at)->next;
    if (last)
        *at = kept->next;
    pthread_mutex_unlock(&t->lock);
    if (!last)
        return;
    usage_give(t->usage, kept->user, USAGE_TEXTS, kept->text.size);
    text_release(&kept->text);
    free(kept);
}

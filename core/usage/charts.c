#include "core/usage/charts.h"

#include <string.h>

void charts_init(struct charts *c)
{
    *c = (struct charts){.turn = 0};
    pthread_mutex_init(&c->lock, NULL);
}

void charts_release(struct charts *c)
{
    for (int i = 0; i < CHARTS_KEPT; i++) {
        text_release(&c->kept[i].key);
        text_release(&c->kept[i].text);
    }
    pthread_mutex_destroy(&c->lock);
}

/* The one of that key, or else the one that was not asked for the longest. */
static struct drawn *drawn_find(struct charts *c, const char *key, bool *known)
{
    struct drawn *oldest = &c->kept[0];
    *known = true;
    for (struct drawn *d = c->kept; d < c->kept + CHARTS_KEPT; d++) {
        if (d->key.size && !strcmp(d->key.data, key))
            return d;
        if (d->used < oldest->used)
            oldest = d;
    }
    *known = false;
    return oldest;
}

int charts_draw(struct charts *c, const char *key,
                int (*draw)(void *context, struct text *out), void *context,
                struct text *out)
{
    bool known;
    int err = 0;
    pthread_mutex_lock(&c->lock);
    struct drawn *d = drawn_find(c, key, &known);
    if (!known) {
        text_release(&d->key);
        text_release(&d->text);
        err = draw(context, &d->text);
        if (err)
            text_release(&d->text);
        else
            text_puts(&d->key, key);
    }
    d->used = ++c->turn;
    text_add(out, text_string(&d->text), d->text.size);
    pthread_mutex_unlock(&c->lock);
    return err;
}

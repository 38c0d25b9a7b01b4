#include "fs/requests/kept_names.h"

#include "core/basic/clock.h"

/* How long after a reply the kernel may still keep the name: it rounds the time
 * up to its ticks (10 ms at most), and begins to count when the thread that
 * asked runs again. */
enum { VOID_MS = 100 };

void kept_names_init(struct kept_names *k, struct primo *primo)
{
    *k = (struct kept_names){.primo = primo};
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
}

void kept_names_release(struct kept_names *k)
{
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
}

bool kept_names_give(struct kept_names *k, struct node n)
{
    pthread_mutex_lock(&k->lock);
    bool keep = !k->acting;
    k->giving += keep;
    pthread_mutex_unlock(&k->lock);
    if (!keep || tree_rests(k->primo, n))
        return keep;
    kept_names_given(k);
    return false;
}

void kept_names_given(struct kept_names *k)
{
    pthread_mutex_lock(&k->lock);
    k->void_at = monotonic_ns() + VOID_MS * 1000000LL;
    if (--k->giving == 0)
        pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void kept_names_action_begin(struct kept_names *k)
{
    pthread_mutex_lock(&k->lock);
    k->acting++; /* no more names are given from here on */
    while (k->giving)
        pthread_cond_wait(&k->changed, &k->lock);
    int64_t until = k->void_at;
    pthread_mutex_unlock(&k->lock);
    clock_sleep_until(until);
}

void kept_names_action_end(struct kept_names *k)
{
    pthread_mutex_lock(&k->lock);
    k->acting--;
    pthread_mutex_unlock(&k->lock);
}

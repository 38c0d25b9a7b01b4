#include "trainer/pictures/budget.h"

#include <pthread.h>

/* There is one budget, because the process has one memory. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    size_t used;
    int holders; /* pictures that hold something */
    int stuck;   /* of these, pictures that wait, for whatever; .. */
    int asking;  /* .. of these, for more memory */
} budget = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .returned = PTHREAD_COND_INITIALIZER};

static _Thread_local int pictures; /* of this thread that hold something */

/* Whether a picture may take more; if it holds something, it is counted as one
 * that waits. One that holds nothing comes after all that do. */
static bool is_granted(bool holds, size_t more)
{
    return (more <= BUDGET_BYTES && budget.used <= BUDGET_BYTES - more) ||
           (budget.holders == budget.stuck && (holds || !budget.asking));
}

void budget_take(size_t *held, size_t more)
{
    bool holds = *held > 0;
    if (!more)
        return;
    pthread_mutex_lock(&budget.lock);
    budget.stuck += holds;
    budget.asking += holds;
    if (holds) /* it may be the last one that was not stuck */
        pthread_cond_broadcast(&budget.returned);
    while (!is_granted(holds, more))
        pthread_cond_wait(&budget.returned, &budget.lock);
    budget.stuck -= holds;
    budget.asking -= holds;
    budget.holders += !holds;
    pictures += !holds;
    budget.used += more;
    *held += more;
    pthread_mutex_unlock(&budget.lock);
}

void budget_keep(size_t *held, size_t bytes)
{
    if (*held <= bytes)
        return;
    pthread_mutex_lock(&budget.lock);
    budget.used -= *held - bytes;
    budget.holders -= !bytes;
    pictures -= !bytes;
    *held = bytes;
    pthread_cond_broadcast(&budget.returned);
    pthread_mutex_unlock(&budget.lock);
}

void budget_return(size_t *held)
{
    budget_keep(held, 0);
}

void budget_queue(bool queued)
{
    if (!pictures)
        return;
    pthread_mutex_lock(&budget.lock);
    budget.stuck += queued ? pictures : -pictures;
    pthread_cond_broadcast(&budget.returned);
    pthread_mutex_unlock(&budget.lock);
}

#include "trainer/pictures/budget.h"

#include <pthread.h>
#include <stdbool.h>

/* There is one budget, because the process has one memory. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    size_t used;
    int holders; /* pictures that hold something */
    int stuck;   /* of these, pictures that wait for more */
} budget = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .returned = PTHREAD_COND_INITIALIZER};

/* Whether a picture may take more; if it holds something, `stuck` counts it. */
static bool is_granted(size_t more)
{
    return (more <= BUDGET_BYTES && budget.used <= BUDGET_BYTES - more) ||
           budget.holders == budget.stuck;
}

void budget_take(size_t *held, size_t more)
{
    bool holds = *held > 0;
    if (!more)
        return;
    pthread_mutex_lock(&budget.lock);
    budget.stuck += holds;
    if (holds) /* it may be the last one that was not stuck */
        pthread_cond_broadcast(&budget.returned);
    while (!is_granted(more))
        pthread_cond_wait(&budget.returned, &budget.lock);
    budget.stuck -= holds;
    budget.holders += !holds;
    budget.used += more;
    *held += more;
    pthread_mutex_unlock(&budget.lock);
}

void budget_return(size_t *held)
{
    if (!*held)
        return;
    pthread_mutex_lock(&budget.lock);
    budget.used -= *held;
    budget.holders--;
    *held = 0;
    pthread_cond_broadcast(&budget.returned);
    pthread_mutex_unlock(&budget.lock);
}

/*
 * Taking over what a service's worker says: its answers and its log, each piece
 * of the journal in one transaction with the position that was read. For
 * serving_watch.c, whose thread calls this.
 */
#ifndef PRIMO_SERVING_FOLLOW_H
#define PRIMO_SERVING_FOLLOW_H

#include "core/serve/serving_watch.h"

/* Take the next piece. Returns whether there is more already. */
bool serving_follow(struct serving_watch *w);
/* Take an answer that the daemon itself gives, in a transaction of its own. */
void serving_answer(struct serving_watch *w, const struct answer *a);

#endif

/*
 * Telling a replica's worker of the model and of requests
 * (core/report/told_line.h), which it takes as it has room for them
 * (sharing.h). For serving_watch.c, whose thread calls this.
 */
#ifndef PRIMO_SERVING_TELL_H
#define PRIMO_SERVING_TELL_H

#include "core/serve/serving_watch.h"

/* Begin a file of requests, as each daemon does that tells a worker. A worker
 * that an earlier one has started goes on to it; what was told before is told
 * again, and what is answered twice counts once. */
int serving_told_begin(struct serving_watch *w, struct reason *why);
/* Nobody knows what the worker has heard, or there is none: it gives back its
 * requests, and is told of the model again before it gets others. */
void serving_told_forget(struct serving_watch *w);
/* Tell the worker of what is to be told, as far as it is not told yet. Where
 * that fails, all of it will be told again. */
int serving_tell(struct serving_watch *w, struct reason *why);
/* Whether the worker has something to answer, or could take a request. */
bool serving_has_work(struct serving_watch *w);

#endif

/*
 * The supervisor of services: it gives each replica of a live one of inference/
 * a thread (serving_watch.h), and removes what has been kept long enough. Like
 * that of trainings it sees to it that what the records say becomes true. Any
 * thread.
 */
#ifndef PRIMO_SERVE_SUPERVISOR_H
#define PRIMO_SERVE_SUPERVISOR_H

#include "core/state/primo.h"
#include "core/system/worker.h"

/* Life cycle */
int serve_open(struct serve **out, struct primo *primo, struct reason *why);
void serve_close(struct serve *s); /* NULL is fine; workers go on */

/* Something has changed in a service, and in a request of it (0 = in none):
 * whoever attends to it, or waits for it, looks again. `s` may be NULL. */
void serve_wake(struct serve *s, uint64_t service, uint64_t request);

/* The same of a list: `lists`, the thread that attends to lists, looks whether
 * it can begin one. It is woken until another one, or NULL, takes its place.
 * `s` may be NULL. */
void serve_wake_lists(struct serve *s);
void serve_set_lists(struct serve *s, struct worker *lists);

/* A request was answered; and the next one of which that was said, false =
 * there is none. Who asks seldom misses the oldest of very many. */
void serve_answered(struct serve *s, uint64_t request);
bool serve_next_answered(struct serve *s, uint64_t *request);

/* Whether a request has its answer, as the waiters ask it
 * (core/clients/waiters.h). *word is "" where it has, and NULL where it was
 * removed. */
bool serve_has_answered(struct primo *primo, uint64_t request,
                        const char **word);

#endif

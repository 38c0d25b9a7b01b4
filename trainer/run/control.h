/*
 * The control thread: keeps a training answerable whatever its main thread is
 * doing. About once a second it writes the progress (the heartbeat); five
 * times a second it looks for the file `stop` in the run directory and for
 * SIGTERM, SIGINT and SIGHUP, which all other threads must have blocked
 * (control_block_signals(), before any thread is made).
 *
 * On a stop it takes the state lock, which the main thread holds only while it
 * commits something, has the checkpoint written, ends the journal with
 * "stopped", or "interrupted" where the training goes on later, and leaves the
 * process: what the main thread was doing (a long update, a read from a dead
 * path, an export) is abandoned, not awaited.
 *
 * Where several nodes train together, only the one that leads is stopped, and
 * the others end with it. When they cannot go on together, the run ends as if
 * it had been killed, but with a checkpoint: whoever has started it starts it
 * again. A reason that would come again ends it for good.
 */
#ifndef PRIMO_CONTROL_H
#define PRIMO_CONTROL_H

#include "trainer/nodes/nodes.h"
#include "trainer/run/journal_writer.h"

struct control;

struct control_options {
    int dir;                       /* the run directory; not owned */
    struct journal_writer *writer; /* not owned */
    const struct nodes *nodes;     /* not owned; NULL = it trains alone */
    int stopped_status;            /* exit status after a stop */
    /* Exit status after a signal that is no stop, because whoever has started
     * the trainer starts it again; 0 = every signal is one. */
    int interrupted_status;
    int failed_status; /* after a deadline that passed */
};

/* Life cycle */
void control_block_signals(void);
int control_open(struct control **out, const struct control_options *options,
                 struct reason *why);
/* Ends the thread; a stop that has begun is waited for, and then this call
 * does not return. NULL is fine. */
void control_free(struct control *c);

/* Change; by the main thread */

/* The state lock: held while weights, momenta and position don't fit together
 * and while a checkpoint is written. */
void control_lock(struct control *c);
void control_unlock(struct control *c);
/* From now on a stop calls save(context), with the state locked, in the
 * control thread. It logs its own failures. */
void control_on_stop(struct control *c, void (*save)(void *context),
                     void *context);
/* What the heartbeat says; the time left counts down by itself. */
void control_progress(struct control *c, const struct progress *p);
/* Write no heartbeat from now on: whoever waits for requests has nothing to
 * say. */
void control_quiet(struct control *c);
/* Unless control_arrived() is called within `seconds`, the training fails
 * with this sentence. */
void control_expect(struct control *c, double seconds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void control_arrived(struct control *c);

#endif

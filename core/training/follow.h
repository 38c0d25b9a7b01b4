/*
 * Following a run: its journal is taken over, piece by piece, into the record
 * and the growing texts of the process. One transaction holds a piece and the
 * offset up to which the journal has been read, so that nothing is lost or
 * doubled.
 */
#ifndef PRIMO_RUN_H
#define PRIMO_RUN_H

#include "core/launch/launcher.h"
#include "core/process/process.h"
#include "core/state/primo.h"

/* What the thread that follows a run remembers of it; zero at first. */
struct follow_state {
    /* The trainer's last record reports success: the model is to be published.
     * The record is left unread, so that it is found again after a restart of
     * the daemon. */
    bool succeeded;
    bool more; /* the journal had more than is taken over in one call */
    /* When each artifact that is shown was last read, in monotonic seconds; 0 =
     * not yet. Reading is less frequent than announcing may be. */
    double read_at[ARTIFACTS];
};

/* Take over what this run of the process has written, but at most so much that
 * the caller soon gets back to its other work and that others get to write into
 * the store: the content of a journal does not decide how long they wait. No
 * file of the run is read while a transaction is open. Only the thread that
 * watches the process calls this. */
int run_follow(struct primo *primo, const struct launch_target *target,
               uint64_t process, uint64_t run, struct follow_state *state,
               struct reason *why);
/* Append a line of our own to the log of the process. */
int log_add(struct store_txn *txn, struct process *p, double time,
            const char *line, struct reason *why);
/* Append to the events how the process ended. */
int end_event_add(struct store_txn *txn, uid_t owner, const struct process *p,
                  struct reason *why);

#endif

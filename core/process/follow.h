/*
 * Following a run: what its journal says is taken over into the process's
 * record and growing texts, each piece in one transaction with how far the
 * journal has been read, so that nothing is lost or doubled.
 */
#ifndef PRIMO_RUN_H
#define PRIMO_RUN_H

#include "core/launch/launcher.h"
#include "core/process/process.h"
#include "core/state/primo.h"

struct follow_state {
    /* The trainer's last record says so, and the model is to be published. The
     * record is left unread, so that a daemon that starts anew finds it. */
    bool succeeded;
    bool more; /* there was more than is taken over at once */
};

/* Take over what there is of this run of the process, but only so much at a
 * time that whoever calls can see to other things. Called by the thread that
 * watches the process. */
int run_follow(struct primo *primo, const struct launch_target *target,
               uint64_t process, uint64_t run, struct follow_state *out,
               struct reason *why);
/* Append a line that is not the trainer's to the process's log. */
int log_add(struct store_txn *txn, struct process *p, double time,
            const char *line, struct reason *why);
/* Append to the events how the process ended. */
int end_event_add(struct store_txn *txn, uid_t owner, const struct process *p,
                  struct reason *why);

#endif

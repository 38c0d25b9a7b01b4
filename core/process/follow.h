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
    /* The trainer's last record says so, the model is to be published; that
     * record is then left unread. */
    bool succeeded;
    bool more; /* there may be more than was taken over at once */
};

/* Take over what there is, so much at a time that other runs get their turn.
 * The caller is the supervisor. */
int run_follow(struct primo *primo, const struct launcher *launcher,
               struct launch_site *site, uint64_t process,
               struct follow_state *out, struct reason *why);
/* Append a line of the supervisor's own to the process's log. */
int log_add(struct store_txn *txn, struct process *p, double time,
            const char *line, struct reason *why);
/* Append to the events how the process ended. */
int end_event_add(struct store_txn *txn, uid_t owner, const struct process *p,
                  struct reason *why);

#endif

/*
 * `primo-train --lead RUN_DIR`: has several hosts train one model, for a
 * machine with `nodes` that is reached through ssh. The daemon has it started
 * on the first of its hosts in place of a trainer, with the run's lock. It sees
 * to it that the others can take part (hosts.h), starts primo-nodes on all of
 * them with mpirun, and ends when they have (mpirun.h).
 *
 * It writes into the journal only where no trainer comes to do so. One thread,
 * but for those that prepare the hosts.
 */
#ifndef PRIMO_LEAD_H
#define PRIMO_LEAD_H

#include "core/basic/reason.h"
#include "core/settings/settings.h"

enum {
    LEAD_HOSTS = 64,      /* the most: as many as `nodes` may be */
    LEAD_END_SECONDS = 30 /* for a trainer that was left alone to end */
};

struct lead_host {
    char *name;        /* as ssh takes it on the first host */
    char called[16];   /* by mpirun and rsync, which know other names */
    struct reason why; /* why it could not be prepared */
    bool ready;        /* it was */
    bool left_out;
};

struct lead {
    char *path; /* of the run directory; absolute, as all paths are. It is the
                   working directory. */
    int dir;
    char *directory; /* path = directory/runs/id/… */
    char *runs, *id;
    char *program, *nodes; /* primo-train and primo-nodes; nodes may be NULL */
    struct settings job;
    struct lead_host host[LEAD_HOSTS]; /* the first is this one */
    int count;
};

/* The command by which mpirun and rsync reach a host, a script in the run
 * directory. Both split it at blanks and know no quotes of a shell, so that it
 * cannot have a path of any kind. */
#define LEAD_REACH "sh ./reach"

/* Returns the exit status. */
int lead_main(const char *path);

/* Parts of it, for the other files of this folder */

/* Whether a stop is asked for, by the file `stop` or by a signal. */
bool lead_is_stopped(const struct lead *l);
/* Note in the run that its hosts train together from now on. */
void lead_together(const struct lead *l);
/* Start words[0] of $PATH, which dies with this process. It reads nothing, and
 * what it says goes to `out`. Returns its number, or -errno. */
int lead_spawn(char *const *words, int out);
/* Append, made printable, the first line of a text that says something. */
void lead_put_words(struct text *out, const char *said);

#endif

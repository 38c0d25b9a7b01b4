/*
 * When the kernel may keep the name of a polled text, such as `status`.
 *
 * While no training of a process is live, nothing but an action (start, stop,
 * resume) changes its status. The kernel may then keep where the name leads for
 * some milliseconds and answers `stat` by itself, however often it is asked. An
 * action first waits until the names that were given have run out, and no name
 * is given to be kept until it is done. Whoever looks after an action therefore
 * sees its effect.
 *
 * Making the kernel forget the names instead would take the lock of their
 * directory, which anybody can hold: with an `rm` that waits for the inode that
 * the caller of the action has locked, or with a listing into memory that never
 * becomes available. An action that waited for that lock could be held up for
 * ever, and all look-ups in the directory with it.
 *
 * Any thread.
 */
#ifndef PRIMO_KEPT_NAMES_H
#define PRIMO_KEPT_NAMES_H

#include "core/tree/tree.h"

#define KEEP_NAME_SECONDS 0.02

struct kept_names {
    struct primo *primo; /* not owned */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* giving has become 0 */
    unsigned giving;        /* under lock: look-ups that give a name just now */
    unsigned acting;        /* under lock: actions under way */
    int64_t void_at; /* under lock: monotonic ns from when on none is kept */
};

/* Life cycle */
void kept_names_init(struct kept_names *k, struct primo *primo);
void kept_names_release(struct kept_names *k);

/* Around answering a look-up of a polled text: give() says whether the kernel
 * may keep the name, and given() follows the reply where it may. */
bool kept_names_give(struct kept_names *k, struct node n);
void kept_names_given(struct kept_names *k);

/* Around an action and its reply; begin may take VOID_MS. */
void kept_names_action_begin(struct kept_names *k);
void kept_names_action_end(struct kept_names *k);

#endif

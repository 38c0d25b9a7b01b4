/*
 * Node ids, and the one table of the file system: the states of generated
 * texts that the kernel knows of.
 *
 * What can be derived from what. A node (core/tree/tree.h) gives its inode
 * number, st_ino, for ever; the inode number gives the node. For most files the
 * node id that the kernel uses is that same number, and needs no table. A
 * generated text gets a node id of its own for each of its states: the inode
 * number with a sequence number above bit 48. So what is cached under a node id
 * never changes: one open sees one state, fstat agrees with it, pages can be
 * cached and mapped. Names are looked up anew each time (entry timeout 0) and
 * lead to the node id of the state of that moment. The kernel forgets a state
 * when it has dropped the name and closed the file, so there are about as many
 * states here as generated files somebody looks at.
 *
 * Who keeps descriptors without opening the files (O_PATH) can make the kernel
 * know many states, and nobody can tell whose they are. So their texts have
 * STATES_BYTES together: past that, the one that was not used for longest is
 * dropped, and only what tells it from others is kept, some 150 bytes. When it
 * is asked for again the text is shown anew; where it has changed meanwhile,
 * the node id means the state of now. A growing text has a state per
 * training: its bytes are in the store, only the stream's number is kept here.
 *
 * A file handle from before a restart carries a node id whose state is gone;
 * states_adopt() makes that id mean the state of now.
 *
 * Any thread.
 */
#ifndef PRIMO_STATES_H
#define PRIMO_STATES_H

#include "core/tree/tree.h"

enum {
    STATES_BUCKETS = 1024,
    STATES_BYTES = 32 << 20,
};

struct state;

struct states {
    pthread_mutex_t lock;
    struct state *bucket[STATES_BUCKETS]; /* under lock, by inode number */
    struct state *newest, *oldest; /* under lock: those that have a text */
    size_t bytes;                  /* under lock: in those texts */
};

/* Life cycle */
void states_init(struct states *s);
void states_release(struct states *s);

/* Read */

/* Find the node of a node id. Returns false where there is none. */
bool states_node(uint64_t node_id, struct node *out);
/* The node ids of an inode that the kernel knows, the newest first; returns how
 * many are written, at most `most`. */
size_t states_known(struct states *s, struct node n, uint64_t *ids,
                    size_t most);
enum state_known { STATE_UNKNOWN, STATE_KNOWN, STATE_DROPPED };
/* Copy a state, if it is known: where its text was dropped, states_renew() is
 * called with that which is shown now. */
enum state_known states_get(struct states *s, uint64_t node_id,
                            struct shown *out);

/* Change */

/* The node id of this state, a known one or a new one, with one more look-up.
 * `stream` distinguishes the states of growing texts; it is 0 for others. */
uint64_t states_look_up(struct states *s, struct node n,
                        const struct shown *shown, uint64_t stream);
/* Make node_id mean this state, unless it has one already, and count one more
 * look-up. */
void states_adopt(struct states *s, uint64_t node_id, const struct shown *shown,
                  uint64_t stream);
/* Set the text of a node id that was shown anew, which fstat() reports from now
 * on. Returns whether it differs from the text before. */
bool states_renew(struct states *s, uint64_t node_id,
                  const struct shown *shown);
/* Count one more look-up. Returns false where the node id has no state. */
bool states_hold(struct states *s, uint64_t node_id);
void states_forget(struct states *s, uint64_t node_id, uint64_t look_ups);

#endif

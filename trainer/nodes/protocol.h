/*
 * What primo-train and the primo-nodes beside it say to each other.
 *
 * primo-nodes starts primo-train with two descriptors, whose numbers are in the
 * environment: one end of a socket (SOCK_SEQPACKET), and memory that both map.
 * In the memory stand a head, a window and slots. The trainer writes into the
 * window and sends a request; when it gets the answer, a struct nodes_request
 * as it was sent, the window has what came of it. It asks for one such thing at
 * a time. All trainers of a run ask for the same things in the same order.
 *
 * A sum is begun and awaited: the trainer writes into a slot, says so, and gets
 * no answer. It computes on, and begins further sums in further slots. When it
 * needs one it sends NODES_WAIT, and when that is answered the slot has the
 * sum, and may be used again. Sums become complete in the order in which they
 * were begun.
 *
 * When the nodes cannot go on together, primo-nodes writes into the head why,
 * and closes its end of the socket. The trainer then ends by itself.
 */
#ifndef PRIMO_NODES_PROTOCOL_H
#define PRIMO_NODES_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define NODES_ENVIRONMENT "PRIMOFS_NODES" /* "SOCKET MEMORY", in decimal */

/* The names of the hosts, in the order of the ranks and with spaces between
 * them, where somebody knows them by other names than their own. */
#define NODES_NAMES "PRIMOFS_NODES_NAMES"

enum {
    NODES_MOST = 64,
    NODES_NAME = 64,
    NODES_SAID = 1024,
    NODES_HEAD = 64 << 10, /* bytes before the window */
    NODES_WINDOW = 32 << 20,
    NODES_SLOTS = 16,
    NODES_SLOT = 4 << 20, /* bytes */
};

/* Of all of it; what nobody has written to takes no memory. */
#define NODES_MEMORY                                                           \
    ((size_t)NODES_HEAD + NODES_WINDOW + (size_t)NODES_SLOTS * NODES_SLOT)

enum nodes_verb {
    /* Begin a sum of the f32 or bf16 (wire.h) values in a slot. They are added
     * up in f32, and the same bits come out on every node. */
    NODES_SUM,
    NODES_SUM_BF16,
    NODES_WAIT,   /* until the sum in the slot is complete */
    NODES_SHARE,  /* what rank 0 has */
    NODES_GATHER, /* `size` bytes of each rank, at rank * size */
    NODES_PART,   /* rank 0 goes on alone, whatever becomes of the others */
    NODES_FAILED, /* a sentence; there is no answer */
};

struct nodes_request {
    uint32_t verb;
    uint32_t size; /* bytes in the window, or in the slot */
    uint32_t slot;
};

/* How the nodes have ended. */
enum nodes_loss {
    NODES_TOGETHER,
    NODES_SILENT,  /* a node says nothing any more */
    NODES_KILLED,  /* its trainer was ended, `number`: by this signal */
    NODES_EXITED,  /* its trainer has ended, with this status */
    NODES_STOPPED, /* its trainer has stood still for so many seconds */
    NODES_REFUSED, /* its trainer has ended with the reason `said` */
    NODES_DIFFER,  /* it asks for something else than another one */
};

struct nodes_head {
    uint32_t rank, count;
    char name[NODES_MOST][NODES_NAME]; /* of the hosts */
    uint32_t loss;                     /* enum nodes_loss */
    uint32_t lost;                     /* rank */
    int32_t number;
    char said[NODES_SAID];
};

_Static_assert(sizeof(struct nodes_head) <= NODES_HEAD, "the head fits");

#endif

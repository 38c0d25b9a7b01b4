/*
 * primo-nodes: one of these processes runs on each host that trains one model
 * together with others. It starts the host's primo-train, and carries over MPI
 * what the trainers say to each other (trainer/nodes/protocol.h).
 *
 * It is a program of its own, linked with MPI and the C library alone: a
 * trainer needs no MPI, has no part in its sockets, and stays as confined as it
 * always is. There is one thread. It sleeps while the trainer computes, and
 * does not wait within MPI: that takes a core from the trainer beside it.
 *
 * MPI tells nothing of a host that is cut off. So each rank tells each other
 * one every second that it is there, and one that has not been heard for eight
 * seconds is lost. So is one whose trainer has died, has been stopped by a
 * signal for some seconds, or has ended with a reason. Then all of them end.
 * Rank 0 lets its trainer end in its own way, with a checkpoint, and the others
 * wait for its last word, so that whatever started them does not take the end
 * of one for a reason to kill it.
 *
 * Where rank 0's trainer goes on alone, the others' trainers end, and their
 * ranks wait for that last word. What becomes of them is nothing to rank 0
 * then.
 */
#ifndef PRIMO_WORLD_H
#define PRIMO_WORLD_H

#include "trainer/nodes/protocol.h"

#include <mpi.h>
#include <stdbool.h>
#include <sys/types.h>

enum word_kind { WORD_HERE, WORD_LOST, WORD_END };

/* How far a rank has come. */
struct step {
    uint64_t sums, exchanges; /* that its trainer has asked for */
    uint64_t waits; /* 1: until others do their part, or for ever, as its
                       trainer has ended */
};

struct word {
    struct step step;
    uint32_t kind;
    uint32_t loss, lost; /* as in struct nodes_head */
    int32_t number;      /* likewise; with WORD_END, the exit status */
    char said[NODES_SAID];
};

/* Another rank, as far as words go. */
struct peer {
    double heard; /* seconds, when there was a word of it */
    struct step step;
    struct word in, out;
    MPI_Request get, put;
};

struct world {
    int rank, count;
    MPI_Comm work, sums; /* what trainers exchange, and what they sum */
    MPI_Comm words;      /* what we say */
    struct nodes_head *head;
    char *window, *slots;
    int memory; /* descriptor of all three */
    struct sums *under_way;

    struct peer peers[NODES_MOST];
    double looked, beaten;
    uint64_t exchanges; /* asked for */
    bool waits;         /* for one, or for a sum */
    double stuck;       /* since when all wait, and not for the same; 0 = no */
    uint64_t stuck_at;  /* all that was asked for then */
    bool apart;         /* rank 0's trainer goes on alone */
    bool deserted;      /* and another rank has said nothing for long */
    bool over;          /* rank 0 has said its last word */
    int status;         /* exit status: rank 0's trainer's */

    pid_t trainer; /* 0 = there is none */
    int socket;    /* -1 = no trainer was started */
    double still;  /* since when it is stopped by a signal; 0 = it is not */
    char scratch[4096]; /* its run directory, "" = it has a real one */
};

/* Life cycle */

/* After MPI_Init(): makes what is shared with the trainer, and learns the names
 * of the hosts. Says on stderr why it fails. */
bool world_open(struct world *w);
double world_now(void); /* seconds */

/* Words: words.c */

void words_begin(struct world *w);
/* Say and hear what there is, without waiting. Returns false when it is over,
 * or a rank is lost. */
bool words_look(struct world *w);
/* A rank is lost: note why, unless something is noted, and tell all. `said` may
 * be NULL. */
void words_lost(struct world *w, enum nodes_loss loss, int rank, int number,
                const char *said);
/* Say on stderr which rank is silent, or that they differ, for as long as there
 * is no trainer to read that. One that fails itself has said why. */
void words_print(const struct world *w);
/* The ranks have lost step, as far as we see. Returns false. */
bool words_differ(struct world *w);
/* Rank 0: say the last word, and wait a moment until all have it. */
void words_end(struct world *w);

/* Messages that are waited for together: exchange.c */

struct pending {
    MPI_Comm comm;
    int tag;   /* of all of them */
    int takes; /* what is received: `tag`, or MPI_ANY_TAG, which notices where
                  ranks do not ask for the same */
    MPI_Request list[2 * NODES_MOST];
    bool receives[2 * NODES_MOST];
    int size[2 * NODES_MOST]; /* bytes to receive */
    int count;
};

void pending_put(struct pending *p, const void *data, size_t size, int rank);
void pending_get(struct pending *p, void *data, size_t size, int rank);
/* Returns 1 when all are done, and clears the list; 0 = not yet; -1 = something
 * else has come than was asked for. */
int pending_look(struct pending *p);

/* Exchanges: exchange.c; false = words_look() said so meanwhile. `size` is in
 * bytes, in the window. Sums that are under way go on. */
bool exchange_share(struct world *w, size_t size);
bool exchange_gather(struct world *w, size_t size);
/* Wait for the sum in a slot. */
bool exchange_wait(struct world *w, uint32_t slot);

/* Sums: sums.c */

bool sums_open(struct world *w);
/* Begin the sum that a trainer asks for, or let it wait for those before it. */
bool sums_begin(struct world *w, const struct nodes_request *r);
/* Let all of them go on, without waiting. False = the ranks have lost step,
 * which has been told. */
bool sums_look(struct world *w);
uint64_t sums_asked(const struct world *w); /* how many */
bool sums_are_under_way(const struct world *w);
bool sums_is_done(const struct world *w, uint32_t slot);

/* The run directory: files.c */

/* Give the other ranks directories of their own, with what rank 0's has. */
bool files_share(struct world *w, const char *directory);
void files_remove(struct world *w);

/* The trainer: child.c */

/* Take the signals that ask for an end: rank 0's trainer gets them. */
void child_signals(void);
/* `directory` is its run directory. Says on stderr why it fails. */
bool child_start(struct world *w, const char *program, const char *directory);
/* Look how it is; one that is gone or stands still is told to all. Returns
 * false when it was started and has ended. */
bool child_look(struct world *w);
/* Wait up to so many seconds for it to end, then kill it. */
void child_end(struct world *w, double seconds);

#endif

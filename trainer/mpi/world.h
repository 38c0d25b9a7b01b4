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
 */
#ifndef PRIMO_WORLD_H
#define PRIMO_WORLD_H

#include "trainer/nodes/protocol.h"

#include <mpi.h>
#include <stdbool.h>
#include <sys/types.h>

enum word_kind { WORD_HERE, WORD_LOST, WORD_END };

struct word {
    uint32_t kind;
    uint32_t loss, lost; /* as in struct nodes_head */
    int32_t number;      /* likewise; with WORD_END, the exit status */
    char said[NODES_SAID];
};

/* Another rank, as far as words go. */
struct peer {
    double heard; /* seconds, when there was a word of it */
    struct word in, out;
    MPI_Request get, put;
};

struct world {
    int rank, count;
    MPI_Comm work, words; /* what trainers exchange; what we say */
    struct nodes_head *head;
    char *window;
    int memory; /* descriptor of both */
    float *parts;

    struct peer peers[NODES_MOST];
    double looked, beaten;
    bool over;  /* rank 0 has said its last word */
    int status; /* exit status: rank 0's trainer's */

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
/* Rank 0: say the last word, and wait a moment until all have it. */
void words_end(struct world *w);

/* Exchanges: exchange.c; false = words_look() said so meanwhile. `size` is in
 * bytes, in the window. */
bool exchange_sum(struct world *w, size_t size);
bool exchange_share(struct world *w, size_t size);
bool exchange_gather(struct world *w, size_t size);

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

/*
 * A plan: the steps that take a batch of n pictures through the network, and
 * for training back again, with all memory assigned. It is made once for each n
 * from the rows of network.h, and run often; running it allocates nothing.
 *
 * Plans share kernels, buffers and scratchpad: only one runs at a time, and
 * what it has computed is gone when another one runs. Only the network's own
 * thread makes and runs plans.
 */
#ifndef PRIMO_PLAN_H
#define PRIMO_PLAN_H

#include "trainer/net/buffers.h"
#include "trainer/net/kernels.h"

/* What all plans of a network share; they own none of it. */
struct plan_parts {
    struct dnn *dnn;
    const struct network *network;
    const struct weights *weights;
    const struct kernels *kernels;
    struct buffers *buffers;
    int classes, image_size;
    bool bf16;
    const bool *fixed_statistics; /* see `fixed` in struct norm */
    const struct norm_join *join; /* likewise */
};

/* A oneDNN op or a loop of our own. */
struct step {
    struct dnn_op *op; /* owned; NULL = `run` is called */
    void (*run)(const void *problem);
    void *problem; /* owned; the argument of `run`, a struct of that loop */
};

/* On the way back, a row whose kernel has its gradient once `step` comes. */
struct plan_mark {
    int step;
    size_t first; /* the kernel's place in the arenas; those after it are done
                     before */
};

struct plan {
    struct plan *next; /* in the network's list */
    int n;
    bool training;
    struct step *step;
    int count;  /* number of steps */
    int middle; /* the first step of the way back, after the logits */
    struct plan_mark *mark; /* in the order of the steps; training only */
    int marks;
    float *image;    /* input: [n, 3, side, side], normalised */
    float *features; /* [n, channels], the head's input; evaluation only */
    float *logits;   /* [n, classes] */
    float *d_logits; /* input of the way back; training only */
};

/* Life cycle */
int plan_open(struct plan **out, const struct plan_parts *parts, int n,
              bool training, struct reason *why);
void plan_free(struct plan *p); /* NULL is fine */

/* Change */

/* Runs the steps first..last-1. */
int plan_run(const struct plan *p, struct dnn *dnn, int first, int last,
             struct reason *why);

#endif

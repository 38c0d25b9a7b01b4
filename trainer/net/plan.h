/*
 * A plan: the steps that take a batch of n pictures through the network, and
 * back where it is for training, with all memory bound. It is made once for
 * each n from the rows of network.h, and run often; running allocates nothing.
 *
 * Plans share kernels, buffers and scratchpad, so one runs at a time, and what
 * one computed is gone when another runs. The network's own thread alone makes
 * and runs them.
 */
#ifndef PRIMO_PLAN_H
#define PRIMO_PLAN_H

#include "trainer/net/buffers.h"
#include "trainer/net/kernels.h"

/* What plans are made of and share; not owned by them. */
struct plan_parts {
    struct dnn *dnn;
    const struct network *network;
    const struct weights *weights;
    const struct kernels *kernels;
    struct buffers *buffers;
    int classes, image_size;
    bool bf16;
    const bool *fixed_statistics; /* as in struct norm */
};

/* One oneDNN op, or a loop of our own. */
struct step {
    struct dnn_op *op; /* owned; NULL = `run` is called */
    void (*run)(const void *problem);
    void *problem; /* owned: what `run` works on, in the loop's own struct */
};

struct plan {
    struct plan *next; /* the owner's list */
    int n;
    bool training;
    struct step *step;
    int count;       /* of the steps */
    int middle;      /* the first step behind the logits, where back begins */
    float *image;    /* in: [n, 3, side, side], normalised */
    float *features; /* [n, channels]: what the head reads; evaluation only */
    float *logits;   /* [n, classes] */
    float *d_logits; /* in, for the steps from `middle`; training only */
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

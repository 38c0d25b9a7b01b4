/*
 * A predictor: a trained model at work, which says of pictures what they are.
 * predict.h and serve.h both ask one, so that both give the same answers.
 *
 * A struct predictor is used by one thread at a time; it computes with as many
 * threads as OpenMP has when it is opened.
 */
#ifndef PRIMO_PREDICTOR_H
#define PRIMO_PREDICTOR_H

#include "trainer/files/classifier.h"
#include "trainer/net/net.h"

struct predictor { /* zeroed: not open */
    struct classifier model;
    struct net *net;
    int batch;          /* most pictures of a call */
    double temperature; /* of the softmax: 1 = as trained */
};

struct predictor_options {
    int batch; /* most pictures that are wanted of a call, 1.. */
    bool bf16;
    double temperature;
};

/* Life cycle */

/* Open the model in a file model.safetensors. Of large pictures, fewer than are
 * wanted fit into a call. Fails as classifier_read() and net_open() do; *out is
 * then as before it. */
int predictor_open(struct predictor *out, const char *path,
                   const struct predictor_options *options, struct reason *why);
void predictor_release(struct predictor *p);

/* Read */

/* Bytes of the memory that n pictures take as the network's input. */
size_t predictor_input(const struct predictor *p, int n);
/* Order the classes of one picture, best first; order [classes]. */
void predictor_order(const struct predictor *p, const float *probabilities,
                     int *order);

/* Change */

/* Compute the probabilities [n, classes] of n pictures, f32 [n, 3, S, S] as
 * loader_picture() makes them, 1 <= n <= batch. */
int predictor_run(struct predictor *p, const float *images, int n,
                  float *probabilities, struct reason *why);
/* The same, in calls of a power of two of pictures: each size of a call has a
 * plan of its own, in memory and time. */
int predictor_run_pieces(struct predictor *p, const float *images, int n,
                         float *probabilities, struct reason *why);

#endif

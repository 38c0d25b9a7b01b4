/*
 * The loader: batches of a dataset, decoded once, augmented anew each epoch.
 *
 * Worker threads decode ahead; decoded pictures (resized to the network's
 * side, 8 bit) are kept in memory up to a bound. What batch (epoch, step)
 * holds depends only on the settings, the files and (seed, epoch, index),
 * never on timing or on the number of workers.
 */
#ifndef PRIMO_LOADER_H
#define PRIMO_LOADER_H

#include "dataset.h"
#include "text.h"

struct loader;

enum augment { AUGMENT_ROTATION = 1, AUGMENT_EXPOSURE = 2, AUGMENT_NOISE = 4 };

struct loader_options {
    int side;         /* of the network's input */
    int batch;        /* pictures per batch; the last one of a part is short */
    unsigned augment; /* set of enum augment, for the training part */
    uint64_t seed;
    int workers;
    uint64_t memory; /* bytes for decoded pictures */
    /* called for people's log, from the thread that called the loader */
    void (*log)(void *context, const char *line);
    void *context;
};

/* Life cycle */

/* Opens and reads every picture once (in `workers` threads): unreadable ones
 * are logged with their reason and left out of both parts. Appends the report
 * to *report (the process's `dataset` file). EINVAL when a class has no
 * readable training picture left or there is no test picture. `d` must
 * outlive the loader. */
int loader_open(struct loader **out, const struct dataset *d,
                const struct loader_options *options, struct text *report,
                struct reason *why);
void loader_free(struct loader *l); /* NULL is fine */

/* Read */
int loader_train_count(const struct loader *l); /* readable pictures */
int loader_test_count(const struct loader *l);
int loader_train_steps(const struct loader *l); /* batches an epoch */
int loader_test_steps(const struct loader *l);

/* Fill images f32 [n, 3, side, side] (RGB, 0 to 255) and labels [n] with batch
 * `step` of `epoch` (both from 0); returns n, or -errno. Sequential calls are
 * prefetched. Test batches are not augmented, in a fixed order. */
int loader_train(struct loader *l, int epoch, int step, float *images,
                 int *labels, struct reason *why);
int loader_test(struct loader *l, int step, float *images, int *labels,
                struct reason *why);

#endif

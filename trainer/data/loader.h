/*
 * The loader: batches of a dataset, decoded once, augmented anew each epoch.
 *
 * Worker threads decode ahead; decoded pictures (resized to the network's
 * side, 8 bit) are kept in memory up to a bound, what is past it is decoded
 * anew each time. What batch (epoch, step) holds depends only on the settings,
 * the files and (seed, epoch, index), never on timing, on the number of
 * workers or on the bound. The functions of one loader are called from one
 * thread at a time; that thread helps while it has to wait, the workers sleep
 * when nothing is wanted.
 */
#ifndef PRIMO_LOADER_H
#define PRIMO_LOADER_H

#include "core/basic/text.h"
#include "trainer/data/augment.h"
#include "trainer/data/dataset.h"

#include <stdbool.h>

struct loader;

struct loader_options {
    int side;         /* of the network's square input, in pixels, 2.. */
    int batch;        /* pictures per batch; the last one of a part is short */
    unsigned augment; /* set of enum augment, for the training part */
    uint64_t seed;
    int workers;     /* 1.. ; 0 = one for each processor, at most 16 */
    uint64_t memory; /* bytes for decoded pictures */
    /* called for people's log, from the thread that called the loader */
    void (*log)(void *context, const char *line);
    /* called some five times a second while loader_open() reads, from the
     * calling thread; false ends it with ECANCELED. NULL = not wanted */
    bool (*tick)(void *context, int done, int total);
    void *context;
};

/* What the reading of a dataset found to say of it. */
struct loader_findings {
    int unreadable;     /* pictures */
    int duplicates;     /* pictures that are copies of others, pixel by pixel */
    int leaks;          /* test pictures that are training pictures, too */
    int contradictions; /* groups of copies with more than one class */
    int small_classes;  /* with fewer than 10 training pictures */
};

/* Life cycle */

/* Opens and reads every picture once (in `workers` threads): unreadable ones
 * are logged with their reason and left out of both parts. Appends the report
 * to *report (the process's `dataset` file), also when it fails. EINVAL when a
 * class has no readable training picture left or there is no test picture.
 * `d` must outlive the loader. */
int loader_open(struct loader **out, const struct dataset *d,
                const struct loader_options *options, struct text *report,
                struct reason *why);
void loader_free(struct loader *l); /* NULL is fine */

/* Read */
int loader_train_count(const struct loader *l); /* readable pictures */
int loader_test_count(const struct loader *l);
/* Write how many training pictures each class has, counts [classes]; each has
 * at least one. */
void loader_class_counts(const struct loader *l, int *counts);
int loader_train_steps(const struct loader *l); /* batches an epoch */
int loader_test_steps(const struct loader *l);
const struct loader_findings *loader_findings(const struct loader *l);

/* A batch that the loader lends. */
struct loader_batch {
    int count;
    const float *images; /* [count, 3, side, side], RGB, 0 to 255 */
    const int *labels;   /* [count] */
};

/* Lend batch `step` of `epoch` (both from 0), until the next batch of the same
 * part is asked for. Sequential calls are prefetched. Training pictures come
 * in a new order each epoch; one that would make a batch of its own, of which
 * batch normalisation knows no deviation, sits the epoch out. Test batches are
 * not augmented, in the order of dataset.test without the unreadable ones.
 * EINVAL past the last step; a picture that cannot be read any more fails as
 * picture_read() does. */
int loader_train(struct loader *l, int epoch, int step,
                 struct loader_batch *out, struct reason *why);
int loader_test(struct loader *l, int step, struct loader_batch *out,
                struct reason *why);

/* One picture exactly as in a test batch: f32 [3, side, side]. The reason
 * does not name the path. Any thread. */
int loader_picture(const char *path, int side, float *image,
                   struct reason *why);

#endif

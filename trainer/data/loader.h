/*
 * The loader: batches of the pictures of a dataset, which are decoded once and
 * augmented differently in each epoch.
 *
 * Worker threads prepare batches ahead. Decoded pictures (resized to the
 * network's side, 8 bits a channel) are kept in memory up to a bound; pictures
 * past it are decoded each time. What the batch (epoch, step) holds depends
 * only on the settings, the files and (seed, epoch, index), never on timing, on
 * the number of workers or on the bound. The functions of one loader are called
 * from one thread at a time, which helps the workers while it has to wait;
 * workers sleep when nothing is to be prepared.
 */
#ifndef PRIMO_LOADER_H
#define PRIMO_LOADER_H

#include "core/basic/text.h"
#include "trainer/data/augment.h"
#include "trainer/dataset/dataset.h"

#include <stdbool.h>

struct decoded;
struct loader;
struct picture;

struct loader_options {
    int side;         /* side of the network's square input, in pixels, 2.. */
    int batch;        /* at most so many pictures in a batch */
    unsigned augment; /* set of enum augment, for the training part */
    uint64_t seed;
    int workers;             /* 1.. ; 0 = one for each processor, at most 16 */
    uint64_t memory;         /* bytes for decoded pictures */
    struct page_range pages; /* of files, which are pictures of their own; the
                              * first alone: the file is the picture */
    struct decoded *decoded; /* of other trainings; NULL = there is none */
    int nodes, node;         /* batches are split among so many, and this one
                              * (from 0) gets its part; 0 = they are not */
    /* Called with lines for the log, from the thread that calls the loader. */
    void (*log)(void *context, const char *line);
    /* Called about five times a second while loader_open() reads, from the
     * calling thread; false ends the reading with ECANCELED. NULL = not wanted.
     */
    bool (*tick)(void *context, int done, int total);
    void *context;
};

/* What was found while a dataset was read. */
struct loader_findings {
    int unreadable;     /* pictures that cannot be read */
    int duplicates;     /* pictures with the same pixels as another one */
    int leaks;          /* test pictures that are training pictures, too */
    int contradictions; /* groups of copies with more than one class */
    int small_classes;  /* classes with fewer than 10 training pictures */
    int more_pages;     /* files of which only the first page is used */
    int changed;        /* pictures that are others than they were at first */
};

/* Life cycle */

/* Opens the loader, takes the pages of files that are wanted
 * (trainer/dataset/dataset.h) unless the dataset is that of a training that is
 * continued, and reads every picture once, in `workers` threads. Unreadable
 * ones are logged with the reason and left out of both parts; the test part is
 * drawn anew among the others (dataset_draw()). The report (the file `dataset`
 * of a process) is appended to *report, even on failure. EINVAL: the dataset
 * has faults, those that dataset_open() found among them: a class has no
 * readable training picture, or there is no readable test picture, or one is
 * gone with which the training began. `d` must outlive the loader. */
int loader_open(struct loader **out, struct dataset *d,
                const struct loader_options *options, struct text *report,
                struct reason *why);
void loader_free(struct loader *l); /* NULL is fine */

/* Read */
int loader_train_count(const struct loader *l); /* readable pictures */
int loader_test_count(const struct loader *l);
/* The readable pictures, from 0 on. */
const struct sample *loader_train_sample(const struct loader *l, int i);
const struct sample *loader_test_sample(const struct loader *l, int i);
/* Write how many training pictures each class has, counts [classes]; each has
 * at least one. */
void loader_class_counts(const struct loader *l, int *counts);
int loader_train_steps(const struct loader *l); /* batches in an epoch */
int loader_test_steps(const struct loader *l);
const struct loader_findings *loader_findings(const struct loader *l);
/* Append the list of the pictures that are used, by which a training that is
 * continued gets them again (kept.h). */
void loader_keep(const struct loader *l, struct text *out);

/* A batch, which remains the loader's. */
struct loader_batch {
    int count;           /* pictures of this node's part */
    const float *images; /* [count, 3, side, side], RGB, 0 to 255 */
    const int *labels;   /* [count] */
    int first, total;    /* the first of them in the whole batch of so many */
    bool spare; /* there are more nodes than pictures: this one is another's */
};

/* Training pictures of this epoch and later ones are not augmented, and their
 * batches are not split. */
enum { LOADER_PLAIN = 1 << 30 };

/* Lend batch `step` of `epoch` (both from 0), until the next batch of the same
 * part is requested. Sequential requests are prefetched. Training pictures come
 * in another order in each epoch. The batches of an epoch are as large as each
 * other, but for one picture, as a batch of a few cannot be normalised.
 * Test batches are not augmented, and are in the order of dataset.test, without
 * unreadable pictures, which are in it only where it was not drawn. EINVAL:
 * there is no such step. A picture that can no longer be read makes this fail
 * as picture_read() does. */
int loader_train(struct loader *l, int epoch, int step,
                 struct loader_batch *out, struct reason *why);
int loader_test(struct loader *l, int step, struct loader_batch *out,
                struct reason *why);

/* From now on there is one node, and batches are not split. The batch that is
 * lent is taken back. */
void loader_whole(struct loader *l);

/* Read one picture exactly as it would be in a test batch: f32 [3, side, side].
 * The reason does not name the path. Any thread. */
int loader_picture(const char *path, int side, float *image,
                   struct reason *why);
/* Do the same with a picture that has been read (pictures/picture.h). */
int loader_picture_take(const struct picture *picture, int side, float *image,
                        struct reason *why);

#endif

/*
 * What comes before a training: the machine's part (priority, memory limit,
 * threads) and the dataset's. Decides the options that say `auto`, writes the
 * artifacts `config` and `dataset` and tells the journal what was found.
 */
#ifndef PRIMO_PREPARE_H
#define PRIMO_PREPARE_H

#include "trainer/data/loader.h"
#include "trainer/run/rundir.h"
#include "trainer/training/base.h"
#include "trainer/training/options.h"

struct material {
    struct dataset dataset;
    struct loader *loader;
    struct base base;
    bool head_kept; /* the base's head tells the dataset's classes apart */
};

/* Life cycle */

/* Take the priority, the memory limit and the threads, for the calling thread
 * and all that it makes; before OpenMP is first used. */
int prepare_machine(struct rundir *run, struct options *o, struct reason *why);
/* Open the base model, where it is a file: `base` in the run directory, or what
 * base_file says. EINVAL where there is none, or as base_open(). */
int prepare_base(struct rundir *run, const struct options *o,
                 struct material *m, struct reason *why);
/* Open the dataset and read every picture once. A path that does not answer
 * within half a minute ends the training. Fails as dataset_open() and
 * loader_open() do. */
int prepare_material(struct rundir *run, struct options *o, struct material *m,
                     struct reason *why);
void material_release(struct material *m);

/* Read */

/* Append `key=value` lines that tell the base, the classes and the pictures
 * from others. */
int material_identity(const struct material *m, struct text *out,
                      struct reason *why);

#endif

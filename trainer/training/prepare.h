/*
 * The preparation of a training: first the machine (priority, memory limit,
 * threads), then the base and the dataset. This decides the options that are
 * `auto`, writes the artifacts `config` and `dataset`, and reports to the
 * journal what was found.
 */
#ifndef PRIMO_PREPARE_H
#define PRIMO_PREPARE_H

#include "trainer/bases/base.h"
#include "trainer/data/loader.h"
#include "trainer/run/rundir.h"
#include "trainer/training/options.h"
#include "trainer/transfer/adapt.h"

struct material {
    struct dataset dataset;
    struct loader *loader;
    struct base base;
    bool head_kept; /* the base's head has the dataset's classes */
};

/* Life cycle */

/* Set the priority, the memory limit and the number of threads, for the calling
 * thread and all that it creates. This must come before OpenMP is first used,
 * because its threads keep what they were created with. */
int prepare_machine(struct rundir *run, struct options *o, struct reason *why);
/* Open the base model if it is a file: `base` in the run directory, or the one
 * that base_file names. EINVAL: there is none; otherwise fails as base_open().
 */
int prepare_base(struct rundir *run, const struct options *o,
                 struct material *m, struct reason *why);
/* Decide how long and how fast the network learns, which depends on what the
 * base knows of the pictures; write `config` anew. */
int prepare_learning(struct rundir *run, struct options *o,
                     const struct material *m, enum acquaintance acquaintance,
                     struct reason *why);
/* Open the dataset and read every picture once. If the path does not answer
 * within half a minute, the training fails. Otherwise fails as dataset_open()
 * and loader_open() do. */
int prepare_material(struct rundir *run, struct options *o, struct material *m,
                     struct reason *why);
void material_release(struct material *m);

/* Read */

/* Append `key=value` lines that identify the base, the classes and the
 * pictures.
 */
int material_identity(const struct material *m, struct text *out,
                      struct reason *why);

#endif

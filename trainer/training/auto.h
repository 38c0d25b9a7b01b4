/*
 * What `auto` stands for. Each parameter that may say so has a row in the
 * table of auto.c: the function that decides it, and the stage of a training's
 * preparation at which all that it needs is known. The decision and its reason
 * go into the options, from there into `config`.
 */
#ifndef PRIMO_AUTO_H
#define PRIMO_AUTO_H

#include "core/basic/threads.h"
#include "trainer/data/dataset.h"
#include "trainer/training/options.h"

enum auto_stage {
    AUTO_MACHINE, /* facts.machine is known */
    AUTO_DATASET, /* the base and the pictures' paths are known, too */
};

struct auto_facts {
    const struct threads *machine;
    const struct dataset *dataset;
    bool trained; /* the base has learnt already */
};

/* Decide the parameters of a stage that say `auto` still. */
void auto_decide(struct options *o, enum auto_stage stage,
                 const struct auto_facts *facts);

#endif

/*
 * What `auto` stands for. Each parameter that may be `auto` has a row in the
 * table of auto.c: the function that decides its value, and the stage of the
 * preparation at which all that this needs is known. The value and its reason
 * go into the options, and from there into `config`.
 */
#ifndef PRIMO_AUTO_H
#define PRIMO_AUTO_H

#include "core/system/threads.h"
#include "trainer/dataset/dataset.h"
#include "trainer/training/options.h"
#include "trainer/transfer/adapt.h"

enum auto_stage {
    AUTO_MACHINE, /* facts.machine is known */
    AUTO_DATASET, /* the base and the pictures' paths are known, too */
    AUTO_ADAPTED, /* the base is adapted, if it is to be */
};

struct auto_facts {
    const struct threads *machine;
    const struct dataset *dataset;
    bool trained;                   /* the base is a trained one */
    int base_side;                  /* its image_size; 0 = unknown */
    enum acquaintance acquaintance; /* of a trained base with the pictures */
};

/* Decide those parameters of a stage that are still `auto`. */
void auto_decide(struct options *o, enum auto_stage stage,
                 const struct auto_facts *facts);

#endif

/*
 * Where the class folders of a dataset lie, and which classes there are. This
 * is the first half of opening one (dataset.h), with the same faults and notes.
 */
#ifndef PRIMO_LAYOUT_H
#define PRIMO_LAYOUT_H

#include "trainer/dataset/dataset.h"
#include "trainer/folders/leftovers.h"

struct layout {
    char *train, *test; /* paths; test NULL = `train` is split */
};

/* Life cycle */

/* EINVAL: it has one part too many or too few, or is none. */
int layout_find(struct dataset *d, struct layout *l, struct reason *why);
void layout_release(struct layout *l);

/* Change */

/* Set the classes. EINVAL: there are fewer than two; faults of single ones are
 * added to d->faults. */
int classes_find(struct dataset *d, const struct layout *l, struct reason *why);
/* Note what is not used in a class; NULL = beside the class folders. */
void leftovers_tell(struct dataset *d, const char *class,
                    struct leftovers *left);

#endif

/*
 * The confusion of an evaluation as a table of counts that stays readable: it
 * has all classes, or, where there are more than `most`, those with the most
 * mistakes and one more row and column for all others together.
 */
#ifndef PRIMO_MATRIX_H
#define PRIMO_MATRIX_H

#include "core/evaluation/figures.h"

enum { MATRIX_MOST = 1000 }; /* classes of confusion.csv */

struct matrix {
    int *classes; /* [side]: their numbers, in order; -1 = all others */
    int side;
    int *counts; /* [side, side]: truth down, predicted across */
};

/* Life cycle */
void matrix_make(struct matrix *m, const struct evaluation *e,
                 const struct figures *f, int most);
void matrix_release(struct matrix *m);

/* Read */
static inline int matrix_count(const struct matrix *m, int truth, int predicted)
{
    return m->counts[(size_t)truth * (size_t)m->side + (size_t)predicted];
}

#endif

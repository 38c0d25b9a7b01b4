#include "core/evaluation/matrix.h"

#include "core/basic/alloc.h"

#include <stdlib.h>

/* A class by its mistakes: its pictures that were taken for others, and others
 * that were taken for it. */
struct troubled {
    int class, mistakes;
};

static int by_mistakes_down(const void *a, const void *b)
{
    const struct troubled *x = a, *y = b;
    return x->mistakes != y->mistakes
               ? (x->mistakes < y->mistakes) - (x->mistakes > y->mistakes)
               : (x->class > y->class) - (x->class < y->class);
}

/* Marks in `shown` the classes with the most mistakes. */
static void troubled_mark(const struct figures *f, int classes, int most,
                          bool *shown)
{
    struct troubled *list = xcalloc((size_t)classes, sizeof *list);
    for (int i = 0; i < classes; i++) {
        const struct class_figures *c = &f->classes[i];
        list[i] =
            (struct troubled){i, c->pictures + c->predicted - 2 * c->right};
    }
    qsort(list, (size_t)classes, sizeof *list, by_mistakes_down);
    for (int i = 0; i < classes && i < most; i++)
        shown[list[i].class] = true;
    free(list);
}

/* Chooses the rows; returns the row of each class. */
static int *rows_choose(struct matrix *m, const struct evaluation *e,
                        const struct figures *f, int most)
{
    int n = e->class_count, *row = xcalloc((size_t)n, sizeof *row);
    bool *shown = xcalloc((size_t)n, sizeof *shown);
    m->classes = xcalloc((size_t)(n < most ? n : most) + 1, sizeof *m->classes);
    troubled_mark(f, n, most, shown);
    for (int i = 0; i < n; i++)
        if (shown[i]) {
            row[i] = m->side;
            m->classes[m->side++] = i;
        }
    for (int i = 0; i < n; i++)
        if (!shown[i])
            row[i] = m->side;
    if (n > most)
        m->classes[m->side++] = -1;
    free(shown);
    return row;
}

void matrix_make(struct matrix *m, const struct evaluation *e,
                 const struct figures *f, int most)
{
    *m = (struct matrix){0};
    int *row = rows_choose(m, e, f, most);
    size_t side = (size_t)m->side;
    m->counts = xcalloc(side * side, sizeof *m->counts);
    for (int i = 0; i < e->picture_count; i++) {
        const struct evaluated *p = &e->pictures[i];
        m->counts[(size_t)row[p->truth] * side + (size_t)row[p->predicted]]++;
    }
    free(row);
}

void matrix_release(struct matrix *m)
{
    free(m->classes);
    free(m->counts);
    *m = (struct matrix){0};
}

/* The reports that are tables. Their headers and columns are the same in every
 * language. */
#include "core/evaluation/csv.h"
#include "core/evaluation/matrix.h"
#include "core/evaluation/reports_inside.h"

#include <stdlib.h>

static void put_prediction(struct text *out, const struct evaluation *e,
                           const struct evaluated *p)
{
    csv_text(out, p->path, ',');
    csv_text(out, e->classes[p->truth].name, ',');
    csv_text(out, e->classes[p->predicted].name, ',');
    csv_number(out, p->confidence, ',');
    csv_text(out, e->classes[p->second].name, ',');
    csv_number(out, p->second_confidence, '\n');
}

void put_predictions(struct text *out, const struct evaluation *e,
                     const struct figures *f)
{
    (void)f;
    text_puts(out, PREDICTIONS_HEADER);
    for (int i = 0; i < e->picture_count; i++)
        put_prediction(out, e, &e->pictures[i]);
}

void put_mistakes(struct text *out, const struct evaluation *e,
                  const struct figures *f)
{
    int count, *list = evaluation_mistakes(e, &count);
    (void)f;
    text_puts(out, PREDICTIONS_HEADER);
    for (int i = 0; i < count; i++)
        put_prediction(out, e, &e->pictures[list[i]]);
    free(list);
}

void put_classes(struct text *out, const struct evaluation *e,
                 const struct figures *f)
{
    text_puts(out, CLASSES_HEADER);
    for (int i = 0; i < e->class_count; i++) {
        csv_text(out, e->classes[i].name, ',');
        csv_number(out, f->classes[i].precision, ',');
        csv_number(out, f->classes[i].recall, ',');
        csv_number(out, f->classes[i].f1, ',');
        csv_number(out, e->classes[i].average_precision, ',');
        csv_count(out, f->classes[i].pictures, '\n');
    }
}

void put_thresholds(struct text *out, const struct evaluation *e,
                    const struct figures *f)
{
    struct threshold list[THRESHOLDS];
    (void)f;
    thresholds_make(list, e);
    text_puts(out, THRESHOLDS_HEADER);
    for (int i = 0; i < THRESHOLDS; i++) {
        csv_number(out, list[i].threshold, ',');
        csv_number(out, list[i].answered, ',');
        csv_number(out, list[i].right, '\n');
    }
}

static const char *name_of(const struct evaluation *e, int class)
{
    return class < 0 ? OTHER_CLASSES : e->classes[class].name;
}

void put_confusion(struct text *out, const struct evaluation *e,
                   const struct figures *f)
{
    struct matrix m;
    matrix_make(&m, e, f, MATRIX_MOST);
    csv_text(out, CONFUSION_CORNER, ',');
    for (int i = 0; i < m.side; i++)
        csv_text(out, name_of(e, m.classes[i]), i + 1 < m.side ? ',' : '\n');
    for (int i = 0; i < m.side; i++) {
        csv_text(out, name_of(e, m.classes[i]), ',');
        for (int k = 0; k < m.side; k++)
            csv_count(out, matrix_count(&m, i, k), k + 1 < m.side ? ',' : '\n');
    }
    matrix_release(&m);
}

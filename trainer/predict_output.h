/*
 * What `predict` prints of a picture, in three forms.
 *
 * LINES: a line for each of the best classes: picture, class, probability.
 * JSON: an object a line, as the answers of services are:
 *   {"path", "items": [{"field", "confidence"}, ...],
 *    "pages": [{"page", "field", "confidence"}, ...], "error"}
 * CSV: a row a picture, below a header.
 */
#ifndef PRIMO_PREDICT_OUTPUT_H
#define PRIMO_PREDICT_OUTPUT_H

#include "core/basic/text.h"
#include "trainer/serve/page_sums.h"

enum predict_form { PREDICT_LINES, PREDICT_JSON, PREDICT_CSV };

struct predict_answer {
    const char *path;
    char *const *class_names;
    const float *probabilities; /* [classes] */
    const int *order;           /* the classes, best first */
    int top;                    /* how many of them are shown */
    const struct page_sums *pages;
    int first_page; /* the number of the first of them */
};

/* Append what comes before all answers. */
void predict_put_head(struct text *out, enum predict_form form);
void predict_put_answer(struct text *out, enum predict_form form,
                        const struct predict_answer *a);
/* Append that a picture can't be read; nothing among LINES. */
void predict_put_error(struct text *out, enum predict_form form,
                       const char *path, const char *sentence);

#endif

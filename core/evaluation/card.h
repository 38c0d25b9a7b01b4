/*
 * README.md of a model, its card: what it tells apart, how good it is, on what
 * it was trained, what it expects, how to run it. In Markdown, in the language
 * of the process. Pure functions; any thread.
 */
#ifndef PRIMO_CARD_H
#define PRIMO_CARD_H

#include "core/evaluation/reports.h"

/* What is known besides the evaluation; "" or 0 = that is left out: without a
 * dataset, on what the model was trained, without an image_size, how to run it.
 * The strings may have any bytes. */
struct card {
    const char *title;       /* "models/invoices/3" */
    const char *description; /* what its makers say of it */
    const char *evaluation;  /* what REPORT_CARD makes of it */
    const char *dataset, *base, *network, *precision;
    double finished; /* Unix seconds */
    long long images, epochs, image_size;
    double temperature;
};

/* Append the card. */
void card_put(struct text *out, const struct card *card);
/* Append a text as part of a line of Markdown: nothing in it has a meaning. */
void markdown_text(struct text *out, const char *s);

#endif

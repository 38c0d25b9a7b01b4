/*
 * The reports: files that are made of an evaluation, one row for each. They
 * know of nothing else, so that the daemon, which does not trust what a trainer
 * leaves, makes them of its numbers and names alone. Pure functions of their
 * arguments and of the language; any thread.
 */
#ifndef PRIMO_REPORTS_H
#define PRIMO_REPORTS_H

#include "core/evaluation/figures.h"

/* Most bytes of a report: of an evaluation of EVALUATION_BYTES. */
enum { REPORT_BYTES = 256 << 20 };

enum report_no {
    REPORT_PREDICTIONS,
    REPORT_CLASSES,
    REPORT_CONFUSION,
    REPORT_CONFUSION_SVG,
    REPORT_MISTAKES,
    REPORT_MISTAKES_HTML,
    REPORT_THRESHOLDS,
    REPORT_CARD,
    REPORTS,
};

struct report {
    const char *name;
    void (*put)(struct text *out, const struct evaluation *e,
                const struct figures *f);
    const char *header; /* of a table: its first line while there are no rows;
                           NULL = it is not there then */
};

/* That of REPORT_CARD makes the part of README.md that is about the evaluation
 * (card.h). */
extern const struct report reports[REPORTS];

#endif

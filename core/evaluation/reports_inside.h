/*
 * What makes each report; only the table of reports.c uses it.
 */
#ifndef PRIMO_REPORTS_INSIDE_H
#define PRIMO_REPORTS_INSIDE_H

#include "core/evaluation/reports.h"

typedef void put_report(struct text *out, const struct evaluation *e,
                        const struct figures *f);

put_report put_predictions;
put_report put_classes;
put_report put_confusion;
put_report put_confusion_svg;
put_report put_mistakes;
put_report put_mistakes_html;
put_report put_thresholds;
put_report put_card_part;

#define PREDICTIONS_HEADER                                                     \
    "path,truth,predicted,confidence,second,second_confidence\n"
#define THRESHOLDS_HEADER "threshold,answered,right\n"

#define CLASSES_HEADER                                                         \
    "class,precision,recall,f1,"                                               \
    "average_precision,pictures\n"

/* The corner of the table says what stands where. */
#define CONFUSION_CORNER "truth (rows) / predicted (columns)"

/* The row and column of all classes that have none of their own. */
#define OTHER_CLASSES "(others)"

#endif

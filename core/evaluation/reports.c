#include "core/evaluation/reports_inside.h"

const struct report reports[REPORTS] = {
    [REPORT_PREDICTIONS] = {"predictions.csv", put_predictions,
                            PREDICTIONS_HEADER},
    [REPORT_CLASSES] = {"classes.csv", put_classes, CLASSES_HEADER},
    [REPORT_CONFUSION] = {"confusion.csv", put_confusion,
                          CONFUSION_CORNER "\n"},
    [REPORT_CONFUSION_SVG] = {"confusion.svg", put_confusion_svg, NULL},
    [REPORT_MISTAKES] = {"mistakes.csv", put_mistakes, PREDICTIONS_HEADER},
    [REPORT_MISTAKES_HTML] = {"mistakes.html", put_mistakes_html, NULL},
    [REPORT_THRESHOLDS] = {"thresholds.csv", put_thresholds, THRESHOLDS_HEADER},
    [REPORT_CARD] = {"README.md", put_card_part, NULL},
};

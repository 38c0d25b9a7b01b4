/*
 * Publishing what a run has made, as a version of its template's model.
 */
#ifndef PRIMO_PUBLISH_H
#define PRIMO_PUBLISH_H

#include "core/launch/launcher.h"
#include "core/process/show.h"
#include "core/store/node.h"

/* Fetch what a succeeded run of the process made, then name it and turn the
 * process to succeeded in one transaction. A failure leaves no trace. It copies
 * and syncs tens of megabytes, which is why it is called by the thread that
 * watches the process; several processes may publish at once. */
int model_publish(struct primo *primo, const struct launch_target *target,
                  uint64_t process, uint64_t run, struct reason *why);

/* A text that a version keeps of its process. The table of rows, which knows
 * them, has the function: core/rows.c. */
struct version_text {
    enum tree_no number; /* its row; 0 = before the first */
    const char *name;
    show_fn *show;
};
/* Step to the next one; false = that was the last. */
bool version_text_next(struct version_text *text);

#endif

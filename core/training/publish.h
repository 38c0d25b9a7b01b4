/*
 * Publishing what a run has made, as a version of its template's model.
 */
#ifndef PRIMO_PUBLISH_H
#define PRIMO_PUBLISH_H

#include "core/launch/launcher.h"
#include "core/process/show.h"
#include "core/store/node.h"

/* Fetch what a successful run of the process made; then, in one transaction,
 * name it and set the process to `succeeded`; then remove the versions that the
 * run's key `keep` does not keep. A failure leaves no trace. This
 * copies and syncs tens of megabytes, which is why a thread of its own calls it
 * (watch.c); several processes may publish at once. Once *given_up is true it
 * ends as soon as it can, with ECANCELED. EBADMSG: a file is not what the
 * trainer has written, and a trainer can write it again. ENOSPC, EDQUOT, EIO, …
 */
int model_publish(struct primo *primo, const struct launch_target *target,
                  uint64_t process, uint64_t run, const _Atomic bool *given_up,
                  struct reason *why);

/* A text of the process that a version keeps. The rows of the tree say which
 * texts these are, so that the function is in core/rows.c. */
struct version_text {
    enum tree_no number; /* its row; 0 = before the first one */
    const char *name;
    show_fn *show;
};
/* Step to the next text; false = there is none. */
bool version_text_next(struct version_text *text);

#endif

/*
 * Publishing what a run has made, as a version of its template's model.
 */
#ifndef PRIMO_PUBLISH_H
#define PRIMO_PUBLISH_H

#include "core/launch/launcher.h"
#include "core/state/primo.h"

/* Fetch what a succeeded run made, then name it and turn the process to
 * succeeded in one transaction. A failure leaves no trace. Supervisor only. */
int model_publish(struct primo *primo, const struct launcher *launcher,
                  struct launch_site *site, uint64_t process,
                  struct reason *why);

#endif

/*
 * What users do with inference/NAME besides copying pictures into it. The rows
 * of the tree name these functions. Each changes the record and nothing else;
 * the supervisor of services (serve.h) sees to it that what the record says
 * becomes true. Rights were asked before. Any thread.
 */
#ifndef PRIMO_SERVING_ACTION_H
#define PRIMO_SERVING_ACTION_H

#include "core/state/primo.h"

/* mkdir inference/NAME: EINVAL where there is no such service. */
int serving_create(struct primo *primo, const struct caller *caller,
                   const char *name, uint64_t *id, struct reason *why);
/* rmdir inference/NAME: EBUSY while it is live, ENOTEMPTY while it has
 * requests. */
int serving_remove(struct primo *primo, const struct caller *caller,
                   uint64_t id, struct reason *why);
int serving_start(struct primo *primo, const struct caller *caller, uint64_t id,
                  const char *said, struct reason *why);
int serving_stop(struct primo *primo, const struct caller *caller, uint64_t id,
                 const char *said, struct reason *why);
int serving_set_enabled(struct primo *primo, const struct caller *caller,
                        uint64_t id, const char *word, struct reason *why);
/* Whether generated files may be hidden now. */
int serving_may_hide(struct primo *primo, uint64_t id, struct reason *why);
/* rmdir models/TEMPLATE/N: EBUSY while a live service answers with it. */
int serving_model_remove(struct primo *primo, const struct caller *caller,
                         uint64_t id, struct reason *why);

#endif

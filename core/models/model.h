/*
 * Models: what trainings make. models/TEMPLATE/N is an object whose id is the
 * run's; its files lie in STATE/models/ID and never change.
 */
#ifndef PRIMO_MODEL_H
#define PRIMO_MODEL_H

#include "core/state/primo.h"

/* Change */

/* Show again the files of models that were removed alone some seconds ago, and
 * tell of it in `events`. */
void model_files_return(struct primo *primo);
/* Whether a version may go, asked within the transaction that removes it: 0 or
 * the refusal. */
typedef int model_may_go(void *context, struct store_txn *txn,
                         const struct object *version, struct reason *why);
/* Remove models/TEMPLATE/N with its files; `what` is said in `events`. */
int model_remove(struct primo *primo, const struct caller *caller, uint64_t id,
                 model_may_go *may_go, void *context, const char *what,
                 struct reason *why);
/* Remove models/TEMPLATE; ENOTEMPTY while there is a version. */
int model_family_remove(struct primo *primo, const struct caller *caller,
                        uint64_t id, struct reason *why);
/* Remove the bodies that no object names. */
void model_sweep(struct primo *primo);

/* Read */

/* Open a file of a version for reading. Returns a descriptor or -errno. */
int model_file_open(const struct primo *primo, uint64_t id, const char *name,
                    struct reason *why);
/* The size of a file of a version in bytes, or -ENOENT. */
int64_t model_file_size(const struct primo *primo, uint64_t id,
                        const char *name);

#endif

/*
 * The text of a service, services/NAME, as inference/NAME uses it: it is read
 * whenever something is done by it, so that what is saved counts at once. Any
 * thread.
 */
#ifndef PRIMO_SERVICE_H
#define PRIMO_SERVICE_H

#include "core/settings/settings.h"
#include "core/state/primo.h"

/* EINVAL: there is no service of this name. *out was initialised. */
int service_load(struct store_txn *txn, const char *name, struct settings *out,
                 struct reason *why);
/* That of inference/NAME, which has this id, in a transaction of its own. */
int service_read(struct primo *primo, uint64_t serving, struct settings *out,
                 struct reason *why);

#endif

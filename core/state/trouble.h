/*
 * Trouble that no request can be told of: it is filed in `errors` as a refusal
 * of the mount's owner's, and goes to the system's log. Any thread.
 */
#ifndef PRIMO_TROUBLE_H
#define PRIMO_TROUBLE_H

#include "core/state/primo.h"

/* Report a trouble. `what` is the file or folder that it is about. */
void trouble_tell(struct primo *primo, const char *what,
                  const struct reason *why);

#endif

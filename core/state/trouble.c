#include "core/state/trouble.h"

#include <syslog.h>

void trouble_tell(struct primo *primo, const char *what,
                  const struct reason *why)
{
    refusals_add(&primo->refusals, primo->owner, what, why);
    syslog(LOG_DAEMON | LOG_ERR, "%s: %s", what, why->sentence);
}

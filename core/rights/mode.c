#include "core/rights/mode.h"

#include <errno.h>

bool mode_is_owner(const struct roles *r, const struct caller *caller,
                   const struct object *o)
{
    return caller->uid == o->uid || is_administrator(r, caller);
}

/* Whether the caller's class (owner, group or others) may read. The user who
 * mounted counts as the owner. */
static bool class_reads(const struct roles *r, const struct caller *caller,
                        const struct object *o)
{
    bool group = o->mode & 040, others = o->mode & 04;
    if (mode_is_owner(r, caller, o))
        return o->mode & 0400;
    if (group == others)
        return group;
    struct groups groups = GROUPS_INIT;
    groups_find(&groups, caller);
    bool member = groups_have(&groups, o->gid);
    groups_release(&groups);
    return member ? group : others;
}

/* Tools give `w` to the owner alone as a rule, so it cannot say who may write,
 * which the roles do: it says whether anybody may. */
int mode_may(const struct roles *r, const struct caller *caller,
             const struct object *o, bool reads, bool writes,
             struct reason *why)
{
    if (caller->uid == 0 || ((!writes || (o->mode & 0200)) &&
                             ((!reads && mode_is_owner(r, caller, o)) ||
                              class_reads(r, caller, o))))
        return 0;
    return refuse(why, EACCES, "the mode of the file, %03o, does not allow it",
                  o->mode);
}

int mode_may_replace(const struct roles *r, const struct caller *caller,
                     const struct object *o, struct reason *why)
{
    return mode_is_owner(r, caller, o)
               ? 0
               : mode_may(r, caller, o, false, true, why);
}

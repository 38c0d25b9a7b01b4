#include "core/rights/mode.h"

#include <errno.h>

bool mode_is_owner(const struct roles *r, const struct caller *caller,
                   const struct object *o)
{
    return caller->uid == o->uid || is_administrator(r, caller);
}

/* Whether the caller's class (owner, group or others) may read. The user who
 * mounted counts as the owner. Returns 1, 0, or -EAGAIN where his groups cannot
 * be looked up. */
static int class_reads(const struct roles *r, const struct caller *caller,
                       const struct object *o)
{
    bool group = o->mode & 040, others = o->mode & 04;
    if (mode_is_owner(r, caller, o))
        return (o->mode & 0400) != 0;
    if (group == others)
        return group;
    struct groups groups = GROUPS_INIT;
    int found = groups_find(&groups, caller);
    bool member = groups_have(&groups, o->gid);
    groups_release(&groups);
    return member ? group : found < 0 ? found : others;
}

/* Tools give `w` to the owner alone as a rule, so it cannot say who may write,
 * which the roles do: it says whether anybody may. */
int mode_may(const struct roles *r, const struct caller *caller,
             const struct object *o, bool reads, bool writes,
             struct reason *why)
{
    bool asks = reads || !mode_is_owner(r, caller, o);
    if (caller->uid == 0)
        return 0;
    int may = writes && !(o->mode & 0200) ? 0
              : asks                      ? class_reads(r, caller, o)
                                          : 1;
    if (may < 0)
        return roles_refuse_unknown(caller, why);
    if (may)
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

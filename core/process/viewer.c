#include "core/process/viewer.h"

#include "core/rights/mode.h"
#include "core/state/builtin.h"

static const enum key lines[] = {KEY_TEMPLATES, KEY_TYPES, KEY_BASES,
                                 KEY_MODELS};

void viewer_init(struct viewer *v, struct primo *primo,
                 const struct caller *caller)
{
    bool all = is_administrator(&primo->roles, caller);
    *v = (struct viewer){.primo = primo, .caller = caller};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        v->views[lines[i]] = all || roles_allow(&primo->roles, caller, lines[i],
                                                1u << RIGHT_VIEW);
        v->creates[lines[i]] = all || roles_allow(&primo->roles, caller,
                                                  lines[i], 1u << RIGHT_CREATE);
    }
}

int viewer_may(const struct viewer *v, enum key line, const char *called,
               const struct object *o, struct reason *why)
{
    struct roles *roles = &v->primo->roles;
    bool may = v->views[line] || object_is_builtin(o->kind, o->name) ||
               (v->creates[line] && o->uid == v->caller->uid);
    int err = may ? mode_may(roles, v->caller, o, true, false, why)
                  : roles_refuse(roles, v->caller, line, RIGHT_VIEW, why);
    if (err)
        reason_prefix(why, "the training would read '%s': ", called);
    return err;
}

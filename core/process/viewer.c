#include "core/process/viewer.h"

#include "core/rights/mode.h"
#include "core/state/builtin.h"

#include <errno.h>
#include <string.h>

static const enum key lines[] = {KEY_TEMPLATES, KEY_TYPES, KEY_BASES,
                                 KEY_MODELS};

static bool has(struct viewer *v, enum key line, enum right right)
{
    int err = roles_judge(&v->primo->roles, v->caller, line, right, NULL);
    v->unknown |= err == -EAGAIN;
    return err == 0;
}

void viewer_init(struct viewer *v, struct primo *primo,
                 const struct caller *caller, const char *said)
{
    *v = (struct viewer){.primo = primo, .caller = caller, .said = said};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        v->views[lines[i]] = has(v, lines[i], RIGHT_VIEW);
        v->creates[lines[i]] = has(v, lines[i], RIGHT_CREATE);
    }
}

int viewer_may(const struct viewer *v, enum key line, const char *called,
               const struct object *o, struct reason *why)
{
    struct roles *roles = &v->primo->roles;
    bool may = v->views[line] || object_is_builtin(o->kind, o->name) ||
               (v->creates[line] && o->uid == v->caller->uid);
    int err = may ? mode_may(roles, v->caller, o, true, false, why)
              : v->unknown
                  ? roles_refuse_unknown(v->caller, why)
                  : roles_refuse(roles, v->caller, line, RIGHT_VIEW, why);
    if (err)
        reason_prefix(why, "the training would read '%s': ", called);
    return err;
}

static int refuse_lending(const char *called, const struct object *o,
                          const char *dataset, struct reason *why)
{
    struct text writer = TEXT_INIT;
    user_name(&writer, o->writer);
    int err = refuse(why, EACCES,
                     "'%s' was last written by %s, and the training would read "
                     "the dataset '%s' with your rights; to confirm it, write "
                     "this path into start",
                     called, text_string(&writer), dataset);
    text_release(&writer);
    return err;
}

int viewer_lends(const struct viewer *v, const char *called,
                 const struct object *o, const char *dataset,
                 struct reason *why)
{
    const struct caller writer = {.uid = o->writer};
    if (!strcmp(v->said, dataset))
        return 0;
    if (*v->said == '/')
        return refuse(why, EINVAL, "'%s' has the dataset '%s', not '%s'",
                      called, dataset, v->said);
    if (o->writer == v->caller->uid ||
        is_administrator(&v->primo->roles, &writer))
        return 0;
    return refuse_lending(called, o, dataset, why);
}

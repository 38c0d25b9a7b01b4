#include "core/inbox/replica.h"

#include "core/store/record.h"

#include <stddef.h>
#include <string.h>

#define ROW(f, kind) FIELD(struct replica, f, kind)
static const struct field fields[] = {
    ROW(machine, FIELD_STRING), ROW(launcher, FIELD_STRING),
    ROW(run, FIELD_COUNT),      ROW(segment, FIELD_COUNT),
    ROW(offset, FIELD_COUNT),   ROW(told, FIELD_COUNT),
    ROW(loaded, FIELD_BOOL),    ROW(losses, FIELD_COUNT),
    ROW(answers, FIELD_COUNT),  ROW(away, FIELD_BOOL),
    ROW(fault, FIELD_STRING),
};
#undef ROW
static const struct record_form form = {fields, sizeof fields / sizeof *fields};

void replica_print(const struct replica *r, struct text *out)
{
    text_printf(out, "state=%s\n", status_name(r->status));
    record_print(&form, r, out);
}

bool replica_take(struct replica *r, const char *key, const char *value,
                  int *next)
{
    if (!strcmp(key, "state"))
        return status_from_name(value, &r->status);
    return record_take(&form, r, key, value, next);
}

#include "core/inbox/list.h"

#include "core/inbox/request.h"
#include "core/store/garbage.h"
#include "core/store/record.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { GROUP_DIGITS = 12 }; /* of one, its comma and a NUL */

#define ROW(f, kind) FIELD(struct list, f, kind)
static const struct field fields[] = {
    ROW(revision, FIELD_COUNT),    ROW(run, FIELD_COUNT),
    ROW(segment, FIELD_COUNT),     ROW(offset, FIELD_COUNT),
    ROW(told, FIELD_COUNT),        ROW(model, FIELD_COUNT),
    ROW(called, FIELD_STRING),     ROW(began, FIELD_TIME),
    ROW(changed, FIELD_TIME),      ROW(planned, FIELD_BOOL),
    ROW(pictures, FIELD_COUNT),    ROW(lines, FIELD_COUNT),
    ROW(sha256, FIELD_STRING),     ROW(rows, FIELD_COUNT),
    ROW(ok, FIELD_COUNT),          ROW(check, FIELD_COUNT),
    ROW(unknown, FIELD_COUNT),     ROW(errors, FIELD_COUNT),
    ROW(labelled, FIELD_COUNT),    ROW(right, FIELD_COUNT),
    ROW(alone_until, FIELD_COUNT), ROW(suspect, FIELD_COUNT),
    ROW(losses, FIELD_COUNT),
};
#undef ROW
static const struct record_form form = {fields, sizeof fields / sizeof *fields};

/* Read */

int list_load(struct store_txn *txn, uint64_t request, struct list *out)
{
    struct text t = TEXT_INIT;
    *out = (struct list){0};
    int err = blob_get(txn, request, REQUEST_LIST, &t);
    if (err == 0 && !record_parse(&form, out, text_string(&t)))
        err = -EIO;
    text_release(&t);
    return err == -ENOENT ? 0 : err;
}

struct stream list_rows(const struct list *l)
{
    return (struct stream){l->run, 'w'};
}

bool list_may_become(const char *name)
{
    return strstr(name, ".list") || request_is_passing(name);
}

int list_writer_parse(const char *writer, uid_t uid, struct list_writer *out,
                      struct reason *why)
{
    unsigned written, gid;
    int end = 0;
    *out = (struct list_writer){.groups = TEXT_INIT};
    if (sscanf(writer, "%u %u %n", &written, &gid, &end) != 2 || !end ||
        written != uid)
        return refuse(why, EPERM,
                      "it is not known who wrote the list; write it again "
                      "under a name that ends in .list");
    out->uid = written;
    out->gid = gid;
    text_puts(&out->groups, writer + end);
    return 0;
}

/* Change */

int list_save(struct store_txn *txn, uint64_t request, const struct list *l,
              struct reason *why)
{
    struct text t = TEXT_INIT;
    record_print(&form, l, &t);
    int err = blob_put(txn, request, REQUEST_LIST, t.data, t.size, why);
    text_release(&t);
    return err;
}

/* Where there are very many groups, some are left out, which can only take
 * rights away. */
void list_writer_print(struct text *out, const struct caller *caller)
{
    struct groups groups = GROUPS_INIT;
    size_t most = sizeof((struct request *)0)->writer - GROUP_DIGITS;
    groups_find(&groups, caller);
    text_printf(out, "%u %u ", (unsigned)caller->uid, (unsigned)caller->gid);
    for (size_t i = 0; i < groups.count && out->size < most; i++)
        text_printf(out, "%s%u", i ? "," : "", (unsigned)groups.list[i]);
    groups_release(&groups);
}

int list_leave_work(struct store_txn *txn, struct serving *s,
                    const struct list *l, struct reason *why)
{
    if (!l->run || s->list_run != l->run)
        return 0;
    s->list = s->list_run = s->list_model = 0;
    *s->list_machine = 0;
    return garbage_note(txn, GARBAGE_RUNS, l->run, why);
}

static int leave_and_save(struct store_txn *txn, uint64_t service,
                          const struct list *l, struct reason *why)
{
    struct serving s;
    int err = serving_load(txn, service, &s, why);
    if (err || s.list_run != l->run)
        return err;
    err = list_leave_work(txn, &s, l, why);
    return err ? err : serving_save(txn, &s, why);
}

int list_drop(struct store_txn *txn, uint64_t service, uint64_t request,
              struct reason *why)
{
    struct list l;
    int err = list_load(txn, request, &l);
    if (err || !l.run)
        return err ? refuse(why, -err, "the list cannot be read") : 0;
    err = leave_and_save(txn, service, &l, why);
    if (err == 0)
        err = stream_drop(txn, list_rows(&l), why);
    l = (struct list){0};
    return err ? err : list_save(txn, request, &l, why);
}

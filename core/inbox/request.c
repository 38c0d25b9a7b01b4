#include "core/inbox/request.h"

#include "core/basic/name.h"
#include "core/store/record.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define ROW(f, kind) FIELD(struct request, f, kind)
static const struct field fields[] = {
    ROW(revision, FIELD_COUNT), ROW(waits, FIELD_BOOL),
    ROW(answered, FIELD_BOOL),  ROW(completed, FIELD_TIME),
    ROW(due, FIELD_TIME),       ROW(ended, FIELD_TIME),
    ROW(expires, FIELD_TIME),   ROW(sorted, FIELD_COUNT),
    ROW(partial, FIELD_BOOL),   ROW(gone, FIELD_BOOL),
    ROW(writer, FIELD_STRING),
};
#undef ROW
static const struct record_form form = {fields, sizeof fields / sizeof *fields};

bool request_is_passing(const char *name)
{
    static const char *const ends[] = {".part", ".partial", ".filepart", ".tmp",
                                       ".crdownload"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t end = strlen(ends[i]);
        if (n > end && !strcmp(name + n - end, ends[i]))
            return true;
    }
    return name_is_scratch(name);
}

bool request_is_list(const char *name)
{
    size_t n = strlen(name);
    return n > strlen(".list") && !strcmp(name + n - strlen(".list"), ".list");
}

/* Read */

int request_decode(const struct object *o, struct request *out)
{
    *out = (struct request){0};
    return record_parse(&form, out, text_string(&o->body)) ? 0 : -EIO;
}

int request_load(struct store_txn *txn, uint64_t id, struct object *o,
                 struct request *out)
{
    int err = object_get(txn, id, o);
    if (err == 0 && o->kind != OBJECT_REQUEST)
        err = -ENOENT;
    return err ? err : request_decode(o, out);
}

/* The key "waiting/SERVICE REVISION", of lists "waitlist SERVICE REVISION"; its
 * value is the request. */
static struct store_key waiting_key(bool list, uint64_t service,
                                    uint64_t revision)
{
    struct store_key key = {0};
    key_bytes(&key, list ? "waitlist" : "waiting/", 8);
    key_u64(&key, service);
    key_u64(&key, revision);
    return key;
}

static int waiting_next(struct store_txn *txn, bool list, uint64_t service,
                        uint64_t *after, uint64_t *request)
{
    struct store_key key = waiting_key(list, service, *after);
    struct store_view v;
    int err = store_next(txn, STORE_META, &key, 16, false, &v);
    if (err)
        return err;
    *after = key_read_u64(&key, 16);
    if (v.size != sizeof *request)
        return -EIO;
    memcpy(request, v.data, sizeof *request);
    return 0;
}

int request_waiting(struct store_txn *txn, uint64_t service, uint64_t *after,
                    uint64_t *request)
{
    return waiting_next(txn, false, service, after, request);
}

int request_list_waiting(struct store_txn *txn, uint64_t service,
                         uint64_t *after, uint64_t *request)
{
    return waiting_next(txn, true, service, after, request);
}

int request_waiting_any(struct store_txn *txn, uint64_t service, bool *lists,
                        uint64_t *after, uint64_t *request)
{
    int err = waiting_next(txn, *lists, service, after, request);
    if (err != -ENOENT || *lists)
        return err;
    *lists = true;
    *after = 0;
    return waiting_next(txn, true, service, after, request);
}

uint64_t request_count_waiting(struct store_txn *txn, uint64_t service)
{
    uint64_t after = 0, request, count = 0;
    bool lists = false;
    while (request_waiting_any(txn, service, &lists, &after, &request) == 0)
        count++;
    return count;
}

/* Change */

void request_encode(const struct request *r, struct object *o)
{
    text_clear(&o->body);
    record_print(&form, r, &o->body);
}

int request_wait(struct store_txn *txn, const struct object *o,
                 uint64_t revision, struct reason *why)
{
    struct store_key key =
        waiting_key(request_is_list(o->name), o->parent, revision);
    return store_put(txn, STORE_META, &key, &o->id, sizeof o->id, why);
}

int request_wait_end(struct store_txn *txn, const struct object *o,
                     uint64_t revision, struct reason *why)
{
    struct store_key key =
        waiting_key(request_is_list(o->name), o->parent, revision);
    return store_delete(txn, STORE_META, &key, why);
}

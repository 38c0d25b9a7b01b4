#include "core/serve/intake.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/basic/name.h"
#include "core/inbox/answer.h"
#include "core/inbox/list.h"
#include "core/inbox/spool.h"
#include "core/serve/serve.h"
#include "core/serve/service.h"
#include "core/settings/picture_formats.h"
#include "core/settings/picture_mime.h"
#include "core/store/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Names */

enum { NAME_MOST = 250 }; /* out/ has names that are longer by ".json" */

/* Unlike those of templates, the names of pictures come from anywhere. */
static int name_judge(const char *name, struct reason *why)
{
    size_t n = strlen(name);
    if (n > NAME_MOST)
        return refuse(why, ENAMETOOLONG,
                      "the name of a request must have at most %d bytes",
                      NAME_MOST);
    if (utf8_valid(name, n) < n)
        return refuse(why, EINVAL, "the name of a request must be UTF-8");
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return refuse(why, EINVAL,
                          "the name of a request must have no control "
                          "characters");
    return 0;
}

static bool has_extension(const struct settings *service, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *words = settings_get(service, KEY_SERVICE_EXTENSIONS);
    size_t n = dot ? strlen(dot + 1) : 0;
    for (size_t size; n && (size = member_next(&words)) > 0; words += size)
        if (size == n && !strncasecmp(words, dot + 1, n))
            return true;
    return false;
}

/* A refusal that lists the words which would do; `format` has one %s. */
static int refuse_words(struct reason *why, const char *format,
                        const char *words)
{
    struct text list = TEXT_INIT;
    text_put_words(&list, words, _(" and "));
    int err = refuse(why, EINVAL, format, text_string(&list));
    text_release(&list);
    return err;
}

/* A list is text: its lines are judged when it is answered. */
static int judge_list(const void *head, size_t size, const char **code,
                      struct reason *why)
{
    *code = "no_list";
    return !*picture_mime(head, size) && !memchr(head, 0, size)
               ? 0
               : refuse(why, EINVAL,
                        "the file is not a list: a list is text and has one "
                        "absolute path a line");
}

static int judge(const struct settings *service, const char *name,
                 const void *head, size_t size, const char **code,
                 struct reason *why)
{
    if (request_is_list(name))
        return judge_list(head, size, code, why);
    if (!has_extension(service, name)) {
        *code = "extension";
        return refuse_words(
            why,
            N_("its name has another extension than those of this "
               "service: %s"),
            settings_get(service, KEY_SERVICE_EXTENSIONS));
    }
    if (!*picture_mime(head, size)) {
        *code = "no_picture";
        return refuse_words(why, N_("the file is not a picture: %s are read"),
                            PICTURE_NAMES);
    }
    return 0;
}

int intake_judge(struct primo *primo, uint64_t service, const char *name,
                 const void *head, size_t size, const char **code,
                 struct reason *why)
{
    struct settings s;
    const char *word;
    settings_init(&s);
    int err = service_read(primo, service, &s, why);
    if (err == 0)
        err = judge(&s, name, head, size, code ? code : &word, why);
    settings_release(&s);
    return err;
}

/* Create */

static int takes_requests(struct primo *primo, uint64_t service,
                          struct reason *why)
{
    struct settings text;
    struct serving s;
    settings_init(&text);
    int err = serving_read(primo->store, service, &s, why);
    if (err == 0 && !s.enabled)
        err = refuse(why, EBUSY,
                     "the service takes no requests; echo yes > "
                     "inference/%s/enabled",
                     s.service);
    if (err == 0 && service_read(primo, service, &text, NULL) == 0 &&
        !strcmp(settings_get(&text, KEY_SERVICE_ENABLED), "no"))
        err = refuse(why, EBUSY,
                     "the service takes no requests (enabled = no in "
                     "services/%s)",
                     s.service);
    settings_release(&text);
    return err;
}

/* Forgets a request that has only an answer left, whose name is wanted. */
static int gone_forget(struct primo *primo, const struct object *o,
                       struct reason *why)
{
    struct request r;
    if (o->scratch || request_decode(o, &r) || !r.gone)
        return refuse(why, EEXIST, "'%s' exists", o->name);
    return intake_unlink(primo, o->id, why);
}

static int name_free(struct primo *primo, uint64_t service, const char *name,
                     struct reason *why)
{
    struct object old = OBJECT_INIT;
    int err = object_search(primo, service, name, &old);
    if (err == 0)
        err = gone_forget(primo, &old, why);
    else if (err == -ENOENT)
        err = 0;
    object_release(&old);
    return err;
}

static struct object object_new(const struct caller *caller, uint64_t service,
                                uint64_t id, const char *name, uint32_t mode)
{
    struct object o = {.id = id,
                       .parent = service,
                       .kind = OBJECT_REQUEST,
                       .mode = (mode & 0777) | 0200,
                       .uid = caller->uid,
                       .gid = caller->gid,
                       .writer = caller->uid};
    const struct request r = {0};
    snprintf(o.name, sizeof o.name, "%s", name);
    o.atime = o.mtime = o.ctime = clock_ns();
    request_encode(&r, &o);
    return o;
}

int intake_create(struct primo *primo, const struct caller *caller,
                  uint64_t service, const char *name, uint32_t mode,
                  uint64_t *request, struct reason *why)
{
    struct object other = OBJECT_INIT;
    int err = name_judge(name, why);
    if (err == 0)
        err = takes_requests(primo, service, why);
    if (err == 0)
        err = name_free(primo, service, name, why);
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, request, why);
    if (err)
        return err;
    struct object o = object_new(caller, service, *request, name, mode);
    struct serving s;
    pthread_mutex_lock(&primo->names);
    err = serving_read(primo->store, service, &s, why); /* it may be gone now */
    if (err == 0 && object_search(primo, service, name, &other) == 0)
        err = refuse(why, EEXIST, "'%s' exists", name);
    if (err == 0)
        err = scratch_put(&primo->scratch, &o, why);
    pthread_mutex_unlock(&primo->names);
    object_release(&other);
    object_release(&o);
    return err;
}

/* Close */

/* A request on its way through commit.h. */
struct taking {
    const struct closing *closing;
    struct object o; /* as it will be; its body is encoded when it is written */
    uint64_t old;    /* bytes that it had before, 0 = none */
    bool becomes;    /* it becomes a request */
    bool refused;    /* and is answered at once, as it is no picture */
    unsigned char head[PICTURE_MIME_BYTES];
    size_t head_size;
};

static size_t head_read(struct primo *primo, const struct object *o,
                        unsigned char *head)
{
    int fd = o->number ? spool_open(primo, o->id, o->number, NULL) : -1;
    ssize_t n = fd < 0 ? 0 : pread(fd, head, PICTURE_MIME_BYTES, 0);
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* What this close makes of the file, whose record is *r so far. */
static void taking_decide(struct taking *t, struct request *r)
{
    const struct closing *closing = t->closing;
    t->becomes = closing->complete && t->o.number &&
                 !request_is_passing(t->o.name) &&
                 (closing->wrote || r->partial);
    r->partial =
        t->o.number && !closing->complete && (closing->wrote || r->partial);
    t->head_size = head_read(closing->primo, &t->o, t->head);
}

static int taking_judge(struct commit *c, bool *due, struct reason *why)
{
    struct taking *t = c->context;
    const struct closing *closing = t->closing;
    struct primo *primo = closing->primo;
    struct request r;
    int err = object_load(primo, closing->request, &t->o);
    if (err)
        return err;
    if (request_decode(&t->o, &r))
        return refuse(why, EIO, "the request cannot be read");
    if (closing->wrote) {
        t->old = t->o.number != closing->body ? t->o.number : 0;
        t->o.number = closing->body;
        t->o.mtime = __atomic_load_n(closing->mtime, __ATOMIC_RELAXED);
        t->o.writer = closing->caller->uid;
        snprintf(r.writer, sizeof r.writer, "%s", closing->writer);
        t->o.ctime = clock_ns();
    }
    taking_decide(t, &r);
    request_encode(&r, &t->o);
    *due = !t->o.scratch || closing->durable ||
           (closing->complete && !request_is_passing(t->o.name));
    return *due ? 0 : scratch_put(&primo->scratch, &t->o, why);
}

/* The new revision: it waits for an answer. */
static int revise(struct taking *t, struct serving *s, struct request *r,
                  struct store_txn *txn, const struct settings *service,
                  struct reason *why)
{
    double settle = 0;
    int err = r->waits ? request_wait_end(txn, &t->o, r->revision, why) : 0;
    param_span(settings_get(service, KEY_SERVICE_SETTLE), &settle);
    r->revision = ++s->revisions;
    r->waits = true;
    r->completed = unix_now();
    r->due = r->completed + settle;
    r->expires = 0;
    return err ? err : request_wait(txn, &t->o, r->revision, why);
}

/* A file that is no picture is answered at once, and its writer is told, too.
 */
static int refuse_request(struct taking *t, struct serving *s,
                          const struct request *r, struct store_txn *txn,
                          const struct settings *service, struct reason *why)
{
    struct reason fault = REASON_INIT;
    const char *code;
    bool taken;
    if (judge(service, t->o.name, t->head, t->head_size, &code, &fault) == 0)
        return 0;
    struct answer a = {.request = t->o.id, .revision = r->revision};
    int64_t size = spool_size(t->closing->primo, t->o.id, t->o.number);
    struct answering answering = {.primo = t->closing->primo,
                                  .txn = txn,
                                  .serving = s,
                                  .service = service};
    a.bytes = size > 0 ? (uint64_t)size : 0;
    strcpy(a.code, code);
    snprintf(a.error, sizeof a.error, "%s", fault.sentence);
    t->refused = true;
    return answer_take(&answering, &a, &taken, why);
}

/* What is known of the request may have changed since it was judged: an answer
 * may have come, and a close that shares the transaction may have given it
 * other bytes. */
static void taking_renew(struct taking *t, const struct object *now,
                         struct request *stored, struct request *r)
{
    if (t->closing->wrote) {
        t->old = now->number != t->closing->body ? now->number : 0;
        stored->partial = r->partial;
        memcpy(stored->writer, r->writer, sizeof r->writer);
    } else {
        t->o.number = now->number;
        t->o.mtime = now->mtime;
        t->o.writer = now->writer;
        taking_decide(t, stored);
    }
    *r = *stored;
}

static int taking_put(struct taking *t, struct store_txn *txn,
                      struct serving *s, const struct settings *service,
                      struct reason *why)
{
    struct object now = OBJECT_INIT;
    struct request r, stored;
    int err = request_decode(&t->o, &r);
    if (err == 0 && request_load(txn, t->o.id, &now, &stored) == 0)
        taking_renew(t, &now, &stored, &r);
    object_release(&now);
    /* what waits must not be answered by bytes that are none, or not whole */
    if (err == 0 && r.waits &&
        (!t->o.number || (t->closing->wrote && r.partial))) {
        err = request_wait_end(txn, &t->o, r.revision, why);
        r.waits = false;
    }
    if (err == 0 && t->becomes)
        err = revise(t, s, &r, txn, service, why);
    request_encode(&r, &t->o);
    if (err == 0)
        err = object_put(txn, &t->o, why);
    return err || !t->becomes ? err
                              : refuse_request(t, s, &r, txn, service, why);
}

static int taking_write(struct commit *c, struct store_txn *txn,
                        struct reason *why)
{
    struct taking *t = c->context;
    struct serving s;
    struct settings service;
    settings_init(&service);
    int err = serving_load(txn, t->o.parent, &s, why);
    if (err == 0)
        err = service_load(txn, s.service, &service, why);
    if (err == 0)
        err = taking_put(t, txn, &s, &service, why);
    if (err == 0)
        err = serving_save(txn, &s, why);
    settings_release(&service);
    return err;
}

static void taking_done(struct commit *c)
{
    struct taking *t = c->context;
    struct primo *primo = t->closing->primo;
    if (t->o.scratch)
        scratch_drop(&primo->scratch, t->o.id);
    if (t->old && !handles_keep(&primo->handles, t->o.id, t->old))
        spool_remove(primo, t->o.id, t->old);
    serve_wake(primo->serve, t->o.parent, t->o.id);
    if (request_is_list(t->o.name))
        serve_wake_lists(primo->serve);
    if (t->refused)
        serve_answered(primo->serve, t->o.id);
}

int intake_close(const struct closing *closing, struct reason *why)
{
    struct taking t = {.closing = closing};
    struct commit commit = {.judge = taking_judge,
                            .write = taking_write,
                            .done = taking_done,
                            .context = &t};
    int err =
        closing->wrote && closing->body &&
                (closing->complete || closing->durable)
            ? spool_sync(closing->primo, closing->request, closing->body, why)
            : 0;
    if (err == 0)
        err = commit_run(&closing->primo->commits, &commit, why);
    object_release(&t.o);
    return err;
}

/* Remove and rename */

static int drop_stored(struct store_txn *txn, uint64_t id, struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request r;
    int err = request_load(txn, id, &o, &r);
    if (err == 0 && r.waits)
        err = request_wait_end(txn, &o, r.revision, why);
    if (err == 0)
        err = answer_unsort(txn, &r, why);
    if (err == 0)
        err = list_drop(txn, o.parent, id, why);
    if (err == 0)
        err = blob_drop_all(txn, id, why);
    if (err == 0)
        err = object_drop(txn, &o, why);
    object_release(&o);
    return err;
}

static int drop_once(struct primo *primo, uint64_t id, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    return err ? err : store_end(txn, drop_stored(txn, id, why), why);
}

int intake_unlink(struct primo *primo, uint64_t request, struct reason *why)
{
    struct object o = OBJECT_INIT;
    pthread_mutex_lock(&primo->change);
    int err = object_load(primo, request, &o);
    if (err == 0 && o.scratch)
        scratch_drop(&primo->scratch, request);
    else if (err == 0)
        err = drop_once(primo, request, why);
    if (store_makes_room(primo->store, err))
        err = drop_once(primo, request, why);
    pthread_mutex_unlock(&primo->change);
    if (err == 0 && o.number)
        spool_remove(primo, request, o.number);
    if (err == 0)
        serve_wake(primo->serve, o.parent, request);
    object_release(&o);
    return err;
}

/* Gives a durable request another name. The file that has it now goes. */
static int move_stored(struct primo *primo, const struct object *o,
                       const char *name, uint64_t to, struct reason *why)
{
    struct object moved = OBJECT_INIT;
    struct request r;
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = request_load(txn, o->id, &moved, &r);
    if (err == 0 && to)
        err = drop_stored(txn, to, why);
    err = err == -ENOENT ? 0 : err; /* it was in memory only */
    if (err == 0)
        err = list_drop(txn, moved.parent, moved.id, why);
    if (err == 0)
        err = answer_unsort(txn, &r, why);
    if (err == 0 && r.waits)
        err = request_wait_end(txn, &moved, r.revision, why);
    r.partial = true; /* closing it makes it a request */
    r.waits = false;
    snprintf(moved.name, sizeof moved.name, "%s", name);
    moved.ctime = clock_ns();
    request_encode(&r, &moved);
    if (err == 0)
        err = object_put(txn, &moved, why);
    object_release(&moved);
    return store_end(txn, err, why);
}

/* Stores a file that was in memory only in place of a durable one, so that a
 * crash leaves either of them. */
static int replace_stored(struct primo *primo, const struct object *o,
                          uint64_t to, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = drop_stored(txn, to, why);
    if (err == 0)
        err = object_put(txn, o, why);
    err = store_end(txn, err, why);
    if (err == 0)
        scratch_drop(&primo->scratch, o->id);
    return err;
}

static int move_scratch(struct primo *primo, struct object *o, const char *name,
                        uint64_t to, struct reason *why)
{
    struct request r;
    int err = request_decode(o, &r);
    r.partial = true;
    request_encode(&r, o);
    snprintf(o->name, sizeof o->name, "%s", name);
    o->ctime = clock_ns();
    if (err == 0 && to)
        err = replace_stored(primo, o, to, why);
    else if (err == 0)
        err = -ENOENT;
    return err == -ENOENT ? scratch_put(&primo->scratch, o, why) : err;
}

static int move(struct primo *primo, uint64_t request, const char *name,
                uint64_t to, uint64_t *replaced, struct reason *why)
{
    struct object o = OBJECT_INIT, old = OBJECT_INIT;
    int err = object_load(primo, request, &o);
    *replaced = 0;
    if (err == 0 && to && object_load(primo, to, &old) == 0)
        *replaced = old.number;
    if (err == 0)
        err = o.scratch ? move_scratch(primo, &o, name, to, why)
                        : move_stored(primo, &o, name, to, why);
    if (err == 0 && to && old.scratch)
        scratch_drop(&primo->scratch, to);
    object_release(&o);
    object_release(&old);
    return err;
}

int intake_rename(struct primo *primo, uint64_t request, const char *name,
                  uint64_t to, struct reason *why)
{
    uint64_t replaced;
    int err = name_judge(name, why);
    if (err)
        return err;
    /* The bytes should be there: a crash must not leave an empty file where
     * there was another one. */
    handles_settle_all(&primo->handles, request);
    pthread_mutex_lock(&primo->change);
    pthread_mutex_lock(&primo->names);
    err = move(primo, request, name, to, &replaced, why);
    pthread_mutex_unlock(&primo->names);
    pthread_mutex_unlock(&primo->change);
    if (err)
        return err;
    if (replaced)
        spool_remove(primo, to, replaced);
    /* A close under way may have been judged by the old name, and completes
     * nothing; one that begins now knows the new one. */
    handles_settle(&primo->handles, request);
    const struct closing closing = {
        .primo = primo,
        .request = request,
        .complete = !handles_write(&primo->handles, request)};
    return intake_close(&closing, why);
}

/* Walks */

/* Does something to a request of the service; false ends the walk. */
typedef bool (*request_do)(struct primo *primo, uint64_t request);
typedef bool (*request_is)(const struct object *o, const struct request *r);

/* The next request behind *after that is so; 0 = there is none. */
static uint64_t request_next_that(struct store_txn *txn, uint64_t service,
                                  uint64_t *after, request_is is)
{
    struct object o = OBJECT_INIT;
    struct request r;
    uint64_t found = 0;
    while (!found && object_next(txn, service, *after, &o) == 0) {
        *after = o.id;
        if (o.kind == OBJECT_REQUEST && request_decode(&o, &r) == 0 &&
            is(&o, &r))
            found = o.id;
        object_release(&o);
    }
    return found;
}

static void requests_each(struct primo *primo, uint64_t service, request_is is,
                          request_do what)
{
    struct store_txn *txn;
    uint64_t after = 0, request = 1;
    while (request && store_begin(primo->store, false, &txn, NULL) == 0) {
        request = request_next_that(txn, service, &after, is);
        store_abort(txn);
        if (request && !what(primo, request))
            return;
    }
}

/* Each service, by its id. */
static void services_each(struct primo *primo,
                          void (*what)(struct primo *primo, uint64_t service))
{
    struct serving s;
    struct store_txn *txn;
    uint64_t after = 0;
    int err = 0;
    while (!err && store_begin(primo->store, false, &txn, NULL) == 0) {
        err = serving_next(txn, &after, &s);
        store_abort(txn);
        if (err == 0)
            what(primo, after);
        err = err == -EBADMSG ? 0 : err;
    }
}

/* Finish */

static bool is_unfinished(const struct object *o, const struct request *r)
{
    return r->partial && !request_is_passing(o->name);
}

static bool request_finish(struct primo *primo, uint64_t request)
{
    const struct closing closing = {
        .primo = primo, .request = request, .complete = true};
    if (!handles_write(&primo->handles, request))
        intake_close(&closing, NULL);
    return true;
}

static void service_finish(struct primo *primo, uint64_t service)
{
    requests_each(primo, service, is_unfinished, request_finish);
}

void intake_finish(struct primo *primo)
{
    services_each(primo, service_finish);
}

/* Expire */

static bool is_expired(const struct object *o, const struct request *r)
{
    (void)o;
    return r->answered && !r->waits && r->expires > 0 &&
           r->expires < unix_now();
}

static bool request_expire(struct primo *primo, uint64_t request)
{
    return intake_unlink(primo, request, NULL) == 0;
}

static void service_expire(struct primo *primo, uint64_t service)
{
    requests_each(primo, service, is_expired, request_expire);
}

void intake_expire(struct primo *primo)
{
    services_each(primo, service_expire);
}

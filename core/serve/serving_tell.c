#include "core/serve/serving_tell.h"

#include "core/basic/clock.h"
#include "core/inbox/spool.h"
#include "core/report/told_line.h"
#include "core/system/file.h"

#include <errno.h>
#include <stdio.h>

/* The file of requests */

int serving_told_begin(struct serving_watch *w, struct reason *why)
{
    struct serving s;
    struct store_txn *txn;
    if (w->told_begun)
        return 0;
    int err = store_begin(w->primo->store, true, &txn, why);
    if (err)
        return err;
    err = serving_load(txn, w->service, &s, why);
    struct replica *r = serving_replica(&s, w->run);
    if (err == 0 && !r)
        err = -ESRCH;
    if (err == 0) {
        w->told = (unsigned)++r->told;
        err = serving_save(txn, &s, why);
    }
    err = store_end(txn, err, why);
    w->told_begun = err == 0;
    return err;
}

void serving_told_forget(struct serving_watch *w)
{
    sharing_set_ready(w->sharing, w->run, false);
    sharing_give_back(w->sharing, w->run);
    w->given = 0;
}

/* Lines */

static int model_tell(struct serving_watch *w, struct text *lines,
                      struct reason *why)
{
    struct told_line line = {.kind = TOLD_MODEL,
                             .temperature = w->model.temperature};
    char file[64];
    line.top = (int)settings_number(&w->text, KEY_SERVICE_TOP);
    param_pages(settings_get(&w->text, KEY_SERVICE_PAGES), &line.pages);
    if (w->given == w->model.version && w->given_top == line.top &&
        w->given_pages.first == line.pages.first &&
        w->given_pages.last == line.pages.last)
        return 0;
    snprintf(line.name, sizeof line.name, "model.%llu",
             (unsigned long long)w->model.version);
    snprintf(file, sizeof file, "%llu/model.safetensors",
             (unsigned long long)w->model.version);
    int err = w->target.site->launcher->give(
        &w->target, w->run, w->primo->models_dir, file, line.name, true, why);
    if (err)
        return err;
    told_line_print(lines, &line);
    w->given = w->model.version;
    w->given_top = line.top;
    w->given_pages = line.pages;
    return 0;
}

/* What the worker is told of a request, and the request's bytes. -EAGAIN: it is
 * not due yet. */
static int request_read(struct store_txn *txn, const struct told_request *told,
                        struct told_line *out, uint64_t *body)
{
    struct object o = OBJECT_INIT;
    struct request r;
    int err = request_load(txn, told->request, &o, &r);
    if (err == 0 && r.due > unix_now())
        err = -EAGAIN;
    *out = (struct told_line){.kind = TOLD_PICTURE,
                              .request = told->request,
                              .revision = told->revision};
    snprintf(out->name, sizeof out->name, "in.%llu.%llu",
             (unsigned long long)told->request,
             (unsigned long long)told->revision);
    *body = o.number;
    object_release(&o);
    return err;
}

/* The next request behind `after` that this worker is to be told; -ENOENT:
 * there is none now. */
static int request_next(struct serving_watch *w, uint64_t after,
                        struct told_line *out, uint64_t *body)
{
    struct store_txn *txn;
    struct told_request next;
    int err = store_begin(w->primo->store, false, &txn, NULL);
    if (err)
        return err;
    do
        err = request_waiting(txn, w->service, &after, &next.request);
    while (err == 0 && sharing_skips(w->sharing, w->run, after));
    next.revision = after;
    if (err == 0)
        err = request_read(txn, &next, out, body);
    store_abort(txn);
    return err;
}

/* One that another replica has had for too long. */
static bool request_take_over(struct serving_watch *w, struct told_line *out,
                              uint64_t *body)
{
    struct store_txn *txn;
    struct told_request old;
    if (!sharing_take_over(w->sharing, w->run, &old) ||
        store_begin(w->primo->store, false, &txn, NULL))
        return false;
    int err = request_read(txn, &old, out, body);
    store_abort(txn);
    if (err) /* it is gone */
        sharing_answered(w->sharing, w->run, old.revision);
    return err == 0;
}

static int request_give(struct serving_watch *w, const struct told_line *line,
                        uint64_t body, struct reason *why)
{
    char name[SPOOL_NAME];
    spool_name(line->request, body, name);
    return w->target.site->launcher->give(
        &w->target, w->run, w->primo->spool_dir, name, line->name, false, why);
}

/* Takes the next request for this worker; others may take some meanwhile. */
static bool request_take(struct serving_watch *w, struct told_line *out,
                         uint64_t *body)
{
    while (sharing_has_room(w->sharing, w->run)) {
        uint64_t from = sharing_from(w->sharing);
        if (request_next(w, from, out, body))
            return request_take_over(w, out, body);
        if (sharing_take(w->sharing, w->run, from,
                         (struct told_request){out->request, out->revision}))
            return true;
    }
    return false;
}

/* Gives the worker the files that wait, and prints the lines that tell it so. A
 * file that is gone meanwhile is answered by the worker as one that cannot be
 * read, and that answer comes too late to count. */
static int requests_tell(struct serving_watch *w, struct text *lines,
                         struct reason *why)
{
    struct told_line line;
    uint64_t body;
    while (request_take(w, &line, &body)) {
        int err = request_give(w, &line, body, why);
        if (err == -EHOSTUNREACH || is_full(err))
            return err;
        told_line_print(lines, &line);
    }
    return 0;
}

/* Tells the worker of what waits, as far as it is not told yet. Where that
 * fails nobody knows what it has heard, perhaps half a line: it is told all of
 * it again, and what is answered twice counts once. */
int serving_tell(struct serving_watch *w, struct reason *why)
{
    struct text lines = TEXT_INIT;
    char name[32];
    int err = serving_told_begin(w, why);
    if (w->told_in_vain)
        text_puts(&lines, "\n");
    if (err == 0)
        err = model_tell(w, &lines, why);
    if (err == 0)
        err = requests_tell(w, &lines, why);
    snprintf(name, sizeof name, TOLD_SEGMENT, w->told);
    if (err == 0 && lines.size)
        err = w->target.site->launcher->tell(&w->target, w->run, name, &lines,
                                             why);
    text_release(&lines);
    w->told_in_vain = err != 0;
    if (err) {
        serving_told_forget(w);
        w->tell_after = monotonic_now() + 1;
    }
    return err;
}

bool serving_has_work(struct serving_watch *w)
{
    struct told_line line;
    uint64_t body;
    return sharing_count(w->sharing, w->run) ||
           request_next(w, sharing_from(w->sharing), &line, &body) == 0;
}

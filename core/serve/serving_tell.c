#include "core/serve/serving_tell.h"

#include "core/basic/clock.h"
#include "core/report/told_line.h"
#include "core/serve/spool.h"
#include "core/system/file.h"

#include <errno.h>
#include <stdio.h>

/* The file of requests */

/* This daemon writes a file of requests of its own. A worker that an earlier
 * one has started goes on to it; what was told before is told again, and what
 * is answered twice counts once. */
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

/* The next request behind `after` that this worker is to be told, with its
 * bytes; -ENOENT: there is none now. */
static int request_next(struct serving_watch *w, uint64_t after,
                        struct told_line *out, uint64_t *body)
{
    struct store_txn *txn;
    struct object o = OBJECT_INIT;
    struct request r;
    uint64_t id;
    int err = store_begin(w->primo->store, false, &txn, NULL);
    if (err)
        return err;
    do
        err = request_waiting(txn, w->service, &after, &id);
    while (err == 0 && sharing_skips(w->sharing, w->run, after));
    if (err == 0)
        err = request_load(txn, id, &o, &r);
    store_abort(txn);
    if (err == 0 && r.due > unix_now())
        err = -EAGAIN;
    *out = (struct told_line){
        .kind = TOLD_PICTURE, .request = id, .revision = after};
    snprintf(out->name, sizeof out->name, "in.%llu.%llu",
             (unsigned long long)id, (unsigned long long)after);
    *body = o.number;
    object_release(&o);
    return err;
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
            return false;
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

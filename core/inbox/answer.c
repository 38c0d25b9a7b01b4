#include "core/inbox/answer.h"

#include "core/basic/clock.h"
#include "core/basic/json.h"
#include "core/basic/language.h"
#include "core/inbox/spool.h"
#include "core/inbox/thumbnail.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parsing */

static void word_copy(char *to, size_t room, const char *from, size_t size)
{
    snprintf(to, room, "%.*s", (int)(size < room ? size : room - 1), from);
    make_printable(to);
}

/* Takes up to `room` words CLASS:CONFIDENCE. */
static bool classes_parse(const char *s, size_t size, struct answer_class *out,
                          int room, int *count)
{
    const char *end = s + size;
    *count = 0;
    while (s < end && *count < room) {
        char word[64], *colon;
        size_t n = strcspn(s, ", ");
        word_copy(word, sizeof word, s, n);
        colon = strchr(word, ':');
        long long class;
        double confidence;
        if (!colon)
            return false;
        *colon = 0;
        if (!parse_int(word, &class) || class < 0 || class > INT32_MAX ||
            !parse_double(colon + 1, &confidence) || !(confidence >= 0) ||
            confidence > 1.0001)
            return false;
        out[*count].class = (int)class;
        out[(*count)++].confidence = confidence;
        s += n + 1;
    }
    return *count > 0;
}

static double milliseconds(const char *value, size_t size)
{
    char word[32];
    double ms;
    word_copy(word, sizeof word, value, size);
    return parse_double(word, &ms) && ms >= 0 && ms < 1e9 ? ms : 0;
}

/* What is not base64 is none: the word goes into a page as it is. */
static void thumbnail_take(struct answer *a, const char *value, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/=";
    if (size >= sizeof a->thumbnail || strspn(value, letters) != size)
        return;
    memcpy(a->thumbnail, value, size);
    a->thumbnail[size] = 0;
}

/* Takes one word KEY=VALUE; `size` is that of the value. */
static bool word_take(struct answer *a, const char *key, size_t n,
                      const char *value, size_t size)
{
    if (n == 7 && !strncmp(key, "request", n))
        a->request = strtoull(value, NULL, 10);
    else if (n == 8 && !strncmp(key, "revision", n))
        a->revision = strtoull(value, NULL, 10);
    else if (n == 5 && !strncmp(key, "bytes", n))
        a->bytes = strtoull(value, NULL, 10);
    else if (n == 6 && !strncmp(key, "sha256", n))
        word_copy(a->sha256, sizeof a->sha256, value, size);
    else if (n == 4 && !strncmp(key, "type", n))
        word_copy(a->type, sizeof a->type, value, size);
    else if (n == 5 && !strncmp(key, "model", n))
        word_copy(a->model, sizeof a->model, value, size);
    else if (n == 4 && !strncmp(key, "code", n))
        word_copy(a->code, sizeof a->code, value, size);
    else if (n == 6 && !strncmp(key, "decode", n))
        a->decode = milliseconds(value, size);
    else if (n == 7 && !strncmp(key, "network", n))
        a->network = milliseconds(value, size);
    else if (n == 7 && !strncmp(key, "classes", n))
        return classes_parse(value, size, a->best, ANSWER_CLASSES, &a->count);
    else if (n == 5 && !strncmp(key, "pages", n))
        return classes_parse(value, size, a->page, PAGES_MOST, &a->pages);
    else if (n == 9 && !strncmp(key, "thumbnail", n))
        thumbnail_take(a, value, size);
    else if (n == 4 && !strncmp(key, "page", n))
        a->first_page = atoi(value) > 0 ? atoi(value) : 1;
    return true;
}

bool answer_parse(const char *payload, struct answer *out)
{
    memset(out, 0, offsetof(struct answer, page));
    out->first_page = 1;
    *out->thumbnail = 0;
    for (const char *at = payload; *at;) {
        size_t n = strcspn(at, "= ");
        if (at[n] != '=')
            return false;
        const char *value = at + n + 1;
        if (n == 5 && !strncmp(at, "error", n)) { /* the rest of the line */
            word_copy(out->error, sizeof out->error, value, strlen(value));
            break;
        }
        size_t size = strcspn(value, " ");
        if (!word_take(out, at, n, value, size))
            return false;
        at = value + size;
        at += *at == ' ';
    }
    return out->request && (out->count || *out->code);
}

/* Judging */

const char *answer_state(const struct settings *service, double confidence)
{
    if (confidence >= settings_number(service, KEY_SERVICE_OK))
        return "ok";
    return confidence >= settings_number(service, KEY_SERVICE_CHECK)
               ? "check"
               : "unknown";
}

static const char *label_of(const struct answering *a, int class)
{
    return a->model && class < a->model->classes ? a->model->labels[class] : "";
}

static bool are_known(const struct answering *a, const struct answer_class *of,
                      int count)
{
    for (int i = 0; i < count; i++)
        if (!a->model || of[i].class >= a->model->classes)
            return false;
    return true;
}

static bool is_known(const struct answering *a, const struct answer *answer)
{
    return are_known(a, answer->best, answer->count) &&
           are_known(a, answer->page, answer->pages);
}

/* JSON */

static void put_string(struct text *out, const char *key, const char *value)
{
    json_put_key(out, key);
    json_put_string(out, value);
}

/* An object with a class and its confidence begins. */
static void put_class(struct text *out, const struct answering *a,
                      const struct answer_class *of)
{
    put_string(out, "field", label_of(a, of->class));
    json_put_number(out, "confidence", of->confidence, 6);
}

static void put_classes(struct text *out, const struct answering *a,
                        const struct answer *answer)
{
    json_put_key(out, "items");
    text_puts(out, "[");
    for (int i = 0; i < answer->count; i++) {
        text_puts(out, i ? ",{" : "{");
        put_class(out, a, &answer->best[i]);
        text_puts(out, "}");
    }
    text_puts(out, "]");
}

static void put_page(struct text *out, const struct answering *a, int number,
                     const struct answer_class *of)
{
    text_puts(out, "{");
    json_put_number(out, "page", number, 9);
    put_class(out, a, of);
    put_string(out, "state", answer_state(a->service, of->confidence));
    text_puts(out, "}");
}

/* A picture is its own only page. */
static void put_pages(struct text *out, const struct answering *a,
                      const struct answer *answer)
{
    json_put_key(out, "pages");
    text_puts(out, "[");
    if (answer->count && !answer->pages)
        put_page(out, a, answer->first_page, &answer->best[0]);
    for (int i = 0; answer->count && i < answer->pages; i++) {
        text_puts(out, i ? "," : "");
        put_page(out, a, answer->first_page + i, &answer->page[i]);
    }
    text_puts(out, "]");
}

static void put_files(struct text *out, const struct answer *answer,
                      const char *name)
{
    json_put_key(out, "files");
    text_puts(out, "[{");
    put_string(out, "original_file_name", name);
    json_put_member(out, "content_type", answer->type);
    json_put_number(out, "content_length", (double)answer->bytes, 15);
    json_put_member(out, "sha256", answer->sha256);
    text_puts(out, "}]");
}

/* What becomes of a request. */
struct outcome {
    const char *state;
    double queue; /* ms that it waited for the worker */
};

static void put_answer(struct text *out, const struct answering *a,
                       const struct answer *answer, const struct object *o,
                       const struct request *r, const struct outcome *u)
{
    text_puts(out, "{");
    put_string(out, "file", o->name);
    json_put_number(out, "revision", (double)answer->revision, 15);
    json_put_time(out, "created_at", r->completed);
    json_put_time(out, "expires_at", r->expires);
    json_put_key(out, "result_is_ready");
    text_puts(out, "true");
    put_string(out, "service", a->serving->service);
    json_put_member(out, "model", a->model ? a->model->called : "");
    json_put_member(out, "model_type", a->model ? a->model->type : "");
    put_string(out, "state", u->state);
    put_classes(out, a, answer);
    json_put_number(out, "threshold_ok_min",
                    settings_number(a->service, KEY_SERVICE_OK), 9);
    json_put_number(out, "threshold_warn_min",
                    settings_number(a->service, KEY_SERVICE_CHECK), 9);
    put_pages(out, a, answer);
    put_files(out, answer, o->name);
    json_put_key(out, "milliseconds");
    text_puts(out, "{");
    json_put_number(out, "queue", u->queue, 4);
    json_put_number(out, "decode", answer->decode, 4);
    json_put_number(out, "network", answer->network, 4);
    text_puts(out, "}");
    json_put_member(out, "error", answer->error);
    json_put_member(out, "code", answer->code);
    text_puts(out, "}\n");
}

/* results.csv */

/* A cell as RFC 4180 has it. */
static void put_cell(struct text *out, const char *s)
{
    bool quoted = strpbrk(s, ",\"\r\n") != NULL;
    text_puts(out, quoted ? "\"" : "");
    for (; *s; s++) {
        text_add(out, s, 1);
        if (*s == '"')
            text_puts(out, "\"");
    }
    text_puts(out, quoted ? "\"" : "");
}

/* "3", or "1-12": the pages that the class is of. */
static void put_page_numbers(struct text *out, const struct answer *answer)
{
    if (answer->count)
        text_printf(out, "%d", answer->first_page);
    if (answer->count && answer->pages > 1)
        text_printf(out, "-%d", answer->first_page + answer->pages - 1);
}

static void put_row(struct text *out, const struct answering *a,
                    const struct answer *answer, const struct object *o,
                    const struct request *r, const struct outcome *u)
{
    text_put_time(out, r->ended);
    text_puts(out, ",");
    put_cell(out, o->name);
    text_printf(out, ",%llu,", (unsigned long long)answer->revision);
    put_page_numbers(out, answer);
    text_puts(out, ",");
    if (answer->count) {
        put_cell(out, label_of(a, answer->best[0].class));
        text_puts(out, ",");
        text_put_double(out, answer->best[0].confidence, 6);
    } else {
        text_puts(out, ",");
    }
    text_printf(out, ",%s,", u->state);
    put_cell(out, a->model ? a->model->called : "");
    text_puts(out, ",");
    text_put_double(out, u->queue + answer->decode + answer->network, 5);
    text_puts(out, ",");
    put_cell(out, answer->error);
    text_puts(out, "\n");
}

static int row_add(struct answering *a, const struct text *row, uint32_t uid,
                   struct reason *why)
{
    uint32_t owner[2] = {uid, (uint32_t)row->size};
    int err = stream_append(a->txn, serving_results(a->serving),
                            text_string(row), row->size, why);
    return err ? err
               : stream_append(a->txn, serving_owners(a->serving),
                               (const char *)owner, sizeof owner, why);
}

/* sorted/ */

int answer_unsort(struct store_txn *txn, struct request *r, struct reason *why)
{
    struct object link = OBJECT_INIT, folder = OBJECT_INIT;
    int err = r->sorted ? object_get(txn, r->sorted, &link) : -ENOENT;
    r->sorted = 0;
    if (err == 0)
        err = object_drop(txn, &link, why);
    if (err == 0 && !object_has_children(txn, link.parent) &&
        object_get(txn, link.parent, &folder) == 0)
        err = object_drop(txn, &folder, why);
    object_release(&folder);
    object_release(&link);
    return err == -ENOENT ? 0 : err;
}

/* Whether a class can be the name of a folder. It is filed under this name
 * behind a slash, as requests of the service have the same parent. */
static bool folder_name(const char *class, char name[256])
{
    size_t n = strlen(class);
    if (!n || n > 254 || strchr(class, '/') || !strcmp(class, ".") ||
        !strcmp(class, "..") || utf8_valid(class, n) < n)
        return false;
    for (const char *c = class; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    snprintf(name, 256, "/%s", class);
    return true;
}

static struct object link_object(const struct answering *a, uint64_t id,
                                 uint64_t parent, enum object_kind kind)
{
    return (struct object){.id = id,
                           .parent = parent,
                           .kind = kind,
                           .mode = 0755,
                           .uid = a->primo->owner,
                           .gid = a->primo->group,
                           .atime = clock_ns(),
                           .mtime = clock_ns(),
                           .ctime = clock_ns()};
}

static int folder_find(struct answering *a, const char *name, uint64_t *id,
                       struct reason *why)
{
    struct object o = OBJECT_INIT;
    int err = object_find(a->txn, a->serving->id, name, &o);
    *id = o.id;
    object_release(&o);
    if (err != -ENOENT)
        return err;
    o = link_object(a, a->ids[0], a->serving->id, OBJECT_CLASS);
    strcpy(o.name, name);
    *id = o.id;
    return object_put(a->txn, &o, why);
}

static int sort_in(struct answering *a, const struct object *request,
                   struct request *r, const char *class, struct reason *why)
{
    char name[256];
    uint64_t folder;
    if (!a->ids[0] || !folder_name(class, name))
        return 0;
    int err = folder_find(a, name, &folder, why);
    if (err)
        return err;
    struct object o = link_object(a, a->ids[1], folder, OBJECT_SORTED);
    strcpy(o.name, request->name);
    o.uid = request->uid;
    r->sorted = o.id;
    return object_put(a->txn, &o, why);
}

/* Taking */

static void count(struct serving *s, const char *state)
{
    s->answered++;
    s->unsure += !strcmp(state, "check") || !strcmp(state, "unknown");
    s->failed += !strcmp(state, "error");
}

void answer_end(const struct settings *service, struct request *r)
{
    double keep;
    r->ended = unix_now();
    if (r->ended < r->completed)
        r->ended = r->completed;
    r->waits = false;
    r->answered = true;
    r->expires = param_span(settings_get(service, KEY_SERVICE_KEEP), &keep)
                     ? r->ended + keep
                     : 0;
}

/* Where the picture leaves in/, its bytes are removed after the commit
 * (spool_sweep() finds what a crash leaves). */
static void leave(struct answering *a, struct object *o, struct request *r)
{
    if (strcmp(settings_get(a->service, KEY_SERVICE_WHEN_DONE), "delete"))
        return;
    r->gone = true;
    o->number = 0;
}

int answer_store(struct answering *a, struct object *o, struct request *r,
                 const struct text *json, const struct text *row,
                 struct reason *why)
{
    int err =
        blob_put(a->txn, o->id, REQUEST_ANSWER, json->data, json->size, why);
    if (err == 0)
        err = row_add(a, row, o->uid, why);
    if (err == 0)
        err = answer_unsort(a->txn, r, why);
    leave(a, o, r);
    return err;
}

static int record(struct answering *a, const struct answer *answer,
                  struct object *o, struct request *r, struct reason *why)
{
    struct text json = TEXT_INIT, row = TEXT_INIT;
    struct outcome u = {.state = *answer->code ? "error" : NULL};
    if (!u.state)
        u.state = answer_state(a->service, answer->best[0].confidence);
    answer_end(a->service, r);
    u.queue =
        (r->ended - r->completed) * 1e3 - answer->decode - answer->network;
    u.queue = u.queue > 0 ? u.queue : 0;
    put_answer(&json, a, answer, o, r, &u);
    put_row(&row, a, answer, o, r, &u);
    int err = answer_store(a, o, r, &json, &row, why);
    if (err == 0 && !strcmp(u.state, "ok") && !r->gone)
        err = sort_in(a, o, r, label_of(a, answer->best[0].class), why);
    if (err == 0)
        err = thumbnail_keep(a->txn, a->serving, answer, r->gone, why);
    count(a->serving, u.state);
    text_release(&json);
    text_release(&row);
    return err;
}

int answer_take(struct answering *a, const struct answer *answer, bool *taken,
                struct reason *why)
{
    struct object o = OBJECT_INIT;
    struct request r;
    *taken = false;
    int err = request_load(a->txn, answer->request, &o, &r);
    bool fits = err == 0 && o.parent == a->serving->id && r.waits &&
                r.revision == answer->revision && is_known(a, answer);
    if (fits)
        err = request_wait_end(a->txn, &o, r.revision, why);
    if (fits && err == 0)
        err = record(a, answer, &o, &r, why);
    if (fits && err == 0) {
        request_encode(&r, &o);
        err = object_put(a->txn, &o, why);
        *taken = err == 0;
    }
    object_release(&o);
    return err == -ENOENT ? 0 : err;
}

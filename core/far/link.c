#include "core/far/dataset.h"
#include "core/far/link_inside.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUND_MS = 200,
    FACTS_SECONDS = 5,
    AGAIN_SECONDS = 3,   /* after a failed attempt */
    WANTED_SECONDS = 60, /* after that, nobody is there who wants the link */
    PATIENCE = 8,        /* seconds for an answer; where more is done for it: */
    LONG_PATIENCE = 40,
};

static const int patience[FAR_VERB_COUNT] = {
    [FAR_put] = LONG_PATIENCE,   [FAR_keep] = LONG_PATIENCE,
    [FAR_start] = LONG_PATIENCE, [FAR_submit] = LONG_PATIENCE,
    [FAR_queue] = LONG_PATIENCE, [FAR_stop] = LONG_PATIENCE,
    [FAR_kill] = LONG_PATIENCE,  [FAR_words] = LONG_PATIENCE,
    [FAR_drop] = LONG_PATIENCE,
};

/* State */

static void facts_note(struct link *l, bool reached, const char *why)
{
    pthread_mutex_lock(&l->lock);
    struct machine_facts *f = &l->facts;
    if (!f->since || f->reached != reached) {
        f->since = unix_now();
        f->changed = clock_ns();
    }
    if (strcmp(f->unreached, why)) {
        snprintf(f->unreached, sizeof f->unreached, "%s", why);
        f->changed = clock_ns();
    }
    f->reached = reached;
    l->swept = false;
    l->attempts++;
    pthread_mutex_unlock(&l->lock);
}

const char *link_name(const struct link *l)
{
    return *l->host ? l->host : "localhost";
}

bool link_may_be_here(const struct link *l)
{
    return l->set->queues;
}

void put_try(const struct link *l, struct text *out)
{
    text_printf(out, *l->host ? "ssh -o BatchMode=yes %s true" : "sh -c true",
                l->host);
}

static struct wire wire_none(const struct link *l)
{
    return (struct wire){.fd = -1, .words = -1, .ending = &l->set->ending};
}

/* The connection is gone. Called with `io` held. */
static void lose(struct link *l, const char *why)
{
    wire_close(&l->wire);
    facts_note(l, false, why);
}

static int refuse_unreached(struct link *l, struct reason *why)
{
    pthread_mutex_lock(&l->lock);
    int err = l->attempts
                  ? refuse(why, EHOSTUNREACH, "%s", l->facts.unreached)
                  : refuse(why, EINPROGRESS, "the host is being connected to");
    pthread_mutex_unlock(&l->lock);
    return err;
}

/* Asking */

static int exchange(struct wire *w, const struct far_line *in,
                    const struct text *bytes, struct far_line *out,
                    struct text *said)
{
    struct text line = TEXT_INIT;
    char answer[FAR_LINE];
    far_request_print(&line, in);
    if (bytes)
        text_add(&line, bytes->data, bytes->size);
    wire_expect(w, patience[in->verb] ? patience[in->verb] : PATIENCE,
                line.size);
    int err = wire_send(w, line.data, line.size);
    text_release(&line);
    if (err == 0)
        err = wire_line(w, answer, sizeof answer);
    if (err == 0 && !far_answer_parse(answer, out))
        err = -EPROTO;
    size_t had = said->size;
    if (err == 0) {
        wire_expect_more(w, out->size);
        text_resize(said, had + out->size);
    }
    return err || !out->size ? err : wire_bytes(w, said->data + had, out->size);
}

/* What ssh said, or that nothing was said. */
static void put_loss(struct link *l, int err, struct text *out)
{
    struct reason why = REASON_INIT;
    struct text words = TEXT_INIT, hand = TEXT_INIT;
    wire_words(&l->wire, &words);
    put_try(l, &hand);
    if (!words.size)
        text_puts(&words, errno_text(-err));
    refuse(&why, EHOSTUNREACH,
           "host '%s', the connection was lost: %.300s; to try by hand: %s",
           link_name(l), text_string(&words), text_string(&hand));
    text_release(&hand);
    text_puts(out, why.sentence);
    text_release(&words);
}

static int ask_held(struct link *l, struct far_line *in,
                    const struct text *bytes, struct far_line *out,
                    struct text *said, struct reason *why)
{
    if (l->set->ending)
        return refuse(why, EINPROGRESS, "the mount ends");
    if (l->wire.fd < 0)
        return refuse_unreached(l, why);
    in->size = bytes ? bytes->size : 0;
    int err = exchange(&l->wire, in, bytes, out, said);
    if (err == -ECANCELED)
        return refuse(why, EINPROGRESS, "the mount ends");
    if (err) {
        struct text loss = TEXT_INIT;
        put_loss(l, err, &loss);
        lose(l, text_string(&loss));
        text_release(&loss);
        return refuse_unreached(l, why);
    }
    if (!out->code)
        return 0;
    make_printable(said->data ? said->data : (char[]){""});
    return refuse(why, out->code, "%s", text_string(said));
}

int link_ask_own(struct link *l, struct far_line *in, const struct text *bytes,
                 struct far_line *out, struct text *said, struct reason *why)
{
    struct text own = TEXT_INIT;
    struct far_line answer;
    pthread_mutex_lock(&l->io);
    int err = ask_held(l, in, bytes, out ? out : &answer, &own, why);
    pthread_mutex_unlock(&l->io);
    if (err == 0 && said)
        text_add(said, own.data, own.size);
    text_release(&own);
    return err;
}

/* The link's own thread */

static void line_take(struct machine_facts *f, const char *line)
{
    long long n;
    double load;
    const char *value = strchr(line, '=');
    if (!value++)
        return;
    if (!strncmp(line, "processor=", 10)) {
        snprintf(f->processor, sizeof f->processor, "%.90s", value);
        make_printable(f->processor);
    } else if (!strncmp(line, "cores=", 6) && parse_int(value, &n) && n > 0 &&
               n < 100000) {
        f->cores = (int)n;
    } else if (!strncmp(line, "memory=", 7) && parse_int(value, &n) && n > 0) {
        f->memory = (uint64_t)n;
    } else if (!strncmp(line, "load=", 5) && parse_double(value, &load) &&
               load >= 0 && load < 1e6) {
        f->load = load;
    }
}

static void facts_take(struct link *l, char *said)
{
    struct machine_facts f;
    char *rest = NULL;
    link_facts(l, &f);
    f.load = NAN;
    for (char *line = l->set->queues ? NULL : strtok_r(said, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        line_take(&f, line);
    snprintf(f.trainer, sizeof f.trainer, "%s", PRIMO_VERSION);
    pthread_mutex_lock(&l->lock);
    bool same =
        !strcmp(f.processor, l->facts.processor) && f.cores == l->facts.cores &&
        f.memory == l->facts.memory && *l->facts.trainer &&
        (f.load == l->facts.load || (isnan(f.load) && isnan(l->facts.load)));
    f.reached = l->facts.reached;
    f.since = l->facts.since;
    strcpy(f.unreached, l->facts.unreached);
    f.changed = same ? l->facts.changed : clock_ns();
    l->facts = f;
    pthread_mutex_unlock(&l->lock);
}

static void facts_ask(struct link *l)
{
    struct far_line in = {.verb = FAR_facts};
    struct text said = TEXT_INIT;
    if (link_ask_own(l, &in, NULL, NULL, &said, NULL) == 0)
        facts_take(l, said.data ? said.data : (char[]){""});
    text_release(&said);
}

static void connect_once(struct link *l)
{
    struct reason why = REASON_INIT;
    struct wire w = wire_none(l);
    if (link_connect(l, &w, &why)) {
        facts_note(l, false, why.sentence);
        return;
    }
    pthread_mutex_lock(&l->io);
    l->wire = w;
    facts_note(l, true, "");
    pthread_mutex_unlock(&l->io);
    facts_ask(l);
}

static bool is_connected(struct link *l)
{
    pthread_mutex_lock(&l->io);
    bool yes = l->wire.fd >= 0;
    pthread_mutex_unlock(&l->io);
    return yes;
}

/* Called with `lock` held. */
static bool is_wanted(const struct link *l)
{
    return monotonic_now() - l->wanted < WANTED_SECONDS;
}

static bool still_wanted(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    bool yes = is_wanted(l);
    pthread_mutex_unlock(&l->lock);
    return yes;
}

/* Nothing is known of the machine, as before the first attempt. */
static void facts_forget(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->attempts)
        l->facts.changed = clock_ns();
    l->facts.reached = false;
    l->facts.since = 0;
    *l->facts.unreached = 0;
    l->attempts = 0;
    pthread_mutex_unlock(&l->lock);
}

/* Nobody wants the machine: its file is gone, or it is switched off. Who wants
 * it again has to wait for an attempt, and is not told of an old one. */
static void part(struct link *l)
{
    pthread_mutex_lock(&l->io);
    if (l->wire.fd >= 0)
        lose(l, "");
    facts_forget(l);
    pthread_mutex_unlock(&l->io);
    bundle_release(&l->bundle);
}

/* One round of the thread. *due is when to connect, or to ask for facts. */
static void thread_round(struct link *l, bool *was, double *due)
{
    bool connected = is_connected(l);
    if (*was && !connected) /* it was lost: at once, and then less often */
        *due = 0;
    *was = connected;
    if (connected)
        link_queue_ask(l);
    if (monotonic_now() < *due)
        return;
    if (connected)
        facts_ask(l);
    else
        connect_once(l);
    *was = is_connected(l);
    *due = monotonic_now() + (*was ? FACTS_SECONDS : AGAIN_SECONDS);
}

/* Whether the thread is to end, because nobody wants the machine. Who wants it
 * from now on starts another one. */
static bool falls_asleep(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    l->awake = is_wanted(l);
    bool asleep = !l->awake;
    pthread_mutex_unlock(&l->lock);
    return asleep;
}

static void *link_run_thread(void *context)
{
    struct link *l = context;
    double due = 0;
    bool was = false;
    do {
        if (!still_wanted(l)) {
            part(l);
            due = 0;
            if (falls_asleep(l))
                return NULL;
        }
        thread_round(l, &was, &due);
    } while (worker_rest(&l->worker, ROUND_MS));
    return NULL;
}

/* Starts the thread; called with `lock` held. One that has fallen asleep has
 * nothing left to do but to return. */
static void wake(struct link *l)
{
    worker_close(&l->worker);
    l->awake = worker_open(&l->worker, link_run_thread, l, NULL) == 0;
    if (l->awake)
        return;
    l->attempts = 1;
    snprintf(l->facts.unreached, sizeof l->facts.unreached, "%s",
             errno_text(EAGAIN));
}

void link_want(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    l->wanted = monotonic_now();
    if (!l->awake && !l->set->ending)
        wake(l);
    pthread_mutex_unlock(&l->lock);
}

int link_ask(struct link *l, struct far_line *in, const struct text *bytes,
             struct far_line *out, struct text *said, struct reason *why)
{
    link_want(l);
    return link_ask_own(l, in, bytes, out, said, why);
}

/* Life cycle */

struct link_set *link_set_new(const struct launch_site *site, bool queues)
{
    struct link_set *set = xcalloc(1, sizeof *set);
    set->site = site;
    set->queues = queues;
    pthread_mutex_init(&set->bundling, NULL);
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

void link_set_name(struct link_set *set, const char *id)
{
    snprintf(set->id, sizeof set->id, "%s", id);
}

static void link_free(struct link *l)
{
    worker_close(&l->worker);
    wire_close(&l->wire);
    while (l->runs) {
        struct link_run *r = l->runs;
        l->runs = r->next;
        copying_free(r->copying);
        free(r);
    }
    pthread_mutex_destroy(&l->io);
    pthread_mutex_destroy(&l->telling);
    pthread_mutex_destroy(&l->lock);
    bundle_release(&l->bundle);
    text_release(&l->queue);
    free(l->host);
    free(l->directory);
    free(l->trainer);
    free(l);
}

void link_set_end(struct link_set *set)
{
    set->ending = true;
}

/* All are told to end before one is waited for. */
void link_set_free(struct link_set *set)
{
    link_set_end(set);
    for (struct link *l = set->first; l; l = l->next)
        worker_end(&l->worker);
    while (set->first) {
        struct link *l = set->first;
        set->first = l->next;
        link_free(l);
    }
    bundle_release(&set->bundle);
    pthread_mutex_destroy(&set->bundling);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

static struct link *link_new(struct link_set *set, const char *host,
                             const char *directory, const char *trainer)
{
    struct link *l = xcalloc(1, sizeof *l);
    l->host = xstrdup(host);
    l->directory = xstrdup(directory);
    l->trainer = xstrdup(trainer);
    l->set = set;
    l->wire = wire_none(l);
    l->facts.load = NAN;
    l->facts.elsewhere = true;
    l->wanted = monotonic_now() - 2 * WANTED_SECONDS;
    pthread_mutex_init(&l->io, NULL);
    pthread_mutex_init(&l->telling, NULL);
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

struct link *link_of(const struct launch_target *target)
{
    struct link_set *set = target->site->own;
    const struct settings *s = &target->machine;
    const char *hosts = settings_get(s, KEY_HOST);
    const char *directory = settings_get(s, KEY_DIRECTORY);
    const char *trainer = settings_get(s, KEY_TRAINER);
    /* The first one has the run directories, and reaches the others. */
    char *host = xstrndup(hosts, strcspn(hosts, " \t"));
    pthread_mutex_lock(&set->lock);
    struct link *l = set->first;
    while (l && (strcmp(l->host, host) || strcmp(l->directory, directory) ||
                 strcmp(l->trainer, trainer)))
        l = l->next;
    if (!l) {
        l = link_new(set, host, directory, trainer);
        l->next = set->first;
        set->first = l;
    }
    pthread_mutex_unlock(&set->lock);
    free(host);
    return l;
}

struct link *link_first(struct link_set *set)
{
    pthread_mutex_lock(&set->lock);
    struct link *l = set->first;
    pthread_mutex_unlock(&set->lock);
    return l;
}

struct link *link_next(struct link *l)
{
    return l->next; /* links are added in front */
}

/* Read */

void link_facts(struct link *l, struct machine_facts *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->facts;
    pthread_mutex_unlock(&l->lock);
}

struct link_run *link_run(struct link *l, uint64_t run)
{
    pthread_mutex_lock(&l->lock);
    struct link_run *r = l->runs;
    while (r && r->run != run)
        r = r->next;
    if (!r) {
        r = xcalloc(1, sizeof *r);
        r->run = run;
        r->next = l->runs;
        l->runs = r;
    }
    pthread_mutex_unlock(&l->lock);
    return r;
}

bool link_unswept(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    bool unswept = l->facts.reached && !l->swept;
    pthread_mutex_unlock(&l->lock);
    return unswept;
}

void link_set_swept(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    l->swept = true;
    pthread_mutex_unlock(&l->lock);
}

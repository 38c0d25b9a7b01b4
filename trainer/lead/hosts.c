#include "trainer/lead/hosts.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/far/link_inside.h"
#include "core/far/quote.h"
#include "core/launch/launcher.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHECK_SECONDS = 10, WORDS = 1 << 16 };

/* One that is being prepared. */
struct preparing {
    const struct lead *lead;
    struct lead_host *host;
    struct link_set *set;
    pthread_t thread;
    _Atomic bool done;
};

/* Failing */

static int fail(const struct lead_host *h, const char *step, const char *words,
                const char *hand, struct reason *why)
{
    struct text line = TEXT_INIT;
    text_printf(&line, "ssh %s ", h->name);
    put_quoted(&line, hand);
    int err = refuse(why, ENOENT,
                     "host '%s', step '%s': %.300s; to try by hand: %.300s",
                     h->name, step, words, text_string(&line));
    text_release(&line);
    return err;
}

/* Programs */

/* What it says: `ok` and the version of primo-nodes, or what is missing. */
static int programs_ask(const struct lead *l, struct link *link, char *line,
                        size_t size, struct reason *why)
{
    struct wire w = {.fd = -1, .words = -1, .ending = &link->set->ending};
    struct text t = TEXT_INIT;
    text_puts(&t, "p=");
    put_quoted(&t, l->nodes ? l->nodes : "primo-nodes");
    text_puts(&t, "; command -v orted >/dev/null || { echo orted; exit; }; "
                  "m=$(\"$p\" --version 2>&1) && echo \"ok $m\" || "
                  "echo \"nodes $m\" | tail -n 1 | cut -c 1-300\n");
    int err = link_run_there(link, &w, text_string(&t), why);
    text_release(&t);
    if (err)
        return err;
    wire_expect(&w, CHECK_SECONDS, 0);
    err = wire_line(&w, line, size);
    wire_close(&w);
    make_printable(line);
    return err ? refuse_errno(why, -err, "host '%s'", link->host) : 0;
}

static int programs_check(const struct lead *l, const struct lead_host *h,
                          struct link *link, struct reason *why)
{
    char line[400] = "";
    int err = programs_ask(l, link, line, sizeof line, why);
    if (err || !strcmp(line, "ok primo-nodes " PRIMO_VERSION))
        return err;
    if (!strcmp(line, "orted"))
        return fail(h, "mpirun",
                    _("Open MPI's orted is not installed there (Debian "
                      "package openmpi-bin)"),
                    "orted --version", why);
    struct text hand = TEXT_INIT;
    put_quoted(&hand, l->nodes ? l->nodes : "primo-nodes");
    text_puts(&hand, " --version");
    const char *said = strchr(line, ' ');
    err = fail(h, "nodes", said ? said + 1 : line, text_string(&hand), why);
    text_release(&hand);
    return err;
}

/* The data set */

static const char *copy_of(const struct lead *l)
{
    return settings_get(&l->job, KEY_DATASET_COPY);
}

/* Has a place made for the copy there, which must have the same path. */
static int place_make(const struct lead *l, const struct lead_host *h,
                      struct link *link, struct reason *why)
{
    struct far_line in = {.verb = FAR_place};
    struct text place = TEXT_INIT;
    struct reason own = REASON_INIT;
    const char *name = strrchr(copy_of(l), '/');
    snprintf(in.name, sizeof in.name, "%.60s", name ? name + 1 : "");
    int err = link_ask_own(link, &in, NULL, NULL, &place, &own);
    if (err == 0 && strcmp(text_string(&place), copy_of(l)))
        err = refuse(&own, EINVAL, "its place there would be '%.200s'",
                     text_string(&place));
    if (err)
        err = fail(h, "dataset", own.sentence, "rsync --version", why);
    text_release(&place);
    return err;
}

static int copy_wait(const struct lead *l, const struct lead_host *h, pid_t pid,
                     int said, struct reason *why)
{
    char words[WORDS + 1];
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status == 0)
        return 0;
    ssize_t n = pread(said, words, WORDS, 0);
    words[n > 0 ? n : 0] = 0;
    struct text line = TEXT_INIT, hand = TEXT_INIT;
    lead_put_words(&line, words);
    text_puts(&hand, "df -h ");
    put_quoted(&hand, l->directory);
    int err = fail(h, "dataset", text_string(&line), text_string(&hand), why);
    text_release(&line);
    text_release(&hand);
    return err;
}

/* rsync speaks to one there, under the lock that keeps the copy. */
static int copy_send(const struct lead *l, const struct lead_host *h,
                     struct reason *why)
{
    const char *copy = copy_of(l);
    struct text lock = TEXT_INIT;
    char *from = xstrfmt("%s/", copy), *to = xstrfmt("%s:%s/", h->called, copy);
    int err = 0, said = memfd_create("rsync", MFD_CLOEXEC);
    text_puts(&lock, "flock ");
    put_quoted(&lock, copy);
    text_puts(&lock, ".lock rsync");
    char *words[] = {"rsync",    FAR_RSYNC_OPTIONS,
                     "-s",       "--rsync-path",
                     lock.data,  "-e",
                     LEAD_REACH, from,
                     to,         NULL};
    pid_t pid = said < 0 ? -errno : lead_spawn(words, said);
    if (pid < 0)
        err = refuse_errno(why, -pid, "cannot start '%s'", "rsync");
    else
        err = copy_wait(l, h, pid, said, why);
    if (said >= 0)
        close(said);
    text_release(&lock);
    free(from);
    free(to);
    return err;
}

/* One host */

static int machine_take(const struct lead *l, const struct lead_host *h,
                        struct settings *out, struct reason *why)
{
    struct text t = TEXT_INIT;
    char *copied = xstrfmt("%s/trainers/", l->directory);
    bool copy = !strncmp(l->program, copied, strlen(copied));
    text_printf(&t, "host = %s\ndirectory = %s\ntrainer = %s\n", h->name,
                l->directory, copy ? "auto" : l->program);
    int err =
        settings_parse(out, text_string(&t), t.size, SCOPE_MACHINE, "", why);
    free(copied);
    text_release(&t);
    return err;
}

static int connected_prepare(const struct lead *l, const struct lead_host *h,
                             struct link *link, struct reason *why)
{
    int err = link_connect(link, &link->wire, why);
    if (err == 0 && *copy_of(l))
        err = place_make(l, h, link, why);
    wire_close(&link->wire);
    if (err == 0)
        err = programs_check(l, h, link, why);
    if (err == 0 && *copy_of(l))
        err = copy_send(l, h, why);
    return err;
}

static void *prepare(void *context)
{
    struct preparing *p = context;
    struct reason *why = &p->host->why;
    const struct launch_site site = {
        .runs = p->lead->runs, .trainer = p->lead->program, .own = p->set};
    struct launch_target target = {.site = &site};
    settings_init(&target.machine);
    int err = machine_take(p->lead, p->host, &target.machine, why);
    if (err == 0)
        err = connected_prepare(p->lead, p->host, link_of(&target), why);
    settings_release(&target.machine);
    if (err)
        reason_prefix(why, "on host '%s': ", p->lead->host[0].name);
    p->host->ready = !err;
    p->done = true;
    return NULL;
}

/* All of them */

static bool all_done(const struct preparing *p, int count)
{
    for (int i = 1; i < count; i++)
        if (!p[i].done)
            return false;
    return true;
}

static void one_begin(struct preparing *p, struct lead *l, struct lead_host *h,
                      struct link_set *set)
{
    p->lead = l;
    p->host = h;
    p->set = set;
    h->why = (struct reason)REASON_INIT;
    int code = pthread_create(&p->thread, NULL, prepare, p);
    if (!code)
        return;
    refuse_errno(&h->why, code, "host '%s'", h->name);
    p->host = NULL;
    p->done = true;
}

/* What the threads use stays where a stop leaves them to the end. */
bool hosts_prepare(struct lead *l)
{
    const struct timespec nap = {.tv_nsec = 50000000};
    struct preparing *p = xcalloc(LEAD_HOSTS, sizeof *p);
    struct launch_site *site = xcalloc(1, sizeof *site);
    *site = (struct launch_site){.runs = l->runs, .trainer = l->program};
    struct link_set *set = link_set_new(site, false);
    link_set_name(set, l->id);
    for (int i = 1; i < l->count; i++)
        if (l->host[i].ready || l->host[i].left_out)
            p[i].done = true;
        else
            one_begin(&p[i], l, &l->host[i], set);
    while (!all_done(p, l->count)) {
        if (lead_is_stopped(l))
            return false;
        nanosleep(&nap, NULL);
    }
    for (int i = 1; i < l->count; i++)
        if (p[i].host)
            pthread_join(p[i].thread, NULL);
    link_set_free(set);
    free(site);
    free(p);
    return true;
}

/* Names */

int hosts_name(struct lead *l, struct reason *why)
{
    static const char *const options[] = {LINK_SSH_OPTIONS};
    struct text t = TEXT_INIT;
    text_puts(&t, "# NAME COMMAND…: how mpirun and rsync reach a host.\n"
                  "case $1 in\n");
    for (int i = 1; i < l->count; i++) {
        text_printf(&t, "%s) host=", l->host[i].called);
        put_quoted(&t, l->host[i].name);
        text_puts(&t, " ;;\n");
    }
    text_puts(&t, "esac\nshift\nexec ssh");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        text_printf(&t, " %s", options[i]);
    text_puts(&t, " -- \"$host\" \"$@\"\n");
    int err = file_save(l->dir, "reach", t.data, t.size, why);
    text_release(&t);
    return err;
}

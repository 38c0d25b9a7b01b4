/*
 * The launcher `ssh`: what `local` does on this host, `primo-train --far` does
 * by the same code on another one, and this file asks it to, over the link of
 * the machine. Runs there: DIRECTORY/runs/ID/RUN, where ID is this state
 * directory's (connect.c).
 */
#include "core/far/ssh.h"
#include "core/far/dataset.h"
#include "core/far/kept.h"
#include "core/far/link_inside.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/sha256.h"
#include "core/launch/launcher.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long what was learnt of a run counts as known. */
#define FRESH_SECONDS 0.4

/* Life cycle */

static void *ssh_open(const struct launch_site *site)
{
    return link_set_new(site, false);
}

void ssh_end(void *own)
{
    link_set_end(own);
}

void ssh_close(void *own)
{
    link_set_free(own);
}

/* The machine */

void ssh_want(const struct launch_target *target)
{
    link_want(link_of(target));
}

void ssh_facts(const struct launch_target *target, struct machine_facts *out)
{
    link_facts(link_of(target), out);
}

/* Asks for something that has no answer but done. */
static int ask_plain(struct link *l, enum far_verb verb, uint64_t run,
                     struct reason *why)
{
    struct far_line in = {.verb = verb, .run = run};
    return link_ask(l, &in, NULL, NULL, NULL, why);
}

/* Start */

static int text_send(struct link *l, const char *name, const struct text *text,
                     struct reason *why)
{
    struct far_line in = {.verb = FAR_text};
    snprintf(in.name, sizeof in.name, "%s", name);
    return link_ask(l, &in, text, NULL, NULL, why);
}

int ssh_pieces_send(struct link *l, struct far_line *in, int fd, bool *unread,
                    struct reason *why)
{
    struct text bytes = TEXT_INIT;
    ssize_t n = 1;
    int err = 0;
    *unread = false;
    while (err == 0 && n > 0) {
        text_resize(&bytes, FAR_BYTES);
        n = pread(fd, bytes.data, FAR_BYTES, (off_t)in->a);
        *unread = n < 0;
        err = n < 0 ? -errno : 0;
        text_resize(&bytes, n > 0 ? (size_t)n : 0);
        if (n > 0 || (n == 0 && !in->a))
            err = link_ask(l, in, &bytes, NULL, NULL, why);
        in->a += bytes.size;
    }
    text_release(&bytes);
    return err;
}

/* Sends a file from byte `at` on. */
static int base_put(struct link *l, int fd, const char *name, uint64_t at,
                    struct reason *why)
{
    struct far_line in = {.verb = FAR_put, .a = at};
    bool unread;
    snprintf(in.name, sizeof in.name, "%s", name);
    int err = ssh_pieces_send(l, &in, fd, &unread, why);
    return unread ? refuse_errno(why, -err, "cannot read the base") : err;
}

int ssh_file_send(struct link *l, int dir, const char *file, char name[64],
                  struct reason *why)
{
    char hex[SHA256_HEX];
    struct far_line there;
    int fd = file_open(dir, file, why);
    int err = fd < 0 ? fd : descriptor_sum(fd, hex, NULL);
    if (fd >= 0 && err)
        refuse_errno(why, -err, "cannot read the base");
    snprintf(name, 64, "%.*s", FAR_BASE_DIGITS, err ? "" : hex);
    struct far_line in = {.verb = FAR_have};
    snprintf(in.name, sizeof in.name, "%s", name);
    if (err == 0)
        err = link_ask(l, &in, NULL, &there, NULL, why);
    if (err == 0 && !there.b) {
        err = base_put(l, fd, name, there.a, why);
        in.verb = FAR_keep;
        if (err == 0)
            err = link_ask(l, &in, NULL, NULL, NULL, why);
    }
    if (fd >= 0)
        close(fd);
    return err;
}

static int base_send(struct link *l, const struct run_job *job, char name[64],
                     struct reason *why)
{
    *name = 0;
    return *job->base ? ssh_file_send(l, job->base_dir, job->base, name, why)
                      : 0;
}

static int run_start(struct link *l, struct far_line *in, struct reason *why)
{
    int err = kept_note(l->set->site->runs, in->run, l, why);
    pthread_mutex_lock(&l->telling);
    if (err == 0)
        err = link_ask(l, in, NULL, NULL, NULL, why);
    pthread_mutex_unlock(&l->telling);
    return err;
}

/* The job, with lines that say who is to train together, where Slurm does not
 * choose that, and where the data set lies there if that is not where the
 * template says. */
static int job_send(const struct launch_target *target,
                    const struct run_job *job, const struct text *copy,
                    struct reason *why)
{
    struct link *l = link_of(target);
    struct text t = TEXT_INIT;
    text_add(&t, job->job.data, job->job.size);
    if (!l->set->queues && !job->serve &&
        settings_number(&target->machine, KEY_NODES) > 1)
        text_printf(&t, "%s = %s\n", params[KEY_HOST].key,
                    settings_get(&target->machine, KEY_HOST));
    if (copy->size)
        text_printf(&t, "%s = %s\n", params[KEY_DATASET_COPY].key,
                    text_string(copy));
    int err = text_send(l, "job", &t, why);
    text_release(&t);
    return err;
}

int ssh_start_as(const struct launch_target *target, struct far_line *in,
                 const struct run_job *job, const struct text *options,
                 struct reason *why)
{
    struct link *l = link_of(target);
    struct text copy = TEXT_INIT;
    int err = dataset_copy(target, in->run, job, &copy, why);
    if (err == 0)
        err = job_send(target, job, &copy, why);
    text_release(&copy);
    if (err == 0 && options)
        err = text_send(l, "slurm", options, why);
    if (err == 0)
        err = text_send(l, "template", &job->template, why);
    if (err == 0)
        err = text_send(l, "type", &job->type, why);
    if (err == 0)
        err = base_send(l, job, in->name, why);
    return err ? err : run_start(l, in, why);
}

static int ssh_start(const struct launch_target *target, uint64_t run,
                     const struct run_job *job, struct reason *why)
{
    struct far_line in = {.verb = FAR_start, .run = run, .a = job->serve};
    return ssh_start_as(target, &in, job, NULL, why);
}

static bool is_fresh(double time)
{
    return time && monotonic_now() - time < FRESH_SECONDS;
}

/* What a trainer has written before it ended is seen by whoever asks after
 * that: hence what was quiet is forgotten. */
int ssh_alive_with(struct link *l, uint64_t run, uint64_t *job)
{
    struct link_run *r = link_run(l, run);
    struct far_line in = {.verb = FAR_alive, .run = run}, out;
    *job = r->job;
    if (is_fresh(r->alive))
        return 1;
    r->alive = 0;
    int err = link_ask(l, &in, NULL, &out, NULL, NULL);
    if (err)
        return err == -EINPROGRESS ? -EHOSTUNREACH : err;
    *job = out.b;
    if (out.a)
        r->alive = monotonic_now();
    else
        memset(r->quiet, 0, sizeof r->quiet);
    return out.a != 0;
}

static int ssh_alive(const struct launch_target *target, uint64_t run)
{
    uint64_t job;
    return ssh_alive_with(link_of(target), run, &job);
}

int ssh_follow(const struct launch_target *target, uint64_t run,
               uint64_t segment, uint64_t offset, struct text *out)
{
    struct link *l = link_of(target);
    struct link_run *r = link_run(l, run);
    struct far_line in = {
        .verb = FAR_follow, .run = run, .a = segment, .b = offset};
    size_t had = out->size, no = segment % 2;
    if (r->quiet[no].segment == segment && r->quiet[no].offset == offset &&
        is_fresh(r->quiet[no].asked))
        return r->quiet[no].err;
    int err = link_ask(l, &in, NULL, NULL, out, NULL);
    r->quiet[no].segment = segment;
    r->quiet[no].offset = offset;
    r->quiet[no].err = err;
    r->quiet[no].asked =
        (err == 0 && out->size == had) || err == -ENOENT ? monotonic_now() : 0;
    return err == -EINPROGRESS ? -EHOSTUNREACH : err;
}

int ssh_words(struct link *l, uint64_t run, char state[80], struct text *out)
{
    struct far_line in = {.verb = FAR_words, .run = run};
    struct text said = TEXT_INIT;
    int err = link_ask(l, &in, NULL, NULL, &said, NULL);
    const char *line = text_string(&said);
    size_t n = strcspn(line, "\n");
    snprintf(state, 80, "%.*s", (int)n, line);
    make_printable(state);
    n += line[n] == '\n';
    if (err == 0)
        text_put_printable(out, line + n, said.size - n);
    text_release(&said);
    return err;
}

static bool ssh_last_words(const struct launch_target *target, uint64_t run,
                           struct text *out)
{
    char state[80];
    ssh_words(link_of(target), run, state, out);
    return false;
}

/* Artifacts */

static int piece_read(struct link *l, uint64_t run, const char *name,
                      uint64_t at, struct far_line *out, struct text *bytes,
                      struct reason *why)
{
    struct far_line in = {.verb = FAR_read, .run = run, .a = at};
    snprintf(in.name, sizeof in.name, "%s", name);
    text_clear(bytes);
    return link_ask(l, &in, NULL, out, bytes, why);
}

int ssh_fetch_text(const struct launch_target *target, uint64_t run,
                   const char *name, uint64_t limit, struct text *out,
                   struct reason *why)
{
    struct link *l = link_of(target);
    struct far_line piece;
    struct text bytes = TEXT_INIT;
    size_t had = out->size;
    int err;
    do {
        err = piece_read(l, run, name, out->size - had, &piece, &bytes, why);
        if (err == 0 && out->size - had + bytes.size > limit)
            err = refuse(why, EFBIG, "'%s' is too large", name);
        if (err == 0)
            text_add(out, bytes.data, bytes.size);
    } while (err == 0 && bytes.size);
    text_release(&bytes);
    return err == -EINPROGRESS ? -EHOSTUNREACH : err;
}

/* Reads on until all is there. `first` says what the artifact is; it must stay
 * that one. */
static int rest_fetch(struct link *l, uint64_t run, const char *name,
                      const struct far_line *first, int fd, struct reason *why)
{
    struct text bytes = TEXT_INIT;
    struct far_line piece;
    struct stat st;
    uint64_t at = fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
    int err = 0;
    while (err == 0 && at < first->a) {
        err = piece_read(l, run, name, at, &piece, &bytes, why);
        if (err == 0 && (piece.a != first->a || piece.b != first->b ||
                         !bytes.size || at + bytes.size > first->a))
            err = refuse(why, EBADMSG, "'%s' has changed meanwhile", name);
        if (err == 0 &&
            (err = descriptor_write_at(fd, bytes.data, bytes.size, at)))
            refuse_errno(why, -err, "cannot write '%s'", name);
        at += bytes.size;
    }
    text_release(&bytes);
    if (err == 0 && fsync(fd))
        err = refuse_errno(why, errno, "cannot write '%s'", name);
    return err;
}

static int part_fetch(const struct launch_target *target, uint64_t run,
                      const char *name, const struct far_line *first, int to,
                      struct reason *why)
{
    char *path = kept_part(target->site->runs, run, name, first->a, first->b);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int err = fd < 0 ? refuse_errno(why, errno, "cannot write '%s'", path)
                     : rest_fetch(link_of(target), run, name, first, fd, why);
    if (fd >= 0)
        close(fd);
    if (err == 0 && (chmod(path, 0644) || renameat(AT_FDCWD, path, to, name)))
        err = refuse_errno(why, errno, "cannot rename '%s'", path);
    else if (err == -EBADMSG)
        unlink(path);
    free(path);
    return err;
}

int ssh_fetch(const struct launch_target *target, uint64_t run,
              const char *name, uint64_t limit, int to, struct reason *why)
{
    struct text bytes = TEXT_INIT;
    struct far_line first;
    int err = piece_read(link_of(target), run, name, 0, &first, &bytes, why);
    text_release(&bytes);
    if (err == 0 && first.a > limit)
        err = refuse(why, EFBIG, "'%s' is too large", name);
    if (err == 0)
        err = part_fetch(target, run, name, &first, to, why);
    return err == -EINPROGRESS ? -EHOSTUNREACH : err;
}

/* Stop */

int ssh_stop(const struct launch_target *target, uint64_t run,
             struct reason *why)
{
    return ask_plain(link_of(target), FAR_stop, run, why);
}

/* Where the host is not reached, the next sweep of it sees to the run. */
void ssh_kill(const struct launch_target *target, uint64_t run)
{
    dataset_copy_end(link_of(target), run);
    ask_plain(link_of(target), FAR_kill, run, NULL);
}

static void ssh_waits(const struct launch_target *target, uint64_t run,
                      struct text *out)
{
    dataset_said(link_of(target), run, out);
}

/* Sweep */

/* A trainer that is alive although its process has been stopped, or a worker
 * whose service was: the host was away then, perhaps for an earlier daemon. */
static void late_stop(struct link *l, uint64_t run,
                      const struct launch_sweep *sweep)
{
    pthread_mutex_lock(&l->telling);
    if (sweep->live(sweep->context, run) == 0)
        ask_plain(l, FAR_stop, run, NULL);
    pthread_mutex_unlock(&l->telling);
}

/* Deals with a run that is said to be there. Returns 1 where something is left.
 */
static int run_sweep(struct link *l, uint64_t run, bool alive,
                     const struct launch_sweep *sweep)
{
    struct far_line in = {.verb = FAR_drop, .run = run}, out;
    const char *runs = l->set->site->runs;
    int needed = sweep->needed(sweep->context, run);
    if (needed < 0)
        return needed;
    bool ours = kept_is_noted(runs, run, l);
    if (alive && (needed || ours))
        late_stop(l, run, sweep);
    if (needed || !sweep->given_up(sweep->context, run) || !ours)
        return 0;
    if (link_ask(l, &in, NULL, &out, NULL, NULL))
        return 0; /* the next sweep will see to it */
    if (out.a)
        return 1;
    sweep->dropped(sweep->context, run);
    kept_forget(runs, run);
    return 0;
}

static int link_sweep(struct link *l, const struct launch_sweep *sweep)
{
    struct far_line in = {.verb = FAR_list};
    struct text said = TEXT_INIT;
    char *rest = NULL;
    int left = 0, err = 0;
    if (link_ask(l, &in, NULL, NULL, &said, NULL) == 0)
        link_set_swept(l);
    if (said.size)
        for (char *line = strtok_r(said.data, "\n", &rest); line && err >= 0;
             line = strtok_r(NULL, "\n", &rest)) {
            uint64_t run = strtoull(line, &line, 10);
            err = run_sweep(l, run, !strcmp(line, " alive"), sweep);
            left |= err > 0;
        }
    text_release(&said);
    return err < 0 ? err : left;
}

bool ssh_unswept(const struct launch_site *site)
{
    bool any = false;
    for (struct link *l = link_first(site->own); l; l = link_next(l))
        any |= link_unswept(l);
    return any;
}

int ssh_sweep(const struct launch_site *site, const struct launch_sweep *sweep)
{
    int left = 0, err = 0;
    kept_sweep(site->runs, sweep);
    for (struct link *l = link_first(site->own); l && err >= 0;
         l = link_next(l)) {
        struct machine_facts facts;
        link_facts(l, &facts);
        if (facts.reached)
            err = link_sweep(l, sweep);
        left |= err > 0;
    }
    return err < 0 ? err : left;
}

const struct launcher launcher_ssh = {
    .name = "ssh",
    .open = ssh_open,
    .close = ssh_close,
    .end = ssh_end,
    .want = ssh_want,
    .facts = ssh_facts,
    .unswept = ssh_unswept,
    .sweep = ssh_sweep,
    .start = ssh_start,
    .alive = ssh_alive,
    .follow = ssh_follow,
    .tell = ssh_tell,
    .give = ssh_give,
    .fetch = ssh_fetch,
    .fetch_text = ssh_fetch_text,
    .stop = ssh_stop,
    .kill = ssh_kill,
    .last_words = ssh_last_words,
    .waits = ssh_waits,
};

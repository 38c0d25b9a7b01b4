#include "core/far/dataset.h"
#include "core/far/link_inside.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/basic/sha256.h"
#include "core/far/quote.h"
#include "core/launch/spawn.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ERRORS_MOST = 2000, /* bytes of what rsync complains of */
    LINE_MOST = 120,    /* of what it says of its progress */
    AGAIN_SECONDS = 3,  /* after a connection that was lost */
    TRIES = 5,          /* in a row, over none of which anything came */
    PATIENCE = 600,     /* seconds without anything, however often tried */
    END_TRIES = 50,     /* of 10 ms, for rsync to end by itself */
    VANISHED = 24,      /* rsync's status: files went while it read */
};

struct copying {
    char *from;        /* the folder here */
    struct text there; /* and there */
    struct wire wire;  /* to the rsync there; fd -1 = none is at work */
    pid_t pid;         /* of the one here, in a group of its own; 0 likewise */
    int said, words;   /* what it prints, and complains of */
    struct text errors;
    char line[LINE_MOST]; /* the one that is being read */
    size_t line_size;
    long long bytes;   /* that are dealt with in this try */
    long long percent; /* of all, -1 = not known yet */
    int tries;         /* that were lost since something came */
    double moved;      /* monotonic: when something came last */
    double again;      /* monotonic: the earliest time to try again */
};

/* Life cycle */

static struct copying *copying_new(void)
{
    struct copying *c = xcalloc(1, sizeof *c);
    c->wire.fd = c->wire.words = c->said = c->words = -1;
    c->moved = monotonic_now();
    return c;
}

static void group_end(pid_t pid)
{
    int status;
    kill(-pid, SIGTERM);
    for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
        struct pollfd nothing = {.fd = -1};
        poll(&nothing, 1, 10);
        if (i == END_TRIES)
            kill(-pid, SIGKILL);
    }
}

/* Ends what is at work. */
static void try_end(struct copying *c)
{
    if (c->pid > 0)
        group_end(c->pid);
    if (c->wire.fd >= 0)
        wire_close(&c->wire);
    if (c->said >= 0)
        close(c->said);
    if (c->words >= 0)
        close(c->words);
    c->said = c->words = -1;
    c->pid = 0;
}

void copying_free(struct copying *c)
{
    if (!c)
        return;
    try_end(c);
    free(c->from);
    text_release(&c->there);
    text_release(&c->errors);
    free(c);
}

/* What is said of it */

static void say(struct link *l, struct link_run *r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct link *l, struct link_run *r, const char *format, ...)
{
    char now[sizeof r->copied];
    va_list ap;
    va_start(ap, format);
    vsnprintf(now, sizeof now, format, ap);
    va_end(ap);
    pthread_mutex_lock(&l->lock);
    if (strcmp(now, r->copied)) {
        strcpy(r->copied, now);
        l->facts.changed = clock_ns();
    }
    pthread_mutex_unlock(&l->lock);
}

static void progress_say(struct link *l, struct link_run *r)
{
    const struct copying *c = r->copying;
    if (!c || (!c->pid && !c->tries))
        say(l, r, "%s", "");
    else if (!c->pid)
        say(l, r, "%s",
            _("the data set is being copied there; the connection was lost, "
              "and is tried again"));
    else if (c->percent < 0)
        say(l, r, "%s", _("the data set is being copied there"));
    else
        say(l, r, _("the data set is being copied there: %d %%, %.1f MB"),
            (int)c->percent, (double)c->bytes / 1e6);
}

void dataset_said(struct link *l, uint64_t run, struct text *out)
{
    struct link_run *r = link_run(l, run);
    pthread_mutex_lock(&l->lock);
    text_puts(out, r->copied);
    pthread_mutex_unlock(&l->lock);
}

/* What is read of it */

/* Takes "BYTES PERCENT% …". */
static void line_take(struct copying *c)
{
    char *at = c->line, *end;
    c->line[c->line_size] = 0;
    c->line_size = 0;
    long long bytes = strtoll(at, &end, 10);
    if (end == at || !isspace((unsigned char)*end))
        return;
    long long percent = strtoll(end, &at, 10);
    if (at == end || *at != '%' || bytes < 0 || percent < 0 || percent > 100)
        return;
    if (bytes > c->bytes) {
        c->moved = monotonic_now();
        c->tries = 0;
    }
    c->bytes = bytes;
    c->percent = percent;
}

static void progress_read(struct copying *c)
{
    char part[4096];
    ssize_t n;
    while ((n = read(c->said, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (part[i] == '\r' || part[i] == '\n')
                line_take(c);
            else if (c->line_size < LINE_MOST - 1)
                c->line[c->line_size++] = part[i];
}

static void errors_read(struct copying *c)
{
    char part[4096];
    ssize_t n;
    while ((n = read(c->words, part, sizeof part)) > 0)
        if (c->errors.size + (size_t)n <= ERRORS_MOST)
            text_add(&c->errors, part, (size_t)n);
}

/* Beginning */

/* The path without slashes at its end. The caller frees it. */
static char *folder_of(const struct run_job *job)
{
    struct text path = TEXT_INIT;
    run_job_dataset(job, &path);
    while (path.size > 0 && path.data[path.size - 1] == '/')
        path.size--;
    char *folder = xstrndup(text_string(&path), path.size);
    text_release(&path);
    return folder;
}

static void digits_make(const char *folder, uid_t uid, char out[80])
{
    struct sha256 sum;
    char hex[SHA256_HEX], who[40];
    snprintf(who, sizeof who, "%u\n", (unsigned)uid);
    sha256_init(&sum);
    sha256_add(&sum, who, strlen(who));
    sha256_add(&sum, folder, strlen(folder));
    sha256_end(&sum, hex);
    snprintf(out, 80, "%.*s", FAR_BASE_DIGITS, hex);
}

/* Fails as the step of a start. */
static int fail(const struct link *l, const struct copying *c, int code,
                const char *words, struct reason *why)
{
    struct text hand = TEXT_INIT;
    text_puts(&hand, "rsync -rltp ");
    put_quoted(&hand, c->from);
    text_puts(&hand, "/ ");
    if (*l->host)
        text_printf(&hand, "%s:", l->host);
    put_quoted(&hand, c->there.size ? text_string(&c->there) : l->directory);
    int err = refuse(why, code,
                     "host '%s', step '%s': %.300s; to try by hand: %.400s",
                     link_name(l), "dataset", words, text_string(&hand));
    text_release(&hand);
    return err;
}

/* Has a place made for it there. */
static int place_make(struct link *l, struct copying *c,
                      const struct run_job *job, struct reason *why)
{
    struct far_line in = {.verb = FAR_place};
    struct reason own = REASON_INIT;
    text_clear(&c->there);
    digits_make(c->from, job->uid, in.name);
    int err = link_ask(l, &in, NULL, NULL, &c->there, &own);
    if (err == 0 && (!c->there.size || strchr(text_string(&c->there), '\n') ||
                     strlen(text_string(&c->there)) != c->there.size))
        err = refuse(&own, EPROTO, "%s", _("an answer that makes no sense"));
    if (err == 0)
        return 0;
    if (err != -EHOSTUNREACH && err != -EINPROGRESS)
        return fail(l, c, -err, own.sentence, why);
    return refuse(why, -err, "%s", own.sentence);
}

/* Starts the rsync there. */
static int there_start(struct link *l, struct copying *c, struct reason *why)
{
    struct text line = TEXT_INIT;
    char *lock = xstrfmt("%s.lock", text_string(&c->there));
    text_puts(&line, "exec flock ");
    put_quoted(&line, lock);
    text_puts(&line, " " FAR_RSYNC_SERVER " ");
    put_quoted(&line, text_string(&c->there));
    text_puts(&line, "\n");
    int err = link_run_there(l, &c->wire, text_string(&line), why);
    if (err == 0 && fcntl(c->wire.fd, F_SETFL, 0))
        err = refuse_errno(why, errno, "cannot start '%s'", "rsync");
    text_release(&line);
    free(lock);
    return err;
}

/* A pipe of which we never wait for the end that we keep. */
static int pipe_make(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static int here_start(struct link *l, struct copying *c,
                      const struct run_job *job, struct reason *why)
{
    int said[2] = {-1, -1}, words[2] = {-1, -1};
    int err = pipe_make(said);
    if (err == 0)
        err = pipe_make(words);
    c->said = said[0];
    c->words = words[0];
    const struct sending s = {.folder = c->from,
                              .job = job,
                              .wire = c->wire.fd,
                              .said = said[1],
                              .words = words[1]};
    if (err)
        refuse_errno(why, -err, "cannot start '%s'", "rsync");
    else
        err = sender_spawn(l->set->site->trainer, &s, &c->pid, why);
    if (said[1] >= 0)
        close(said[1]);
    if (words[1] >= 0)
        close(words[1]);
    return err;
}

static int try_begin(struct link *l, struct copying *c,
                     const struct run_job *job, struct reason *why)
{
    if (!c->from)
        c->from = folder_of(job);
    int err = place_make(l, c, job, why);
    c->wire = (struct wire){.fd = -1, .words = -1, .ending = &l->set->ending};
    c->bytes = c->percent = -1;
    text_clear(&c->errors);
    if (err == 0)
        err = there_start(l, c, why);
    if (err == 0)
        err = here_start(l, c, job, why);
    if (err)
        try_end(c);
    return err ? err : refuse(why, EINPROGRESS, "the data set is being copied");
}

/* Ending */

/* Whether rsync's exit status says that it was left alone, rather than that
 * something there or here failed. */
static bool is_loss(int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    return code == 10 || code == 12 || code == 30 || code == 35 || code == 255;
}

/* Whether a line says what happened, and not just that the other end, which
 * knows more, is gone. */
static bool is_cause(const char *line, size_t size)
{
    return !strncmp(line, "rsync", 5) && strncmp(line, "rsync error", 11) &&
           !memmem(line, size, "Broken pipe", 11) &&
           !memmem(line, size, "unexpectedly closed", 19);
}

/* Finds the first line that says what happened; NULL = none does. */
static const char *cause_find(const char *lines)
{
    for (size_t n; *lines; lines += n + (lines[n] == '\n')) {
        n = strcspn(lines, "\n");
        if (is_cause(lines, n))
            return lines;
    }
    return NULL;
}

/* The first thing that rsync complained of is why, the one here or, through
 * ssh, the one there; or else ssh's last words. */
static void put_words(const struct copying *c, struct text *out)
{
    struct text there = TEXT_INIT;
    const char *first = text_string(&c->errors);
    const char *line = cause_find(first);
    wire_all_words(&c->wire, &there);
    if (!line)
        line = cause_find(text_string(&there));
    first += strspn(first, "\r\n ");
    if (!line)
        wire_words(&c->wire, out);
    if (!out->size)
        text_put_printable(out, line ? line : first,
                           strcspn(line ? line : first, "\n"));
    if (!out->size)
        text_puts(out, _("the connection was closed"));
    text_release(&there);
}

/* What comes of a try that failed. */
static int try_failed(struct link *l, struct copying *c, int status,
                      struct reason *why)
{
    struct text words = TEXT_INIT;
    bool loss = is_loss(status);
    double now = monotonic_now();
    put_words(c, &words);
    try_end(c);
    bool again = loss && ++c->tries < TRIES && now - c->moved < PATIENCE;
    c->again = now + AGAIN_SECONDS;
    int err = again ? refuse(why, EINPROGRESS, "%s", text_string(&words))
                    : fail(l, c, EIO, text_string(&words), why);
    text_release(&words);
    return err;
}

/* Looks how far it is. */
static int try_look(struct link *l, struct copying *c, struct reason *why)
{
    int status;
    pid_t ended = waitpid(c->pid, &status, WNOHANG);
    progress_read(c);
    errors_read(c);
    if (ended == 0)
        return refuse(why, EINPROGRESS, "the data set is being copied");
    kill(-c->pid, SIGTERM); /* what moved bytes for it */
    c->pid = 0;
    if (ended < 0 || !WIFEXITED(status) ||
        (WEXITSTATUS(status) && WEXITSTATUS(status) != VANISHED))
        return try_failed(l, c, ended < 0 ? 0 : status, why);
    try_end(c);
    return 0;
}

/* A host that is lost while it is being copied to is waited for. */
static int unreached(const struct copying *c, int err, struct reason *why)
{
    bool wait = err == -EHOSTUNREACH && c->tries &&
                monotonic_now() - c->moved < PATIENCE;
    return wait ? refuse(why, EINPROGRESS, "the host is being waited for")
                : err;
}

int dataset_copy(const struct launch_target *target, uint64_t run,
                 const struct run_job *job, struct text *path,
                 struct reason *why)
{
    struct link *l = link_of(target);
    struct link_run *r = link_run(l, run);
    int err = -EINPROGRESS;
    if (strcmp(settings_get(&target->machine, KEY_COPY_DATASET), "yes"))
        return 0;
    if (!r->copying)
        r->copying = copying_new();
    struct copying *c = r->copying;
    if (c->pid)
        err = try_look(l, c, why);
    else if (monotonic_now() >= c->again)
        err = unreached(c, try_begin(l, c, job, why), why);
    if (err == 0)
        text_add(path, c->there.data, c->there.size);
    if (err != -EINPROGRESS)
        dataset_copy_end(l, run);
    else
        progress_say(l, r);
    return err;
}

void dataset_copy_end(struct link *l, uint64_t run)
{
    struct link_run *r = link_run(l, run);
    copying_free(r->copying);
    r->copying = NULL;
    progress_say(l, r);
}

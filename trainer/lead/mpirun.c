#include "trainer/lead/mpirun.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/far/quote.h"
#include "core/system/file.h"
#include "trainer/far/command.h"
#include "trainer/nodes/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RUN_LOCK_FD = 3, /* the run's lock, with which the launcher starts us */
    TICK_MS = 50,
    SAID_MS = 300,       /* until mpirun has passed on what was said last */
    FOLLOW_SECONDS = 14, /* for all to end when the first trainer has */
    TERM_SECONDS = 3,    /* for mpirun to end when it is told to */
    BEGIN_SECONDS = 300, /* until the trainers have their files */
    SAID = 1 << 16,
};

/* mpirun at work. */
struct watch {
    const struct lead *lead;
    pid_t pid;
    int said;         /* the file of what it says */
    int alive;        /* the pipe that the first trainer holds open */
    bool ended;       /* mpirun has: */
    int status;       /* as waitpid() says */
    bool begun, over; /* the trainer has begun, has ended */
    bool released;    /* the run is, with the last words */
    bool late;        /* they have not begun in time */
    bool stopped;     /* before they had begun */
};

/* Checking */

static int check(const struct lead *l, const char *step,
                 const char *const *words, struct reason *why)
{
    struct text said = TEXT_INIT, hand = TEXT_INIT;
    struct reason own = REASON_INIT;
    int err = command_run(words, &said, &own);
    put_quoted(&hand, words[0]);
    if (err)
        err = refuse(why, ENOENT,
                     "host '%s', step '%s': %.300s; to try by hand: ssh %s %s "
                     "--version",
                     l->host[0].name, step, own.sentence, l->host[0].name,
                     text_string(&hand));
    text_release(&said);
    text_release(&hand);
    return err;
}

int mpirun_check(const struct lead *l, struct reason *why)
{
    const char *const mpirun[] = {"mpirun", "--version", NULL};
    const char *const nodes[] = {l->nodes, "--version", NULL};
    int err = check(l, "mpirun", mpirun, why);
    if (err == 0 && !l->nodes)
        err = refuse(why, ENOENT,
                     "step 'nodes': there is no primo-nodes beside %s; it is "
                     "built where libopenmpi-dev is installed",
                     l->program);
    return err ? err : check(l, "nodes", nodes, why);
}

/* Starting */

/* The first trainer is started by a script, which opens the pipe: mpirun closes
 * what it does not know. */
static int script_write(const struct lead *l, const char *path,
                        struct reason *why)
{
    struct text t = TEXT_INIT;
    text_puts(&t, "#!/bin/sh\n# The trainer of the first host: who waits for "
                  "its end sees the pipe closed.\nexec 9<>");
    put_quoted(&t, l->path);
    text_puts(&t, "/alive\necho begun >&9\nexec ");
    put_quoted(&t, l->program);
    text_puts(&t, " \"$@\"\n");
    int err = file_save(l->dir, "first", t.data, t.size, why);
    text_release(&t);
    return err == 0 && chmod(path, 0700)
               ? refuse_errno(why, errno, "cannot write '%s'", path)
               : err;
}

static int pipe_make(struct watch *w, struct reason *why)
{
    const struct lead *l = w->lead;
    unlinkat(l->dir, "alive", 0);
    if (mkfifoat(l->dir, "alive", 0600))
        return refuse_errno(why, errno, "cannot write '%s/%s'", l->path,
                            "alive");
    w->alive = openat(l->dir, "alive", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    unlinkat(l->dir, "mpirun", 0);
    w->said = openat(l->dir, "mpirun",
                     O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    return w->alive < 0 || w->said < 0
               ? refuse_errno(why, errno, "cannot write '%s/%s'", l->path,
                              "mpirun")
               : 0;
}

struct words {
    char **list;
    size_t count, room;
};

static void word_add(struct words *w, const char *word)
{
    ALLOC_GROW(w->list, w->count + 2, w->room);
    w->list[w->count++] = xstrdup(word);
    w->list[w->count] = NULL;
}

/* The hosts' names, for what is said of them. */
static void names_pass(const struct lead *l)
{
    struct text t = TEXT_INIT;
    for (int i = 0; i < l->count; i++) {
        const char *at = strrchr(l->host[i].name, '@');
        if (!l->host[i].left_out)
            text_printf(&t, "%s%s", t.size ? " " : "",
                        at ? at + 1 : l->host[i].name);
    }
    setenv(NODES_NAMES, text_string(&t), 1);
    text_release(&t);
}

/* What mpirun passes on and where a program starts stands with each one, as it
 * carries neither over to the next. A connection that is cut must be noticed by
 * what mpirun has started on the other side, too, so that nothing stays there.
 */
static void words_take(const struct lead *l, const char *first, struct words *w)
{
    static const char *const options[] = {"mpirun",
                                          "--enable-recovery",
                                          "--bind-to",
                                          "none",
                                          "--mca",
                                          "plm",
                                          "rsh",
                                          "--mca",
                                          "ras",
                                          "^slurm,tm,lsf,gridengine",
                                          "--mca",
                                          "plm_rsh_no_tree_spawn",
                                          "1",
                                          "--mca",
                                          "oob_tcp_keepalive_time",
                                          "4",
                                          "--mca",
                                          "oob_tcp_keepalive_intvl",
                                          "2",
                                          "--mca",
                                          "oob_tcp_keepalive_probes",
                                          "3",
                                          "--mca",
                                          "plm_rsh_agent",
                                          LEAD_REACH};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        word_add(w, options[i]);
    for (int i = 0; i < l->count; i++) {
        const struct lead_host *h = &l->host[i];
        const char *const one[] = {":",
                                   "-n",
                                   "1",
                                   "-x",
                                   NODES_NAMES,
                                   "-wdir",
                                   "/",
                                   "--host",
                                   i ? h->called : "localhost",
                                   l->nodes,
                                   i ? l->program : first,
                                   "--run",
                                   l->path};
        for (size_t k = i == 0; k < sizeof one / sizeof *one; k++)
            if (!h->left_out)
                word_add(w, one[k]);
    }
}

static int start(struct watch *w, struct reason *why)
{
    const struct lead *l = w->lead;
    char *first = xstrfmt("%s/first", l->path);
    struct words words = {0};
    int err = script_write(l, first, why);
    if (err == 0)
        err = pipe_make(w, why);
    words_take(l, first, &words);
    names_pass(l);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    w->pid = err ? 0 : lead_spawn(words.list, w->said);
    if (w->pid < 0)
        err = refuse_errno(why, -w->pid, "cannot start '%s'", "mpirun");
    for (size_t i = 0; i < words.count; i++)
        free(words.list[i]);
    free(words.list);
    free(first);
    return err;
}

/* Watching */

static void pause_ms(int ms)
{
    struct pollfd none = {.fd = -1};
    poll(&none, 1, ms);
}

/* Looks at the pipe for so long. */
static void alive_look(struct watch *w, int ms)
{
    struct pollfd one = {.fd = w->over ? -1 : w->alive, .events = POLLIN};
    char said[16];
    if (poll(&one, 1, ms) <= 0)
        return;
    if (!w->begun)
        lead_together(w->lead);
    w->begun = true;
    w->over = (one.revents & (POLLIN | POLLHUP)) == POLLHUP;
    if (one.revents & POLLIN && read(w->alive, said, sizeof said) < 0)
        pause_ms(ms);
}

/* The end of what was said, without a line that is cut. */
static char *said_last(const struct watch *w, char said[SAID + 1])
{
    struct stat st;
    off_t from =
        fstat(w->said, &st) || st.st_size < SAID ? 0 : st.st_size - SAID;
    ssize_t n = pread(w->said, said, SAID, from);
    said[n > 0 ? n : 0] = 0;
    char *line = from ? strchr(said, '\n') : NULL;
    return line ? line + 1 : said;
}

/* What a trainer or primo-nodes has said last. */
static void put_said(const struct watch *w, struct text *out)
{
    static const char *const ours[] = {"primo-train: ", "primo-nodes: "};
    char room[SAID + 1], *said = said_last(w, room);
    const char *last = NULL;
    for (char *at = said; *at; at += strcspn(at, "\n"), at += *at == '\n')
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            if (!strncmp(at, ours[i], strlen(ours[i])))
                last = at + strlen(ours[i]);
    if (last)
        text_put_printable(out, last, strcspn(last, "\n"));
    else if (w->late)
        text_printf(out,
                    _("the hosts have not begun within %d s; they must reach "
                      "one another over TCP, on ports that MPI chooses"),
                    BEGIN_SECONDS);
    else if (w->ended && WIFSIGNALED(w->status))
        text_printf(out, _("mpirun was ended by signal %d"),
                    WTERMSIG(w->status));
    else if (!w->over)
        lead_put_words(out, said);
}

static bool has_ended(struct watch *w)
{
    w->ended = w->ended || waitpid(w->pid, &w->status, WNOHANG) == w->pid;
    return w->ended;
}

/* The run is free for the next trainer once the one of this host has ended. Who
 * looks then for its last words must find them. */
static void run_release(struct watch *w)
{
    struct text words = TEXT_INIT;
    pause_ms(SAID_MS);
    has_ended(w); /* which may be why */
    put_said(w, &words);
    if (words.size)
        fprintf(stderr, "primo-train: %s\n", text_string(&words));
    text_release(&words);
    flock(RUN_LOCK_FD, LOCK_UN);
    w->released = true;
}

static void end_by_force(struct watch *w)
{
    double until = monotonic_now() + TERM_SECONDS;
    kill(w->pid, SIGTERM);
    while (!has_ended(w)) {
        if (monotonic_now() > until)
            kill(w->pid, SIGKILL);
        pause_ms(TICK_MS);
    }
}

/* Until mpirun has ended. */
static void watch(struct watch *w)
{
    double due = monotonic_now() + BEGIN_SECONDS;
    while (!has_ended(w)) {
        bool was = w->over;
        bool asked = lead_is_stopped(w->lead);
        alive_look(w, TICK_MS);
        w->stopped = asked && !w->begun; /* else the trainer sees it */
        if (w->stopped)
            break;
        if (was)
            pause_ms(TICK_MS);
        else if (w->over)
            run_release(w);
        if (w->over && !was)
            due = monotonic_now() + FOLLOW_SECONDS;
        w->late = !w->begun && monotonic_now() > due;
        if (w->late || (w->over && monotonic_now() > due))
            break;
    }
    if (!w->ended)
        end_by_force(w);
}

/* mpirun was ended: the trainer notices, and writes a checkpoint. */
static void trainer_await(struct watch *w)
{
    double until = monotonic_now() + LEAD_END_SECONDS;
    alive_look(w, 0);
    while (w->begun && !w->over && monotonic_now() < until)
        alive_look(w, TICK_MS);
}

int mpirun_run(const struct lead *l, bool *begun, struct reason *why)
{
    struct watch w = {.lead = l, .said = -1, .alive = -1};
    struct text words = TEXT_INIT;
    int err = start(&w, why);
    if (err == 0) {
        watch(&w);
        trainer_await(&w);
        put_said(&w, &words);
    }
    *begun = w.begun;
    if (w.stopped && !w.begun) {
        text_clear(&words);
        err = -ECANCELED;
    }
    /* mpirun's own status says nothing where it goes on without a host. */
    if (err == 0 && (w.status || words.size))
        err = refuse(why, EIO, "host '%s', step '%s': %s", l->host[0].name,
                     "mpirun", text_string(&words));
    if (words.size && !w.released)
        fprintf(stderr, "primo-train: %s\n", text_string(&words));
    text_release(&words);
    close(w.said);
    close(w.alive);
    return err;
}

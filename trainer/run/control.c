#include "trainer/run/control.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/basic/text.h"
#include "core/system/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TICK_MS = 200,
    HEARTBEAT_TICKS = 5,
    LOCK_MS = 3000, /* a stop is promised within five seconds */
};

struct control {
    struct control_options options;
    struct worker worker;
    pthread_mutex_t state; /* held by the main thread while it commits, and
                              while `save` runs */
    void (*save)(
        void *context); /* under state; NULL = there is nothing to save */
    void *context;
    pthread_mutex_t lock; /* guards what follows */
    struct progress progress;
    double progress_time; /* monotonic seconds: when `progress` was given */
    double deadline;      /* monotonic seconds; INFINITY = none */
    char overdue[512];
    bool quiet;
};

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void control_block_signals(void)
{
    sigset_t set;
    stop_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Whether nobody has asked for the run for as long as the lease says, which is
 * a file of the run that whoever asks touches: a number of seconds. A clock
 * that was set back is no reason to end. */
static bool lease_is_over(const struct control *c)
{
    struct stat st;
    char text[32];
    long long seconds;
    int fd = openat(c->options.dir, "lease", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = fstat(fd, &st) ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    return parse_int(text, &seconds) && seconds > 0 &&
           unix_now() - (double)st.st_mtime > (double)seconds;
}

enum wish { WISH_NONE, WISH_STOPPED, WISH_INTERRUPTED };

/* Waits for a tick. Returns what is asked for, by the file, by the lease or by
 * a signal. */
static enum wish wish_await(const struct control *c)
{
    sigset_t set;
    struct timespec tick = ns_timespec(TICK_MS * 1000000l);
    stop_signals(&set);
    bool signalled = sigtimedwait(&set, NULL, &tick) > 0;
    if (!nodes_lead(c->options.nodes))
        return WISH_NONE;
    if (faccessat(c->options.dir, "stop", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
        lease_is_over(c))
        return WISH_STOPPED;
    return !signalled                      ? WISH_NONE
           : c->options.interrupted_status ? WISH_INTERRUPTED
                                           : WISH_STOPPED;
}

static void end_interrupted(struct control *c)
{
    writer_log(c->options.writer,
               "interrupted: the training goes on from here by itself");
    int ended = writer_end(c->options.writer, "interrupted");
    _exit(ended < 0 ? c->options.failed_status : c->options.interrupted_status);
}

static void state_save(struct control *c)
{
    struct timespec until = clock_after(LOCK_MS);
    int err = pthread_mutex_clocklock(&c->state, CLOCK_MONOTONIC, &until);
    if (err == 0 && c->save)
        c->save(c->context);
    else if (err)
        writer_log(c->options.writer, "the disk is slow: stopping with the "
                                      "checkpoint before this one");
}

static void stop(struct control *c, enum wish wish)
{
    state_save(c);
    if (wish == WISH_INTERRUPTED)
        end_interrupted(c);
    writer_log(c->options.writer, "stopped, as requested");
    int ended = writer_end(c->options.writer, "stopped");
    _exit(ended < 0 ? c->options.failed_status : c->options.stopped_status);
}

static void fail_overdue(struct control *c)
{
    char outcome[600];
    snprintf(outcome, sizeof outcome, "failed: %s", c->overdue);
    writer_end(c->options.writer, outcome);
    _exit(c->options.failed_status);
}

/* What is said on stderr is the reason where nobody starts the run again. */
static void end_lost(struct control *c)
{
    struct text words = TEXT_INIT, outcome = TEXT_INIT;
    bool again = nodes_loss(c->options.nodes, &words);
    if (nodes_lead(c->options.nodes)) {
        state_save(c);
        text_printf(&outcome, "failed: %s", text_string(&words));
        fprintf(stderr, "primo-train: %s\n", text_string(&words));
        writer_log(c->options.writer, "%s", text_string(&words));
        if (again)
            writer_end(c->options.writer, text_string(&outcome));
        else
            writer_sync(c->options.writer);
    }
    _exit(c->options.failed_status);
}

static void heartbeat(struct control *c)
{
    struct progress p = c->progress;
    if (!isnan(p.eta))
        p.eta = fmax(0, p.eta - (monotonic_now() - c->progress_time));
    writer_progress(c->options.writer, &p);
}

static void *control_run(void *argument)
{
    struct control *c = argument;
    for (unsigned tick = 1;; tick++) {
        enum wish wanted = wish_await(c);
        /* this comes first: the signal that control_free() sends is no stop */
        if (worker_is_ending(&c->worker))
            return NULL;
        pthread_mutex_lock(&c->lock);
        bool overdue = monotonic_now() > c->deadline;
        if (!wanted && !overdue && !c->quiet && tick % HEARTBEAT_TICKS == 0)
            heartbeat(c);
        pthread_mutex_unlock(&c->lock);
        if (wanted)
            stop(c, wanted);
        if (nodes_lost(c->options.nodes))
            end_lost(c);
        if (overdue)
            fail_overdue(c);
    }
}

int control_open(struct control **out, const struct control_options *options,
                 struct reason *why)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return refuse(why, ENOMEM, "no memory for the control thread");
    c->options = *options;
    c->deadline = INFINITY;
    progress_parse("", &c->progress);
    pthread_mutex_init(&c->state, NULL);
    pthread_mutex_init(&c->lock, NULL);
    int err = worker_open(&c->worker, control_run, c, NULL);
    if (err) {
        free(c);
        return refuse_errno(why, -err, "cannot start the control thread");
    }
    *out = c;
    return 0;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    worker_end(&c->worker);
    pthread_kill(c->worker.thread,
                 SIGTERM); /* ends the tick that the thread waits for */
    worker_close(&c->worker);
    pthread_mutex_destroy(&c->state);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void control_lock(struct control *c)
{
    pthread_mutex_lock(&c->state);
}

void control_unlock(struct control *c)
{
    pthread_mutex_unlock(&c->state);
}

void control_on_stop(struct control *c, void (*save)(void *context),
                     void *context)
{
    control_lock(c);
    c->save = save;
    c->context = context;
    control_unlock(c);
}

void control_progress(struct control *c, const struct progress *p)
{
    pthread_mutex_lock(&c->lock);
    c->progress = *p;
    c->progress_time = monotonic_now();
    pthread_mutex_unlock(&c->lock);
}

void control_quiet(struct control *c)
{
    pthread_mutex_lock(&c->lock);
    c->quiet = true;
    pthread_mutex_unlock(&c->lock);
}

void control_expect(struct control *c, double seconds, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    pthread_mutex_lock(&c->lock);
    c->deadline = monotonic_now() + seconds;
    vsnprintf(c->overdue, sizeof c->overdue, translate(format), ap);
    pthread_mutex_unlock(&c->lock);
    va_end(ap);
}

void control_arrived(struct control *c)
{
    pthread_mutex_lock(&c->lock);
    c->deadline = INFINITY;
    pthread_mutex_unlock(&c->lock);
}

#include "core/far/link_inside.h"

#include "core/basic/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    QUEUE_SECONDS = 60,
    AWAITED_SECONDS = 5, /* after that, nobody asks for a job */
};

/* Slurm's queue, for all runs together and once a minute at most, while
 * somebody asks for one of them. */
static bool queue_is_due(struct link *l)
{
    double now = monotonic_now();
    pthread_mutex_lock(&l->lock);
    bool due = l->set->queues && now - l->awaited < AWAITED_SECONDS &&
               (!l->queued || now - l->queued >= QUEUE_SECONDS);
    if (due)
        l->queued = now;
    pthread_mutex_unlock(&l->lock);
    return due;
}

void link_queue_ask(struct link *l)
{
    struct far_line in = {.verb = FAR_queue};
    struct text said = TEXT_INIT;
    struct reason why = REASON_INIT;
    if (!queue_is_due(l))
        return;
    int err = link_ask_own(l, &in, NULL, NULL, &said, &why);
    pthread_mutex_lock(&l->lock);
    snprintf(l->queue_fault, sizeof l->queue_fault, "%.390s",
             err ? why.sentence : "");
    if (err == 0) {
        text_clear(&l->queue);
        text_add(&l->queue, said.data, said.size);
        l->queue_known = l->queued;
    }
    l->facts.changed = clock_ns();
    pthread_mutex_unlock(&l->lock);
    text_release(&said);
}

/* Copies the next of the fields that '|' separates. */
static const char *field_take(const char *at, char *out, size_t size)
{
    size_t n = strcspn(at, "|\n");
    snprintf(out, size, "%.*s", (int)n, at);
    make_printable(out);
    return at + n + (at[n] == '|');
}

/* Finds the line of a job; NULL = there is none. */
static const char *line_find(const char *lines, uint64_t run, uint64_t job)
{
    char wanted[48];
    snprintf(wanted, sizeof wanted, "%" PRIu64 "|%" PRIu64 "|", run, job);
    while (*lines && strncmp(lines, wanted, strlen(wanted))) {
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
    return *lines ? lines + strlen(wanted) : NULL;
}

bool link_job(struct link *l, struct link_run *r, struct link_job *out)
{
    *out = (struct link_job){0};
    pthread_mutex_lock(&l->lock);
    const char *at = line_find(text_string(&l->queue), r->run, r->job);
    bool gone = !at && l->queue_known > r->noted;
    if (at) {
        at = field_take(at, out->state, sizeof out->state);
        at = field_take(at, out->reason, sizeof out->reason);
        at = field_take(at, out->start, sizeof out->start);
        field_take(at, out->nodes, sizeof out->nodes);
    }
    pthread_mutex_unlock(&l->lock);
    return !gone;
}

void link_set_job(struct link *l, struct link_run *r, uint64_t job)
{
    pthread_mutex_lock(&l->lock);
    if (r->job != job) {
        r->job = job;
        r->noted = monotonic_now();
        l->facts.changed = clock_ns();
    }
    l->awaited = monotonic_now();
    pthread_mutex_unlock(&l->lock);
}

uint64_t link_job_number(struct link *l, struct link_run *r, char *fault,
                         size_t size)
{
    pthread_mutex_lock(&l->lock);
    uint64_t job = r->job;
    snprintf(fault, size, "%s", l->queue_fault);
    pthread_mutex_unlock(&l->lock);
    return job;
}

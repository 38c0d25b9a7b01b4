#include "trainer/run/diary.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 999999, WAITING_MAX = 16 << 20 };

struct diary {
    pthread_mutex_t lock; /* guards all of this */
    int fd;
    off_t written;       /* bytes of whole records in the file */
    struct text waiting; /* records that are not in the file yet */
    struct diary_view view;
    bool ended; /* by diary_end(): nothing follows */
};

/* Append a record to what waits, and show it. */
static void record_add(struct diary *d, enum journal_kind kind, const char *s)
{
    struct text line = TEXT_INIT;
    double now = unix_now();
    if (d->ended)
        return;
    text_put_printable(&line, s, strlen(s));
    if (d->waiting.size < WAITING_MAX)
        journal_frame(&d->waiting, kind, now, text_string(&line));
    if (d->view.seen)
        d->view.seen(d->view.context, kind, now, text_string(&line));
    d->ended = kind == JOURNAL_END;
    text_release(&line);
}

static int waiting_write(struct diary *d, bool sync)
{
    const char *at = text_string(&d->waiting);
    size_t left = d->waiting.size;
    while (left > 0) {
        ssize_t n = write(d->fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int code = n < 0 ? errno : ENOSPC;
            if (ftruncate(d->fd, d->written) == 0)
                lseek(d->fd, d->written, SEEK_SET);
            return -code;
        }
        at += n;
        left -= (size_t)n;
    }
    d->written += (off_t)d->waiting.size;
    text_resize(&d->waiting, 0);
    return sync && fdatasync(d->fd) < 0 ? -errno : 0;
}

static int record_put(struct diary *d, enum journal_kind kind, const char *s,
                      bool sync)
{
    pthread_mutex_lock(&d->lock);
    record_add(d, kind, s);
    int err = waiting_write(d, sync);
    pthread_mutex_unlock(&d->lock);
    return err;
}

/* Segments are numbered without gaps; a trainer that runs twice at once is
 * kept out by the lock, so that the first free number is the next one. */
static int segment_create(int dir, struct reason *why)
{
    char name[32];
    for (unsigned i = 1; i <= SEGMENTS_MAX; i++) {
        snprintf(name, sizeof name, JOURNAL_SEGMENT, i);
        int fd =
            openat(dir, name,
                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            return refuse_errno(why, errno, "cannot create '%s'", name);
    }
    return refuse(why, EOVERFLOW, "the run has %d journal segments already",
                  SEGMENTS_MAX);
}

int diary_open(struct diary **out, int dir, uint64_t iteration,
               const struct diary_view *view, struct reason *why)
{
    int fd = segment_create(dir, why);
    if (fd < 0)
        return fd;
    fsync(dir); /* the new name; without it the segment is just not found */
    struct diary *d = calloc(1, sizeof *d);
    if (!d) {
        close(fd);
        return refuse(why, ENOMEM, "no memory for the journal");
    }
    pthread_mutex_init(&d->lock, NULL);
    d->fd = fd;
    if (view)
        d->view = *view;
    char open[64];
    snprintf(open, sizeof open, "version=1 iteration=%llu",
             (unsigned long long)iteration);
    int err = record_put(d, JOURNAL_OPEN, open, true);
    if (err) {
        diary_free(d);
        return refuse_errno(why, -err, "cannot write the journal");
    }
    *out = d;
    return 0;
}

void diary_free(struct diary *d)
{
    if (!d)
        return;
    close(d->fd);
    text_release(&d->waiting);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void diary_stage(struct diary *d, const char *stage)
{
    record_put(d, JOURNAL_STAGE, stage, false);
}

void diary_log(struct diary *d, const char *format, ...)
{
    struct text s = TEXT_INIT;
    va_list ap;
    va_start(ap, format);
    text_vprintf(&s, translate(format), ap);
    va_end(ap);
    record_put(d, JOURNAL_LOG, text_string(&s), false);
    text_release(&s);
}

void diary_fact(struct diary *d, const char *key, const char *format, ...)
{
    struct text s = TEXT_INIT;
    text_printf(&s, "%s=", key);
    va_list ap;
    va_start(ap, format);
    text_vprintf(&s, format, ap);
    va_end(ap);
    record_put(d, JOURNAL_FACT, text_string(&s), false);
    text_release(&s);
}

static void progress_add(struct diary *d, const struct progress *p)
{
    struct text s = TEXT_INIT;
    progress_print(&s, p);
    if (s.size && s.data[s.size - 1] == ' ')
        text_resize(&s, s.size - 1);
    record_add(d, JOURNAL_PROGRESS, text_string(&s));
    text_release(&s);
}

void diary_progress(struct diary *d, const struct progress *p)
{
    pthread_mutex_lock(&d->lock);
    if (d->waiting.size == 0 || waiting_write(d, false) == 0) {
        progress_add(d, p);
        if (waiting_write(d, false) < 0)
            text_resize(&d->waiting, 0);
    }
    pthread_mutex_unlock(&d->lock);
}

void diary_metric(struct diary *d, const struct metrics_row *row,
                  const struct progress *p)
{
    struct text s = TEXT_INIT;
    metrics_row_print(&s, row);
    text_resize(&s, s.size - 1); /* its newline */
    pthread_mutex_lock(&d->lock);
    record_add(d, JOURNAL_METRIC, text_string(&s));
    progress_add(d, p);
    waiting_write(d, false);
    pthread_mutex_unlock(&d->lock);
    text_release(&s);
}

void diary_sync(struct diary *d)
{
    pthread_mutex_lock(&d->lock);
    waiting_write(d, true);
    pthread_mutex_unlock(&d->lock);
}

void diary_checkpoint(struct diary *d, uint64_t iteration)
{
    char s[64];
    snprintf(s, sizeof s, "iteration=%llu", (unsigned long long)iteration);
    record_put(d, JOURNAL_CHECKPOINT, s, true);
}

void diary_artifact(struct diary *d, const char *name)
{
    record_put(d, JOURNAL_ARTIFACT, name, true);
}

int diary_end(struct diary *d, const char *outcome)
{
    return record_put(d, JOURNAL_END, outcome, true);
}

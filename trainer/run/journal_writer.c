#include "trainer/run/journal_writer.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/report/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 999999, WAITING_MAX = 16 << 20 };

struct journal_writer {
    pthread_mutex_t lock; /* guards all of this */
    int fd;
    off_t written;       /* bytes of whole records in the file */
    struct text waiting; /* records that are not in the file yet */
    struct journal_observer view;
    bool ended; /* writer_end() was called: nothing may follow */
};

/* Appends a record to those that wait, and shows it to the observer. */
static void record_add(struct journal_writer *w, enum journal_kind kind,
                       const char *s)
{
    struct text line = TEXT_INIT;
    double now = unix_now();
    if (w->ended)
        return;
    text_put_printable(&line, s, strlen(s));
    if (w->waiting.size < WAITING_MAX)
        journal_frame(&w->waiting, kind, now, text_string(&line));
    if (w->view.seen)
        w->view.seen(w->view.context, kind, now, text_string(&line));
    w->ended = kind == JOURNAL_END;
    text_release(&line);
}

static int waiting_write(struct journal_writer *w, bool sync)
{
    const char *at = text_string(&w->waiting);
    size_t left = w->waiting.size;
    while (left > 0) {
        ssize_t n = write(w->fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int code = n < 0 ? errno : ENOSPC;
            if (ftruncate(w->fd, w->written) == 0)
                lseek(w->fd, w->written, SEEK_SET);
            return -code;
        }
        at += n;
        left -= (size_t)n;
    }
    w->written += (off_t)w->waiting.size;
    text_resize(&w->waiting, 0);
    return sync && fdatasync(w->fd) < 0 ? -errno : 0;
}

static int record_put(struct journal_writer *w, enum journal_kind kind,
                      const char *s, bool sync)
{
    pthread_mutex_lock(&w->lock);
    record_add(w, kind, s);
    int err = waiting_write(w, sync);
    pthread_mutex_unlock(&w->lock);
    return err;
}

/* Makes a segment, and writes its name to `name`. */
static int segment_make(int dir, unsigned number, bool anew, char name[32])
{
    snprintf(name, 32, JOURNAL_SEGMENT, number);
    if (anew)
        unlinkat(dir, name, 0);
    return openat(dir, name,
                  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* Segments are numbered without gaps, and the lock of the run directory keeps a
 * second trainer out. So the first free number is the next one. */
static int segment_create(int dir, unsigned wanted, struct reason *why)
{
    char name[32];
    for (unsigned i = wanted ? wanted : 1; i <= SEGMENTS_MAX; i++) {
        int fd = segment_make(dir, i, wanted, name);
        if (fd >= 0)
            return fd;
        if (wanted || errno != EEXIST)
            return refuse_errno(why, errno, "cannot create '%s'", name);
    }
    return refuse(why, EOVERFLOW, "the run has %d journal segments already",
                  SEGMENTS_MAX);
}

/* Writes the rows that were told before. Readers ignore those they know. */
static void rows_add(struct journal_writer *w, const struct text *rows)
{
    const char *at = rows ? text_string(rows) : "";
    struct text line = TEXT_INIT;
    for (size_t n; *at; at += n + (at[n] == '\n')) {
        n = strcspn(at, "\n");
        text_clear(&line);
        text_add(&line, at, n);
        record_add(w, JOURNAL_METRIC, text_string(&line));
    }
    text_release(&line);
}

int writer_open(struct journal_writer **out, int dir,
                const struct journal_start *start,
                const struct journal_observer *view, struct reason *why)
{
    int fd = segment_create(dir, start->segment, why);
    if (fd < 0)
        return fd;
    fsync(dir); /* makes the new name durable; if this fails, the segment is
                   only lost */
    struct journal_writer *w = calloc(1, sizeof *w);
    if (!w) {
        close(fd);
        return refuse(why, ENOMEM, "no memory for the journal");
    }
    pthread_mutex_init(&w->lock, NULL);
    w->fd = fd;
    if (view)
        w->view = *view;
    char open[64];
    snprintf(open, sizeof open, "version=1 iteration=%llu",
             (unsigned long long)start->iteration);
    record_add(w, JOURNAL_OPEN, open);
    rows_add(w, start->rows);
    int err = waiting_write(w, true);
    if (err) {
        writer_free(w);
        return refuse_errno(why, -err, "cannot write the journal");
    }
    *out = w;
    return 0;
}

void writer_free(struct journal_writer *w)
{
    if (!w)
        return;
    close(w->fd);
    text_release(&w->waiting);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void writer_stage(struct journal_writer *w, const char *stage)
{
    record_put(w, JOURNAL_STAGE, stage, false);
}

void writer_log(struct journal_writer *w, const char *format, ...)
{
    struct text s = TEXT_INIT;
    va_list ap;
    va_start(ap, format);
    text_vprintf(&s, translate(format), ap);
    va_end(ap);
    record_put(w, JOURNAL_LOG, text_string(&s), false);
    text_release(&s);
}

void writer_fact(struct journal_writer *w, const char *key, const char *format,
                 ...)
{
    struct text s = TEXT_INIT;
    text_printf(&s, "%s=", key);
    va_list ap;
    va_start(ap, format);
    text_vprintf(&s, format, ap);
    va_end(ap);
    record_put(w, JOURNAL_FACT, text_string(&s), false);
    text_release(&s);
}

static void progress_add(struct journal_writer *w, const struct progress *p)
{
    struct text s = TEXT_INIT;
    progress_print(&s, p);
    if (s.size && s.data[s.size - 1] == ' ')
        text_resize(&s, s.size - 1);
    record_add(w, JOURNAL_PROGRESS, text_string(&s));
    text_release(&s);
}

void writer_progress(struct journal_writer *w, const struct progress *p)
{
    pthread_mutex_lock(&w->lock);
    if (w->waiting.size == 0 || waiting_write(w, false) == 0) {
        progress_add(w, p);
        if (waiting_write(w, false) < 0)
            text_resize(&w->waiting, 0);
    }
    pthread_mutex_unlock(&w->lock);
}

void writer_metric(struct journal_writer *w, const struct metrics_row *row,
                   const struct progress *p)
{
    struct text s = TEXT_INIT;
    metrics_row_print(&s, row);
    text_resize(&s, s.size - 1); /* without the newline */
    pthread_mutex_lock(&w->lock);
    record_add(w, JOURNAL_METRIC, text_string(&s));
    progress_add(w, p);
    waiting_write(w, false);
    pthread_mutex_unlock(&w->lock);
    text_release(&s);
}

void writer_sync(struct journal_writer *w)
{
    pthread_mutex_lock(&w->lock);
    waiting_write(w, true);
    pthread_mutex_unlock(&w->lock);
}

void writer_checkpoint(struct journal_writer *w, uint64_t iteration)
{
    char s[64];
    snprintf(s, sizeof s, "iteration=%llu", (unsigned long long)iteration);
    record_put(w, JOURNAL_CHECKPOINT, s, true);
}

void writer_artifact(struct journal_writer *w, const char *name, uint32_t crc)
{
    struct text s = TEXT_INIT;
    artifact_print(&s, name, crc);
    record_put(w, JOURNAL_ARTIFACT, text_string(&s), true);
    text_release(&s);
}

void writer_answers(struct journal_writer *w, const struct text *answers, int n)
{
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < n; i++)
        record_add(w, JOURNAL_ANSWER, text_string(&answers[i]));
    waiting_write(w, false);
    pthread_mutex_unlock(&w->lock);
}

int writer_end(struct journal_writer *w, const char *outcome)
{
    return record_put(w, JOURNAL_END, outcome, true);
}

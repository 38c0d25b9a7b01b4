#include "trainer/alone_output.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct alone_output {
    const char *folder;  /* not owned */
    FILE *log, *metrics; /* NULL before alone_output_begin() */
    struct text early;   /* log lines from before that */
    struct metrics_row *rows;
    size_t count, room;
    struct progress now;
    bool terminal; /* standard error is a terminal */
    bool line;     /* the cursor is behind a progress line */
};

int alone_output_open(struct alone_output **out, const char *folder,
                      struct reason *why)
{
    struct alone_output *s = calloc(1, sizeof *s);
    if (!s)
        return refuse(why, ENOMEM, "no memory for the output");
    s->folder = folder;
    s->terminal = isatty(STDERR_FILENO);
    progress_parse("", &s->now);
    *out = s;
    return 0;
}

void alone_output_free(struct alone_output *s)
{
    if (!s)
        return;
    if (s->log)
        fclose(s->log);
    if (s->metrics)
        fclose(s->metrics);
    text_release(&s->early);
    free(s->rows);
    free(s);
}

void alone_output_chart(const struct alone_output *s, struct chart *chart)
{
    chart->rows = s->rows;
    chart->count = s->count;
    chart->now = s->now;
}

/* Rows */

static void row_keep(struct alone_output *s, const struct metrics_row *row)
{
    ALLOC_GROW(s->rows, s->count + 1, s->room);
    s->rows[s->count++] = *row;
}

/* A resumed training repeats the rows that followed its checkpoint. */
static bool row_known(const struct alone_output *s,
                      const struct metrics_row *row)
{
    return s->count && row->iteration <= s->rows[s->count - 1].iteration;
}

static void row_seen(struct alone_output *s, const char *payload)
{
    struct metrics_row row;
    if (!metrics_row_parse(payload, &row) || row_known(s, &row))
        return;
    row_keep(s, &row);
    if (s->metrics) {
        fprintf(s->metrics, "%s\n", payload);
        fflush(s->metrics);
    }
}

/* Keeps the rows of a file; returns the bytes of its complete lines. */
static off_t rows_load(struct alone_output *s, FILE *f)
{
    char line[512];
    off_t good = 0;
    struct metrics_row row;
    while (fgets(line, sizeof line, f)) {
        size_t n = strlen(line);
        if (line[n - 1] != '\n')
            break;
        line[n - 1] = 0;
        good += (off_t)n;
        if (metrics_row_parse(line, &row))
            row_keep(s, &row);
    }
    return good;
}

/* Files */

static FILE *file_open(const struct alone_output *s, const char *name,
                       bool anew, struct reason *why)
{
    char *path = xstrfmt("%s/%s", s->folder, name);
    FILE *f = fopen(path, anew ? "we" : "a+e");
    if (!f)
        refuse_errno(why, errno, "cannot write '%s'", path);
    free(path);
    return f;
}

int alone_output_begin(struct alone_output *s, uint64_t iteration,
                       struct reason *why)
{
    bool anew = iteration == 0;
    FILE *log = file_open(s, "log", anew, why);
    if (!log)
        return -why->code;
    FILE *metrics = file_open(s, "metrics.csv", anew, why);
    if (!metrics) {
        fclose(log);
        return -why->code;
    }
    off_t good = anew ? 0 : rows_load(s, metrics);
    fseeko(metrics, 0, SEEK_END); /* as C demands between reads and writes */
    if (ftruncate(fileno(metrics), good) == 0 && good == 0)
        fputs(METRICS_HEADER, metrics);
    fputs(text_string(&s->early), log);
    fflush(metrics);
    fflush(log);
    s->log = log;
    s->metrics = metrics;
    return 0;
}

/* Lines */

static void line_clear(struct alone_output *s)
{
    if (s->line)
        fputs("\r\033[K", stderr);
    s->line = false;
}

static void log_seen(struct alone_output *s, double time, const char *payload)
{
    struct text line = TEXT_INIT;
    text_put_time(&line, time);
    text_printf(&line, " %s\n", payload);
    if (s->log) {
        fputs(text_string(&line), s->log);
        fflush(s->log);
    } else {
        text_puts(&s->early, text_string(&line));
    }
    line_clear(s);
    fprintf(stderr, "%s\n", payload);
    text_release(&line);
}

static void put_known(struct text *out, const char *format, double v)
{
    if (!isnan(v))
        text_printf(out, format, v);
}

static void progress_seen(struct alone_output *s, const char *payload)
{
    if (!progress_parse(payload, &s->now) || !s->terminal)
        return;
    const struct progress *p = &s->now;
    if (p->iterations == 0)
        return;
    struct text line = TEXT_INIT;
    text_printf(&line, _("%3.0f%%  epoch %llu/%llu"),
                100.0 * (double)p->iteration / (double)p->iterations,
                (unsigned long long)p->epoch, (unsigned long long)p->epochs);
    put_known(&line, _("  loss %.3f"), p->train_loss);
    put_known(&line, _("  AP %.3f"), p->average_precision);
    put_known(&line, _("  %.0f images/s"), p->images_per_second);
    if (!isnan(p->eta)) {
        struct text left = TEXT_INIT;
        text_put_duration(&left, p->eta);
        text_printf(&line, _("  %s left"), text_string(&left));
        text_release(&left);
    }
    fprintf(stderr, "\r\033[K%s", text_string(&line));
    s->line = true;
    text_release(&line);
}

static void end_seen(struct alone_output *s, double time, const char *payload)
{
    static const char failed[] = "failed: ";
    struct text line = TEXT_INIT;
    if (!strcmp(payload, "stopped"))
        text_puts(&line, _("stopped; the same command continues from here"));
    else if (!strncmp(payload, failed, strlen(failed)))
        text_printf(&line, _("failed: %s"), payload + strlen(failed));
    else
        text_puts(&line, translate_in("end", payload));
    log_seen(s, time, text_string(&line));
    text_release(&line);
}

void alone_output_seen(void *context, enum journal_kind kind, double time,
                       const char *payload)
{
    struct alone_output *s = context;
    switch (kind) {
    case JOURNAL_LOG:
        log_seen(s, time, payload);
        break;
    case JOURNAL_METRIC:
        row_seen(s, payload);
        break;
    case JOURNAL_PROGRESS:
        progress_seen(s, payload);
        break;
    case JOURNAL_END:
        end_seen(s, time, payload);
        break;
    default:
        break;
    }
}

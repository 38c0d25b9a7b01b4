#include "trainer/serve/list_job.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/report/list_row.h"
#include "trainer/evaluation/temperature.h"
#include "trainer/pictures/picture.h"
#include "trainer/serve/list_plan.h"
#include "trainer/serve/list_scores.h"
#include "trainer/serve/picture_job.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 2 };

/* One row of a batch, while it is read. */
struct reading {
    struct reason why;
    double ms;
    const char *code;      /* NULL = it could be read */
    struct page_walk walk; /* of its pages */
    int pages;             /* that are read */
    bool scored;           /* the first page was evaluated */
};

/* A list at work. */
struct listing {
    struct list_job *job;
    struct list_plan plan;
    struct list_scores scores;
    double temperature;
    uint64_t next, until;
    uint64_t *bad; /* rows of which workers have died */
    size_t bad_count, bad_room;
    float *images, *probabilities; /* of a batch */
    float *further;                /* of further pages, [batch, classes] */
    double *calibrated;            /* [classes] */
    struct reading *readings;      /* [batch] */
    struct text *rows;             /* [batch] */
    double began;
    uint64_t answered; /* since then */
};

/* Life cycle */

static void listing_release(struct listing *l)
{
    for (int i = 0; l->rows && i < l->job->predictor->batch; i++)
        text_release(&l->rows[i]);
    free(l->rows);
    free(l->readings);
    free(l->images);
    free(l->probabilities);
    free(l->further);
    free(l->calibrated);
    free(l->bad);
    list_scores_release(&l->scores);
    list_plan_release(&l->plan);
}

static int batch_alloc(struct listing *l, struct reason *why)
{
    struct predictor *p = l->job->predictor;
    size_t batch = (size_t)p->batch, classes = (size_t)p->model.classes;
    l->rows = xcalloc(batch, sizeof *l->rows);
    l->readings = xcalloc(batch, sizeof *l->readings);
    l->images = malloc(predictor_input(p, p->batch));
    l->probabilities = malloc(batch * classes * sizeof *l->probabilities);
    l->further = malloc(batch * classes * sizeof *l->further);
    l->calibrated = malloc(classes * sizeof *l->calibrated);
    return l->images && l->probabilities && l->further && l->calibrated
               ? 0
               : refuse(why, ENOMEM, "no memory for %d pictures", p->batch);
}

/* Where scores are lost, rows are evaluated once more. */
static int scores_open(struct listing *l, struct reason *why)
{
    if (!l->plan.is_labelled)
        return 0;
    int err = list_scores_open(&l->scores, l->job->run->dir,
                               l->job->predictor->model.classes, why);
    if (err == 0)
        l->next = list_scores_count(&l->scores, l->next);
    return err;
}

static int listing_open(struct listing *l, struct reason *why)
{
    const struct classifier *m = &l->job->predictor->model;
    const struct list_classes classes = {m->class_names, m->classes};
    l->next = l->job->from;
    l->temperature = l->job->predictor->temperature;
    l->job->predictor->temperature = 1; /* scores are not calibrated */
    l->began = monotonic_now();
    int err =
        list_plan_open(&l->plan, l->job->run->dir, l->job->name, &classes, why);
    if (err == 0)
        err = batch_alloc(l, why);
    if (err == 0)
        err = scores_open(l, why);
    if (err == 0)
        writer_fact(l->job->run->writer, "pictures",
                    "%zu lines=%" PRIu64 " sha256=%s", l->plan.count,
                    l->plan.lines, l->plan.sha256);
    return err;
}

/* What it is told */

static void told_take(struct listing *l)
{
    struct told_line line;
    while (told_next(l->job->told, &line)) {
        if (line.kind == TOLD_UNTIL && line.row > l->until)
            l->until = line.row;
        if (line.kind == TOLD_MODEL) /* the one that it has */
            l->job->pages = line.pages;
        if (line.kind == TOLD_BAD) {
            ALLOC_GROW(l->bad, l->bad_count + 1, l->bad_room);
            l->bad[l->bad_count++] = line.row;
        }
    }
}

static bool is_bad(const struct listing *l, uint64_t row)
{
    for (size_t i = 0; i < l->bad_count; i++)
        if (l->bad[i] == row)
            return true;
    return false;
}

/* Reading */

static void fail(struct reading *r, const char *code, const char *sentence)
{
    r->code = code;
    refuse(&r->why, EINVAL, "%s", sentence);
}

/* Reads as many of the next pages as there is room for. */
static int pages_read(const struct listing *l, const char *path,
                      struct page_walk *walk, float *images, int most,
                      struct reason *why)
{
    struct text bytes = TEXT_INIT;
    int side = l->job->predictor->model.image_size;
    int err = picture_load(path, &bytes, why);
    if (err == 0)
        err = page_walk_read(walk, (const uint8_t *)text_string(&bytes),
                             bytes.size, side, images, most, why);
    text_release(&bytes);
    return err;
}

static void entry_read(const struct listing *l, int i, float *image)
{
    struct reading *r = &l->readings[i];
    const struct list_entry *e = &l->plan.entries[l->next + (uint64_t)i];
    double began = monotonic_now();
    *r = (struct reading){.code = NULL};
    if (is_bad(l, l->next + (uint64_t)i)) {
        fail(r, "worker_died", _("the program that reads it died twice of it"));
    } else if (*e->fault) {
        fail(r, "unreadable", e->fault);
    } else {
        page_walk_begin(&r->walk, l->job->pages);
        int err = pages_read(l, e->path, &r->walk, image, 1, &r->why);
        r->code = err ? picture_job_code(err) : NULL;
        r->pages = 1;
    }
    r->ms = (monotonic_now() - began) * 1e3;
}

static size_t input_size(const struct listing *l)
{
    return predictor_input(l->job->predictor, 1) / sizeof(float);
}

static void batch_read(struct listing *l, int n)
{
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++)
        entry_read(l, i, l->images + (size_t)i * input_size(l));
}

/* Moves the images of those that could be read to the front. Returns their
 * number. */
static int images_pack(struct listing *l, int n)
{
    int good = 0;
    for (int i = 0; i < n; i++) {
        l->readings[i].scored = !l->readings[i].code;
        if (!l->readings[i].scored)
            continue;
        if (good < i)
            memcpy(l->images + (size_t)good * input_size(l),
                   l->images + (size_t)i * input_size(l),
                   input_size(l) * sizeof(float));
        good++;
    }
    return good;
}

/* Files of several pages */

/* As those of single requests, the means are of calibrated probabilities. */
static void page_add(struct listing *l, const float *scores,
                     struct page_sums *sums)
{
    int classes = l->job->predictor->model.classes;
    float page[classes];
    temperature_apply(l->temperature, scores, classes, l->calibrated);
    for (int k = 0; k < classes; k++)
        page[k] = (float)l->calibrated[k];
    page_sums_add(sums, page, classes);
}

/* What calibrates to the means of the pages: the scores of the file. */
static void file_score(const struct listing *l, const struct page_sums *sums,
                       float *scores)
{
    int classes = l->job->predictor->model.classes;
    double sum = 0;
    page_sums_mean(sums, classes, scores);
    for (int k = 0; k < classes; k++)
        sum += pow(scores[k], l->temperature);
    for (int k = 0; k < classes; k++)
        scores[k] = (float)(pow(scores[k], l->temperature) / sum);
}

static int further_add(struct listing *l, int n, struct page_sums *sums,
                       struct reason *why)
{
    size_t classes = (size_t)l->job->predictor->model.classes;
    int err =
        predictor_run_pieces(l->job->predictor, l->images, n, l->further, why);
    for (int i = 0; err == 0 && i < n; i++)
        page_add(l, l->further + (size_t)i * classes, sums);
    return err;
}

/* Reads and evaluates what is left of a file, of whose first page these are the
 * scores; they become those of the file. */
static int file_complete(struct listing *l, int i, float *scores,
                         struct reason *why)
{
    struct reading *r = &l->readings[i];
    const char *path = l->plan.entries[l->next + (uint64_t)i].path;
    struct page_sums sums = {0};
    double began = monotonic_now();
    int err = 0, fault = 0;
    page_add(l, scores, &sums);
    while (err == 0 && fault == 0 && r->walk.next) {
        fault = pages_read(l, path, &r->walk, l->images,
                           l->job->predictor->batch, &r->why);
        if (fault == 0)
            err = further_add(l, r->walk.read, &sums, why);
        if (fault == 0 && monotonic_now() - began > PAGES_SECONDS)
            fault = page_walk_too_long(&r->why);
    }
    if (fault == 0 && err == 0)
        file_score(l, &sums, scores);
    r->code = fault ? picture_job_code(fault) : NULL;
    r->pages = (int)sums.count;
    r->ms += (monotonic_now() - began) * 1e3;
    page_sums_release(&sums);
    return err;
}

static int files_complete(struct listing *l, int n, struct reason *why)
{
    float *scores = l->probabilities;
    int err = 0;
    for (int i = 0; i < n && err == 0; i++) {
        if (l->readings[i].scored && l->readings[i].walk.next)
            err = file_complete(l, i, scores, why);
        if (l->readings[i].scored)
            scores += l->job->predictor->model.classes;
    }
    return err;
}

/* Rows */

/* A path as people may see it. One that is too long ends in dots. */
static void path_show(struct list_row *row, const char *path)
{
    static const char dots[] = "\u2026";
    struct text shown = TEXT_INIT;
    text_put_printable(&shown, path, strlen(path));
    if (shown.size > LIST_PATH_SHOWN) {
        size_t n = utf8_valid(shown.data, LIST_PATH_SHOWN - strlen(dots));
        text_resize(&shown, n);
        text_puts(&shown, dots);
    }
    snprintf(row->path, sizeof row->path, "%s", text_string(&shown));
    text_release(&shown);
}

static void best_take(const struct listing *l, const float *scores,
                      struct list_row *row)
{
    int classes = l->job->predictor->model.classes, best = 0;
    for (int k = 1; k < classes; k++)
        if (scores[k] > scores[best])
            best = k;
    temperature_apply(l->temperature, scores, classes, l->calibrated);
    row->class = best;
    row->confidence = l->calibrated[best];
}

static void row_put(struct listing *l, int i, const float *scores, double ms)
{
    const struct reading *r = &l->readings[i];
    const struct list_entry *e = &l->plan.entries[l->next + (uint64_t)i];
    struct list_row row = {.row = l->next + (uint64_t)i,
                           .line = e->line,
                           .truth = e->truth,
                           .class = -1,
                           .first_page = r->walk.wanted.first,
                           .pages = r->pages,
                           .decode = r->ms,
                           .network = ms};
    path_show(&row, e->path);
    if (r->code) {
        snprintf(row.code, sizeof row.code, "%s", r->code);
        snprintf(row.error, sizeof row.error, "%s", r->why.sentence);
    } else {
        best_take(l, scores, &row);
    }
    text_clear(&l->rows[i]);
    list_row_print(&l->rows[i], &row);
}

/* Says the rows of a batch, whose scores are kept before. */
static int rows_put(struct listing *l, int n, double ms, struct reason *why)
{
    const float *scores = l->probabilities;
    int err = 0;
    for (int i = 0; i < n && err == 0; i++) {
        bool good = !l->readings[i].code;
        row_put(l, i, scores, ms);
        if (l->scores.fd >= 0)
            err = list_scores_put(&l->scores, l->next + (uint64_t)i,
                                  good ? scores : NULL, why);
        scores += l->readings[i].scored ? l->job->predictor->model.classes : 0;
    }
    if (err == 0)
        writer_answers(l->job->run->writer, l->rows, n);
    return err;
}

static int batch_answer(struct listing *l, int n, struct reason *why)
{
    batch_read(l, n);
    int good = images_pack(l, n);
    double began = monotonic_now();
    int err = predictor_run_pieces(l->job->predictor, l->images, good,
                                   l->probabilities, why);
    double ms = (monotonic_now() - began) * 1e3;
    if (err == 0)
        err = files_complete(l, n, why);
    if (err == 0)
        err = rows_put(l, n, good ? ms / good : 0, why);
    l->next += err ? 0 : (uint64_t)n;
    l->answered += err ? 0 : (uint64_t)good;
    return err;
}

/* How many rows go together now. Where large pictures make a batch smaller, it
 * is a power of two still, which is evaluated in one piece. */
static int batch_size(const struct listing *l)
{
    uint64_t end = l->until < l->plan.count ? l->until : l->plan.count;
    uint64_t left = end > l->next ? end - l->next : 0, batch = TOLD_BATCH;
    while (batch > (uint64_t)l->job->predictor->batch)
        batch /= 2;
    return (int)(left < batch ? left : batch);
}

/* The end */

/* An evaluation that cannot be made is no reason to lose the answers. */
static void evaluate(struct listing *l)
{
    struct reason why = REASON_INIT;
    double ms = (monotonic_now() - l->began) * 1e3;
    const struct list_judging judging = {
        .plan = &l->plan,
        .class_names = l->job->predictor->model.class_names,
        .temperature = l->temperature,
        .milliseconds = l->answered ? ms / (double)l->answered : NAN,
    };
    if (l->scores.fd >= 0 &&
        list_scores_judge(&l->scores, &judging, l->job->run, &why))
        writer_log(l->job->run->writer, "the list is not evaluated: %s",
                   why.sentence);
}

static int rows_answer(struct listing *l, struct reason *why)
{
    int err = 0;
    while (err == 0 && l->next < l->plan.count) {
        told_take(l);
        int n = batch_size(l);
        if (n)
            err = batch_answer(l, n, why);
        else
            clock_sleep(LOOK_MS);
    }
    return err;
}

int list_job_run(struct list_job *job, struct reason *why)
{
    struct listing l = {.job = job, .scores = {.fd = -1}};
    int err = listing_open(&l, why);
    if (err == 0)
        err = rows_answer(&l, why);
    if (err == 0)
        evaluate(&l);
    listing_release(&l);
    return err;
}

#include "trainer/serve/serve.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/settings/settings.h"
#include "core/system/threads.h"
#include "trainer/serve/list_job.h"
#include "trainer/serve/picture_job.h"
#include "trainer/serve/told.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    /* Pages of one file that are read in a round: so those that come meanwhile
     * need not wait until a long one is over. */
    ROUND_PAGES = 8,
    /* A look for the next request comes the later, the longer there was none:
     * it costs a few system calls, and its delay is part of an answer's. */
    LOOK_SOON_MS = 1,
    LOOK_MS = 5,
    LOOK_IDLE_MS = 20,
    SOON_LOOKS = 50, /* looks before the pauses become longer, and … */
    LOOKS = 2000,    /* … longer still */
};

/* What the worker works with. */
struct server {
    struct rundir *run;
    struct told told;
    bool bf16;
    struct predictor predictor;
    char model[64]; /* what the daemon calls it; "" = none yet */
    int top;
    struct page_range pages;
    float *images, *probabilities; /* of a batch */
    float *means;                  /* of a file */
    int *order;
    struct picture_job jobs[TOLD_BATCH];
    struct text answers[TOLD_BATCH];
    int looks;             /* since the last request */
    bool warm;             /* the model has been tried */
    struct told_line list; /* the list that it is here for; name "" = none */
};

/* Set-up */

static int machine_take(struct server *s, const struct settings *o,
                        struct reason *why)
{
    uint64_t memory = settings_bytes(o, KEY_MEMORY);
    struct rlimit limit = {memory, memory};
    struct threads found;
    long long n = 0;
    parse_int(settings_get(o, KEY_NICE), &n);
    if (n && setpriority(PRIO_PROCESS, 0, (int)n) < 0)
        writer_log(s->run->writer, "nice = %d is not allowed here", (int)n);
    if (memory && setrlimit(RLIMIT_DATA, &limit) < 0)
        return refuse_errno(why, errno, "cannot limit the memory to %s",
                            settings_get(o, KEY_MEMORY));
    threads_find(&found, "", NULL);
    if (!parse_int(settings_get(o, KEY_THREADS), &n))
        n = found.use;
    writer_log(s->run->writer, "threads: %d (%s)", (int)n, found.why);
    omp_set_num_threads((int)n);
    return 0;
}

static int text_take(struct server *s, const char *name, unsigned scope,
                     struct settings *into, struct reason *why)
{
    struct text t = TEXT_INIT;
    int err = rundir_read(s->run, name, &t, why);
    if (err == 0)
        err = settings_parse(into, text_string(&t), t.size, scope, name, why);
    text_release(&t);
    return err;
}

static int texts_take(struct server *s, struct reason *why)
{
    struct settings o;
    settings_init(&o);
    int err = text_take(s, "job", SCOPE_JOB, &o, why);
    if (err == 0)
        err = text_take(s, "template", SCOPE_WORKER, &o, why);
    if (*settings_get(&o, KEY_LANG))
        language_set(settings_get(&o, KEY_LANG));
    if (err == 0)
        err = machine_take(s, &o, why);
    const char *precision = settings_get(&o, KEY_SERVICE_PRECISION);
    s->bf16 = !strcmp(precision, "bf16") ||
              (!strcmp(precision, "auto") && net_bf16_fast());
    told_init(&s->told, s->run->dir, (unsigned)settings_number(&o, KEY_TOLD));
    settings_release(&o);
    return err;
}

/* Models */

static void model_close(struct server *s)
{
    predictor_release(&s->predictor);
    free(s->images);
    free(s->probabilities);
    free(s->means);
    free(s->order);
    s->images = s->probabilities = s->means = NULL;
    s->order = NULL;
    s->warm = false;
    *s->model = 0;
}

static int batch_alloc(struct server *s, struct reason *why)
{
    size_t classes = (size_t)s->predictor.model.classes;
    size_t batch = (size_t)s->predictor.batch;
    s->images = malloc(predictor_input(&s->predictor, s->predictor.batch));
    s->probabilities = malloc(sizeof(float) * batch * classes);
    s->means = malloc(sizeof(float) * classes);
    s->order = malloc(sizeof(int) * classes);
    if (!s->images || !s->probabilities || !s->means || !s->order)
        return refuse(why, ENOMEM, "no memory for pictures of side %d",
                      s->predictor.model.image_size);
    return 0;
}

/* The first evaluation of a size allocates, and compiles its code: that of one
 * picture is made while none waits. */
static int warm_up(struct server *s, struct reason *why)
{
    if (s->warm || !*s->model)
        return 0;
    s->warm = true;
    memset(s->images, 0, predictor_input(&s->predictor, 1));
    return predictor_run(&s->predictor, s->images, 1, s->probabilities, why);
}

static int model_open(struct server *s, const struct told_line *line,
                      struct reason *why)
{
    const struct predictor_options options = {
        .batch = TOLD_BATCH, .bf16 = s->bf16, .temperature = line->temperature};
    double began = monotonic_now();
    char *path = rundir_path(s->run, line->name);
    model_close(s);
    int err = predictor_open(&s->predictor, path, &options, why);
    if (err == 0)
        err = batch_alloc(s, why);
    free(path);
    if (err)
        return err;
    strcpy(s->model, line->name);
    s->top = line->top;
    s->pages = line->pages;
    writer_log(s->run->writer,
               "the model is in memory: %d classes, %d x %d pixels, %s, %.2f s",
               s->predictor.model.classes, s->predictor.model.image_size,
               s->predictor.model.image_size, s->bf16 ? "bf16" : "f32",
               monotonic_now() - began);
    writer_stage(s->run->writer, NC_("stage", "serving"));
    return 0;
}

/* Answers */

/* Each of the n jobs has read into its own places, of which there are `most`:
 * moves what was read to the front. Returns how many images there are. */
static int images_pack(struct server *s, int n, int most)
{
    size_t input = predictor_input(&s->predictor, 1) / sizeof(float);
    int good = 0;
    for (int i = 0; i < n; i++) {
        int read = s->jobs[i].err ? 0 : s->jobs[i].walk.read;
        if (good < i * most)
            memmove(s->images + (size_t)good * input,
                    s->images + (size_t)(i * most) * input,
                    (size_t)read * input * sizeof(float));
        good += read;
    }
    return good;
}

static void pages_add(struct server *s, int n, double ms)
{
    int classes = s->predictor.model.classes;
    const float *probabilities = s->probabilities;
    for (int i = 0; i < n; i++) {
        struct picture_job *job = &s->jobs[i];
        for (int page = 0; !job->err && page < job->walk.read; page++) {
            page_sums_add(&job->sums, probabilities, classes);
            probabilities += classes;
            job->network_ms += ms;
        }
    }
}

/* Reads as many pages of each of the n jobs as a batch has room for, and
 * evaluates them. */
static int round_run(struct server *s, int n, struct reason *why)
{
    size_t input = predictor_input(&s->predictor, 1) / sizeof(float);
    int side = s->predictor.model.image_size, most = s->predictor.batch / n;
    most = most < ROUND_PAGES ? most : ROUND_PAGES;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++)
        picture_job_read(&s->jobs[i], s->run->dir, side,
                         s->images + (size_t)(i * most) * input, most);
    int good = images_pack(s, n, most);
    double began = monotonic_now();
    int err = predictor_run_pieces(&s->predictor, s->images, good,
                                   s->probabilities, why);
    if (err == 0)
        pages_add(s, n, good ? (monotonic_now() - began) * 1e3 / good : 0);
    return err;
}

static void answer_put(struct server *s, struct picture_job *job,
                       struct text *out)
{
    const struct picture_result r = {.predictor = &s->predictor,
                                     .model = s->model,
                                     .means = s->means,
                                     .order = s->order,
                                     .top = s->top};
    text_clear(out);
    if (job->err)
        picture_job_fail(job, out);
    else
        picture_job_answer(job, &r, out);
}

/* Answers those of the n jobs of which all is read. Returns how many are left,
 * which are then the first ones. */
static int answers_put(struct server *s, int n)
{
    int ended = 0, left = 0;
    for (int i = 0; i < n; i++) {
        struct picture_job *job = &s->jobs[i];
        if (job->walk.next) {
            s->jobs[left++] = *job;
            continue;
        }
        answer_put(s, job, &s->answers[ended++]);
        picture_job_release(job);
    }
    if (ended)
        writer_answers(s->run->writer, s->answers, ended);
    return left;
}

/* Takes what waits, as far as one batch goes and the model stays the same. `n`
 * is how many jobs there are, and becomes it; a model is opened once there is
 * none. */
static int batch_take(struct server *s, int *n, struct reason *why)
{
    struct told_line line;
    int most = *s->model ? s->predictor.batch : TOLD_BATCH, err = 0;
    while (err == 0 && *n < most && told_next(&s->told, &line)) {
        s->looks = 0;
        if (line.kind == TOLD_MODEL && *n) {
            told_back(&s->told);
            break;
        }
        if (line.kind == TOLD_MODEL) {
            err = model_open(s, &line, why);
            most = s->predictor.batch;
        } else if (line.kind == TOLD_LIST) {
            s->list = line;
            break;
        } else if (*s->model && line.kind == TOLD_PICTURE) {
            s->jobs[*n] = (struct picture_job){.told = line};
            picture_job_begin(&s->jobs[(*n)++], s->pages);
        }
    }
    return err;
}

static void rest(struct server *s)
{
    clock_sleep(s->looks < SOON_LOOKS ? LOOK_SOON_MS
                : s->looks < LOOKS    ? LOOK_MS
                                      : LOOK_IDLE_MS);
    s->looks += s->looks < LOOKS;
}

static int list_do(struct server *s, struct reason *why)
{
    struct list_job job = {.run = s->run,
                           .told = &s->told,
                           .predictor = &s->predictor,
                           .pages = s->pages,
                           .from = s->list.row,
                           .name = s->list.name};
    return *s->model ? list_job_run(&job, why)
                     : refuse(why, EINVAL, "no model was told for the list");
}

/* Answers until the worker is stopped, or its list is done. */
static int answer_all(struct server *s, struct reason *why)
{
    int n = 0, err = 0;
    while (err == 0) {
        if (*s->list.name)
            return list_do(s, why);
        err = batch_take(s, &n, why);
        if (err == 0 && n)
            err = round_run(s, n, why);
        else if (err == 0 && !*s->list.name) {
            err = warm_up(s, why);
            rest(s);
        }
        if (err == 0)
            n = answers_put(s, n);
    }
    for (int i = 0; i < n; i++)
        picture_job_release(&s->jobs[i]);
    return err;
}

int serve(struct rundir *run, struct reason *why)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return refuse(why, ENOMEM, "no memory for the worker");
    s->run = run;
    control_quiet(run->control);
    int err = texts_take(s, why);
    if (err == 0)
        err = answer_all(s, why);
    model_close(s);
    told_release(&s->told);
    for (int i = 0; i < TOLD_BATCH; i++)
        text_release(&s->answers[i]);
    free(s);
    return err;
}

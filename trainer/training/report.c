#include "trainer/training/report.h"

#include "core/basic/clock.h"
#include "core/report/artifact.h"
#include "trainer/evaluation/judge.h"
#include "trainer/evaluation/thumbnails.h"
#include "trainer/training/evaluation.h"

#include <math.h>

enum {
    LEAST_SECONDS = 2,      /* between two reports */
    SHARE = 30,             /* a report takes at most this part of the time */
    THUMBNAIL_SECONDS = 20, /* until thumbnails are given up */
};

static const char *test_file(void *context, int picture, int *page)
{
    const struct training *t = context;
    const struct sample *s = loader_test_sample(t->material.loader, picture);
    *page = s->page;
    return s->path;
}

static const char *test_path(void *context, int picture)
{
    const struct training *t = context;
    return dataset_relative(
        &t->material.dataset,
        sample_name(loader_test_sample(t->material.loader, picture)));
}

static int scores_judge(struct training *t, bool complete, double milliseconds,
                        struct evaluation *out, struct reason *why)
{
    const struct judging j = {
        .scores = t->scores,
        .answers = t->answers,
        .pictures = loader_test_count(t->material.loader),
        .classes = t->material.dataset.classes,
        .class_names = t->material.dataset.class_names,
        .path = test_path,
        .context = t,
        .milliseconds = milliseconds,
        .complete = complete,
    };
    return judge(out, &j, why);
}

/* A test part may be so large that its names alone fill what is taken of an
 * artifact: then there are no reports, but the training is as good. */
static int evaluation_save(struct training *t, const struct evaluation *e,
                           struct reason *why)
{
    const struct artifact *a = &artifacts[ARTIFACT_EVALUATION];
    struct text text = TEXT_INIT;
    int err = 0;
    evaluation_print(&text, e);
    if (text.size <= a->limit)
        err = rundir_artifact(t->run, a->name, &text, why);
    else if (e->complete)
        writer_log(t->run->writer,
                   "no reports on single pictures: what is to be said of %d "
                   "test pictures takes %zu MiB, at most %zu are kept",
                   e->picture_count, text.size >> 20, (size_t)a->limit >> 20);
    text_release(&text);
    return err;
}

void training_report(struct training *t)
{
    struct reason why = REASON_INIT;
    struct evaluation e;
    double began = monotonic_now();
    if (began < t->report_due || !nodes_lead(t->run->nodes))
        return;
    int err = scores_judge(t, false, NAN, &e, &why);
    if (err == 0)
        err = evaluation_save(t, &e, &why);
    evaluation_release(&e);
    if (err)
        writer_log(t->run->writer, "the evaluation is not shown: %s",
                   why.sentence);
    double now = monotonic_now();
    t->report_due = now + fmax(LEAST_SECONDS, SHARE * (now - began));
}

/* The weights may be those of an earlier epoch, and of before a stop. */
static int model_judge(struct training *t, struct evaluation *e,
                       struct reason *why)
{
    double each = 1000. * nodes_count(t->run->nodes) /
                  loader_test_count(t->material.loader);
    int err = net_import(t->net, t->best.tensors, t->best.count, why);
    double began = monotonic_now();
    if (err == 0)
        err = training_predict(t, why);
    if (err == 0)
        err = scores_judge(t, true, each * (monotonic_now() - began), e, why);
    return err;
}

int training_report_model(struct training *t, struct reason *why)
{
    struct thumbnails thumbnails = {0};
    struct evaluation e;
    evaluation_init(&e);
    int err = model_judge(t, &e, why);
    if (err == 0 && nodes_lead(t->run->nodes)) {
        t->temperature = e.temperature;
        thumbnails_make(&thumbnails, &e, t->material.dataset.dir, test_file, t,
                        THUMBNAIL_SECONDS);
        err = evaluation_save(t, &e, why);
    }
    evaluation_release(&e);
    thumbnails_release(&thumbnails);
    return err;
}

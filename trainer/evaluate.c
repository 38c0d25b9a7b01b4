#include "trainer/evaluate.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "core/report/artifact.h"
#include "core/settings/param.h"
#include "trainer/data/loader.h"
#include "trainer/evaluation/judge.h"
#include "trainer/evaluation/reports_write.h"
#include "trainer/evaluation/thumbnails.h"
#include "trainer/labelled.h"
#include "trainer/machine/confine.h"
#include "trainer/pages/drawer.h"
#include "trainer/pictures/picture.h"
#include "trainer/serve/predictor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 32, MIXED_MOST = 5, THUMBNAIL_SECONDS = 60 };

static const char help[] = N_(
    "Says how good a model is on a labelled folder, which has a folder for\n"
    "each class, with the class's name, and the pictures of the class in it.\n"
    "  --out DIR  make the reports there, too: README.md, predictions.csv,\n"
    "             classes.csv, confusion.csv, confusion.svg, mistakes.csv,\n"
    "             mistakes.html and thresholds.csv\n"
    "  --pages WHICH\n"
    "             take these pages of PDF and TIFF files, each as a picture:\n"
    "             first (default), all, or pages such as 2, 1-5 or 3-\n"
    "MODEL_DIR holds the model.safetensors of a training.\n");

/* What one call of the program works with. */
struct judged_folder {
    const char *model_dir, *folder, *out; /* out NULL = no reports */
    struct page_range pages;
    struct predictor predictor;
    struct labelled pictures;
    int *answers;  /* [pictures read] */
    int *place;    /* [pictures read]: which of the samples each one is */
    float *scores; /* [pictures read, classes] */
    int count;     /* pictures read */
    int unreadable;
    double seconds;
};

/* Life cycle */

static int model_take(struct judged_folder *j, struct reason *why)
{
    struct text path = TEXT_INIT;
    const struct predictor_options options = {.batch = BATCH, .temperature = 1};
    text_printf(&path, "%s/%s", j->model_dir, artifacts[ARTIFACT_WEIGHTS].name);
    int err = predictor_open(&j->predictor, text_string(&path), &options, why);
    text_release(&path);
    return err;
}

static int folder_take(struct judged_folder *j, struct reason *why)
{
    const struct classifier *m = &j->predictor.model;
    int err = labelled_open(&j->pictures, j->folder, m->class_names, m->classes,
                            params[KEY_EXTENSIONS].words, why);
    if (err == 0)
        err = labelled_take_pages(&j->pictures, j->pages, why);
    if (err)
        return err;
    size_t n = j->pictures.count;
    j->answers = malloc(n * sizeof *j->answers);
    j->place = malloc(n * sizeof *j->place);
    j->scores = malloc(n * (size_t)m->classes * sizeof *j->scores);
    return j->answers && j->place && j->scores
               ? 0
               : refuse(why, ENOMEM, "no memory for %zu pictures", n);
}

static void judged_folder_release(struct judged_folder *j)
{
    predictor_release(&j->predictor);
    labelled_release(&j->pictures);
    free(j->answers);
    free(j->place);
    free(j->scores);
}

/* Predicting */

static void complain(const char *path, const struct reason *why)
{
    fprintf(stderr, "primo-train: '%s' %s\n", path, why->sentence);
}

static int sample_read(const struct judged_folder *j, const struct sample *s,
                       float *image, struct reason *why)
{
    int side = j->predictor.model.image_size;
    struct picture picture = PICTURE_INIT;
    int err = s->fault ? refuse(why, EINVAL, "%s", s->fault)
                       : picture_read_within(&picture, j->pictures.dir, s->path,
                                             s->page, side, why);
    if (err == 0)
        err = loader_picture_take(&picture, side, image, why);
    picture_release(&picture);
    return err;
}

/* Reads the pictures from `first` on, each into its place of the batch. */
static void batch_read(const struct judged_folder *j, size_t first, int n,
                       float *images, struct reason *whys)
{
    int side = j->predictor.model.image_size;
    size_t size = (size_t)side * (size_t)side * 3;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        whys[i] = (struct reason)REASON_INIT;
        sample_read(j, &j->pictures.samples[first + (size_t)i],
                    images + (size_t)i * size, &whys[i]);
    }
}

/* Moves those that could be read together; returns how many they are. */
static int batch_close(struct judged_folder *j, size_t first, int n,
                       float *images, const struct reason *whys)
{
    int side = j->predictor.model.image_size, good = 0;
    size_t size = (size_t)side * (size_t)side * 3;
    for (int i = 0; i < n; i++) {
        const struct sample *s = &j->pictures.samples[first + (size_t)i];
        if (whys[i].code) {
            complain(sample_name(s), &whys[i]);
            j->unreadable++;
            continue;
        }
        if (good != i)
            memcpy(images + (size_t)good * size, images + (size_t)i * size,
                   size * sizeof *images);
        j->answers[j->count + good] = s->label;
        j->place[j->count + good] = (int)(first + (size_t)i);
        good++;
    }
    return good;
}

static int batch_predict(struct judged_folder *j, size_t first, int n,
                         float *images, struct reason *why)
{
    struct reason whys[BATCH];
    size_t classes = (size_t)j->predictor.model.classes;
    batch_read(j, first, n, images, whys);
    int good = batch_close(j, first, n, images, whys);
    int err = good ? predictor_run(&j->predictor, images, good,
                                   j->scores + (size_t)j->count * classes, why)
                   : 0;
    j->count += good;
    return err;
}

static int pictures_predict(struct judged_folder *j, struct reason *why)
{
    int batch = j->predictor.batch, err = 0;
    float *images = malloc(predictor_input(&j->predictor, batch));
    double began = monotonic_now();
    if (!images)
        return refuse(why, ENOMEM, "no memory for %d pictures", batch);
    for (size_t at = 0; err == 0 && at < j->pictures.count;
         at += (size_t)batch) {
        size_t left = j->pictures.count - at;
        int n = left < (size_t)batch ? (int)left : batch;
        err = batch_predict(j, at, n, images, why);
    }
    free(images);
    j->seconds = monotonic_now() - began;
    if (err == 0 && j->count == 0)
        err =
            refuse(why, EINVAL, "no picture of '%s' could be read", j->folder);
    return err;
}

/* Judging */

static const struct sample *judged_sample(const struct judged_folder *j,
                                          int picture)
{
    return &j->pictures.samples[j->place[picture]];
}

static const char *judged_file(void *context, int picture, int *page)
{
    const struct sample *s = judged_sample(context, picture);
    *page = s->page;
    return s->path;
}

static const char *judged_path(void *context, int picture)
{
    const struct judged_folder *j = context;
    return labelled_relative(&j->pictures,
                             sample_name(judged_sample(j, picture)));
}

/* A model of an older version has no temperature: its confidences are taken as
 * they are. */
static double temperature_of(const struct classifier *m)
{
    double t;
    for (int i = 0; i < m->fact_count; i++)
        if (!strcmp(m->facts[i].key, "temperature") &&
            parse_double(m->facts[i].value, &t) && t > 0)
            return t;
    return 1;
}

static int folder_judge(struct judged_folder *j, struct evaluation *e,
                        struct reason *why)
{
    const struct classifier *m = &j->predictor.model;
    const struct judging judging = {
        .scores = j->scores,
        .answers = j->answers,
        .pictures = j->count,
        .classes = m->classes,
        .class_names = m->class_names,
        .path = judged_path,
        .context = j,
        .temperature = temperature_of(m),
        .milliseconds = 1000 * j->seconds / j->count,
        .complete = true,
    };
    return judge(e, &judging, why);
}

/* Output */

static void put_number(struct text *out, const char *key, double v)
{
    text_printf(out, "%s: ", key);
    if (isfinite(v))
        text_put_double(out, v, 6);
    text_puts(out, "\n");
}

/* Prints a figure and the bounds of its 95 % interval. */
static void put_with_interval(struct text *out, const char *key, double v,
                              int pictures)
{
    struct interval i = interval_of(v, pictures);
    struct text bound = TEXT_INIT;
    put_number(out, key, v);
    text_printf(&bound, "%s_low", key);
    put_number(out, text_string(&bound), i.low);
    text_clear(&bound);
    text_printf(&bound, "%s_high", key);
    put_number(out, text_string(&bound), i.high);
    text_release(&bound);
}

static void put_mixed(struct text *out, const struct evaluation *e)
{
    struct confusion list[MIXED_MOST];
    int n = confusions_find(e, list, MIXED_MOST);
    for (int i = 0; i < n; i++) {
        const char *truth = e->classes[list[i].truth].name;
        const char *predicted = e->classes[list[i].predicted].name;
        text_puts(out, "mixed_up: ");
        text_put_printable(out, truth, strlen(truth));
        text_puts(out, " -> ");
        text_put_printable(out, predicted, strlen(predicted));
        text_printf(out, ": %d\n", list[i].pictures);
    }
}

static int summary_print(const struct judged_folder *j,
                         const struct evaluation *e)
{
    struct text out = TEXT_INIT;
    struct figures f;
    figures_make(&f, e);
    text_printf(&out, "images: %d\nunreadable_images: %d\n", j->count,
                j->unreadable);
    text_printf(&out, "mistakes: %d\n", f.pictures - f.right);
    put_with_interval(&out, "accuracy", f.accuracy, f.pictures);
    put_with_interval(&out, "average_precision", f.average_precision,
                      f.pictures);
    put_number(&out, "macro_f1", f.macro_f1);
    put_number(&out, "temperature", e->temperature);
    put_number(&out, "calibration_error", f.calibration_error);
    put_number(&out, "milliseconds_per_image", e->milliseconds);
    put_mixed(&out, e);
    int failed = fputs(text_string(&out), stdout) < 0 || fflush(stdout);
    figures_release(&f);
    text_release(&out);
    return failed ? -EIO : 0;
}

static int reports_make(struct judged_folder *j, struct evaluation *e,
                        struct reason *why)
{
    struct thumbnails thumbnails = {0};
    struct text title = TEXT_INIT;
    text_printf(&title, "%s: %s", j->model_dir, j->pictures.root);
    const struct card card = {.title = text_string(&title)};
    thumbnails_make(&thumbnails, e, j->pictures.dir, judged_file, j,
                    THUMBNAIL_SECONDS);
    int err = reports_write(j->out, e, &card, why);
    text_release(&title);
    thumbnails_release(&thumbnails);
    return err;
}

static int folder_evaluate(struct judged_folder *j, struct reason *why)
{
    struct evaluation e;
    evaluation_init(&e);
    int err = model_take(j, why);
    if (err == 0)
        err = folder_take(j, why);
    if (err == 0)
        err = pictures_predict(j, why);
    if (err == 0)
        err = folder_judge(j, &e, why);
    if (err == 0 && summary_print(j, &e))
        err = refuse_errno(why, errno, "cannot write the figures");
    if (err == 0 && j->out)
        err = reports_make(j, &e, why);
    evaluation_release(&e);
    return err;
}

/* Options */

static int usage(const char *fault, const char *word)
{
    if (fault)
        fprintf(stderr, "primo-train: %s '%s'\n", fault, word);
    fprintf(stderr, _("usage: %s\n"), EVALUATE_USAGE);
    return 2;
}

/* Takes an option and its value; 0, or the exit status. */
static int option_take(struct judged_folder *j, const char *name,
                       const char *value)
{
    if (!strcmp(name, "--out")) {
        j->out = value;
        return *value ? 0 : usage(_("a folder is expected after"), name);
    }
    if (strcmp(name, "--pages"))
        return usage(_("unknown option"), name);
    return param_pages(value, &j->pages)
               ? 0
               : usage(_("all, first or pages such as 2, 1-5 or 3- are "
                         "expected after"),
                       name);
}

/* Parses the options; returns the index of the first word after them, or -2. */
static int options_take(struct judged_folder *j, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i += 2) {
        if (!strcmp(argv[i], "--"))
            return i + 1;
        int status = option_take(j, argv[i], i + 1 < argc ? argv[i + 1] : "");
        if (status)
            return -status;
    }
    return i;
}

static int out_make(const char *out, struct reason *why)
{
    if (!out || mkdir(out, 0755) == 0 || errno == EEXIST)
        return 0;
    return refuse_errno(why, errno, "cannot create '%s'", out);
}

int evaluate_main(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf(_("usage: %s\n"), EVALUATE_USAGE);
        fputs(_(help), stdout);
        return 0;
    }
    struct judged_folder j = {.pictures = {.dir = -1}, .pages = {1, 1}};
    int first = options_take(&j, argc, argv);
    if (first < 0)
        return -first;
    if (argc - first != 2)
        return usage(NULL, NULL);
    j.model_dir = argv[first];
    j.folder = argv[first + 1];
    struct reason why = REASON_INIT;
    int err = out_make(j.out, &why);
    if (err == 0) {
        drawers_start();
        confine(j.out, NULL);
        err = folder_evaluate(&j, &why);
    }
    if (err)
        fprintf(stderr, "primo-train: %s\n", why.sentence);
    int status = err || j.unreadable;
    judged_folder_release(&j);
    return status;
}

#include "trainer/predict.h"

#include "core/basic/language.h"
#include "core/basic/text.h"
#include "core/report/artifact.h"
#include "trainer/data/loader.h"
#include "trainer/machine/confine.h"
#include "trainer/serve/predictor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16 /* most pictures in a batch */, TOP = 5 };

static const char help[] =
    N_("Prints the best classes of each picture, best first, one per line:\n"
       "picture, class and probability, separated by tabs. A tab, newline or\n"
       "backslash in a name is written \\t, \\n, \\\\.\n"
       "  --top N  print N classes of each picture (default 5)\n"
       "MODEL_DIR holds the model.safetensors of a training.\n");

/* What one call of the program works with. */
struct prediction {
    struct predictor predictor;
    int top;                       /* classes to print for each picture */
    float *images, *probabilities; /* for one batch */
    int *order;                    /* the classes, best first */
    const char *name[BATCH];       /* the names of those in `images` */
    int count;                     /* pictures in `images` */
};

/* Life cycle */

static int prediction_alloc(struct prediction *p, struct reason *why)
{
    int batch = p->predictor.batch;
    size_t classes = (size_t)p->predictor.model.classes;
    p->images = malloc(predictor_input(&p->predictor, batch));
    p->probabilities = malloc(sizeof(float) * (size_t)batch * classes);
    p->order = malloc(sizeof(int) * classes);
    if (!p->images || !p->probabilities || !p->order)
        return refuse(why, ENOMEM, "no memory for pictures of side %d",
                      p->predictor.model.image_size);
    return 0;
}

/* `pictures` is the number of pictures to predict. */
static int prediction_open(struct prediction *p, const char *dir, int pictures,
                           struct reason *why)
{
    struct text path = TEXT_INIT;
    const struct predictor_options options = {
        .batch = pictures < BATCH ? pictures : BATCH, .temperature = 1};
    text_printf(&path, "%s/%s", dir, artifacts[ARTIFACT_WEIGHTS].name);
    int err = predictor_open(&p->predictor, text_string(&path), &options, why);
    text_release(&path);
    return err ? err : prediction_alloc(p, why);
}

static void prediction_release(struct prediction *p)
{
    predictor_release(&p->predictor);
    free(p->images);
    free(p->probabilities);
    free(p->order);
}

/* Output */

/* Prints a name as one field of a line. */
static void put_field(struct text *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '\t')
            text_puts(out, "\\t");
        else if (*s == '\n')
            text_puts(out, "\\n");
        else if (*s == '\\')
            text_puts(out, "\\\\");
        else
            text_add(out, s, 1);
    }
}

static void put_answer(struct text *out, struct prediction *p, int picture)
{
    const struct classifier *m = &p->predictor.model;
    float *of = p->probabilities + (size_t)picture * (size_t)m->classes;
    predictor_order(&p->predictor, of, p->order);
    for (int i = 0; i < m->classes && i < p->top; i++) {
        put_field(out, p->name[picture]);
        text_puts(out, "\t");
        put_field(out, m->class_names[p->order[i]]);
        text_puts(out, "\t");
        text_put_double(out, of[p->order[i]], 9);
        text_puts(out, "\n");
    }
}

/* Predicts the pictures that were gathered, prints the answers, and begins a
 * new batch. */
static int batch_answer(struct prediction *p, struct reason *why)
{
    int count = p->count;
    p->count = 0;
    if (count == 0)
        return 0;
    int err =
        predictor_run(&p->predictor, p->images, count, p->probabilities, why);
    if (err)
        return err;
    struct text out = TEXT_INIT;
    for (int i = 0; i < count; i++)
        put_answer(&out, p, i);
    size_t written = fwrite(text_string(&out), 1, out.size, stdout);
    int code = written < out.size || fflush(stdout) ? errno : 0;
    text_release(&out);
    return code ? refuse_errno(why, code, "cannot write the answers") : 0;
}

/* Input */

static int picture_gather(struct prediction *p, const char *path,
                          struct reason *why)
{
    int side = p->predictor.model.image_size;
    float *image = p->images + (size_t)p->count * 3 * side * side;
    int err = loader_picture(path, side, image, why);
    if (err == 0)
        p->name[p->count++] = path;
    return err;
}

/* Returns the exit status. */
static int pictures_answer(struct prediction *p, char **path, int count)
{
    int status = 0;
    for (int i = 0; i < count; i++) {
        struct reason why = REASON_INIT;
        if (picture_gather(p, path[i], &why)) {
            fprintf(stderr, "primo-train: '%s' %s\n", path[i], why.sentence);
            status = 1;
        }
        if (p->count < p->predictor.batch && i + 1 < count)
            continue;
        if (batch_answer(p, &why)) {
            fprintf(stderr, "primo-train: %s\n", why.sentence);
            return 1;
        }
    }
    return status;
}

/* Options */

static int usage(const char *fault, const char *word)
{
    if (fault)
        fprintf(stderr, "primo-train: %s '%s'\n", fault, word);
    fprintf(stderr, _("usage: %s\n"), PREDICT_USAGE);
    return 2;
}

/* Parses the options; returns the index of the first word after them, or -2. */
static int options_take(int argc, char **argv, int *top)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--"))
            return i + 1;
        long long n;
        if (strcmp(argv[i], "--top"))
            return -usage(_("unknown option"), argv[i]);
        if (i + 1 >= argc || !parse_int(argv[i + 1], &n) || n < 1)
            return -usage(_("a positive number is expected after"), argv[i]);
        *top = n < 1 << 20 ? (int)n : 1 << 20;
        i++;
    }
    return i;
}

int predict_main(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf(_("usage: %s\n"), PREDICT_USAGE);
        fputs(_(help), stdout);
        return 0;
    }
    struct prediction p = {.top = TOP};
    int first = options_take(argc, argv, &p.top);
    if (first < 0)
        return -first;
    if (argc - first < 2)
        return usage(NULL, NULL);
    confine(NULL, NULL);
    struct reason why = REASON_INIT;
    int pictures = argc - first - 1, status = 1;
    if (prediction_open(&p, argv[first], pictures, &why))
        fprintf(stderr, "primo-train: %s\n", why.sentence);
    else
        status = pictures_answer(&p, argv + first + 1, pictures);
    prediction_release(&p);
    return status;
}

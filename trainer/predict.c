#include "trainer/predict.h"

#include "core/basic/language.h"
#include "core/basic/text.h"
#include "core/report/artifact.h"
#include "core/system/file.h"
#include "trainer/machine/confine.h"
#include "trainer/pages/drawer.h"
#include "trainer/pictures/picture.h"
#include "trainer/predict_input.h"
#include "trainer/predict_output.h"
#include "trainer/serve/page_sums.h"
#include "trainer/serve/page_walk.h"
#include "trainer/serve/predictor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 16 /* most pictures in a batch */, TOP = 5 };

static const char help[] = N_(
    "Says which classes a model sees in pictures. PICTURE is a file, a folder\n"
    "of them, or - for a picture on standard input. For each, the best "
    "classes\n"
    "are printed, best first, one per line: picture, class and probability,\n"
    "separated by tabs. A tab, newline or backslash in a name is written \\t,\n"
    "\\n, \\\\. Options may stand anywhere; -- ends them.\n"
    "  --top N      print N classes of each picture (default 5)\n"
    "  --json       print an object a picture, one per line\n"
    "  --csv        print a table with a header\n"
    "  --pages WHICH  look at these pages of PDF and TIFF files: all "
    "(default),\n"
    "               first, or such as 2, 1-5 or 3-; the answer is of all of "
    "them\n"
    "  --list FILE  take the paths of pictures or folders from FILE, one a\n"
    "               line; - is standard input\n"
    "MODEL_DIR is models/TEMPLATE/latest, or holds the model.safetensors of a\n"
    "training. Exit status: 0 all pictures were read, 1 some could not be, 2\n"
    "wrong usage.\n");

/* A file that is asked about. */
struct asked {
    const char *name;
    struct page_walk walk;
    struct page_sums sums;
};

/* What one call of the program works with. */
struct prediction {
    struct predictor predictor;
    struct inputs inputs;
    const char *model; /* the word that names it; NULL = none yet */
    enum predict_form form;
    int top; /* classes to print for each picture */
    struct page_range pages;
    float *images, *probabilities; /* for one batch */
    float *means;                  /* of a file */
    int *order;                    /* the classes, best first */
    struct asked asked[BATCH + 1]; /* files that have pages in `images` */
    int files;                     /* how many; the last may have more */
    int of[BATCH];                 /* which file each image is of */
    int count;                     /* pages in `images` */
    int status;                    /* the exit status so far */
};

/* Life cycle */

static int prediction_alloc(struct prediction *p, struct reason *why)
{
    int batch = p->predictor.batch;
    size_t classes = (size_t)p->predictor.model.classes;
    p->images = malloc(predictor_input(&p->predictor, batch));
    p->probabilities = malloc(sizeof(float) * (size_t)batch * classes);
    p->means = malloc(sizeof(float) * classes);
    p->order = malloc(sizeof(int) * classes);
    if (!p->images || !p->probabilities || !p->means || !p->order)
        return refuse(why, ENOMEM, "no memory for pictures of side %d",
                      p->predictor.model.image_size);
    return 0;
}

static bool is_file(const char *folder, const char *name)
{
    struct text path = TEXT_INIT;
    struct stat st;
    text_printf(&path, "%s/%s", folder, name);
    bool is = stat(text_string(&path), &st) == 0 && S_ISREG(st.st_mode);
    text_release(&path);
    return is;
}

/* The weights of a model that is named by its directory, by the one above it,
 * or by a file in it. */
static void weights_path(const char *model, struct text *out)
{
    const char *name = artifacts[ARTIFACT_WEIGHTS].name;
    const char *slash = strrchr(model, '/');
    struct stat st;
    if (stat(model, &st) == 0 && S_ISREG(st.st_mode))
        text_add(out, slash ? model : ".", slash ? (size_t)(slash - model) : 1);
    else
        text_puts(out, model);
    if (!is_file(text_string(out), name)) {
        struct text latest = TEXT_INIT;
        text_printf(&latest, "%s/latest", text_string(out));
        if (is_file(text_string(&latest), name))
            text_move(out, &latest);
        text_release(&latest);
    }
    text_printf(out, "/%s", name);
}

/* A batch of one is quicker to make. */
static bool has_one_page(const struct prediction *p)
{
    return p->inputs.count == 1 && p->pages.first == p->pages.last;
}

static int prediction_open(struct prediction *p, struct reason *why)
{
    struct text path = TEXT_INIT;
    const struct predictor_options options = {
        .batch = has_one_page(p) ? 1 : BATCH, .temperature = 1};
    weights_path(p->model, &path);
    int err = predictor_open(&p->predictor, text_string(&path), &options, why);
    text_release(&path);
    if (err == 0)
        err = prediction_alloc(p, why);
    return err;
}

static void prediction_release(struct prediction *p)
{
    predictor_release(&p->predictor);
    inputs_release(&p->inputs);
    free(p->images);
    free(p->probabilities);
    free(p->means);
    free(p->order);
    for (int i = 0; i < p->files; i++)
        page_sums_release(&p->asked[i].sums);
}

/* Output */

static int print(struct text *out, struct reason *why)
{
    size_t written = fwrite(text_string(out), 1, out->size, stdout);
    int code = written < out->size || fflush(stdout) ? errno : 0;
    text_release(out);
    return code ? refuse_errno(why, code, "cannot write the answers") : 0;
}

static void put_answer(struct text *out, struct prediction *p,
                       const struct asked *file)
{
    const struct classifier *m = &p->predictor.model;
    page_sums_mean(&file->sums, m->classes, p->means);
    predictor_order(&p->predictor, p->means, p->order);
    const struct predict_answer answer = {file->name,
                                          m->class_names,
                                          p->means,
                                          p->order,
                                          p->top < m->classes ? p->top
                                                              : m->classes,
                                          &file->sums,
                                          file->walk.wanted.first};
    predict_put_answer(out, p->form, &answer);
}

/* Prints the answers of files of which all pages are evaluated. One that goes
 * on is the last one, and becomes the first. */
static int answers_print(struct prediction *p, struct reason *why)
{
    struct text out = TEXT_INIT;
    int i = 0;
    for (; i < p->files && !p->asked[i].walk.next; i++) {
        put_answer(&out, p, &p->asked[i]);
        page_sums_release(&p->asked[i].sums);
    }
    if (i < p->files)
        p->asked[0] = p->asked[i];
    p->files -= i;
    return print(&out, why);
}

/* Evaluates the pages that were gathered, and begins a new batch. */
static int batch_answer(struct prediction *p, struct reason *why)
{
    int classes = p->predictor.model.classes, count = p->count;
    p->count = 0;
    int err = count ? predictor_run(&p->predictor, p->images, count,
                                    p->probabilities, why)
                    : 0;
    for (int i = 0; err == 0 && i < count; i++)
        page_sums_add(&p->asked[p->of[i]].sums,
                      p->probabilities + (size_t)i * (size_t)classes, classes);
    return err ? err : answers_print(p, why);
}

/* Tells that a file can't be read, behind the answers of those before it. */
static int error_answer(struct prediction *p, const char *path,
                        const char *sentence, struct reason *why)
{
    struct text out = TEXT_INIT;
    fprintf(stderr, "primo-train: '%s' %s\n", path, sentence);
    p->status = 1;
    int err = batch_answer(p, why);
    if (err || p->form == PREDICT_LINES)
        return err;
    predict_put_error(&out, p->form, path, sentence);
    return print(&out, why);
}

/* Input */

static int bytes_read(const char *path, struct text *out, struct reason *why)
{
    int err = strcmp(path, "-")
                  ? picture_load(path, out, why)
                  : descriptor_read(STDIN_FILENO, PICTURE_BYTES_MAX, out);
    return err && !*why->sentence ? refuse_errno(why, -err, "can't be read")
                                  : err;
}

/* Reads the next pages of the last file into the places that are free. */
static int pages_gather(struct prediction *p, const struct text *bytes,
                        struct reason *why)
{
    struct asked *file = &p->asked[p->files - 1];
    int side = p->predictor.model.image_size;
    float *images = p->images + (size_t)p->count * 3 * (size_t)(side * side);
    int err = page_walk_read(&file->walk, (const uint8_t *)text_string(bytes),
                             bytes->size, side, images,
                             p->predictor.batch - p->count, why);
    for (int i = 0; err == 0 && i < file->walk.read; i++)
        p->of[p->count++] = p->files - 1;
    return err;
}

/* A file that can't be read counts no page. */
static void file_forget(struct prediction *p)
{
    while (p->count && p->of[p->count - 1] == p->files - 1)
        p->count--;
    page_sums_release(&p->asked[--p->files].sums);
}

/* Gathers all pages of a file; *fault = it can't be read. */
static int file_answer(struct prediction *p, const char *path, bool *faulty,
                       struct reason *fault, struct reason *why)
{
    struct text bytes = TEXT_INIT;
    struct asked *file = &p->asked[p->files];
    *faulty = bytes_read(path, &bytes, fault) != 0;
    if (!*faulty) {
        *file = (struct asked){.name = path};
        page_walk_begin(&file->walk, p->pages);
        p->files++;
    }
    int err = 0;
    for (bool more = !*faulty; more && err == 0;) {
        *faulty = pages_gather(p, &bytes, fault) != 0;
        if (*faulty)
            file_forget(p);
        more = !*faulty && p->asked[p->files - 1].walk.next;
        if (p->count == p->predictor.batch)
            err = batch_answer(p, why);
    }
    text_release(&bytes);
    return err;
}

static int pictures_answer(struct prediction *p, struct reason *why)
{
    struct text head = TEXT_INIT;
    predict_put_head(&head, p->form);
    int err = print(&head, why);
    for (size_t i = 0; err == 0 && i < p->inputs.count; i++) {
        struct reason fault = REASON_INIT;
        bool faulty;
        const char *path = p->inputs.path[i];
        err = file_answer(p, path, &faulty, &fault, why);
        if (err == 0 && faulty)
            err = error_answer(p, path, fault.sentence, why);
    }
    return err ? err : batch_answer(p, why);
}

/* Options */

static int usage(const char *fault, const char *word)
{
    if (fault)
        fprintf(stderr, "primo-train: %s '%s'\n", fault, word);
    fprintf(stderr, _("usage: %s\n"), PREDICT_USAGE);
    return 2;
}

/* A folder or a list that can't be read is told of like a picture. */
static void word_take(struct prediction *p, const char *word, bool list)
{
    struct reason why = REASON_INIT;
    int err = 0;
    if (list)
        err = inputs_add_list(&p->inputs, word, &why);
    else if (!p->model)
        p->model = word;
    else
        err = inputs_add(&p->inputs, word, &why);
    if (err) {
        fprintf(stderr, "primo-train: %s\n", why.sentence);
        p->status = 1;
    }
}

/* The value of the option `name`, which stands behind '=' or in the next word;
 * NULL = the word is another option, or there is no value. */
static const char *option_value(char ***at, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(**at, name, n) || ((**at)[n] && (**at)[n] != '='))
        return NULL;
    if ((**at)[n])
        return **at + n + 1;
    if (!(*at)[1])
        return "";
    return *++*at;
}

/* Takes the option at *at; 0, or the exit status. */
static int option_take(struct prediction *p, char ***at)
{
    const char *word = **at, *value;
    long long n;
    if (!strcmp(word, "--json")) {
        p->form = PREDICT_JSON;
    } else if (!strcmp(word, "--csv")) {
        p->form = PREDICT_CSV;
    } else if ((value = option_value(at, "--top"))) {
        if (!parse_int(value, &n) || n < 1)
            return usage(_("a positive number is expected after"), "--top");
        p->top = n < 1 << 20 ? (int)n : 1 << 20;
    } else if ((value = option_value(at, "--pages"))) {
        if (!param_pages(value, &p->pages))
            return usage(_("all, first or pages such as 2, 1-5 or 3- are "
                           "expected after"),
                         "--pages");
    } else if ((value = option_value(at, "--list"))) {
        if (!*value)
            return usage(_("a file is expected after"), "--list");
        word_take(p, value, true);
    } else {
        return usage(_("unknown option"), word);
    }
    return 0;
}

static int words_take(struct prediction *p, char **at)
{
    int status = 0;
    bool options = true;
    for (; *at && status == 0; at++) {
        if (options && !strcmp(*at, "--"))
            options = false;
        else if (options && (*at)[0] == '-' && (*at)[1])
            status = option_take(p, &at);
        else
            word_take(p, *at, false);
    }
    return status;
}

static int predict(struct prediction *p, char **words)
{
    struct reason why = REASON_INIT;
    int status = words_take(p, words);
    if (status)
        return status;
    if (!p->model || (!p->inputs.count && !p->status))
        return usage(NULL, NULL);
    if (!p->inputs.count)
        return p->status;
    drawers_start();
    confine(NULL, NULL);
    int err = prediction_open(p, &why);
    if (err == 0)
        err = pictures_answer(p, &why);
    if (err)
        fprintf(stderr, "primo-train: %s\n", why.sentence);
    return err ? 1 : p->status;
}

int predict_main(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf(_("usage: %s\n"), PREDICT_USAGE);
        fputs(_(help), stdout);
        return 0;
    }
    struct prediction p = {.top = TOP, .pages = PAGES_ALL};
    int status = predict(&p, argv + 1);
    prediction_release(&p);
    return status;
}

#include "trainer/dataset/dataset.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "trainer/basic/purposes.h"
#include "trainer/basic/random.h"
#include "trainer/dataset/layout.h"
#include "trainer/folders/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* All pictures while they are collected. */
struct collection {
    struct sample *samples;
    size_t count, room;
};

void dataset_release(struct dataset *d)
{
    for (int i = 0; i < d->classes; i++)
        free(d->class_names[i]);
    free(d->class_names);
    samples_free(d->train, d->train_count);
    samples_free(d->test, d->test_count);
    free(d->root);
    free(d->called);
    free(d->extensions);
    if (d->root_open)
        close(d->dir);
    text_release(&d->layout);
    faults_release(&d->faults);
    *d = (struct dataset){0};
}

const char *dataset_relative(const struct dataset *d, const char *path)
{
    size_t n = strlen(d->root);
    return strncmp(path, d->root, n) || path[n] != '/' ? path : path + n + 1;
}

bool dataset_has_classes(const struct dataset *d)
{
    return d->classes > 1;
}

void dataset_note(struct dataset *d, const char *key, const char *format, ...)
{
    va_list ap;
    text_printf(&d->layout, "%s: ", key);
    va_start(ap, format);
    text_vprintf(&d->layout, format, ap);
    va_end(ap);
    text_puts(&d->layout, "\n");
}

/* Samples */

static void collection_take(struct collection *c, struct names *files,
                            int label)
{
    for (size_t i = 0; i < files->count; i++) {
        ALLOC_GROW(c->samples, c->count + 1, c->room);
        c->samples[c->count++] =
            (struct sample){.path = files->name[i], .label = label};
        files->name[i] = NULL;
    }
}

static void empty_add(struct dataset *d, int label, struct leftovers *left)
{
    struct text detail = TEXT_INIT;
    leftovers_put_endings(left, &detail);
    if (left->outside)
        text_printf(&detail,
                    P_("%s%zu link leads out of the dataset, or nowhere",
                       "%s%zu links lead out of the dataset, or nowhere",
                       left->outside),
                    detail.size ? ", " : "", left->outside);
    faults_add(&d->faults, FAULT_EMPTY, d->class_names[label],
               text_string(&detail));
    text_release(&detail);
}

/* The pictures of one class in one part. A part of tests need not have the
 * class. A folder that can't be read is a fault like others. */
static int class_collect(struct dataset *d, const char *part, int label,
                         bool test, struct collection *to, struct reason *why)
{
    char *path = xstrfmt("%s/%s", part, d->class_names[label]);
    struct names files = {0};
    struct leftovers left = {0};
    struct reason fault = REASON_INIT;
    struct stat st;
    int err = 0;
    if (!test || stat(path, &st) == 0 || errno != ENOENT)
        err = folder_walk(&files, &left, d->dir, path, d->extensions, &fault);
    if (err == -ENOMEM)
        refuse(why, ENOMEM, "%s", fault.sentence);
    else if (err)
        faults_add_sentence(&d->faults, fault.sentence);
    else if (files.count == 0 && !test)
        empty_add(d, label, &left);
    leftovers_tell(d, d->class_names[label], &left);
    collection_take(to, &files, label);
    free(path);
    names_release(&files);
    leftovers_release(&left);
    return err == -ENOMEM ? err : 0;
}

static int part_collect(struct dataset *d, const char *part, bool test,
                        struct sample **samples, int *count, struct reason *why)
{
    struct collection all = {0};
    int err = 0;
    for (int i = 0; err == 0 && i < d->classes; i++)
        err = class_collect(d, part, i, test, &all, why);
    *samples = all.samples;
    *count = (int)all.count;
    return err;
}

/* Drawing */

static size_t held_out(size_t count, double fraction)
{
    size_t held = (size_t)llround((double)count * fraction);
    return count < 2 ? 0 : held < 1 ? 1 : held >= count ? count - 1 : held;
}

/* Marks a random choice, by seed and class, of the `count` samples whose
 * numbers are in `of`: a partial shuffle. */
static void draw(int *of, size_t count, const struct dataset *d, int label,
                 bool *test)
{
    struct random r;
    size_t held = held_out(count, d->test_fraction);
    random_open(&r, d->seed, (uint32_t)label, 0, PURPOSE_SPLIT);
    for (size_t i = 0; i < held; i++) {
        size_t k = i + random_below(&r, (uint32_t)(count - i));
        int swapped = of[i];
        of[i] = of[k];
        of[k] = swapped;
        test[of[i]] = true;
    }
}

struct drawing {
    struct sample sample;
    int from;
};

static int compare_drawings(const void *a, const void *b)
{
    const struct drawing *x = a, *y = b;
    if (x->sample.label != y->sample.label)
        return x->sample.label < y->sample.label ? -1 : 1;
    int order = strcmp(x->sample.path, y->sample.path);
    return order ? order : x->sample.page - y->sample.page;
}

/* All samples in one list, by class and path. */
static struct drawing *drawings_make(const struct dataset *d, int count)
{
    struct drawing *all = xmalloc(((size_t)count + 1) * sizeof *all);
    for (int i = 0; i < count; i++)
        all[i] = (struct drawing){
            i < d->train_count ? d->train[i] : d->test[i - d->train_count], i};
    qsort(all, (size_t)count, sizeof *all, compare_drawings);
    return all;
}

static void class_fault(struct dataset *d, int label, int found, size_t good)
{
    enum fault_kind kind = found == 1  ? FAULT_SINGLE
                           : good == 0 ? FAULT_UNREADABLE
                                       : FAULT_ONE_READABLE;
    if (found && good < 2)
        faults_add(&d->faults, kind, d->class_names[label], "");
}

/* The end of the pages of a file, and how many of them are good. */
static int file_end(const struct drawing *all, int count, int first,
                    const bool *good, int *goods)
{
    int i = first;
    *goods = 0;
    for (; i < count && all[i].sample.label == all[first].sample.label &&
           !strcmp(all[i].sample.path, all[first].sample.path);
         i++)
        *goods += !good || good[all[i].from];
    return i;
}

/* Draws class by class: of each file with a good page, the first is marked. */
static void classes_draw(struct dataset *d, const struct drawing *all,
                         int count, const bool *good, bool *test)
{
    int *of = xmalloc(((size_t)count + 1) * sizeof *of);
    for (int label = 0, i = 0; label < d->classes; label++) {
        size_t n = 0;
        int found = 0, goods;
        while (i < count && all[i].sample.label == label) {
            int end = file_end(all, count, i, good, &goods);
            if (goods)
                of[n++] = i;
            found++;
            i = end;
        }
        draw(of, n, d, label, test);
        class_fault(d, label, found, n);
    }
    free(of);
}

/* The good pages of a file go where its first one goes: a page in the test part
 * whose neighbours are known from training would say little. */
static void pages_follow(const struct drawing *all, int count, const bool *good,
                         bool *test)
{
    for (int i = 0, end, goods; i < count; i = end) {
        bool held = test[i];
        end = file_end(all, count, i, good, &goods);
        for (int k = i; k < end; k++)
            test[k] = held && (!good || good[all[k].from]);
    }
}

/* Puts the samples into the two parts, as they were drawn. */
static void parts_fill(struct dataset *d, const struct drawing *all, int count,
                       const bool *test, int *from)
{
    int tests = 0;
    for (int i = 0; i < count; i++)
        tests += test[i];
    d->train =
        xreallocarray(d->train, (size_t)(count - tests) + 1, sizeof *d->train);
    d->test = xreallocarray(d->test, (size_t)tests + 1, sizeof *d->test);
    d->train_count = d->test_count = 0;
    for (int i = 0; i < count; i++) {
        int at = test[i] ? count - tests + d->test_count : d->train_count;
        if (test[i])
            d->test[d->test_count++] = all[i].sample;
        else
            d->train[d->train_count++] = all[i].sample;
        if (from)
            from[at] = all[i].from;
    }
}

void dataset_draw(struct dataset *d, const bool *good, int *from)
{
    int count = d->train_count + d->test_count;
    struct drawing *all = drawings_make(d, count);
    bool *test = xcalloc((size_t)count + 1, sizeof *test);
    d->faults.count[FAULT_SINGLE] = 0;
    text_clear(&d->faults.first[FAULT_SINGLE]);
    text_clear(&d->faults.all[FAULT_SINGLE]);
    d->faults.shown[FAULT_SINGLE] = 0;
    classes_draw(d, all, count, good, test);
    pages_follow(all, count, good, test);
    parts_fill(d, all, count, test, from);
    free(test);
    free(all);
}

/* Life cycle */

const char *dataset_place(const struct settings *settings)
{
    const char *copy = settings_get(settings, KEY_DATASET_COPY);
    return *copy ? copy : settings_get(settings, KEY_DATASET);
}

/* A path without slashes at its end. */
static char *path_take(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return xstrndup(path, n);
}

/* A copy is locked for as long as it is open: that keeps it from being removed
 * (far/copies.h), which is all that the lock is for. */
static int folder_open(const char *path, bool copy)
{
    int fd = open(path, (copy ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && copy)
        flock(fd, LOCK_SH | LOCK_NB);
    return fd;
}

static int root_take(struct dataset *d, const char *path, bool copy,
                     struct reason *why)
{
    struct stat st;
    if (!*path)
        return refuse(why, EINVAL,
                      "there is no dataset: it must be the "
                      "absolute path of a folder");
    if (stat(path, &st))
        return refuse_errno(why, errno, "the dataset '%s' can't be read", path);
    if (!S_ISDIR(st.st_mode))
        return refuse(why, ENOTDIR,
                      "the dataset '%s' is not a folder of class folders",
                      path);
    d->dir = folder_open(path, copy);
    if (d->dir < 0)
        return refuse_errno(why, errno, "the dataset '%s' can't be read", path);
    d->root_open = true;
    d->root = path_take(path);
    return 0;
}

static int parts_collect(struct dataset *d, const struct layout *l,
                         struct reason *why)
{
    int err = part_collect(d, l->train, false, &d->train, &d->train_count, why);
    if (err == 0 && l->test)
        err = part_collect(d, l->test, true, &d->test, &d->test_count, why);
    if (err)
        return err;
    if (d->drawn) {
        dataset_draw(d, NULL, NULL);
    } else if (d->test_count == 0) {
        struct reason empty = REASON_INIT;
        refuse(&empty, EINVAL, "the test part '%s' has no pictures", l->test);
        faults_add_sentence(&d->faults, empty.sentence);
    }
    return faults_refuse(&d->faults, d->extensions, why);
}

static void split_tell(struct dataset *d, const struct settings *s)
{
    if (d->drawn)
        dataset_note(d, NC_("dataset", "split"),
                     _("%s of each class held out for testing, seed %s"),
                     settings_get(s, KEY_TEST_FRACTION),
                     settings_get(s, KEY_SEED));
}

int dataset_root_open(struct dataset *d, const struct settings *settings,
                      struct reason *why)
{
    *d = (struct dataset){
        .extensions = xstrdup(settings_get(settings, KEY_EXTENSIONS)),
        .test_fraction = settings_number(settings, KEY_TEST_FRACTION),
        .seed = (uint64_t)settings_number(settings, KEY_SEED)};
    d->called = path_take(settings_get(settings, KEY_DATASET));
    return root_take(d, dataset_place(settings),
                     *settings_get(settings, KEY_DATASET_COPY), why);
}

int dataset_open(struct dataset *d, const struct settings *settings,
                 struct reason *why)
{
    struct layout l = {0};
    int err = dataset_root_open(d, settings, why);
    if (err == 0)
        err = layout_find(d, &l, why);
    if (err == 0)
        err = classes_find(d, &l, why);
    if (err == 0) {
        d->drawn = !l.test;
        err = parts_collect(d, &l, why);
        split_tell(d, settings);
    }
    layout_release(&l);
    return err;
}

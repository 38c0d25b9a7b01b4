#include "trainer/data/dataset.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "trainer/basic/purposes.h"
#include "trainer/basic/random.h"
#include "trainer/data/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names of folders that are parts. Where there are several test parts, the
 * first name in this list counts. */
static const char train_name[] = "train";
static const char *const test_names[] = {"test", "val", "valid", "validation"};

enum { TEST_NAMES = sizeof test_names / sizeof *test_names };

/* Where the class folders are. */
struct layout {
    char *train, *test; /* paths; test NULL = `train` is split */
};

/* One part while it is collected. */
struct part_samples {
    struct sample *samples;
    size_t count, room;
};

static void samples_free(struct sample *samples, int count)
{
    for (int i = 0; i < count; i++)
        free(samples[i].path);
    free(samples);
}

void dataset_release(struct dataset *d)
{
    for (int i = 0; i < d->classes; i++)
        free(d->class_names[i]);
    free(d->class_names);
    samples_free(d->train, d->train_count);
    samples_free(d->test, d->test_count);
    free(d->root);
    if (d->root_open)
        close(d->dir);
    text_release(&d->layout);
    *d = (struct dataset){0};
}

const char *dataset_relative(const struct dataset *d, const char *path)
{
    size_t n = strlen(d->root);
    return strncmp(path, d->root, n) || path[n] != '/' ? path : path + n + 1;
}

/* Layout */

static const char *names_find(const struct names *names, const char *wanted)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcasecmp(names->name[i], wanted))
            return names->name[i];
    return NULL;
}

static bool has_folders(const struct dataset *d, const char *folder,
                        const char *name)
{
    struct names names = {0};
    char *path = xstrfmt("%s/%s", folder, name);
    bool any = folder_list(&names, d->dir, path, NULL) == 0 && names.count > 0;
    names_release(&names);
    free(path);
    return any;
}

static void layout_unused(struct dataset *d, const char *name)
{
    struct text shown = TEXT_INIT;
    text_put_printable(&shown, name, strlen(name));
    text_printf(&d->layout, _("not used: %s/\n"), text_string(&shown));
    text_release(&shown);
}

static void layout_parts(struct dataset *d, struct layout *l,
                         const struct names *names, const char *train,
                         const char *test)
{
    l->train = xstrfmt("%s/%s", d->root, train);
    l->test = test ? xstrfmt("%s/%s", d->root, test) : NULL;
    text_printf(&d->layout, _("layout: %s/%s%s%s\n"), train,
                test ? _(" and ") : "", test ? test : "", test ? "/" : "");
    for (size_t i = 0; i < names->count; i++)
        if (names->name[i] != train && names->name[i] != test)
            layout_unused(d, names->name[i]);
}

/* Finds the first test part that holds folders; a folder of pictures without
 * classes is none. *any becomes true if any folder has one of the names. */
static const char *test_find(const struct dataset *d, const struct names *names,
                             bool *any)
{
    for (int i = 0; i < TEST_NAMES; i++) {
        const char *test = names_find(names, test_names[i]);
        *any |= test != NULL;
        if (test && has_folders(d, d->root, test))
            return test;
    }
    return NULL;
}

/* A folder named `train` may also be a class, of trains. It is taken for a part
 * if it holds folders, and a test part or nothing at all is beside it. */
static int layout_find(struct dataset *d, struct layout *l, struct reason *why)
{
    struct names names = {0};
    bool any = false;
    int err = folder_list(&names, d->dir, d->root, why);
    if (err)
        return err;
    const char *train = names_find(&names, train_name);
    const char *test = test_find(d, &names, &any);
    if (train && (any || names.count == 1) && has_folders(d, d->root, train)) {
        layout_parts(d, l, &names, train, test);
    } else {
        l->train = xstrdup(d->root);
        text_printf(&d->layout, _("layout: %s\n"), _("class folders"));
    }
    names_release(&names);
    return 0;
}

/* Reports links that are not followed; `class` NULL = they are beside the class
 * folders. */
static void outside_tell(struct dataset *d, const char *class, size_t count)
{
    struct text shown = TEXT_INIT;
    if (!count)
        return;
    if (class)
        text_put_printable(&shown, class, strlen(class));
    text_printf(&d->layout,
                P_("not used: %zu link that leads out of the dataset%s%s\n",
                   "not used: %zu links that lead out of the dataset%s%s\n",
                   count),
                count, class ? ": " : "", text_string(&shown));
    text_release(&shown);
}

/* Reports pictures that lie in no class folder. */
static int loose_tell(struct dataset *d, const char *path,
                      const char *extensions, struct reason *why)
{
    struct names files = {0};
    int err = folder_files(&files, d->dir, path, extensions, why);
    if (files.count)
        text_printf(&d->layout,
                    P_("not used: %zu picture beside the class folders\n",
                       "not used: %zu pictures beside the class folders\n",
                       files.count),
                    files.count);
    outside_tell(d, NULL, files.outside);
    names_release(&files);
    return err;
}

/* Classes */

/* Class names become lines of labels.txt and metadata of the model, so that
 * they must be UTF-8 without control characters. */
static int class_name_check(const char *name, struct reason *why)
{
    size_t n = strlen(name);
    if (utf8_valid(name, n) < n)
        return refuse(why, EINVAL,
                      "the name of a class folder must be valid UTF-8");
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7F)
            return refuse(why, EINVAL,
                          "the name of a class folder must not "
                          "have control characters");
    return 0;
}

/* An unpacked archive often adds one level of folders, which the sentence
 * points out. */
static int refuse_classes(const struct dataset *d, const char *path,
                          const struct names *names, struct reason *why)
{
    if (names->count < 2 && names->outside)
        return refuse(why, EINVAL,
                      "the dataset '%s' has fewer than two class folders; "
                      "links that lead out of it are not followed",
                      path);
    if (names->count == 0)
        return refuse(why, EINVAL,
                      "the dataset '%s' has no class folders; the pictures of "
                      "each class must lie in a folder of its own",
                      path);
    if (has_folders(d, path, names->name[0]))
        return refuse(why, EINVAL,
                      "the dataset '%s' has one class, '%s', which holds "
                      "folders; did you mean '%s/%s'?",
                      path, names->name[0], path, names->name[0]);
    return refuse(why, EINVAL,
                  "the dataset '%s' has one class, '%s'; at least two are "
                  "needed",
                  path, names->name[0]);
}

static int classes_find(struct dataset *d, const char *path, struct reason *why)
{
    struct names names = {0};
    int err = folder_list(&names, d->dir, path, why);
    if (err == 0 && names.count < 2)
        err = refuse_classes(d, path, &names, why);
    for (size_t i = 0; err == 0 && i < names.count; i++)
        err = class_name_check(names.name[i], why);
    if (err) {
        names_release(&names);
        return err;
    }
    d->class_names = names.name;
    d->classes = (int)names.count;
    return 0;
}

/* A class that is only in the test part could never be predicted. */
static int test_classes_check(const struct dataset *d, const char *path,
                              struct reason *why)
{
    struct names names = {0};
    int err = folder_list(&names, d->dir, path, why);
    for (size_t i = 0; err == 0 && i < names.count; i++) {
        bool known = false;
        for (int k = 0; !known && k < d->classes; k++)
            known = !strcmp(names.name[i], d->class_names[k]);
        if (!known)
            err = refuse(why, EINVAL,
                         "the class '%s' of the test part '%s' has no folder "
                         "in the training part",
                         names.name[i], path);
    }
    names_release(&names);
    return err;
}

/* Samples */

static void samples_add(struct part_samples *p, char *path, int label)
{
    ALLOC_GROW(p->samples, p->count + 1, p->room);
    p->samples[p->count++] = (struct sample){path, label};
}

/* Moves the pictures of one class from `files` into the part. */
static void samples_take(struct part_samples *p, struct names *files,
                         size_t from, size_t to, int label)
{
    for (size_t i = from; i < to; i++) {
        samples_add(p, files->name[i], label);
        files->name[i] = NULL;
    }
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Moves a random choice of `held` files, by seed and class, to the front: a
 * partial shuffle. Both parts are sorted again, so that only the choice, not
 * the order, depends on the seed. */
static void files_split(struct names *files, size_t held, uint64_t seed,
                        int label)
{
    struct random r;
    random_open(&r, seed, (uint32_t)label, 0, PURPOSE_SPLIT);
    for (size_t i = 0; i < held; i++) {
        size_t k = i + random_below(&r, (uint32_t)(files->count - i));
        char *s = files->name[i];
        files->name[i] = files->name[k];
        files->name[k] = s;
    }
    qsort(files->name, held, sizeof *files->name, compare_paths);
    qsort(files->name + held, files->count - held, sizeof *files->name,
          compare_paths);
}

static size_t held_out(size_t count, double fraction)
{
    size_t held = (size_t)llround((double)count * fraction);
    return held < 1 ? 1 : held > count - 1 ? count - 1 : held;
}

static int class_check(const struct dataset *d, int label, size_t count,
                       bool split, const char *extensions, struct reason *why)
{
    const char *name = d->class_names[label];
    if (count == 0)
        return refuse(why, EINVAL,
                      "the class '%s' has no pictures (files ending in: %s)",
                      name, extensions);
    if (count == 1 && split)
        return refuse(why, EINVAL,
                      "the class '%s' has one picture; to hold one out for "
                      "testing takes two",
                      name);
    return 0;
}

static int class_collect(struct dataset *d, const struct layout *l, int label,
                         const struct settings *s, struct part_samples *train,
                         struct part_samples *test, struct reason *why)
{
    const char *extensions = settings_get(s, KEY_EXTENSIONS);
    char *path = xstrfmt("%s/%s", l->train, d->class_names[label]);
    struct names files = {0};
    int err = folder_walk(&files, d->dir, path, extensions, why);
    outside_tell(d, d->class_names[label], files.outside);
    if (err == 0)
        err = class_check(d, label, files.count, !l->test, extensions, why);
    if (err == 0) {
        double fraction = settings_number(s, KEY_TEST_FRACTION);
        size_t held = l->test ? 0 : held_out(files.count, fraction);
        if (held)
            files_split(&files, held, (uint64_t)settings_number(s, KEY_SEED),
                        label);
        samples_take(test, &files, 0, held, label);
        samples_take(train, &files, held, files.count, label);
    }
    free(path);
    names_release(&files);
    return err;
}

/* Collects the test pictures of one class, which may have none. */
static int class_collect_test(struct dataset *d, const struct layout *l,
                              int label, const char *extensions,
                              struct part_samples *test, struct reason *why)
{
    char *path = xstrfmt("%s/%s", l->test, d->class_names[label]);
    struct names files = {0};
    struct stat st;
    int err = 0;
    if (stat(path, &st) == 0 || errno != ENOENT)
        err = folder_walk(&files, d->dir, path, extensions, why);
    outside_tell(d, d->class_names[label], files.outside);
    if (err == 0 && files.count == 0)
        text_printf(&d->layout, _("no test pictures: %s\n"),
                    d->class_names[label]);
    if (err == 0)
        samples_take(test, &files, 0, files.count, label);
    free(path);
    names_release(&files);
    return err;
}

static int samples_collect(struct dataset *d, const struct layout *l,
                           const struct settings *s, struct reason *why)
{
    struct part_samples train = {0}, test = {0};
    int err = 0;
    for (int i = 0; err == 0 && i < d->classes; i++) {
        err = class_collect(d, l, i, s, &train, &test, why);
        if (err == 0 && l->test)
            err = class_collect_test(d, l, i, settings_get(s, KEY_EXTENSIONS),
                                     &test, why);
    }
    d->train = train.samples;
    d->test = test.samples;
    d->train_count = (int)train.count;
    d->test_count = (int)test.count;
    if (err == 0 && test.count == 0)
        err =
            refuse(why, EINVAL, "the test part '%s' has no pictures", l->test);
    return err;
}

/* Life cycle */

static int root_take(struct dataset *d, const char *path, struct reason *why)
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
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    d->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (d->dir < 0)
        return refuse_errno(why, errno, "the dataset '%s' can't be read", path);
    d->root_open = true;
    d->root = xstrndup(path, n);
    return 0;
}

int dataset_open(struct dataset *d, const struct settings *settings,
                 struct reason *why)
{
    struct layout l = {0};
    *d = (struct dataset){0};
    int err = root_take(d, settings_get(settings, KEY_DATASET), why);
    if (err == 0)
        err = layout_find(d, &l, why);
    if (err == 0)
        err = classes_find(d, l.train, why);
    if (err == 0)
        err =
            loose_tell(d, l.train, settings_get(settings, KEY_EXTENSIONS), why);
    if (err == 0 && l.test)
        err = test_classes_check(d, l.test, why);
    if (err == 0)
        err = samples_collect(d, &l, settings, why);
    if (err == 0 && !l.test)
        text_printf(
            &d->layout,
            _("split: %s of each class held out for testing, seed %s\n"),
            settings_get(settings, KEY_TEST_FRACTION),
            settings_get(settings, KEY_SEED));
    free(l.train);
    free(l.test);
    if (err)
        dataset_release(d);
    return err;
}

#include "trainer/dataset/layout.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/basic/name.h"
#include "trainer/folders/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The names of folders that are parts. Where there are several test parts, the
 * first name in this list counts. */
static const char train_name[] = "train";
static const char *const test_names[] = {"test", "val", "valid", "validation"};

enum { TEST_NAMES = sizeof test_names / sizeof *test_names, NOTES_MAX = 20 };

#define KEY_UNUSED NC_("dataset", "not used")

void layout_release(struct layout *l)
{
    free(l->train);
    free(l->test);
    *l = (struct layout){0};
}

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
    bool any =
        folder_list(&names, NULL, d->dir, path, NULL) == 0 && names.count > 0;
    names_release(&names);
    free(path);
    return any;
}

static void unused_tell(struct dataset *d, const char *path, const char *more)
{
    struct text shown = TEXT_INIT;
    text_put_c_escaped(&shown, dataset_relative(d, path));
    dataset_note(d, KEY_UNUSED, "%s%s", text_string(&shown), more);
    text_release(&shown);
}

/* The paths in a list; after some, only how many more there are. */
static void paths_tell(struct dataset *d, char **paths, size_t count,
                       const char *more)
{
    for (size_t i = 0; i < count && i < NOTES_MAX; i++)
        unused_tell(d, paths[i], more);
    if (count > NOTES_MAX)
        dataset_note(d, KEY_UNUSED,
                     P_("and %zu more folder like these",
                        "and %zu more folders like these", count - NOTES_MAX),
                     count - NOTES_MAX);
}

void leftovers_tell(struct dataset *d, const char *class,
                    struct leftovers *left)
{
    struct text shown = TEXT_INIT, endings = TEXT_INIT;
    if (class)
        text_put_c_escaped(&shown, class);
    leftovers_put_endings(left, &endings);
    paths_tell(d, left->systems, left->system_count, "/");
    paths_tell(d, left->above, left->above_count,
               _(" (leads to a folder above it)"));
    if (left->outside)
        dataset_note(d, KEY_UNUSED,
                     P_("%zu link that leads out of the dataset, or nowhere%s"
                        "%s",
                        "%zu links that lead out of the dataset, or nowhere%s"
                        "%s",
                        left->outside),
                     left->outside, class ? ": " : "", text_string(&shown));
    if (endings.size)
        dataset_note(d, KEY_UNUSED, "%s: %s",
                     class ? text_string(&shown)
                           : _("beside the class folders"),
                     text_string(&endings));
    text_release(&shown);
    text_release(&endings);
}

/* Parts */

static void layout_parts(struct dataset *d, struct layout *l,
                         const struct names *names, const char *train,
                         const char *test)
{
    l->train = xstrfmt("%s/%s", d->root, train);
    l->test = test ? xstrfmt("%s/%s", d->root, test) : NULL;
    dataset_note(d, NC_("dataset", "layout"), "%s/%s%s%s", train,
                 test ? _(" and ") : "", test ? test : "", test ? "/" : "");
    for (size_t i = 0; i < names->count; i++)
        if (names->name[i] != train && names->name[i] != test)
            unused_tell(d, names->name[i], "/");
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

/* Whether a folder holds no picture, and at least two folders, which are those
 * of `like`; they are put there if it is empty. */
static bool holds_alike(const struct dataset *d, const char *name,
                        struct names *like)
{
    struct names folders = {0}, files = {0};
    char *path = xstrfmt("%s/%s", d->root, name);
    bool alike =
        folder_list(&folders, NULL, d->dir, path, NULL) == 0 &&
        folder_files(&files, NULL, d->dir, path, d->extensions, NULL) == 0 &&
        files.count == 0 && folders.count > 1;
    if (alike && like->count == 0) {
        *like = folders;
        folders = (struct names){0};
    } else if (alike) {
        alike = folders.count == like->count;
        for (size_t i = 0; alike && i < folders.count; i++)
            alike = !strcmp(folders.name[i], like->name[i]);
    }
    names_release(&folders);
    names_release(&files);
    free(path);
    return alike;
}

/* Folders of years, months or numbers below classes are how people file. */
static bool are_numbers(const struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->name[i][0] < '0' || names->name[i][0] > '9')
            return false;
    return true;
}

static bool is_part_name(const char *name)
{
    static const char *const begins[] = {"train", "test", "val", "dev", "eval"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (!strncasecmp(name, begins[i], strlen(begins[i])))
            return true;
    return false;
}

/* Where every class would hold only folders, and the same ones, the classes are
 * those, and what is taken for classes are parts by other names. */
static int parts_check(const struct dataset *d, const struct names *names,
                       struct reason *why)
{
    struct names like = {0};
    bool alike = names->count > 1, named = false;
    for (size_t i = 0; alike && i < names->count; i++) {
        alike = holds_alike(d, names->name[i], &like);
        named |= is_part_name(names->name[i]);
    }
    if (alike && !named)
        alike = !are_numbers(&like);
    int err = !alike ? 0
                     : refuse(why, EINVAL,
                              "'%s' and '%s' in the dataset hold the same "
                              "folders ('%s', '%s'), as the parts of a dataset "
                              "do; parts are named train and test",
                              names->name[0], names->name[1], like.name[0],
                              like.name[1]);
    names_release(&like);
    return err;
}

/* A folder named `train` may also be a class, of trains. It is taken for a part
 * if it holds folders, and a test part or nothing at all is beside it. */
int layout_find(struct dataset *d, struct layout *l, struct reason *why)
{
    struct names names = {0};
    struct leftovers left = {0};
    bool any = false;
    int err = folder_list(&names, &left, d->dir, d->root, why);
    if (err)
        return err;
    const char *train = names_find(&names, train_name);
    const char *test = test_find(d, &names, &any);
    if (train && (any || names.count == 1) && has_folders(d, d->root, train)) {
        layout_parts(d, l, &names, train, test);
        left.outside = 0; /* those beside the classes are told later */
        leftovers_tell(d, NULL, &left);
    } else {
        l->train = xstrdup(d->root);
        dataset_note(d, NC_("dataset", "layout"), "%s", _("class folders"));
        err = parts_check(d, &names, why);
    }
    leftovers_release(&left);
    names_release(&names);
    return err;
}

/* Classes */

/* Reports pictures and other things that lie in no class folder. */
static int loose_tell(struct dataset *d, const char *path, struct reason *why)
{
    struct names files = {0};
    struct leftovers left = {0};
    int err = folder_files(&files, &left, d->dir, path, d->extensions, why);
    if (files.count)
        dataset_note(d, KEY_UNUSED,
                     P_("%zu picture beside the class folders",
                        "%zu pictures beside the class folders", files.count),
                     files.count);
    leftovers_tell(d, NULL, &left);
    names_release(&files);
    leftovers_release(&left);
    return err;
}

/* Class names become lines of labels.txt and metadata of the model, so that
 * they must be UTF-8 without control characters. */
static bool class_name_is_good(const char *name)
{
    size_t n = strlen(name);
    if (utf8_valid(name, n) < n)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7F)
            return false;
    return true;
}

/* An unpacked archive often adds one level of folders, which the sentence
 * points out. */
static int refuse_called(const struct dataset *d, const char *path,
                         const char *called, const struct names *names,
                         size_t outside, struct reason *why)
{
    if (outside)
        return refuse(why, EINVAL,
                      "the dataset '%s' has fewer than two class folders; "
                      "links that lead out of it are not followed",
                      called);
    if (names->count == 0)
        return refuse(why, EINVAL,
                      "the dataset '%s' has no class folders; the pictures of "
                      "each class must lie in a folder of its own",
                      called);
    if (has_folders(d, path, names->name[0]))
        return refuse(why, EINVAL,
                      "the dataset '%s' has one class, '%s', which holds "
                      "folders; did you mean '%s/%s'?",
                      called, names->name[0], called, names->name[0]);
    return refuse(why, EINVAL,
                  "the dataset '%s' has one class, '%s'; at least two are "
                  "needed",
                  called, names->name[0]);
}

static int refuse_classes(const struct dataset *d, const char *path,
                          const struct names *names, size_t outside,
                          struct reason *why)
{
    const char *rest = dataset_relative(d, path);
    char *called =
        rest == path ? xstrdup(d->called) : xstrfmt("%s/%s", d->called, rest);
    int err = refuse_called(d, path, called, names, outside, why);
    free(called);
    return err;
}

/* A class by what its name has in common with those that look like it. */
struct folded {
    char *name;
    int label;
};

static int compare_folded(const void *a, const void *b)
{
    const struct folded *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->label > y->label) - (x->label < y->label);
}

static void twins_put(struct dataset *d, const struct folded *f, int count)
{
    struct text names = TEXT_INIT;
    for (int i = 0; i < count; i++) {
        struct text shown = TEXT_INIT;
        text_put_c_escaped(&shown, d->class_names[f[i].label]);
        text_puts(&names, i ? ", " : "");
        text_printf(&names, _("'%s'"), text_string(&shown));
        text_release(&shown);
    }
    dataset_note(d, NC_("dataset", "class names that are alike"), "%s",
                 text_string(&names));
    text_release(&names);
}

/* Folders whose names people hardly tell apart are mostly one class that was
 * named twice. */
static void twins_tell(struct dataset *d)
{
    struct folded *all = xcalloc((size_t)d->classes, sizeof *all);
    for (int i = 0; i < d->classes; i++)
        all[i] = (struct folded){name_fold(d->class_names[i]), i};
    qsort(all, (size_t)d->classes, sizeof *all, compare_folded);
    for (int from = 0, to; from < d->classes; from = to) {
        for (to = from + 1;
             to < d->classes && !strcmp(all[to].name, all[from].name); to++)
            continue;
        if (to - from > 1)
            twins_put(d, all + from, to - from);
    }
    for (int i = 0; i < d->classes; i++)
        free(all[i].name);
    free(all);
}

/* The class whose name looks like this one, or NULL. */
static const char *twin_of(const struct dataset *d, const char *name)
{
    const char *twin = NULL;
    char *folded = name_fold(name);
    for (int i = 0; !twin && i < d->classes; i++) {
        char *other = name_fold(d->class_names[i]);
        twin = strcmp(folded, other) ? NULL : d->class_names[i];
        free(other);
    }
    free(folded);
    return twin;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A class that is only in the test part could never be predicted. */
static int test_classes_check(struct dataset *d, const char *path,
                              struct reason *why)
{
    struct names names = {0};
    struct leftovers left = {0};
    int err = folder_list(&names, &left, d->dir, path, why);
    for (size_t i = 0; err == 0 && i < names.count; i++) {
        char *const *name = &names.name[i];
        if (bsearch(name, d->class_names, (size_t)d->classes, sizeof *name,
                    compare_strings))
            continue;
        const char *twin = twin_of(d, *name);
        struct text like = TEXT_INIT;
        if (twin)
            text_printf(&like, _("there is '%s'"), twin);
        faults_add(&d->faults, FAULT_TEST_CLASS, *name, text_string(&like));
        text_release(&like);
    }
    left.outside = 0; /* files are told of in the classes, links above */
    leftovers_tell(d, NULL, &left);
    leftovers_release(&left);
    names_release(&names);
    return err;
}

static int train_classes_find(struct dataset *d, const char *path,
                              struct reason *why)
{
    struct names names = {0};
    struct leftovers left = {0};
    int err = folder_list(&names, &left, d->dir, path, why);
    if (err == 0 && names.count < 2)
        err = refuse_classes(d, path, &names, left.outside, why);
    left.outside = 0; /* loose_tell() counts all links */
    leftovers_tell(d, NULL, &left);
    leftovers_release(&left);
    if (err) {
        names_release(&names);
        return err;
    }
    d->class_names = names.name;
    d->classes = (int)names.count;
    for (int i = 0; i < d->classes; i++)
        if (!class_name_is_good(d->class_names[i]))
            faults_add(&d->faults, FAULT_NAME, d->class_names[i], "");
    return 0;
}

int classes_find(struct dataset *d, const struct layout *l, struct reason *why)
{
    int err = train_classes_find(d, l->train, why);
    if (err == 0)
        err = loose_tell(d, l->train, why);
    if (err == 0 && l->test)
        err = test_classes_check(d, l->test, why);
    if (err == 0)
        twins_tell(d);
    return err;
}

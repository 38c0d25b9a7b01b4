#include "trainer/labelled.h"

#include "core/basic/alloc.h"
#include "trainer/dataset/sample_pages.h"
#include "trainer/folders/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_SHOWN = 8 }; /* classes that a sentence lists */

static int class_find(const char *name, char *const *class_names, int classes)
{
    int i = 0;
    while (i < classes && strcmp(class_names[i], name))
        i++;
    return i < classes ? i : -1;
}

/* Whether this folder below the root has folders of classes. */
static bool has_classes(const struct labelled *l, const char *name,
                        char *const *class_names, int classes)
{
    char *path = xstrfmt("%s/%s", l->root, name);
    struct names names = {0};
    bool any = false;
    if (folder_list(&names, NULL, l->dir, path, NULL) == 0)
        for (size_t i = 0; i < names.count; i++)
            any |= class_find(names.name[i], class_names, classes) >= 0;
    names_release(&names);
    free(path);
    return any;
}

static int refuse_class(const struct labelled *l, const char *name,
                        char *const *class_names, int classes,
                        struct reason *why)
{
    struct text known = TEXT_INIT;
    if (has_classes(l, name, class_names, classes))
        return refuse(why, EINVAL,
                      "'%s' has other folders than those of classes; did you "
                      "mean '%s/%s'?",
                      l->root, l->root, name);
    for (int i = 0; i < classes && i < NAMES_SHOWN; i++)
        text_printf(&known, "%s%s", i ? ", " : "", class_names[i]);
    if (classes > NAMES_SHOWN)
        text_puts(&known, ", \u2026");
    int err = refuse(why, EINVAL,
                     "'%s' in '%s' is none of the classes that the model "
                     "knows: %s",
                     name, l->root, text_string(&known));
    text_release(&known);
    return err;
}

/* Moves the paths of the pictures of one class into the list. */
static void samples_take(struct labelled *l, struct names *files, int label)
{
    for (size_t i = 0; i < files->count; i++) {
        ALLOC_GROW(l->samples, l->count + 1, l->room);
        l->samples[l->count++] =
            (struct sample){.path = files->name[i], .label = label};
        files->name[i] = NULL;
    }
}

static int class_collect(struct labelled *l, const char *name, int label,
                         const char *extensions, struct reason *why)
{
    char *path = xstrfmt("%s/%s", l->root, name);
    struct names files = {0};
    int err = folder_walk(&files, NULL, l->dir, path, extensions, why);
    if (err == 0)
        samples_take(l, &files, label);
    names_release(&files);
    free(path);
    return err;
}

static int classes_collect(struct labelled *l, char *const *class_names,
                           int classes, const char *extensions,
                           struct reason *why)
{
    struct names folders = {0};
    int err = folder_list(&folders, NULL, l->dir, l->root, why);
    for (size_t i = 0; err == 0 && i < folders.count; i++) {
        int label = class_find(folders.name[i], class_names, classes);
        err = label < 0
                  ? refuse_class(l, folders.name[i], class_names, classes, why)
                  : class_collect(l, folders.name[i], label, extensions, why);
    }
    names_release(&folders);
    if (err == 0 && l->count == 0)
        err = refuse(why, EINVAL,
                     "'%s' has no pictures in class folders (files ending in: "
                     "%s)",
                     l->root, extensions);
    return err;
}

/* What folders are read by are absolute paths. */
static char *absolute(const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    char *here = *folder == '/' ? NULL : get_current_dir_name();
    char *path =
        here ? xstrfmt("%s/%.*s", here, (int)n, folder) : xstrndup(folder, n);
    free(here);
    return path;
}

int labelled_open(struct labelled *l, const char *folder,
                  char *const *class_names, int classes, const char *extensions,
                  struct reason *why)
{
    *l = (struct labelled){.root = absolute(folder)};
    l->dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (l->dir < 0)
        return refuse_errno(why, errno, "cannot read the folder '%s'", folder);
    return classes_collect(l, class_names, classes, extensions, why);
}

int labelled_take_pages(struct labelled *l, struct page_range wanted,
                        struct reason *why)
{
    int n = (int)l->count, err = 0;
    if (sample_pages_first(wanted))
        return 0;
    struct sample_pages *pages = xcalloc(l->count + 1, sizeof *pages);
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        struct reason here = REASON_INIT;
        if (sample_pages_find(&pages[i], &l->samples[i], l->dir, wanted, &here))
#pragma omp critical
        {
            err = -here.code;
            *why = here;
        }
    }
    if (err == 0)
        err = sample_pages_take(&l->samples, &n, pages, why);
    l->count = l->room = (size_t)n;
    free(pages);
    return err;
}

void labelled_release(struct labelled *l)
{
    samples_free(l->samples, (int)l->count);
    free(l->root);
    if (l->dir >= 0)
        close(l->dir);
    *l = (struct labelled){.dir = -1};
}

const char *labelled_relative(const struct labelled *l, const char *path)
{
    size_t n = strlen(l->root);
    return strncmp(path, l->root, n) || path[n] != '/' ? path : path + n + 1;
}

/*
 * A dataset: its classes, and its training and test pictures. Directories are
 * read, pictures are not opened.
 *
 * Layouts: a folder of class folders, which is split into a training and a test
 * part here, class by class and depending on the seed; or a folder with train/
 * and test/ (or val, valid, validation; upper and lower case are the same) that
 * hold the class folders. Where there is only train/, or the test part has no
 * class folders, train/ is split.
 * Classes are sorted by name in byte order. Hidden files and folders are
 * ignored, and so are folders that systems make (folders/leftovers.h); files
 * count if they have one of the extensions, in upper or lower case; folders
 * inside class folders are walked. Links are followed if they lead to something
 * below the root, which may itself be a link, but not to a folder above them.
 * What is not used is told in `notes`. The result depends only on names and
 * settings, not on the order in which a directory lists its entries.
 *
 * A training that is continued has the dataset that it began with: its list of
 * pictures is kept (kept.h), and what came since is not used.
 */
#ifndef PRIMO_DATASET_H
#define PRIMO_DATASET_H

#include "core/basic/reason.h"
#include "core/settings/settings.h"
#include "trainer/dataset/faults.h"
#include "trainer/dataset/sample.h"

#include <stdbool.h>
#include <stdint.h>

struct dataset {
    char *root;         /* the folder, without a slash at its end */
    char *called;       /* what the template calls it */
    int dir;            /* the same, for what must lie below it */
    bool root_open;     /* dir is a descriptor */
    struct text layout; /* what was found: lines `key: value` for the report */
    struct faults faults; /* what keeps it from being trained on */
    char *extensions;
    char **class_names;
    int classes;
    struct sample *train, *test; /* by class, then by path and page */
    int train_count, test_count;
    bool drawn; /* the test part was drawn here, with the following */
    double test_fraction;
    uint64_t seed;
    bool kept; /* the pictures are those of a training that is continued */
};

struct reading_options;

/* Life cycle */

/* Uses the parameters dataset, dataset_copy, extensions, test_fraction and
 * seed. Fails with EINVAL, ENOENT, ENOTDIR or EACCES if the dataset cannot be
 * used for training: it does not exist or is no folder, has fewer than two
 * classes, or an empty class, or a class with a single picture where it is to
 * be split, or a test class that is not in the training part. All such faults
 * are in the reason and in `faults`. dataset_release() must be called even
 * after a failure. */
int dataset_open(struct dataset *d, const struct settings *settings,
                 struct reason *why);
void dataset_release(struct dataset *d);
/* Do only the first step of it: open the folder, and take the settings. */
int dataset_root_open(struct dataset *d, const struct settings *settings,
                      struct reason *why);

/* Read */

/* The folder in which it lies: dataset_copy, or else dataset. */
const char *dataset_place(const struct settings *settings);
/* The part of a sample's path behind the root. */
const char *dataset_relative(const struct dataset *d, const char *path);
/* Whether it has classes, so that their pictures can be read to find the rest
 * of its faults, even if it failed to open. */
bool dataset_has_classes(const struct dataset *d);

/* Change */

/* Append a line to `layout`. The key is one of NC_("dataset", …). */
void dataset_note(struct dataset *d, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Make the pages of files that are wanted pictures of their own, in `workers`
 * threads. Does nothing where only the first is wanted. A file whose pages
 * can't be counted remains, with its fault. Fails as reading_run() does. */
int dataset_take_pages(struct dataset *d, struct page_range wanted,
                       const struct reading_options *options,
                       struct reason *why);
/* Draw the test part anew, among the pictures that can be read; those that
 * cannot stay with the training pictures. The pages of a file go together.
 * good[i] is whether sample i can be read; the training part comes first, then
 * the test part. Afterwards from[i] says which number the sample i had before.
 * Adds the faults of classes that have too few. The test part is that which
 * dataset_open() draws, if all can be read. */
void dataset_draw(struct dataset *d, const bool *good, int *from);

#endif

/*
 * A dataset on disk: its classes, and its training and test files. Directories
 * are read, pictures are not opened.
 *
 * Layouts: a folder of class folders, which is split into a training and a test
 * part here, class by class and depending on the seed; or a folder with train/
 * and test/ (or val, valid, validation; upper and lower case are the same) that
 * hold the class folders. Where there is only train/, or the test part has no
 * class folders, train/ is split.
 * Classes are sorted by name in byte order. Hidden files and folders are
 * ignored; files count if they have one of the extensions, in upper or lower
 * case; folders inside class folders are walked. Links are followed if they
 * lead to something below the root, which may itself be a link; others are
 * counted in `layout`. The result depends only on names and settings, not on
 * the order in which a directory lists its entries.
 */
#ifndef PRIMO_DATASET_H
#define PRIMO_DATASET_H

#include "core/basic/reason.h"
#include "core/settings/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct sample {
    char *path; /* absolute */
    int label;
};

struct dataset {
    char *root;         /* the folder, without a slash at its end */
    int dir;            /* the same, for what must lie below it */
    bool root_open;     /* dir is a descriptor */
    struct text layout; /* what was found: lines for the report */
    char **class_names;
    int classes;
    struct sample *train, *test; /* by class, then by path */
    int train_count, test_count;
};

/* Life cycle */

/* Uses the parameters dataset, extensions, test_fraction and seed. Fails with
 * EINVAL, ENOENT, ENOTDIR or EACCES if the dataset cannot be used for training:
 * it does not exist or is no folder, has fewer than two classes, or an empty
 * class, or a class with a single picture where it is to be split, or a test
 * class that is not in the training part. On failure nothing is left to
 * release.
 */
int dataset_open(struct dataset *d, const struct settings *settings,
                 struct reason *why);
void dataset_release(struct dataset *d);

/* Read */

/* The part of a sample's path behind the root. */
const char *dataset_relative(const struct dataset *d, const char *path);

#endif

/*
 * A dataset on disk: its classes, its training and test files. Reads
 * directories, opens no picture.
 *
 * Layouts: a folder of class folders (split into parts here, stratified and by
 * seed), or one with train/ and test/ (or val, valid, validation; in any case
 * of letters) that hold the class folders; with train/ alone, or a test part
 * without class folders, train/ is split.
 * Classes are sorted by name in byte order; hidden files and folders are
 * ignored; files count by extension, case-insensitively; folders inside class
 * folders are walked, links are followed. What comes out depends on names and
 * settings only, not on the order of directories.
 */
#ifndef PRIMO_DATASET_H
#define PRIMO_DATASET_H

#include "core/basic/reason.h"
#include "core/shared/settings.h"

#include <stdint.h>

struct sample {
    char *path; /* absolute */
    int label;
};

struct dataset {
    char *root;         /* the folder, without a slash at its end */
    struct text layout; /* what was found, sentences on lines for the report */
    char **class_names;
    int classes;
    struct sample *train, *test; /* by class, then by path */
    int train_count, test_count;
};

/* Life cycle */

/* EINVAL/ENOENT/EACCES with a reason for what can't be trained on: not there,
 * not a folder, fewer than two classes, an empty class, no file with one of
 * the extensions, one picture where it takes two for a split, a test class
 * that training lacks. Uses dataset, extensions, test_fraction and seed. On
 * failure nothing is left to release. */
int dataset_open(struct dataset *d, const struct settings *settings,
                 struct reason *why);
void dataset_release(struct dataset *d);

/* Read */

/* The part of a sample's path behind the root. */
const char *dataset_relative(const struct dataset *d, const char *path);

#endif

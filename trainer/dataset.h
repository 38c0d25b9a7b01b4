/*
 * A dataset on disk: its classes, its training and test files. Reads
 * directories and headers, decodes nothing.
 *
 * Layouts: a folder of class folders (split into parts here, stratified and by
 * seed), or one with train/ and test/ (or val, valid, validation) that hold
 * the class folders. Classes are sorted by name in byte order; hidden files
 * and folders are ignored; files count by extension, case-insensitively;
 * folders inside class folders are walked.
 */
#ifndef PRIMO_DATASET_H
#define PRIMO_DATASET_H

#include "reason.h"
#include "settings.h"

#include <stdint.h>

struct sample {
    char *path; /* absolute */
    int label;
};

struct dataset {
    char **class_names;
    int classes;
    struct sample *train, *test;
    int train_count, test_count;
};

/* Life cycle */

/* EINVAL/ENOENT/EACCES with a reason for what can't be trained on: not there,
 * not a folder, fewer than two classes, an empty class, no file with one of
 * the extensions. Uses dataset, extensions, test_fraction and seed. */
int dataset_open(struct dataset *d, const struct settings *settings,
                 struct reason *why);
void dataset_release(struct dataset *d);

#endif

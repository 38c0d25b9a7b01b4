/*
 * A labelled folder: a folder for each class, by the names that a model has for
 * them, with the pictures of the class below it. Files are found, not opened.
 */
#ifndef PRIMO_LABELLED_H
#define PRIMO_LABELLED_H

#include "core/basic/reason.h"
#include "trainer/dataset/dataset.h"

struct labelled {
    char *root; /* the folder, without a slash at its end */
    int dir;    /* the same, for what must lie below it; -1 = none */
    struct sample *samples; /* by class, then by path and page */
    size_t count, room;
};

/* Life cycle */

/* Find the pictures, files with these extensions, of these classes. A class may
 * have none. EINVAL: there is a class folder that is none of the classes, or no
 * picture at all; ENOENT, ENOTDIR, EACCES, … labelled_release() must be called
 * even then. */
int labelled_open(struct labelled *l, const char *folder,
                  char *const *class_names, int classes, const char *extensions,
                  struct reason *why);
/* Make the pages of files that are wanted pictures of their own; a file whose
 * pages can't be counted remains, with its fault. ENOMEM and so on. */
int labelled_take_pages(struct labelled *l, struct page_range wanted,
                        struct reason *why);
void labelled_release(struct labelled *l);

/* Read */

/* The part of a path behind the root. */
const char *labelled_relative(const struct labelled *l, const char *path);

#endif

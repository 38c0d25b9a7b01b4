/*
 * Folders read in a fixed order: names sorted in byte order, hidden ones left
 * out. Lists own their strings.
 */
#ifndef PRIMO_FOLDER_H
#define PRIMO_FOLDER_H

#include "core/basic/reason.h"

#include <stddef.h>

struct names {
    char **name;
    size_t count, room;
};

/* Life cycle */
void names_release(struct names *n);

/* Change */

/* Add the names of the folders in `path`, sorted. ENOENT, ENOTDIR, EACCES …
 * with a reason that names the path. */
int folder_list(struct names *out, const char *path, struct reason *why);
/* Add the paths ("PATH/…") of the files directly in `path` whose extension is
 * one of the space-separated `extensions`, sorted. Fails as folder_list(). */
int folder_files(struct names *out, const char *path, const char *extensions,
                 struct reason *why);
/* Add the paths ("PATH/…") of the files below `path` whose extension is one
 * of the space-separated `extensions`, sorted. Links are followed, but not
 * into a folder that holds them. ELOOP past a depth of 32, EFBIG past ten
 * million files. */
int folder_walk(struct names *out, const char *path, const char *extensions,
                struct reason *why);

#endif

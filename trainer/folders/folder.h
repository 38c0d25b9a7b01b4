/*
 * Reading folders in a fixed order: names are sorted in byte order. Hidden
 * files and folders are left out, and so are those that systems make; the
 * latter are counted among the leftovers. A list owns its strings.
 */
#ifndef PRIMO_FOLDER_H
#define PRIMO_FOLDER_H

#include "core/basic/reason.h"
#include "trainer/folders/leftovers.h"

#include <stddef.h>

struct names {
    char **name;
    size_t count, room;
};

/* Life cycle */
void names_release(struct names *n);

/* Change */

/* A link is followed if its target is below the folder `root`, a descriptor,
 * and is no folder that the way to the link leads through. Other links are left
 * out and noted in *left, those that lead outside without a name, whether their
 * targets exist or not: whoever may put a link into a folder need not be
 * allowed to know that. *left may be NULL. */

/* Add the names of the folders in `path`, sorted. Fails with ENOENT, ENOTDIR,
 * EACCES and so on; the reason names the path. EXDEV: it is not below the root.
 */
int folder_list(struct names *out, struct leftovers *left, int root,
                const char *path, struct reason *why);
/* Add the paths ("PATH/…") of the files directly in `path` whose extension is
 * one of the space-separated `extensions`, sorted. Fails as folder_list(). */
int folder_files(struct names *out, struct leftovers *left, int root,
                 const char *path, const char *extensions, struct reason *why);
/* Add the paths ("PATH/…") of the files below `path` whose extension is one
 * of the space-separated `extensions`, sorted. ELOOP: more than 32 levels;
 * EFBIG: more than ten million files. */
int folder_walk(struct names *out, struct leftovers *left, int root,
                const char *path, const char *extensions, struct reason *why);

#endif

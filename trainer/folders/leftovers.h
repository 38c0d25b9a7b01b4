/*
 * What lies in the folders of a dataset and is not taken: folders that systems
 * make for themselves, links that are not followed, files whose names do not
 * end in a wanted extension. Whoever reads a folder counts them here, so that a
 * report can name them. Not for concurrent use.
 */
#ifndef PRIMO_LEFTOVERS_H
#define PRIMO_LEFTOVERS_H

#include "core/basic/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Files that end alike. */
struct ending {
    char *text; /* printable, lower case, without its dot; "" = no ending */
    size_t files;
};

struct leftovers {
    size_t outside; /* links that lead out of the dataset, or nowhere */
    char **systems; /* paths of folders that belong to systems */
    size_t system_count, system_room;
    char **above; /* paths of links that lead to a folder above them */
    size_t above_count, above_room;
    struct ending *endings; /* the most frequent first, once sorted */
    size_t ending_count, ending_room;
};

/* Life cycle */
void leftovers_release(struct leftovers *l);

/* Read */

/* Whether a folder of this name is made by a system or a file server, for its
 * thumbnails, deleted files and the like. */
bool folder_is_system(const char *name);
/* Whether a file of this name is such a thing. */
bool file_is_system(const char *name);
/* Append "3 files end in .webp, 1 file has no ending"; nothing where there are
 * none. */
void leftovers_put_endings(struct leftovers *l, struct text *out);

/* Change */
void leftovers_add_system(struct leftovers *l, const char *folder,
                          const char *name);
void leftovers_add_above(struct leftovers *l, const char *folder,
                         const char *name);
void leftovers_add_file(struct leftovers *l, const char *name);

#endif

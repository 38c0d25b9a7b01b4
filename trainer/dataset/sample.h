/*
 * A picture of a dataset: a file of a class, or one page of it. A file stands
 * for its first page until its pages are taken (sample_pages.h).
 */
#ifndef PRIMO_SAMPLE_H
#define PRIMO_SAMPLE_H

#include <stdint.h>

struct sample {
    char *path; /* absolute, owned */
    char *name; /* PATH#page=N, owned; NULL = the path is its name */
    int page;   /* from 1; 0 = the file, of which the first is read */
    int label;
    char *fault;      /* owned; why it can't be read, NULL = not known yet */
    uint64_t hash[2]; /* of the pixels when the training began (kept.h) */
};

/* Life cycle */

/* Make the sample that is page `page` of a file; copies the path. */
struct sample sample_of_page(const char *path, int page, int label);
void samples_free(struct sample *samples, int count);

/* Read */

/* What people know it by; absolute as the path is. */
const char *sample_name(const struct sample *s);

#endif

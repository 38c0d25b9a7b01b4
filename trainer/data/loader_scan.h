/*
 * The first reading of a dataset: several threads read every picture once, and
 * keep it in the cache as long as that has room. The report on the dataset is
 * made from what they find.
 */
#ifndef PRIMO_LOADER_SCAN_H
#define PRIMO_LOADER_SCAN_H

#include "trainer/data/loader.h"

struct scanned {
    int width, height;     /* of the upright picture, before it is resized */
    uint64_t hash[2];      /* picture_hash(), which is the same for copies */
    const uint8_t *pixels; /* [side, side, 3] in the cache, NULL = not kept */
    char *fault;           /* owned; why it can't be read, NULL = it can */
    bool more_pages;       /* the first of several was taken */
};

struct scan {
    const struct dataset *dataset;
    struct scanned *pictures; /* the training part, then the test part */
    int count;
    uint8_t *cache; /* [pictures kept][side, side, 3] */
};

/* Life cycle */

/* ENOMEM; ECANCELED: tick said so; EMFILE and so on. On failure there is
 * nothing to release. */
int scan_open(struct scan *s, const struct dataset *d,
              const struct loader_options *options, struct reason *why);
void scan_release(struct scan *s);

/* Change */

/* Draw the test part of the dataset among the pictures that can be read, if it
 * was drawn before. */
void scan_draw(struct scan *s, struct dataset *d);

/* Read */
const struct sample *scan_sample(const struct scan *s, int i);
bool scan_is_test(const struct scan *s, int i);
/* Append the report and log what is unreadable. */
void scan_report(const struct scan *s, const struct loader_options *options,
                 struct text *report, struct loader_findings *findings);

#endif

/*
 * One request on its way through the worker: what was told, what was read, and
 * the text of the answer. A file of many pages is read in several rounds. A
 * picture_job is used by one thread at a time.
 */
#ifndef PRIMO_PICTURE_JOB_H
#define PRIMO_PICTURE_JOB_H

#include "core/basic/sha256.h"
#include "core/report/told_line.h"
#include "trainer/serve/page_sums.h"
#include "trainer/serve/page_walk.h"
#include "trainer/serve/predictor.h"

struct picture_job {
    struct told_line told;
    size_t bytes; /* of the file */
    char sha256[SHA256_HEX];
    const char *type; /* its MIME type; "" = not known */
    struct page_walk walk;
    struct page_sums sums; /* over the pages that were evaluated */
    double decode_ms, network_ms;
    int err; /* it could not be read, and */
    struct reason why;
};

/* Life cycle; `told` is set before. */
void picture_job_begin(struct picture_job *job, struct page_range pages);
void picture_job_release(struct picture_job *job);

/* Read the next pages, up to `most` of them, as page_walk_read() does. Once all
 * are read, or one can't be, walk.next is 0, and the file is removed from the
 * directory. Any thread. */
void picture_job_read(struct picture_job *job, int dir, int side, float *images,
                      int most);

/* The word for programs of an error of reading; the sentence is for people. */
const char *picture_job_code(int err);

/* Append the answer: that it could not be read, or its best classes. `model` is
 * what the daemon calls it. */
void picture_job_fail(const struct picture_job *job, struct text *out);
struct picture_result {
    const struct predictor *predictor;
    const char *model;
    float *means; /* [classes], to work with */
    int *order;   /* [classes], to work with */
    int top;
};
void picture_job_answer(const struct picture_job *job,
                        const struct picture_result *r, struct text *out);

#endif

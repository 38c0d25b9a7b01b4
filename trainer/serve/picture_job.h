/*
 * One picture on its way through the worker: what was told, what was read, and
 * the text of the answer. A picture_job is used by one thread at a time.
 */
#ifndef PRIMO_PICTURE_JOB_H
#define PRIMO_PICTURE_JOB_H

#include "core/basic/sha256.h"
#include "core/report/told_line.h"
#include "trainer/serve/predictor.h"

struct picture_job {
    struct told_line told;
    size_t bytes; /* of the file */
    char sha256[SHA256_HEX];
    const char *type; /* its MIME type; "" = not known */
    double decode_ms;
    int err; /* it could not be read, and */
    struct reason why;
};

/* Read the picture into `image`, f32 [3, side, side], as loader_picture() does,
 * and remove its file from the directory. Any thread. */
void picture_job_read(struct picture_job *job, int dir, int side, float *image);

/* Append the answer: that it could not be read, or its best classes. `model` is
 * what the daemon calls it. */
void picture_job_fail(const struct picture_job *job, struct text *out);
struct picture_result {
    const struct predictor *predictor;
    const char *model;
    const float *probabilities; /* [classes] */
    int *order;                 /* [classes], to work with */
    int top;
    double network_ms;
};
void picture_job_answer(const struct picture_job *job,
                        const struct picture_result *r, struct text *out);

#endif

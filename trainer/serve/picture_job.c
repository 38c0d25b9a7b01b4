#include "trainer/serve/picture_job.h"

#include "core/basic/clock.h"
#include "core/settings/picture_mime.h"
#include "core/system/file.h"
#include "trainer/data/augment.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int bytes_read(struct picture_job *job, int dir, uint8_t **data,
                      struct reason *why)
{
    struct stat st;
    int fd = openat(dir, job->told.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return refuse_errno(why, errno, "can't be opened");
    int err = fstat(fd, &st) ? -errno : 0;
    if (err == 0 && st.st_size > PICTURE_BYTES_MAX)
        err = -EFBIG;
    job->bytes = err ? 0 : (size_t)st.st_size;
    *data = err ? NULL : malloc(job->bytes + 1);
    if (err == 0 && !*data)
        err = -ENOMEM;
    if (err == 0)
        err = descriptor_read_at(fd, *data, job->bytes, 0);
    close(fd);
    return err ? refuse_errno(why, -err, "can't be read") : 0;
}

static void bytes_describe(struct picture_job *job, const uint8_t *data)
{
    struct sha256 sum;
    sha256_init(&sum);
    sha256_add(&sum, data, job->bytes);
    sha256_end(&sum, job->sha256);
    job->type = picture_mime(data, job->bytes);
}

static int pixels_take(const struct picture_job *job, const uint8_t *data,
                       int side, float *image, struct reason *why)
{
    struct picture p = PICTURE_INIT;
    uint8_t *square = malloc((size_t)side * (size_t)side * 3);
    int err = square ? picture_decode(&p, data, job->bytes, side, why)
                     : refuse(why, ENOMEM, "no memory for %d x %d pixels", side,
                              side);
    if (err == 0)
        err = picture_resize(&p, side, square, why);
    picture_release(&p);
    if (err == 0)
        augment_picture(square, side, 0, 0, 0, 0, image);
    free(square);
    return err;
}

void picture_job_read(struct picture_job *job, int dir, int side, float *image)
{
    double began = monotonic_now();
    uint8_t *data = NULL;
    job->type = "";
    *job->sha256 = 0;
    job->err = bytes_read(job, dir, &data, &job->why);
    if (job->err == 0) {
        bytes_describe(job, data);
        job->err = pixels_take(job, data, side, image, &job->why);
    }
    free(data);
    unlinkat(dir, job->told.name, 0);
    job->decode_ms = (monotonic_now() - began) * 1e3;
}

static void put_head(const struct picture_job *job, struct text *out)
{
    text_printf(out,
                "request=%" PRIu64 " revision=%" PRIu64 " bytes=%zu sha256=%s",
                job->told.request, job->told.revision, job->bytes, job->sha256);
    if (*job->type)
        text_printf(out, " type=%s", job->type);
    text_puts(out, " decode=");
    text_put_double(out, job->decode_ms, 4);
}

/* The word for programs; the sentence is for people. */
static const char *code_of(int err)
{
    return err == -EFBIG    ? "too_large"
           : err == -ENOMEM ? "no_memory"
           : err == -EINVAL ? "damaged"
                            : "unreadable";
}

void picture_job_fail(const struct picture_job *job, struct text *out)
{
    put_head(job, out);
    text_printf(out, " code=%s error=%s", code_of(job->err), job->why.sentence);
}

void picture_job_answer(const struct picture_job *job,
                        const struct picture_result *r, struct text *out)
{
    put_head(job, out);
    text_printf(out, " model=%s network=", r->model);
    text_put_double(out, r->network_ms, 4);
    predictor_order(r->predictor, r->probabilities, r->order);
    text_puts(out, " classes=");
    for (int i = 0; i < r->predictor->model.classes && i < r->top; i++) {
        text_printf(out, "%s%d:", i ? "," : "", r->order[i]);
        text_put_double(out, r->probabilities[r->order[i]], 9);
    }
}

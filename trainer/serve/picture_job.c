#include "trainer/serve/picture_job.h"

#include "core/basic/clock.h"
#include "core/report/journal.h"
#include "core/settings/picture_mime.h"
#include "core/system/file.h"
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

void picture_job_begin(struct picture_job *job, struct page_range pages)
{
    page_walk_begin(&job->walk, pages);
    job->walk.thumbnail_wanted = true;
    job->type = "";
}

void picture_job_read(struct picture_job *job, int dir, int side, float *images,
                      int most)
{
    double began = monotonic_now();
    uint8_t *data = NULL;
    job->err = bytes_read(job, dir, &data, &job->why);
    if (job->err == 0 && !*job->type)
        bytes_describe(job, data);
    if (job->err)
        job->walk.next = job->walk.read = 0;
    else
        job->err = page_walk_read(&job->walk, data, job->bytes, side, images,
                                  most, &job->why);
    free(data);
    job->decode_ms += (monotonic_now() - began) * 1e3;
    if (job->walk.next && job->decode_ms > PAGES_SECONDS * 1e3) {
        job->err = page_walk_too_long(&job->why);
        job->walk.next = 0;
    }
    if (!job->walk.next)
        unlinkat(dir, job->told.name, 0);
}

void picture_job_release(struct picture_job *job)
{
    page_walk_release(&job->walk);
    page_sums_release(&job->sums);
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

const char *picture_job_code(int err)
{
    return err == -EFBIG    ? "too_large"
           : err == -ENOMEM ? "no_memory"
           : err == -EINVAL ? "damaged"
           : err == -EPERM  ? "protected"
           : err == -ERANGE ? "no_page"
                            : "unreadable";
}

void picture_job_fail(const struct picture_job *job, struct text *out)
{
    put_head(job, out);
    text_printf(out, " code=%s error=%s", picture_job_code(job->err),
                job->why.sentence);
}

/* What each page is, where there are several. */
static void put_pages(const struct picture_job *job, struct text *out)
{
    const struct page_sums *s = &job->sums;
    text_printf(out, " page=%d", job->walk.wanted.first);
    for (size_t i = 0; s->count > 1 && i < s->count; i++) {
        text_printf(out, "%s%d:", i ? "," : " pages=", s->best[i].class);
        text_put_double(out, s->best[i].probability, 6);
    }
}

/* Where there is room: what many pages are goes before it. */
static void put_thumbnail(const struct picture_job *job, struct text *out)
{
    static const char key[] = " thumbnail=";
    const struct text *base64 = &job->walk.thumbnail.base64;
    if (base64->size &&
        out->size + strlen(key) + base64->size <= JOURNAL_PAYLOAD_MAX)
        text_printf(out, "%s%s", key, text_string(base64));
}

void picture_job_answer(const struct picture_job *job,
                        const struct picture_result *r, struct text *out)
{
    int classes = r->predictor->model.classes;
    put_head(job, out);
    text_printf(out, " model=%s network=", r->model);
    text_put_double(out, job->network_ms, 4);
    put_pages(job, out);
    page_sums_mean(&job->sums, classes, r->means);
    predictor_order(r->predictor, r->means, r->order);
    text_puts(out, " classes=");
    for (int i = 0; i < classes && i < r->top; i++) {
        text_printf(out, "%s%d:", i ? "," : "", r->order[i]);
        text_put_double(out, r->means[r->order[i]], 9);
    }
    put_thumbnail(job, out);
}

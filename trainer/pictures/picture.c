#include "core/basic/language.h"
#include "trainer/pictures/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct picture_format *const formats[] = {
    &picture_jpeg,
    &picture_png,
    &picture_tiff,
    &picture_bmp,
};

/* What people put among their pictures, for a better reason. */
static const struct {
    const char *name;
    size_t at;
    const char *magic;
} foreign[] = {
    {N_("a GIF"), 0, "GIF8"},        {N_("WebP"), 8, "WEBP"},
    {N_("HEIC or AVIF"), 4, "ftyp"}, {N_("a PDF"), 0, "%PDF"},
    {N_("an SVG"), 0, "<svg"},       {N_("a ZIP"), 0, "PK\3\4"},
    {N_("a text"), 0, "<?xml"},
};

void picture_release(struct picture *p)
{
    free(p->rgb);
    *p = (struct picture)PICTURE_INIT;
}

int picture_bound(int64_t width, int64_t height, struct reason *why)
{
    if (width <= 0 || height <= 0)
        return refuse(why, EINVAL, "has no pixels (%lld x %lld)",
                      (long long)width, (long long)height);
    if (width > PICTURE_PIXELS_MAX || height > PICTURE_PIXELS_MAX / width)
        return refuse(why, EFBIG,
                      "has too many pixels: %lld x %lld, at most %d million "
                      "are decoded",
                      (long long)width, (long long)height,
                      PICTURE_PIXELS_MAX / 1000000);
    return 0;
}

int picture_alloc(struct picture *out, int width, int height,
                  struct reason *why)
{
    out->width = width;
    out->height = height;
    out->rgb = malloc((size_t)width * (size_t)height * 3);
    if (!out->rgb)
        return refuse(why, ENOMEM, "no memory for %d x %d pixels", width,
                      height);
    return 0;
}

void picture_measured(struct picture *out, uint32_t width, uint32_t height)
{
    out->width = out->full_width = (int)width;
    out->height = out->full_height = (int)height;
}

int picture_orient(struct picture *p, int orientation, struct reason *why)
{
    if (orientation <= 1 || orientation > 8)
        return 0;
    bool swap = orientation >= 5;
    bool flip_x = (1 << orientation) & (1 << 2 | 1 << 3 | 1 << 7 | 1 << 8);
    bool flip_y = (1 << orientation) & (1 << 3 | 1 << 4 | 1 << 6 | 1 << 7);
    struct picture in = *p;
    p->width = swap ? in.height : in.width;
    p->height = swap ? in.width : in.height;
    p->full_width = swap ? in.full_height : in.full_width;
    p->full_height = swap ? in.full_width : in.full_height;
    if (!in.rgb)
        return 0;
    if (picture_alloc(p, p->width, p->height, why)) {
        *p = in;
        return -ENOMEM;
    }
    ptrdiff_t line = (ptrdiff_t)in.width * 3;
    ptrdiff_t along_x = flip_x ? -3 : 3, along_y = flip_y ? -line : line;
    const uint8_t *first = in.rgb + (flip_x ? line - 3 : 0) +
                           (flip_y ? line * (in.height - 1) : 0);
    uint8_t *to = p->rgb;
    for (int y = 0; y < p->height; y++) {
        const uint8_t *from = first + y * (swap ? along_x : along_y);
        for (int x = 0; x < p->width; x++, to += 3) {
            memcpy(to, from, 3);
            from += swap ? along_y : along_x;
        }
    }
    free(in.rgb);
    return 0;
}

static int unknown_format(const uint8_t *data, size_t size, struct reason *why)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        size_t n = strlen(foreign[i].magic), at = foreign[i].at;
        if (size >= at + n && !memcmp(data + at, foreign[i].magic, n))
            return refuse(why, EINVAL,
                          "is %s; JPEG, PNG, BMP and TIFF are read",
                          _(foreign[i].name));
    }
    return refuse(why, EINVAL, "is not a JPEG, PNG, BMP or TIFF picture");
}

int picture_decode(struct picture *out, const uint8_t *data, size_t size,
                   int side, struct reason *why)
{
    picture_release(out);
    if (size == 0)
        return refuse(why, EINVAL, "is empty (0 bytes)");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!formats[i]->matches(data, size))
            continue;
        int err = formats[i]->decode(out, data, size, side, why);
        if (err)
            picture_release(out);
        return err;
    }
    return unknown_format(data, size, why);
}

static int bytes_read(int fd, uint8_t *data, size_t size, struct reason *why)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, data + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, errno, "can't be read");
        if (n == 0)
            return refuse(why, EIO, "became shorter while it was read");
        got += (size_t)n;
    }
    return 0;
}

/* The content of an open file in new memory. */
static int file_load(int fd, uint8_t **data, size_t *size, struct reason *why)
{
    struct stat st;
    if (fstat(fd, &st))
        return refuse_errno(why, errno, "can't be examined");
    if (!S_ISREG(st.st_mode))
        return refuse(why, EINVAL, "is not a regular file");
    if (st.st_size > PICTURE_BYTES_MAX)
        return refuse(why, EFBIG,
                      "has too many bytes: %lld, at most %d MiB are read",
                      (long long)st.st_size, PICTURE_BYTES_MAX >> 20);
    *size = (size_t)st.st_size;
    *data = malloc(*size + 1);
    if (!*data)
        return refuse(why, ENOMEM, "no memory for %zu bytes", *size);
    int err = bytes_read(fd, *data, *size, why);
    if (err)
        free(*data);
    return err;
}

int picture_read(struct picture *out, const char *path, int side,
                 struct reason *why)
{
    picture_release(out);
    /* O_NONBLOCK: a FIFO among the pictures must not hold us */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return refuse_errno(why, errno, "can't be opened");
    uint8_t *data = NULL;
    size_t size = 0;
    int err = file_load(fd, &data, &size, why);
    close(fd);
    if (err)
        return err;
    err = picture_decode(out, data, size, side, why);
    free(data);
    return err;
}

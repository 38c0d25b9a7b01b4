#include "core/basic/language.h"
#include "core/basic/text.h"
#include "core/system/file.h"
#include "trainer/basic/within.h"
#include "trainer/pictures/budget.h"
#include "trainer/pictures/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_ROW(id, name, extensions) &picture_##id,
enum { HEAD_BYTES = 64 /* by which formats are known */ };

static const struct picture_format *const formats[] = {
    PICTURE_FORMATS(FORMAT_ROW)};

/* Files that people put among their pictures but that are not read. They are
 * recognised by their first bytes, so that the refusal can say what the file
 * is. A format that gets a decoder is removed from this list. */
static const struct {
    const char *name;
    size_t at;
    const char *magic;
} foreign[] = {
    {N_("a GIF"), 0, "GIF8"},        {N_("WebP"), 8, "WEBP"},
    {N_("HEIC or AVIF"), 4, "ftyp"}, {N_("an SVG"), 0, "<svg"},
    {N_("a ZIP"), 0, "PK\3\4"},      {N_("a text"), 0, "<?xml"},
};

void picture_release(struct picture *p)
{
    free(p->rgb);
    budget_return(&p->held);
    *p = (struct picture)PICTURE_INIT;
}

/* The name of a format that is not read; NULL = that is not known either. */
static const char *foreign_name(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        size_t n = strlen(foreign[i].magic), at = foreign[i].at;
        if (size >= at + n && !memcmp(data + at, foreign[i].magic, n))
            return _(foreign[i].name);
    }
    return NULL;
}

static int unknown_format(const uint8_t *data, size_t size, struct reason *why)
{
    struct text known = TEXT_INIT;
    const char *is = foreign_name(data, size);
    text_put_words(&known, PICTURE_NAMES, is ? _(" and ") : _(" or "));
    int err =
        is ? refuse(why, EINVAL, "is %s; %s are read", is, text_string(&known))
           : refuse(why, EINVAL, "is not a %s picture", text_string(&known));
    text_release(&known);
    return err;
}

/* NULL: the reason says why not. */
static const struct picture_format *format_of(const uint8_t *data, size_t size,
                                              struct reason *why)
{
    if (size == 0)
        refuse(why, EINVAL, "is empty (0 bytes)");
    for (size_t i = 0; size && i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->matches(data, size))
            return formats[i];
    if (size)
        unknown_format(data, size, why);
    return NULL;
}

int picture_no_page(int first, int total, struct reason *why)
{
    return refuse(why, ERANGE,
                  "has fewer pages than are wanted: %d, and page %d is the "
                  "first",
                  total, first);
}

/* Pages are numbered from 1; 0 is the first one, too. */
static int decode(struct picture *out, const uint8_t *data, size_t size,
                  int number, int side, struct reason *why)
{
    const struct picture_format *format = format_of(data, size, why);
    if (!format)
        return -EINVAL;
    int err = number <= 1 ? format->decode(out, data, size, side, why)
              : format->decode_page
                  ? format->decode_page(out, data, size, number, side, why)
                  : picture_no_page(number, 1, why);
    if (err)
        picture_release(out);
    return err;
}

int picture_decode(struct picture *out, const uint8_t *data, size_t size,
                   int side, struct reason *why)
{
    picture_release(out);
    return decode(out, data, size, 1, side, why);
}

/* A file that has one page. */
static int page_decode(const uint8_t *data, size_t size,
                       const struct pages_wanted *wanted, page_taker *take,
                       void *context, int *total, struct reason *why)
{
    struct picture page = PICTURE_INIT;
    *total = 1;
    if (wanted->first > 1)
        return 0;
    int err = decode(&page, data, size, 1, wanted->side, why);
    if (err == 0)
        err = take(context, &page, 1, why);
    picture_release(&page);
    return err;
}

int picture_pages(const uint8_t *data, size_t size,
                  const struct pages_wanted *wanted, page_taker *take,
                  void *context, int *total, struct reason *why)
{
    const struct picture_format *format = format_of(data, size, why);
    if (!format)
        return -EINVAL;
    return (format->pages ? format->pages : page_decode)(
        data, size, wanted, take, context, total, why);
}

static int file_judge(int fd, size_t *size, struct reason *why)
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
    return 0;
}

static int file_fill(int fd, void *to, size_t size, struct reason *why)
{
    int err = descriptor_read_at(fd, to, size, 0);
    if (err == -ENODATA)
        return refuse(why, EIO, "became shorter while it was read");
    return err ? refuse_errno(why, -err, "can't be read") : 0;
}

/* Reads an open file into new memory, which counts as the picture's. */
static int file_load(int fd, struct picture *p, uint8_t **data, size_t *size,
                     struct reason *why)
{
    int err = file_judge(fd, size, why);
    if (err)
        return err;
    budget_take(&p->held, *size + 1);
    *data = malloc(*size + 1);
    if (!*data)
        return refuse(why, ENOMEM, "no memory for %zu bytes", *size);
    err = file_fill(fd, *data, *size, why);
    if (err)
        free(*data);
    return err;
}

/* O_NONBLOCK: a FIFO among the pictures must not hold us. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static int outside(struct reason *why)
{
    return refuse(why, EXDEV, "leads out of the dataset, or nowhere");
}

/* If a link leads out of the root, the reason says only that, and nothing about
 * its target. */
int picture_open_within(int root, const char *path, struct reason *why)
{
    int fd = open(path, OPEN_FLAGS | O_NOFOLLOW);
    bool link = fd < 0 && errno == ELOOP;
    if (link)
        fd = open(path, OPEN_FLAGS);
    if (fd < 0)
        return link ? outside(why)
                    : refuse_errno(why, errno, "can't be opened");
    if (is_within(root, fd))
        return fd;
    close(fd);
    return outside(why);
}

int picture_read_open(struct picture *out, int fd, int number, int side,
                      struct reason *why)
{
    picture_release(out);
    uint8_t *data = NULL;
    size_t size = 0;
    int err = file_load(fd, out, &data, &size, why);
    close(fd);
    if (err) {
        picture_release(out);
        return err;
    }
    err = decode(out, data, size, number, side, why);
    free(data);
    return err;
}

int picture_read(struct picture *out, const char *path, int side,
                 struct reason *why)
{
    picture_release(out);
    int fd = open(path, OPEN_FLAGS);
    return fd < 0 ? refuse_errno(why, errno, "can't be opened")
                  : picture_read_open(out, fd, 1, side, why);
}

int picture_read_within(struct picture *out, int root, const char *path,
                        int number, int side, struct reason *why)
{
    picture_release(out);
    int fd = picture_open_within(root, path, why);
    return fd < 0 ? fd : picture_read_open(out, fd, number, side, why);
}

/* Pages */

static int format_of_file(int fd, const struct picture_format **out,
                          struct reason *why)
{
    uint8_t head[HEAD_BYTES];
    size_t size = 0;
    int err = file_judge(fd, &size, why);
    if (err)
        return err;
    size = size < sizeof head ? size : sizeof head;
    err = file_fill(fd, head, size, why);
    if (err)
        return err;
    *out = format_of(head, size, why);
    return *out ? 0 : -EINVAL;
}

static int none_taken(void *context, struct picture *page, int number,
                      struct reason *why)
{
    (void)context, (void)page, (void)number, (void)why;
    return 0;
}

static int pages_count(int fd, int *total, struct reason *why)
{
    const struct pages_wanted none = {PICTURE_MEASURE, 1, 0};
    const struct picture_format *format;
    struct picture file = PICTURE_INIT; /* holds what the bytes take */
    uint8_t *data = NULL;
    size_t size = 0;
    int err = format_of_file(fd, &format, why);
    if (err || !format->pages)
        return err;
    err = file_load(fd, &file, &data, &size, why);
    if (err == 0) {
        err = picture_pages(data, size, &none, none_taken, NULL, total, why);
        free(data);
    }
    picture_release(&file);
    return err;
}

int picture_count_pages(int root, const char *path, int *total,
                        struct reason *why)
{
    int fd = picture_open_within(root, path, why);
    if (fd < 0)
        return fd;
    *total = 1;
    int err = pages_count(fd, total, why);
    close(fd);
    return err;
}

int picture_check_pages(struct page_range wanted, int total, struct reason *why)
{
    int last = wanted.last < total ? wanted.last : total;
    if (wanted.first > total)
        return picture_no_page(wanted.first, total, why);
    if (last - wanted.first >= PAGES_MOST)
        return refuse(why, EFBIG,
                      "has too many pages: %d, and those looked at are at most "
                      "%d; pages = 1-%d takes the first ones",
                      total, PAGES_MOST, PAGES_MOST);
    return 0;
}

int picture_load(const char *path, struct text *out, struct reason *why)
{
    size_t size;
    int fd = open(path, OPEN_FLAGS);
    if (fd < 0)
        return refuse_errno(why, errno, "can't be opened");
    int err = file_judge(fd, &size, why);
    if (err == 0) {
        text_resize(out, size);
        err = file_fill(fd, out->data, size, why);
    }
    close(fd);
    return err;
}

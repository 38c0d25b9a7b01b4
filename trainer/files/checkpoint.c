#include "trainer/files/checkpoint.h"

#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MAGIC "PRIMOCP1"
enum { MAGIC_SIZE = 8, TENSORS_MAX = 4096 };
#define FILE_MAX (16ll << 30)

/* A tensor's header in the file. */
struct packed {
    char name[64];
    int64_t dim[4];
    uint32_t rank;
    uint32_t zero;
};

_Static_assert(sizeof(struct packed) == 104, "the header has no holes");

/* The numbers of a position, one row each: the key in the text, the member, and
 * its type. */
static const struct field {
    const char *name;
    size_t offset;
    bool count; /* it is a uint64_t, else a double */
} fields[] = {
#define FIELD(f, count)                                                        \
    {                                                                          \
#f, offsetof(struct position, f), count                                \
    }
    FIELD(epoch, true),
    FIELD(step, true),
    FIELD(iteration, true),
    FIELD(retries, true),
    FIELD(rate_scale, false),
    FIELD(seconds, false),
    FIELD(row_loss, false),
    FIELD(row_updates, false),
    FIELD(row_images, false),
    FIELD(row_seconds, false),
    FIELD(average_precision, false),
    FIELD(accuracy, false),
    FIELD(best_average_precision, false),
    FIELD(best_accuracy, false),
    FIELD(best_epoch, true),
    FIELD(highest, false),
    FIELD(stale, true),
    FIELD(update_seconds, false),
    FIELD(evaluation_seconds, false),
    FIELD(planned, true),
    FIELD(features_square, false),
    FIELD(strange, true),
    FIELD(alone, true),
#undef FIELD
};
enum { FIELDS = sizeof fields / sizeof *fields };

void position_init(struct position *p)
{
    *p = (struct position)POSITION_INIT;
}

void tensor_list_release(struct tensor_list *l)
{
    free(l->tensors);
    *l = (struct tensor_list){0};
}

int tensor_list_make(struct tensor_list *l, const char *name, int count,
                     struct reason *why)
{
    l->tensors = calloc(1, sizeof *l->tensors + (size_t)count * sizeof(float));
    if (!l->tensors)
        return refuse(why, ENOMEM, "no memory for %d values", count);
    struct tensor *t = l->tensors;
    snprintf(t->name, sizeof t->name, "%s", name);
    t->rank = 1;
    t->dim[0] = count;
    t->dim[1] = t->dim[2] = t->dim[3] = 1;
    t->data = (float *)(l->tensors + 1);
    l->count = 1;
    return 0;
}

void checkpoint_release(struct checkpoint *c)
{
    text_release(&c->identity);
    text_release(&c->rows);
    tensor_list_release(&c->state);
    tensor_list_release(&c->best);
    tensor_list_release(&c->record);
    position_init(&c->at);
}

/* Writing */

struct sink {
    struct draft draft;
    uLong crc;
};

static int sink_put(struct sink *s, const void *data, size_t size,
                    struct reason *why)
{
    s->crc = crc32_z(s->crc, data, size);
    return draft_write(&s->draft, data, size, why);
}

static void position_print(struct text *out, const struct position *p)
{
    for (int i = 0; i < FIELDS; i++) {
        const char *at = (const char *)p + fields[i].offset;
        text_printf(out, "%s=", fields[i].name);
        if (fields[i].count)
            text_printf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
        else if (*(const double *)at == *(const double *)at)
            text_put_double(out, *(const double *)at, 17);
        text_puts(out, "\n");
    }
}

static int tensor_put(void *sink, const struct tensor *t, struct reason *why)
{
    struct packed p = {.rank = (uint32_t)t->rank};
    memcpy(p.name, t->name, sizeof p.name);
    memcpy(p.dim, t->dim, sizeof p.dim);
    int err = sink_put(sink, &p, sizeof p, why);
    return err ? err
               : sink_put(sink, t->data, tensor_count(t) * sizeof(float), why);
}

static int source_put(struct sink *s, const struct tensor_source *from,
                      struct reason *why)
{
    uint32_t count = (uint32_t)from->count;
    int err = sink_put(s, &count, sizeof count, why);
    return err ? err : from->walk(from->context, tensor_put, s, why);
}

static int list_walk(void *list, tensor_visit *visit, void *to,
                     struct reason *why)
{
    const struct tensor_list *l = list;
    int err = 0;
    for (int i = 0; i < l->count && err == 0; i++)
        err = visit(to, &l->tensors[i], why);
    return err;
}

struct tensor_source tensor_list_source(struct tensor_list *l)
{
    return (struct tensor_source){l->count, list_walk, l};
}

static int body_put(struct sink *s, const struct checkpoint *c,
                    const struct tensor_source *state, struct reason *why)
{
    struct tensor_list best = c->best;
    struct tensor_list record = c->record;
    struct tensor_source best_source = tensor_list_source(&best);
    struct tensor_source record_source = tensor_list_source(&record);
    struct text text = TEXT_INIT;
    position_print(&text, &c->at);
    text_puts(&text, "\n");
    text_puts(&text, text_string(&c->identity));
    if (c->rows.size)
        text_printf(&text, "\n%s", text_string(&c->rows));
    uint64_t size = text.size;
    int err = sink_put(s, MAGIC, MAGIC_SIZE, why);
    if (err == 0)
        err = sink_put(s, &size, sizeof size, why);
    if (err == 0)
        err = sink_put(s, text.data, text.size, why);
    text_release(&text);
    if (err == 0)
        err = source_put(s, state, why);
    if (err == 0)
        err = source_put(s, &best_source, why);
    if (err == 0)
        err = source_put(s, &record_source, why);
    if (err)
        return err;
    uint32_t crc = (uint32_t)s->crc;
    return draft_write(&s->draft, &crc, sizeof crc, why);
}

int checkpoint_write(const struct checkpoint *c,
                     const struct tensor_source *state, const char *path,
                     struct reason *why)
{
    struct sink s = {.crc = crc32_z(0, NULL, 0)};
    int err = draft_open(&s.draft, AT_FDCWD, path, why);
    if (err)
        return err;
    err = body_put(&s, c, state, why);
    if (err) {
        draft_abandon(&s.draft);
        return err;
    }
    return draft_commit(&s.draft, why);
}

/* Reading */

struct bytes {
    const char *at;
    size_t left;
    bool no_memory; /* there was no memory for what was read, which is no fault
                       of the file */
};

static bool bytes_take(struct bytes *b, void *to, size_t size)
{
    if (b->left < size)
        return false;
    memcpy(to, b->at, size);
    b->at += size;
    b->left -= size;
    return true;
}

static bool position_set(struct position *p, const char *name,
                         const char *value)
{
    for (int i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].name, name))
            continue;
        char *at = (char *)p + fields[i].offset;
        long long n;
        if (fields[i].count) {
            if (!parse_int(value, &n) || n < 0)
                return false;
            *(uint64_t *)at = (uint64_t)n;
            return true;
        }
        *(double *)at = __builtin_nan("");
        return !*value || parse_double(value, (double *)at);
    }
    return false;
}

/* Takes the identity and, behind an empty line, the rows. */
static void rest_take(const char *rest, struct checkpoint *c)
{
    const char *end = strstr(rest, "\n\n");
    text_add(&c->identity, rest, end ? (size_t)(end + 1 - rest) : strlen(rest));
    if (end)
        text_puts(&c->rows, end + 2);
}

/* Takes the text, whose lines up to the first empty one are the position. */
static bool text_take(struct bytes *b, struct checkpoint *c)
{
    uint64_t size;
    if (!bytes_take(b, &size, sizeof size) || size > b->left)
        return false;
    char *text = strndup(b->at, size), *rest = text, *line;
    b->at += size;
    b->left -= size;
    bool good = text != NULL;
    b->no_memory |= !text;
    while (good && (line = strsep(&rest, "\n")) && *line) {
        char *value = strchr(line, '=');
        if (value)
            *value++ = 0;
        good = value && position_set(&c->at, line, value);
    }
    if (good && rest)
        rest_take(rest, c);
    free(text);
    return good;
}

/* The bytes of data that follow a header; SIZE_MAX = the header is not
 * valid. */
static size_t packed_size(const struct packed *p)
{
    size_t n = sizeof(float);
    if (p->rank > 4 || !memchr(p->name, 0, sizeof p->name))
        return SIZE_MAX;
    for (uint32_t i = 0; i < p->rank; i++)
        if (p->dim[i] < 0 || __builtin_mul_overflow(n, (size_t)p->dim[i], &n))
            return SIZE_MAX;
    return n;
}

/* A list is read in two passes: one measures it, the other copies it into one
 * allocation. */
static bool list_measure(struct bytes b, uint32_t count, size_t *data)
{
    *data = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct packed p;
        if (!bytes_take(&b, &p, sizeof p))
            return false;
        size_t n = packed_size(&p);
        if (n > b.left)
            return false;
        b.at += n;
        b.left -= n;
        *data += n;
    }
    return true;
}

static bool list_take(struct bytes *b, struct tensor_list *l)
{
    uint32_t count;
    size_t data;
    if (!bytes_take(b, &count, sizeof count) || count > TENSORS_MAX ||
        !list_measure(*b, count, &data))
        return false;
    if (count == 0)
        return true;
    l->tensors = calloc(1, count * sizeof *l->tensors + data);
    b->no_memory |= !l->tensors;
    if (!l->tensors)
        return false;
    l->count = (int)count;
    float *to = (float *)(l->tensors + count);
    for (uint32_t i = 0; i < count; i++) {
        struct tensor *t = &l->tensors[i];
        struct packed p;
        bytes_take(b, &p, sizeof p);
        memcpy(t->name, p.name, sizeof t->name);
        memcpy(t->dim, p.dim, sizeof t->dim);
        t->rank = (int)p.rank;
        t->data = to;
        bytes_take(b, to, packed_size(&p));
        to += tensor_count(t);
    }
    return true;
}

static int body_take(struct checkpoint *c, const char *data, size_t size,
                     struct reason *why)
{
    struct bytes b = {.at = data, .left = size};
    char magic[MAGIC_SIZE];
    uint32_t crc;
    if (!bytes_take(&b, magic, sizeof magic) ||
        memcmp(magic, MAGIC, MAGIC_SIZE) || b.left < sizeof crc)
        return refuse(why, EINVAL, "it does not begin as a checkpoint");
    b.left -= sizeof crc;
    memcpy(&crc, data + size - sizeof crc, sizeof crc);
    if (crc != (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const Bytef *)data,
                                 size - sizeof crc))
        return refuse(why, EINVAL, "its checksum is wrong");
    if (!text_take(&b, c) || !list_take(&b, &c->state) ||
        !list_take(&b, &c->best) || (b.left && !list_take(&b, &c->record)) ||
        b.left || !c->state.count)
        return b.no_memory
                   ? refuse(why, ENOMEM, "no memory for the checkpoint")
                   : refuse(why, EINVAL, "it was written by another version");
    return 0;
}

static int file_load(const char *path, char **data, size_t *size,
                     struct reason *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0) {
        int code = errno;
        close(fd);
        return refuse_errno(why, code, "cannot read '%s'", path);
    }
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        close(fd);
        return refuse(why, EINVAL, "it is not a file of a checkpoint's size");
    }
    *size = (size_t)st.st_size;
    *data = malloc(*size + 1);
    int err = *data ? descriptor_read_at(fd, *data, *size, 0) : -ENOMEM;
    close(fd);
    if (err) {
        free(*data);
        return refuse_errno(why, -err, "cannot read '%s'", path);
    }
    return 0;
}

int checkpoint_read(struct checkpoint *c, const char *path, struct reason *why)
{
    char *data = NULL;
    size_t size = 0;
    int err = file_load(path, &data, &size, why);
    if (err)
        return err;
    struct checkpoint read = CHECKPOINT_INIT;
    err = body_take(&read, data, size, why);
    free(data);
    if (err) {
        checkpoint_release(&read);
        return err;
    }
    checkpoint_release(c);
    *c = read;
    return 0;
}

static const char *line_next(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* The line of `text` that has the same key as `line`, or the end of the
 * text. */
static const char *line_find(const char *text, const char *line)
{
    size_t key = strcspn(line, "=\n");
    while (*text && (strcspn(text, "=\n") != key || memcmp(text, line, key)))
        text = line_next(text);
    return text;
}

/* Lines with checksums, which tell people nothing. */
static bool is_of_pictures(const char *line)
{
    static const char *const keys[] = {
        "classes=", "training_pictures=", "test_pictures="};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strncmp(line, keys[i], strlen(keys[i])))
            return true;
    return false;
}

static int line_match(const char *old, const char *now, struct reason *why)
{
    size_t a = strcspn(old, "\n"), b = strcspn(now, "\n");
    if (a == b && !memcmp(old, now, a))
        return 0;
    if (is_of_pictures(old) || is_of_pictures(now))
        return refuse(why, EINVAL,
                      "the dataset has other pictures or classes than when the "
                      "training began; put back what it had, or start anew");
    return refuse(why, EINVAL,
                  "the checkpoint was made with %.*s, this training "
                  "has %.*s; continue it as it began, or start anew",
                  (int)a, old, (int)b, now);
}

/* The lines may be in any order, as the order of the parameters' rows may
 * change between versions. */
int checkpoint_match(const struct checkpoint *c, const char *identity,
                     struct reason *why)
{
    const char *all = text_string(&c->identity);
    int err = 0;
    for (const char *old = all; *old && err == 0; old = line_next(old))
        err = line_match(old, line_find(identity, old), why);
    for (const char *now = identity; *now && err == 0; now = line_next(now))
        err = line_match(line_find(all, now), now, why);
    return err;
}

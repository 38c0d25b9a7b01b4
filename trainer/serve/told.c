#include "trainer/serve/told.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* So many daemons may die in a row after they have taken a number, and before
 * they begin the file. */
enum { PIECE = 1 << 16, AHEAD = 16 };

void told_init(struct told *t, int dir, unsigned segment)
{
    *t = (struct told){.dir = dir, .segment = segment};
}

void told_release(struct told *t)
{
    text_release(&t->rest);
}

static int segment_open(const struct told *t, unsigned segment)
{
    char name[32];
    snprintf(name, sizeof name, TOLD_SEGMENT, segment);
    return openat(t->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Reads on in the file. Returns whether there was more. */
static bool read_on(struct told *t)
{
    int fd = segment_open(t, t->segment);
    if (fd < 0)
        return false;
    size_t had = t->rest.size;
    text_resize(&t->rest, had + PIECE);
    ssize_t n = pread(fd, t->rest.data + had, PIECE, t->at);
    text_resize(&t->rest, had + (n > 0 ? (size_t)n : 0));
    t->at += n > 0 ? n : 0;
    close(fd);
    return n > 0;
}

/* The number of the next file; 0 = there is none. */
static unsigned segment_find(const struct told *t)
{
    for (unsigned next = t->segment + 1; next <= t->segment + AHEAD; next++) {
        int fd = segment_open(t, next);
        if (fd < 0)
            continue;
        close(fd);
        return next;
    }
    return 0;
}

/* Goes on with the next file, where there is one. What was left of this one is
 * a line that its daemon did not end. */
static bool segment_next(struct told *t)
{
    unsigned next = segment_find(t);
    if (!next)
        return false;
    if (read_on(t)) /* it was added before the next file was begun */
        return true;
    t->segment = next;
    t->at = 0;
    text_clear(&t->rest);
    t->taken = 0;
    return read_on(t);
}

/* The size of the next line, with its newline; 0 = it is not complete. */
static size_t line_size(const struct told *t)
{
    const char *from = text_string(&t->rest) + t->taken;
    const char *end = memchr(from, '\n', t->rest.size - t->taken);
    return end ? (size_t)(end - from) + 1 : 0;
}

static void forget_taken(struct told *t)
{
    memmove(t->rest.data, t->rest.data + t->taken, t->rest.size - t->taken);
    text_resize(&t->rest, t->rest.size - t->taken);
    t->taken = 0;
}

static size_t line_wait(struct told *t)
{
    size_t n = line_size(t);
    if (n)
        return n;
    if (t->taken)
        forget_taken(t);
    while (!(n = line_size(t)) && (read_on(t) || segment_next(t)))
        ;
    return n;
}

bool told_next(struct told *t, struct told_line *out)
{
    char line[256];
    size_t n;
    while ((n = line_wait(t)) > 0) {
        snprintf(line, sizeof line, "%.*s", (int)(n - 1),
                 t->rest.data + t->taken);
        t->taken += n;
        t->last = n;
        if (n <= sizeof line && told_line_parse(line, out))
            return true;
    }
    return false;
}

void told_back(struct told *t)
{
    t->taken -= t->last;
    t->last = 0;
}

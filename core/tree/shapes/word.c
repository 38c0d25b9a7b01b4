/*
 * Words: one line that is shown, and that users can write. What is written goes
 * to the row's store function when its line is complete, or else when the file
 * is closed.
 */
#include "core/tree/shapes/common.h"

#include <errno.h>
#include <string.h>

enum { WORD_MOST = 4096 }; /* most bytes that are staged, including blanks */

static int word_open(struct handle *h, const struct text *text,
                     struct reason *why)
{
    (void)text;
    return h->flags & O_TRUNC ? 0 : shown_open(h, NULL, why);
}

/* The trimmed word of a staged text; EINVAL for more than one line. */
static int word_of(const struct text *t, char *out, size_t size,
                   struct reason *why)
{
    const char *s = text_string(t);
    size_t from = strspn(s, " \t\r\n"), end = t->size;
    while (end > from && strchr(" \t\r\n", s[end - 1]))
        end--;
    if (end - from >= size || memchr(s, 0, t->size) ||
        memchr(s + from, '\n', end - from))
        return refuse(why, EINVAL, "one line of at most %zu bytes is accepted",
                      size - 1);
    memcpy(out, s + from, end - from);
    out[end - from] = 0;
    return 0;
}

static int word_take(struct primo *primo, const struct caller *caller,
                     struct node n, const struct text *text, struct reason *why)
{
    char word[256];
    int err = word_of(text, word, sizeof word, why);
    return err ? err : node_row(n)->store(primo, caller, n.object, word, why);
}

static int word_store(struct handle *h, struct reason *why)
{
    int err = word_take(h->primo, &h->caller, h->node, handle_text(h), why);
    h->dirty = h->emptied = false;
    h->refused = false;
    if (err)
        handle_refused(h, err, why);
    return err;
}

/* A complete line is stored at once, so that the write fails if it is refused:
 * a shell does not look at what close() returns. */
static int word_write(struct handle *h, uint64_t offset, const char *data,
                      size_t size, struct reason *why)
{
    if (h->flags & O_APPEND)
        offset = handle_text(h)->size;
    if (offset + size > WORD_MOST)
        return refuse(why, EFBIG, "one line is accepted");
    int err = stage_text(h, offset + size, why);
    if (err)
        return err;
    if (!h->dirty && offset == 0)
        text_resize(&h->text, 0); /* opened without O_TRUNC: replace it all */
    text_write(&h->text, (size_t)offset, data, size);
    h->dirty = true;
    if (size && data[size - 1] == '\n')
        return word_store(h, why);
    return 0;
}

static int word_truncate(struct handle *h, uint64_t size, struct reason *why)
{
    if (size > WORD_MOST)
        return refuse(why, EFBIG, "one line is accepted");
    return stage_truncate(h, size, why);
}

static int word_save(struct handle *h, bool last, struct reason *why)
{
    return h->dirty || (last && h->emptied) ? word_store(h, why) : 0;
}

const struct shape shape_word = {
    .mode = S_IFREG | 0644,
    .stat = shown_stat,
    .unlink = generated_unlink,
    .change = change_ignored,
    .rename = aside_from,
    .take = word_take,
    .open = word_open,
    .read = handle_read_text,
    .write = word_write,
    .truncate = word_truncate,
    .save = word_save,
    .direct_io = true,
};

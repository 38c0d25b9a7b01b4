#include "refusals.h"

#include "object.h"
#include "primo.h"

#include <string.h>

void refusals_init(struct refusals *r)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->mtime = clock_ns();
}

void refusals_release(struct refusals *r)
{
    text_release(&r->text);
    pthread_mutex_destroy(&r->lock);
}

static struct store_key refusals_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "errors", 6);
    return key;
}

/* Keep the last `size` bytes, from the beginning of a record on: records
 * begin with a digit, their further lines with a space. */
static void trim(struct text *t, size_t size)
{
    if (t->size <= size)
        return;
    size_t from = t->size - size;
    while (from < t->size &&
           !(t->data[from - 1] == '\n' && t->data[from] != ' '))
        from++;
    struct text kept = TEXT_INIT;
    text_add(&kept, t->data + from, t->size - from);
    text_move(t, &kept);
}

void refusals_load(struct refusals *r, struct store *s)
{
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = refusals_key();
    if (store_begin(s, false, &txn, NULL))
        return;
    pthread_mutex_lock(&r->lock);
    if (store_get(txn, STORE_META, &key, &v) == 0 &&
        v.size >= sizeof r->mtime) {
        memcpy(&r->mtime, v.data, sizeof r->mtime);
        text_clear(&r->text);
        text_add(&r->text, (const char *)v.data + sizeof r->mtime,
                 v.size - sizeof r->mtime);
        trim(&r->text, REFUSALS_BYTES / 4);
    }
    pthread_mutex_unlock(&r->lock);
    store_abort(txn);
}

int refusals_save(struct refusals *r, struct store *s, struct reason *why)
{
    struct text copy = TEXT_INIT;
    pthread_mutex_lock(&r->lock);
    bool dirty = r->dirty;
    if (dirty) {
        text_add(&copy, &r->mtime, sizeof r->mtime);
        text_add(&copy, text_string(&r->text), r->text.size);
        r->dirty = false;
    }
    pthread_mutex_unlock(&r->lock);
    if (!dirty)
        return 0;
    struct store_txn *txn;
    struct store_key key = refusals_key();
    int err = store_begin(s, true, &txn, why);
    if (err == 0) {
        err = store_put(txn, STORE_META, &key, copy.data, copy.size, why);
        err = store_end(txn, err, why);
    }
    text_release(&copy);
    return err;
}

size_t refusals_size(struct refusals *r, int64_t *mtime)
{
    pthread_mutex_lock(&r->lock);
    size_t size = r->text.size;
    *mtime = r->mtime;
    pthread_mutex_unlock(&r->lock);
    return size;
}

void refusals_read(struct refusals *r, size_t offset, size_t size,
                   struct text *out)
{
    pthread_mutex_lock(&r->lock);
    if (offset < r->text.size) {
        size_t left = r->text.size - offset;
        text_add(out, r->text.data + offset, left < size ? left : size);
    }
    pthread_mutex_unlock(&r->lock);
}

/* A record's lines are its own: what came from outside is made printable. */
static void put_printable(struct text *out, const char *s)
{
    size_t left = strlen(s);
    while (left > 0) {
        size_t n = utf8_decode(s, left, NULL);
        bool plain = n && (unsigned char)*s >= 0x20 && *s != 0x7F;
        text_add(out, plain ? s : "?", plain ? n : 1);
        s += n ? n : 1;
        left -= n ? n : 1;
    }
}

/* "TIME USER PATH[:LINE:COLUMN]: SENTENCE (ERRNO)", the excerpt indented. */
static void put_record(struct text *out, uid_t user, const char *what,
                       const struct reason *why)
{
    text_put_time(out, (double)clock_ns() / 1e9);
    text_puts(out, " ");
    user_name(out, user);
    text_puts(out, " ");
    put_printable(out, what);
    text_puts(out, ":");
    if (why->line)
        text_printf(out, "%d:%d:", why->line, why->column);
    text_puts(out, " ");
    put_printable(out, why->sentence);
    text_printf(out, " (%s)\n", errno_text(why->code));
    for (const char *line = why->excerpt; *line;) {
        size_t n = strcspn(line, "\n");
        text_puts(out, "    ");
        text_add(out, line, n);
        text_puts(out, "\n");
        line += n + (line[n] == '\n');
    }
}

void refusals_add(struct refusals *r, uid_t user, const char *what,
                  const struct reason *why)
{
    struct text record = TEXT_INIT;
    put_record(&record, user, what, why);
    pthread_mutex_lock(&r->lock);
    if (r->text.size + record.size > REFUSALS_BYTES)
        trim(&r->text, REFUSALS_BYTES / 2);
    text_add(&r->text, record.data, record.size);
    r->mtime = clock_ns();
    r->dirty = true;
    pthread_mutex_unlock(&r->lock);
    text_release(&record);
}

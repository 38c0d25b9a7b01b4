#include "core/clients/refusals.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/rights/caller.h"

#include <stdlib.h>
#include <string.h>

/* How long a name may be missing before that is a refusal. */
#define MISSED_NS (200 * (int64_t)1000000)

static void missed_clear(struct missed *m)
{
    free(m->what);
    text_release(&m->record);
    *m = (struct missed){0};
}

void refusals_init(struct refusals *r)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->opened = clock_ns();
}

void refusals_release(struct refusals *r)
{
    free(r->list);
    for (int i = 0; i < MISSED; i++)
        missed_clear(&r->missed[i]);
    text_release(&r->text);
    pthread_mutex_destroy(&r->lock);
}

static struct store_key refusals_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "refusals", 8);
    return key;
}

/* What one user has of the text. */
struct share {
    uid_t user;
    size_t size;
};

static int by_user(const void *a, const void *b)
{
    uid_t x = ((const struct share *)a)->user;
    uid_t y = ((const struct share *)b)->user;
    return (x > y) - (x < y);
}

/* The shares of all users, sorted by user; the caller frees them. */
static struct share *shares_of(const struct refusals *r, size_t *count)
{
    struct share *list = xcalloc(r->count, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        list[i] = (struct share){r->list[i].user, r->list[i].size};
    qsort(list, r->count, sizeof *list, by_user);
    for (size_t i = 0; i < r->count; i++) {
        if (n && list[n - 1].user == list[i].user)
            list[n - 1].size += list[i].size;
        else
            list[n++] = list[i];
    }
    *count = n;
    return list;
}

/* The most bytes that each user may have so that all have at most `size`. */
static size_t most_each(const struct share *list, size_t count, size_t size)
{
    size_t low = 0, high = size; /* low is small enough */
    while (low < high) {
        size_t most = high - (high - low) / 2, sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += list[i].size < most ? list[i].size : most;
        if (sum <= size)
            low = most;
        else
            high = most - 1;
    }
    return low;
}

/* Whether a user has more than `most`, so that his oldest entry goes. */
static bool takes_away(struct share *list, size_t count,
                       const struct refusal *entry, size_t most)
{
    struct share key = {entry->user, 0};
    struct share *s = bsearch(&key, list, count, sizeof *list, by_user);
    bool gone = s->size > most;
    s->size -= gone ? entry->size : 0;
    return gone;
}

/* Keep the newest, of `size` bytes together. What is too much is taken from
 * those who have most, so that nobody wipes what another has. */
static void trim(struct refusals *r, size_t size)
{
    struct text kept = TEXT_INIT;
    size_t users, count = 0;
    const char *at = text_string(&r->text);
    if (r->text.size <= size)
        return;
    struct share *shares = shares_of(r, &users);
    size_t most = most_each(shares, users, size);
    for (size_t i = 0; i < r->count; i++) {
        struct refusal entry = r->list[i];
        if (!takes_away(shares, users, &entry, most)) {
            text_add(&kept, at, entry.size);
            r->list[count++] = entry;
        }
        at += entry.size;
    }
    free(shares);
    r->count = count;
    text_move(&r->text, &kept);
}

static void append(struct refusals *r, const struct refusal *entry,
                   const char *text)
{
    ALLOC_GROW(r->list, r->count + 1, r->room);
    r->list[r->count++] = *entry;
    text_add(&r->text, text, entry->size);
}

/* Takes over the names that have been missing for so long. The lock is held. */
static void settle(struct refusals *r, int64_t age)
{
    int64_t now = clock_ns();
    for (int i = 0; i < MISSED; i++) {
        struct missed *m = &r->missed[i];
        if (!m->time || (m->time <= now && now - m->time < age))
            continue;
        struct refusal entry = {m->time, m->user, (uint32_t)m->record.size};
        if (r->text.size + m->record.size > REFUSALS_BYTES)
            trim(r, REFUSALS_BYTES / 2);
        append(r, &entry, text_string(&m->record));
        r->dirty = true;
        missed_clear(m);
    }
}

/* Loads what refusals_save() has saved: a struct refusal and its text, again
 * and again. */
void refusals_load(struct refusals *r, struct store *s)
{
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = refusals_key();
    struct refusal entry;
    if (store_begin(s, false, &txn, NULL))
        return;
    pthread_mutex_lock(&r->lock);
    if (store_get(txn, STORE_META, &key, &v))
        v.size = 0;
    r->count = 0;
    text_clear(&r->text);
    const char *at = v.data;
    while (v.size >= sizeof entry) {
        memcpy(&entry, at, sizeof entry);
        at += sizeof entry;
        v.size -= sizeof entry;
        if (entry.size > v.size)
            break;
        append(r, &entry, at);
        at += entry.size;
        v.size -= entry.size;
    }
    trim(r, REFUSALS_BYTES / 4);
    pthread_mutex_unlock(&r->lock);
    store_abort(txn);
}

/* Copies what is to be saved. Returns false where nothing has changed. */
static bool take_unsaved(struct refusals *r, struct text *out)
{
    pthread_mutex_lock(&r->lock);
    settle(r, MISSED_NS);
    bool dirty = r->dirty;
    const char *text = text_string(&r->text);
    for (size_t i = 0; dirty && i < r->count; i++) {
        text_add(out, &r->list[i], sizeof r->list[i]);
        text_add(out, text, r->list[i].size);
        text += r->list[i].size;
    }
    r->dirty = false;
    pthread_mutex_unlock(&r->lock);
    return dirty;
}

int refusals_save(struct refusals *r, struct store *s, struct reason *why)
{
    struct text copy = TEXT_INIT;
    if (!take_unsaved(r, &copy))
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

static bool is_shown(const struct refusal *entry, const uid_t *user)
{
    return !user || entry->user == *user;
}

size_t refusals_size(struct refusals *r, const uid_t *user, int64_t *mtime)
{
    size_t size = 0;
    pthread_mutex_lock(&r->lock);
    settle(r, 0);
    *mtime = r->opened;
    for (size_t i = 0; i < r->count; i++) {
        if (is_shown(&r->list[i], user)) {
            size += r->list[i].size;
            *mtime = r->list[i].time;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return size;
}

void refusals_read(struct refusals *r, const uid_t *user, size_t offset,
                   size_t size, struct text *out)
{
    pthread_mutex_lock(&r->lock);
    settle(r, 0);
    const char *text = text_string(&r->text);
    for (size_t i = 0; i < r->count && size > 0; i++) {
        size_t length = r->list[i].size;
        if (is_shown(&r->list[i], user)) {
            size_t skipped = offset < length ? offset : length;
            size_t taken = length - skipped < size ? length - skipped : size;
            text_add(out, text + skipped, taken);
            offset -= skipped;
            size -= taken;
        }
        text += length;
    }
    pthread_mutex_unlock(&r->lock);
}

/* Writes a refusal as "TIME USER PATH[:LINE:COLUMN]: SENTENCE (ERRNO)", with
 * the excerpt indented below. */
static void put_record(struct text *out, uid_t user, const char *what,
                       const struct reason *why)
{
    text_put_time(out, unix_now());
    text_puts(out, " ");
    user_name(out, user);
    text_puts(out, " ");
    text_put_printable(out, what, strlen(what));
    text_puts(out, ":");
    if (why->line)
        text_printf(out, "%d:%d:", why->line, why->column);
    text_printf(out, " %s (%s)\n", why->sentence, errno_text(why->code));
    for (const char *line = why->excerpt; *line;) {
        size_t n = strcspn(line, "\n");
        text_puts(out, "    ");
        text_put_printable(out, line, n);
        text_puts(out, "\n");
        line += n + (line[n] == '\n');
    }
}

void refusals_add(struct refusals *r, uid_t user, const char *what,
                  const struct reason *why)
{
    struct text record = TEXT_INIT;
    put_record(&record, user, what, why);
    struct refusal entry = {clock_ns(), user, (uint32_t)record.size};
    pthread_mutex_lock(&r->lock);
    settle(r, 0);
    if (r->text.size + record.size > REFUSALS_BYTES)
        trim(r, REFUSALS_BYTES / 2);
    append(r, &entry, record.data);
    r->dirty = true;
    pthread_mutex_unlock(&r->lock);
    text_release(&record);
}

/* The place of a name that is missed already, or else the oldest one. */
static struct missed *missed_place(struct refusals *r, uid_t user,
                                   const char *what)
{
    struct missed *best = &r->missed[0];
    for (int i = 0; i < MISSED; i++) {
        struct missed *m = &r->missed[i];
        if (m->time && m->user == user && !strcmp(m->what, what))
            return m;
        if (m->time < best->time)
            best = m;
    }
    return best;
}

void refusals_miss(struct refusals *r, uid_t user, const char *what,
                   const struct reason *why)
{
    struct text record = TEXT_INIT;
    put_record(&record, user, what, why);
    pthread_mutex_lock(&r->lock);
    struct missed *m = missed_place(r, user, what);
    bool other = m->time && (m->user != user || strcmp(m->what, what));
    if (other)
        settle(r, 0); /* all places are taken */
    missed_clear(m);
    *m = (struct missed){user, clock_ns(), xstrdup(what), TEXT_INIT};
    text_move(&m->record, &record);
    pthread_mutex_unlock(&r->lock);
}

void refusals_made(struct refusals *r, const char *what)
{
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < MISSED; i++)
        if (r->missed[i].time && !strcmp(r->missed[i].what, what))
            missed_clear(&r->missed[i]);
    pthread_mutex_unlock(&r->lock);
}

#include "core/state/events.h"

#include "core/basic/clock.h"
#include "core/rights/caller.h"

#include <string.h>

/* Now, or, where the clock was set back, the time of the event before: they are
 * written in an order that their texts have, too. */
static void put_time(struct store_txn *txn, struct text *line)
{
    struct text last = TEXT_INIT;
    text_put_time(line, unix_now());
    if (stream_last(txn, EVENTS, &last) == 0 && last.size > line->size &&
        last.data[line->size] == ' ' &&
        memcmp(last.data, line->data, line->size) > 0)
        memcpy(line->data, last.data, line->size);
    text_release(&last);
}

int event_add(struct store_txn *txn, uid_t user, const char *object,
              struct reason *why, const char *format, ...)
{
    struct text what = TEXT_INIT, line = TEXT_INIT;
    va_list ap;
    user_name(&what, user);
    text_printf(&what, " %s ", object);
    va_start(ap, format);
    text_vprintf(&what, format, ap);
    va_end(ap);
    put_time(txn, &line);
    text_puts(&line, " ");
    text_put_printable(&line, text_string(&what), what.size);
    text_puts(&line, "\n");
    text_release(&what);
    int err = stream_append(txn, EVENTS, line.data, line.size, why);
    if (err == 0 && stream_size(txn, EVENTS) > EVENTS_MOST)
        err = stream_trim(txn, EVENTS, EVENTS_MOST / 2, why);
    text_release(&line);
    return err;
}

int64_t events_time(struct store_txn *txn)
{
    enum { LINE_MOST = 2048 };
    struct text end = TEXT_INIT;
    uint64_t size = stream_size(txn, EVENTS);
    uint64_t from = size > LINE_MOST ? size - LINE_MOST : 0;
    double time = 0;
    if (stream_read(txn, EVENTS, from, LINE_MOST, &end) == 0 && end.size > 1) {
        end.data[end.size - 1] = 0; /* the newline */
        const char *newline = strrchr(end.data, '\n');
        if (!parse_time(newline ? newline + 1 : end.data, &time))
            time = 0;
    }
    text_release(&end);
    return (int64_t)(time * 1e9);
}

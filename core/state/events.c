#include "core/state/events.h"

#include "core/basic/clock.h"
#include "core/rights/caller.h"

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
    text_put_time(&line, unix_now());
    text_puts(&line, " ");
    text_put_printable(&line, text_string(&what), what.size);
    text_puts(&line, "\n");
    text_release(&what);
    int err = stream_append(txn, EVENTS, line.data, line.size, why);
    text_release(&line);
    return err;
}

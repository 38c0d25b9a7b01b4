#include "core/state/events.h"

#include "core/basic/clock.h"
#include "core/rights/caller.h"

int event_add(struct store_txn *txn, uid_t user, const char *object,
              struct reason *why, const char *format, ...)
{
    struct text line = TEXT_INIT;
    va_list ap;
    text_put_time(&line, unix_now());
    text_puts(&line, " ");
    user_name(&line, user);
    text_printf(&line, " %s ", object);
    va_start(ap, format);
    text_vprintf(&line, format, ap);
    va_end(ap);
    text_puts(&line, "\n");
    int err = stream_append(txn, EVENTS, line.data, line.size, why);
    text_release(&line);
    return err;
}

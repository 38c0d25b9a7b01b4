#include "reason.h"

#include <stdio.h>
#include <string.h>

/* Cut a UTF-8 string that snprintf truncated back to a whole character. */
static void sentence_trim(char *s, size_t size, int wanted)
{
    if (wanted < 0 || (size_t)wanted < size)
        return;
    size_t end = size - 1;
    while (end > 0 && ((unsigned char)s[end - 1] & 0xC0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)s[end - 1] >= 0xC0)
        end--;
    s[end] = 0;
}

static void reason_set(struct reason *why, int code, const char *format,
                       va_list ap)
{
    char s[sizeof why->sentence]; /* the arguments may point into *why */
    int n = vsnprintf(s, sizeof s, format, ap);
    sentence_trim(s, sizeof s, n);
    memset(why, 0, sizeof *why);
    why->code = code;
    memcpy(why->sentence, s, sizeof s);
}

int refuse(struct reason *why, int code, const char *format, ...)
{
    if (why) {
        va_list ap;
        va_start(ap, format);
        reason_set(why, code, format, ap);
        va_end(ap);
    }
    return -code;
}

int refuse_errno(struct reason *why, int code, const char *format, ...)
{
    if (why) {
        va_list ap;
        va_start(ap, format);
        reason_set(why, code, format, ap);
        va_end(ap);
        char text[128];
        const char *message = strerror_r(code, text, sizeof text);
        size_t used = strlen(why->sentence);
        int n = snprintf(why->sentence + used, sizeof why->sentence - used,
                         ": %s", message);
        sentence_trim(why->sentence + used, sizeof why->sentence - used, n);
    }
    return -code;
}

int reason_prefix(struct reason *why, const char *format, ...)
{
    if (!why)
        return -1;
    char old[sizeof why->sentence], front[sizeof why->sentence];
    memcpy(old, why->sentence, sizeof old);
    va_list ap;
    va_start(ap, format);
    vsnprintf(front, sizeof front, format, ap);
    va_end(ap);
    int n = snprintf(why->sentence, sizeof why->sentence, "%s%s", front, old);
    sentence_trim(why->sentence, sizeof why->sentence, n);
    return -why->code;
}

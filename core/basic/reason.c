#include "core/basic/reason.h"

#include "core/basic/language.h"
#include "core/basic/text.h"

#include <stdio.h>
#include <string.h>

/* Cuts a UTF-8 string that snprintf() has truncated back to a whole
 * character. */
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
    int n = vsnprintf(s, sizeof s, translate(format), ap);
    sentence_trim(s, sizeof s, n);
    make_printable(
        s); /* the sentence may quote names and texts of other users */
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
        size_t used = strlen(why->sentence);
        int n = snprintf(why->sentence + used, sizeof why->sentence - used,
                         ": %s", errno_text(code));
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
    vsnprintf(front, sizeof front, translate(format), ap);
    va_end(ap);
    int n = snprintf(why->sentence, sizeof why->sentence, "%s%s", front, old);
    sentence_trim(why->sentence, sizeof why->sentence, n);
    make_printable(why->sentence);
    return -why->code;
}

#if 0 /* what make po collects for errno_text() */
N_("Operation not permitted")
N_("No such file or directory")
N_("No such process")
N_("Interrupted system call")
N_("Input/output error")
N_("Resource temporarily unavailable")
N_("Cannot allocate memory")
N_("Permission denied")
N_("Device or resource busy")
N_("File exists")
N_("Invalid cross-device link")
N_("Not a directory")
N_("Is a directory")
N_("Invalid argument")
N_("Too many open files")
N_("Too many open files in system")
N_("File too large")
N_("No space left on device")
N_("Read-only file system")
N_("Too many links")
N_("Numerical argument out of domain")
N_("Numerical result out of range")
N_("File name too long")
N_("Directory not empty")
N_("Too many levels of symbolic links")
N_("Value too large for defined data type")
N_("Operation not supported")
N_("Transport endpoint is not connected")
N_("Connection timed out")
N_("Stale file handle")
N_("Disk quota exceeded")
#endif

const char *errno_text(int code)
{
    const char *text = strerrordesc_np(code);
    return text ? translate(text) : "?";
}

#include "core/basic/name.h"

#include "core/basic/alloc.h"
#include "core/basic/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

/* Letters, marks and decimal digits, by Unicode's categories: the locale does
 * not matter. */
static bool name_character(unsigned code)
{
    if (code < 0x80)
        return strchr("-_.", (int)code)
                   ? code != 0
                   : uc_is_general_category_withtable(
                         code, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_Nd);
    return uc_is_general_category_withtable(
        code, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Nd);
}

static int refuse_invisible(const char *name, size_t size, unsigned code,
                            struct reason *why)
{
    return refuse(why, EINVAL,
                  "a name must have no invisible characters, but U+%04X in "
                  "'%.*s' is one",
                  code, (int)size, name);
}

int name_check(const char *name, size_t size, struct reason *why)
{
    if (size == 0)
        return refuse(why, EINVAL, "a name must not be empty");
    if (size > 255)
        return refuse(why, ENAMETOOLONG,
                      "a name must have at most 255 bytes, got %zu", size);
    if (name[0] == '.')
        return refuse(why, EINVAL,
                      "a name must not start with a dot, got "
                      "'%.*s'",
                      (int)size, name);
    for (size_t i = 0; i < size;) {
        unsigned code;
        size_t n = utf8_decode(name + i, size - i, &code);
        if (n == 0)
            return refuse(why, EINVAL,
                          "a name must be valid UTF-8, byte %zu is not", i + 1);
        if (!name_character(code) && is_invisible(code))
            return refuse_invisible(name, size, code, why);
        if (!name_character(code))
            return refuse(why, EINVAL,
                          "a name may have letters, digits, '-', '_' and '.', "
                          "not '%.*s' as in '%.*s'",
                          (int)n, name + i, (int)size, name);
        i += n;
    }
    return 0;
}

/* New names */

int name_new_check(const char *name, struct reason *why)
{
    size_t size = strlen(name), n;
    unsigned code;
    if (*name == '-')
        return refuse(why, EINVAL,
                      "a name must not start with a hyphen, as programs would "
                      "take it for an option, got '%s'",
                      name);
    for (size_t i = 0; i < size; i += n) {
        n = utf8_decode(name + i, size - i, &code);
        if (!n)
            return refuse(why, EINVAL, "a name must be valid UTF-8");
        if (is_invisible(code))
            return refuse_invisible(name, size, code, why);
    }
    return 0;
}

bool name_has_twins(const char *name)
{
    /* K is the only ASCII character to which another one is normalised: the
     * sign for Kelvin */
    for (; *name; name++)
        if ((unsigned char)*name >= 0x80 || *name == 'K')
            return true;
    return false;
}

/* Whether a character may be a part of a composition, or come from one. */
static bool composes(const char *s)
{
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    unsigned code;
    if (!utf8_decode(s, strlen(s), &code))
        return false;
    return uc_combining_class(code) != 0 ||
           uc_canonical_decomposition(code, parts) > 0;
}

bool name_is_twin(const char *a, const char *b)
{
    size_t same = 0, sizes[2] = {0, 0};
    while (a[same] && a[same] == b[same])
        same++;
    while (same && ((unsigned char)a[same] & 0xC0) == 0x80)
        same--; /* to the beginning of a character */
    if (!composes(a + same) && !composes(b + same))
        return false; /* most names end here */
    uint8_t *forms[2];
    const char *names[2] = {a, b};
    for (int i = 0; i < 2; i++)
        forms[i] = u8_normalize(UNINORM_NFD, (const uint8_t *)names[i],
                                strlen(names[i]), NULL, &sizes[i]);
    bool twin = forms[0] && forms[1] && strcmp(a, b) && sizes[0] == sizes[1] &&
                !memcmp(forms[0], forms[1], sizes[0]);
    free(forms[0]);
    free(forms[1]);
    return twin;
}

char *name_fold(const char *name)
{
    while (*name == ' ')
        name++;
    size_t n = strlen(name), size = 0;
    while (n && name[n - 1] == ' ')
        n--;
    uint8_t *folded =
        u8_casefold((const uint8_t *)name, n, NULL, UNINORM_NFC, NULL, &size);
    char *out = folded ? xstrndup((const char *)folded, size) /* valid UTF-8 */
                       : xstrndup(name, n);
    free(folded);
    return out;
}

bool name_is_scratch(const char *name)
{
    size_t n = strlen(name);
    return name[0] == '.' || (n && name[n - 1] == '~') ||
           (n > 2 && name[0] == '#' && name[n - 1] == '#');
}

#include "core/basic/name.h"

#include "core/basic/text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unictype.h>

/* Unicode's categories, whatever the locale: letters, marks, decimal digits */
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
        if (!name_character(code))
            return refuse(why, EINVAL,
                          "a name may have letters, digits, '-', '_' and '.', "
                          "not '%.*s' as in '%.*s'",
                          (int)n, name + i, (int)size, name);
        i += n;
    }
    return 0;
}

bool name_is_scratch(const char *name)
{
    size_t n = strlen(name);
    return name[0] == '.' || (n && name[n - 1] == '~') ||
           (n > 2 && name[0] == '#' && name[n - 1] == '#');
}

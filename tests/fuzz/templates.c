/* Texts of `key = value` in all that are written so, the options of a training
 * that come of them, names, and what is shown of any of it. */
#include "tests/fuzz/fuzz.h"

#include "core/basic/name.h"
#include "core/settings/settings.h"
#include "trainer/training/options.h"

#include <stdlib.h>
#include <string.h>

static const unsigned scopes[] = {SCOPE_TEMPLATE, SCOPE_TYPE, SCOPE_MACHINE,
                                  SCOPE_ROLE, SCOPE_JOB};

static void values_read(const struct settings *s)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        enum key key = (enum key)i;
        if (!settings_get(s, key))
            abort();
        settings_number(s, key);
        settings_bytes(s, key);
    }
}

static void settings_take(const char *text, size_t size, unsigned scope)
{
    struct reason why = REASON_INIT;
    struct settings s;
    settings_init(&s);
    if (settings_parse(&s, text, size, scope, "fuzz", &why) == 0)
        values_read(&s);
    settings_release(&s);
}

static void options_parse(const char *text, size_t size)
{
    struct reason why = REASON_INIT;
    struct options o;
    options_init(&o);
    if (settings_parse(&o.settings, text, size, SCOPE_TEMPLATE, "fuzz", &why) ==
        0)
        options_take(&o, &why);
    options_release(&o);
}

/* Nothing that a terminal obeys is left: no control character but the end of a
 * line, and no valid text becomes an invalid one. */
static void shown_check(const char *text, size_t size)
{
    struct text out = TEXT_INIT;
    text_put_printable(&out, text, size);
    for (size_t i = 0; i < out.size; i++)
        if ((unsigned char)out.data[i] < 0x20 || out.data[i] == 0x7F)
            abort();
    if (utf8_valid(text_string(&out), out.size) != out.size)
        abort();
    text_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reason why = REASON_INIT;
    char *text = strndup((const char *)data, size);
    if (!text)
        abort();
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        settings_take((const char *)data, size, scopes[i]);
    options_parse((const char *)data, size);
    name_check((const char *)data, size, &why);
    if (strlen(text) < 256) {
        name_is_scratch(text);
        name_new_check(text, &why);
        name_is_twin(text, "\u0439");
    }
    shown_check((const char *)data, size);
    free(text);
    return 0;
}

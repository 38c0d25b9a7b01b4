/* The files for programs that say the same as those for people. */
#include "core/process/show.h"

#include "core/basic/json.h"

#include <string.h>

/* Values that are texts, even if one looks like a number: all others are
 * numbers, where they are known. */
static bool is_text_key(const char *key)
{
    static const char *const keys[] = {
        "template", "machine", "author",  "status",
        "stage",    "service", "created", "started",
        "finished", "dataset", "base",    "precision",
        "eta",      "model",   "reason",  "learning_rate_reason"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

static void put_member(struct text *out, const char *key, const char *value)
{
    double number;
    json_put_string(out, key);
    text_puts(out, ": ");
    if (!*value)
        text_puts(out, "null");
    else if (!is_text_key(key) && parse_double(value, &number))
        text_puts(out, value);
    else
        json_put_string(out, value);
}

void put_lines_as_json(struct text *out, struct text *lines)
{
    char *rest = lines->data, *line;
    bool any = false;
    text_puts(out, "{");
    while (rest && (line = strsep(&rest, "\n"))) {
        char *colon = *line == '#' ? NULL : strchr(line, ':');
        if (!colon)
            continue;
        *colon++ = 0;
        text_puts(out, any ? ",\n " : "\n ");
        put_member(out, line, colon + (*colon == ' '));
        any = true;
    }
    text_puts(out, "\n}\n");
}

show_fn show_info, show_info_json;

int show_info_json(struct show_request *r, struct text *out, struct reason *why)
{
    struct text info = TEXT_INIT;
    int err = show_info(r, &info, why);
    if (err == 0)
        put_lines_as_json(out, &info);
    text_release(&info);
    return err;
}

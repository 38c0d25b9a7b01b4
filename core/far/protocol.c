#include "core/far/protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FAR_VERB(name) #name,
const char *const far_verbs[FAR_VERB_COUNT] = {FAR_VERBS(FAR_VERB)};
#undef FAR_VERB

void far_request_print(struct text *out, const struct far_line *line)
{
    text_printf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n",
                far_verbs[line->verb], line->run, line->a, line->b, line->size,
                *line->name ? line->name : "-");
}

void far_answer_print(struct text *out, const struct far_line *line)
{
    text_printf(out, "%d %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", line->code,
                line->a, line->b, line->size);
}

/* Names are those of our own files. */
static bool name_ok(const char *name)
{
    return *name && *name != '.' &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

static bool verb_find(const char *word, enum far_verb *out)
{
    for (int i = 0; i < FAR_VERB_COUNT; i++)
        if (!strcmp(far_verbs[i], word)) {
            *out = (enum far_verb)i;
            return true;
        }
    return false;
}

bool far_request_parse(const char *text, struct far_line *out)
{
    char verb[16];
    int end = 0;
    *out = (struct far_line){0};
    if (sscanf(text,
               "%15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %79s%n",
               verb, &out->run, &out->a, &out->b, &out->size, out->name,
               &end) != 6 ||
        text[end] || out->size > FAR_BYTES || !verb_find(verb, &out->verb))
        return false;
    if (!strcmp(out->name, "-"))
        *out->name = 0;
    return !*out->name || name_ok(out->name);
}

bool far_answer_parse(const char *text, struct far_line *out)
{
    int end = 0;
    *out = (struct far_line){0};
    return sscanf(text, "%d %" SCNu64 " %" SCNu64 " %" SCNu64 "%n", &out->code,
                  &out->a, &out->b, &out->size, &end) == 4 &&
           !text[end] && out->size <= FAR_BYTES && out->code >= 0 &&
           out->code < 4096;
}

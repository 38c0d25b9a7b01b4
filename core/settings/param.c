#include "core/settings/param.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/basic/name.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

const char *right_name(enum right right)
{
    static const char *const names[] = {
        [RIGHT_VIEW] = "view",     [RIGHT_CREATE] = "create",
        [RIGHT_EDIT] = "edit",     [RIGHT_DELETE] = "delete",
        [RIGHT_MANAGE] = "manage",
    };
    return names[right];
}

const struct param *param_find(const char *key, size_t size, unsigned scope)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if ((params[i].scope & scope) && strlen(params[i].key) == size &&
            !memcmp(params[i].key, key, size))
            return &params[i];
    return NULL;
}

/* Whether the word of `size` bytes is in a space-separated list. */
static bool word_listed(const char *words, const char *word, size_t size)
{
    if (!words || !size)
        return false;
    for (const char *w = words; *w; w += *w == ' ') {
        size_t n = strcspn(w, " ");
        if (n == size && !memcmp(w, word, n))
            return true;
        w += n;
    }
    return false;
}

size_t member_next(const char **at)
{
    *at += strspn(*at, " \t,");
    return strcspn(*at, " \t,");
}

unsigned rights_parse(const char *value)
{
    unsigned set = 0;
    for (size_t n; (n = member_next(&value)) > 0; value += n)
        for (int i = 0; i < RIGHTS; i++)
            if (word_listed(right_name((enum right)i), value, n))
                set |= 1u << i;
    return set;
}

/* Descriptions of the kinds of values, for people; accepts_arguments() has the
 * arguments for each %s. */
static const char *const kinds[] = {
    [PARAM_TEXT] = N_("text"),
    [PARAM_NAME] = N_("a name of letters, digits, '-', '_' and '.'"),
    [PARAM_NAMES] = N_("names of letters, digits, '-', '_' and '.', each once "
                       "and at most 16, separated by spaces or commas"),
    [PARAM_BASE] = N_("a name from bases/, models/TEMPLATE/N or "
                      "models/TEMPLATE/latest"),
    [PARAM_PATH] = N_("an absolute path"),
    [PARAM_PLACE] = N_("an absolute path, or one that begins with ~/"),
    [PARAM_HOSTS] = N_("a host as ssh takes it: NAME, USER@NAME or "
                       "ssh://USER@NAME:PORT; several separated by spaces"),
    [PARAM_SET] = N_("any of %s joined by '+', or none"),
    [PARAM_LIST] = N_("any of %s, separated by spaces"),
    [PARAM_RIGHTS] = N_("any of %s, separated by spaces or commas"),
    [PARAM_MEMBERS] = N_("names or numbers of users, and of groups behind '@', "
                         "separated by spaces or commas"),
    [PARAM_INT] = N_("an integer from %s to %s"),
    [PARAM_REAL] = N_("a number from %s to %s"),
    [PARAM_CHOICE] = "%s",
    [PARAM_SIZE] = N_("a size such as 512M or 8G"),
    [PARAM_SPAN] = N_("a time such as 30s, 5m, 2h or 7d"),
    [PARAM_PAGES] = N_("a page or pages such as 2, 1-5 or 3-"),
    [PARAM_WORD] = N_("one word"),
    [PARAM_OPTIONS] = N_("options that begin with '-'"),
    [PARAM_MODEL] = N_("TEMPLATE/N or TEMPLATE/latest of models/"),
};

/* Sets the arguments for the description: the words of the row, or its bounds.
 */
static void accepts_arguments(const struct param *p, struct text *first,
                              struct text *second)
{
    bool number = p->kind == PARAM_INT || p->kind == PARAM_REAL;
    if (number) {
        text_put_double(first, p->low, p->kind == PARAM_INT ? 15 : 6);
        text_put_double(second, p->high, p->kind == PARAM_INT ? 15 : 6);
    } else if (p->words) {
        text_put_words(first, p->words,
                       p->kind == PARAM_CHOICE ? _(" or ") : _(" and "));
    }
}

void param_accepts(const struct param *p, struct text *out)
{
    struct text first = TEXT_INIT, second = TEXT_INIT;
    accepts_arguments(p, &first, &second);
    text_printf(out, _(kinds[p->kind]), text_string(&first),
                text_string(&second));
    text_release(&first);
    text_release(&second);
    if (p->kind == PARAM_SPAN && p->low > 0)
        text_printf(out, _(", at least %.0fs"), p->low);
    if (p->words && (p->kind == PARAM_PATH ||
                     (p->kind >= PARAM_INT && p->kind != PARAM_CHOICE))) {
        text_put_words(&first, p->words, _(" or "));
        text_printf(out, _(", or %s"), text_string(&first));
        text_release(&first);
    }
}

/* Whether `value` has at least one word, all its words are in `words`, and none
 * is there twice; any of `separator` separates them. */
static bool words_ok(const char *words, const char *value,
                     const char *separator)
{
    bool any = false;
    for (const char *w = value; *w;) {
        size_t n = strcspn(w, separator);
        if (n == 0 && *separator == '+')
            return false;
        if (n) {
            if (!word_listed(words, w, n))
                return false;
            if (w > value && memmem(value, (size_t)(w - value), w, n)) {
                struct text before = TEXT_INIT;
                text_add(&before, value, (size_t)(w - value));
                for (char *c = before.data; *c; c++)
                    if (strchr(separator, *c))
                        *c = ' ';
                bool twice = word_listed(before.data, w, n);
                text_release(&before);
                if (twice)
                    return false;
            }
            any = true;
        }
        w += n;
        if (*w && !*++w && *separator == '+')
            return false;
    }
    return any;
}

static bool number_ok(const struct param *p, const char *value)
{
    long long n;
    double v;
    if (p->kind == PARAM_INT) {
        if (!parse_int(value, &n))
            return false;
        v = (double)n;
    } else if (!parse_double(value, &v)) {
        return false;
    }
    return v >= p->low && v <= p->high;
}

bool param_span(const char *value, double *seconds)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t digits = strspn(value, "0123456789");
    long long n;
    char number[16];
    if (!digits || digits >= sizeof number || !value[digits] ||
        value[digits + 1])
        return false;
    snprintf(number, sizeof number, "%.*s", (int)digits, value);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (value[digits] == units[i].unit && parse_int(number, &n) &&
            n < 1000000) {
            *seconds = (double)n * units[i].seconds;
            return true;
        }
    return false;
}

static bool size_ok(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    const char *unit = value + digits;
    return digits > 0 && digits < 13 && (!*unit || strchr("KMGT", *unit)) &&
           (!*unit || !unit[1]) && strspn(value, "0") < digits;
}

/* Bounds of 0 are none. */
static bool span_ok(const struct param *p, const char *value)
{
    double seconds;
    return param_span(value, &seconds) && seconds >= p->low &&
           (p->high == 0 || seconds <= p->high);
}

/* A number of a page, from 1; *end is set behind it. */
static bool page_number(const char *s, int *n, const char **end)
{
    size_t digits = strspn(s, "0123456789");
    *n = digits && digits <= 6 ? atoi(s) : 0;
    *end = s + digits;
    return *n > 0;
}

bool param_pages(const char *value, struct page_range *out)
{
    const char *end;
    *out = PAGES_ALL;
    if (!strcmp(value, "first"))
        out->last = 1;
    if (!strcmp(value, "first") || !strcmp(value, "all"))
        return true;
    if (!page_number(value, &out->first, &end))
        return false;
    if (!*end)
        out->last = out->first;
    if (!*end || !strcmp(end, "-"))
        return true;
    return *end == '-' && page_number(end + 1, &out->last, &end) && !*end &&
           out->last >= out->first;
}

static bool pages_ok(const char *value)
{
    struct page_range range;
    return param_pages(value, &range);
}

/* TEMPLATE/N or TEMPLATE/latest */
static bool version_ok(const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash || name_check(name, (size_t)(slash - name), NULL))
        return false;
    long long n;
    return !strcmp(slash + 1, "latest") ||
           (slash[1] >= '1' && slash[1] <= '9' && parse_int(slash + 1, &n));
}

static bool base_ok(const char *value)
{
    return strncmp(value, "models/", 7)
               ? name_check(value, strlen(value), NULL) == 0
               : version_ok(value + 7);
}

static bool model_ok(const char *value)
{
    return version_ok(strncmp(value, "models/", 7) ? value : value + 7);
}

static bool names_ok(const char *value)
{
    const char *names[NAMES_MOST];
    size_t sizes[NAMES_MOST];
    int count = 0;
    for (size_t n; (n = member_next(&value)) > 0; value += n) {
        if (count == NAMES_MOST || name_check(value, n, NULL))
            return false;
        for (int i = 0; i < count; i++)
            if (sizes[i] == n && !memcmp(names[i], value, n))
                return false;
        names[count] = value;
        sizes[count++] = n;
    }
    return count > 0;
}

/* Checks only the form: whether such users and groups exist depends on the host
 * (members_judge()). */
static bool members_ok(const char *value)
{
    long long n;
    for (size_t size; (size = member_next(&value)) > 0; value += size) {
        char number[16];
        size_t sign = *value == '@';
        if (size == sign || memchr(value, ':', size))
            return false;
        snprintf(number, sizeof number, "%.*s", (int)(size - sign),
                 value + sign);
        if (strspn(value + sign, "0123456789") >= size - sign &&
            (size - sign >= sizeof number || !parse_int(number, &n) ||
             n >= UINT32_MAX))
            return false;
    }
    return true;
}

/* A colon would end the path in a list of paths. */
static bool place_ok(const char *value)
{
    return (value[0] == '/' || !strcmp(value, "~") ||
            !strncmp(value, "~/", 2)) &&
           !strchr(value, ':');
}

/* It becomes one word of a command, and must not be taken for an option of it.
 */
static bool host_ok(const char *value)
{
    return value[0] != '-' && !strpbrk(value, " \t'\"\\$`;&|<>");
}

static bool hosts_ok(const char *value)
{
    bool ok = true;
    for (size_t n; ok && *value; value += n + strspn(value + n, " \t")) {
        n = strcspn(value, " \t");
        char *host = xstrndup(value, n);
        ok = host_ok(host);
        free(host);
    }
    return ok;
}

static bool value_ok(const struct param *p, const char *value)
{
    switch (p->kind) {
    case PARAM_TEXT:
        return true;
    case PARAM_NAME:
        return name_check(value, strlen(value), NULL) == 0;
    case PARAM_NAMES:
        return names_ok(value);
    case PARAM_BASE:
        return base_ok(value);
    case PARAM_PATH:
        return value[0] == '/' || word_listed(p->words, value, strlen(value));
    case PARAM_PLACE:
        return place_ok(value);
    case PARAM_HOSTS:
        return hosts_ok(value);
    case PARAM_WORD:
        return host_ok(value);
    case PARAM_OPTIONS:
        return value[0] == '-';
    case PARAM_SET:
        return !strcmp(value, "none") || words_ok(p->words, value, "+");
    case PARAM_LIST:
        return words_ok(p->words, value, " ");
    case PARAM_RIGHTS:
        return words_ok(p->words, value, " \t,");
    case PARAM_MEMBERS:
        return members_ok(value);
    case PARAM_INT:
    case PARAM_REAL:
        return word_listed(p->words, value, strlen(value)) ||
               number_ok(p, value);
    case PARAM_CHOICE:
        return word_listed(p->words, value, strlen(value));
    case PARAM_SIZE:
        return word_listed(p->words, value, strlen(value)) || size_ok(value);
    case PARAM_SPAN:
        return word_listed(p->words, value, strlen(value)) || span_ok(p, value);
    case PARAM_MODEL:
        return model_ok(value);
    case PARAM_PAGES:
        return word_listed(p->words, value, strlen(value)) || pages_ok(value);
    }
    return false;
}

/* Our word for one of the guide's, in the form in which dictionaries have it;
 * the word itself if it is none. Upper and lower case of the first letter are
 * the same. */
static void word_put(struct text *out, const struct param *p, const char *word,
                     size_t size)
{
    struct text known = TEXT_INIT;
    text_add(&known, word, size);
    char *folded = name_fold(text_string(&known));
    for (const char *at = p->guide_words; at && *at;) {
        size_t n = strcspn(at, "="), all = strcspn(at, ";");
        if (strlen(folded) == n && !memcmp(folded, at, n)) {
            text_clear(&known);
            text_add(&known, at + n + 1, all - n - 1);
            break;
        }
        at += all + (at[all] == ';');
    }
    free(folded);
    text_puts(out, text_string(&known));
    text_release(&known);
}

char *param_value(const struct param *p, const char *text, size_t size)
{
    struct text out = TEXT_INIT;
    bool set = p->kind == PARAM_SET;
    if (!p->guide_words && !set)
        return xstrndup(text, size);
    for (const char *at = text, *end = text + size; at <= end;) {
        const char *plus = set ? memchr(at, '+', (size_t)(end - at)) : NULL;
        const char *to = plus ? plus : end, *next = to + 1;
        while (set && at < to && strchr(" \t", *at))
            at++;
        while (set && to > at && strchr(" \t", to[-1]))
            to--;
        word_put(&out, p, at, (size_t)(to - at));
        text_puts(&out, plus ? "+" : "");
        at = next;
    }
    char *value = xstrdup(text_string(&out));
    text_release(&out);
    return value;
}

/* What is often written in place of an absolute path. */
static const char *path_hint(const char *value)
{
    if (*value == '~')
        return N_("; '~' is not expanded here");
    if (*value == '"' || *value == '\'')
        return N_("; a value is written without quotes");
    if (*value && value[1] == ':')
        return N_("; a path of Windows means nothing on the target machine");
    return "";
}

int param_check(const struct param *p, const char *value, struct reason *why)
{
    if (!*value || value_ok(p, value))
        return 0;
    struct text accepts = TEXT_INIT;
    param_accepts(p, &accepts);
    refuse(why, EINVAL, "%s must be %s, got '%.200s'%s", p->key,
           text_string(&accepts), value,
           p->kind == PARAM_PATH ? translate(path_hint(value)) : "");
    text_release(&accepts);
    return -EINVAL;
}

static void put_comment(struct text *out, const struct param *p)
{
    struct text accepts = TEXT_INIT;
    text_printf(out, "# %s", _(p->meaning));
    if (p->term)
        text_printf(out, " (%s)", p->term);
    param_accepts(p, &accepts);
    text_printf(out, _("\n# accepted: %s\n"), text_string(&accepts));
    text_release(&accepts);
}

const char param_template_head[] =
    N_("# A training template: every parameter with its default.\n"
       "# cp template.example templates/NAME, then set the dataset.\n"
       "# key = value; '#' starts a comment at the beginning of a line "
       "only;\n# an empty value means the default.\n");
const char param_service_head[] =
    N_("# A service: every parameter with its default.\n"
       "# cp service.example services/NAME, then set the model.\n"
       "# key = value; '#' starts a comment at the beginning of a line "
       "only;\n# an empty value means the default.\n");

void param_example(struct text *out, unsigned scope, const char *head)
{
    text_puts(out, _(head));
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct param *p = &params[i];
        if (!(p->scope & scope))
            continue;
        text_puts(out, "\n");
        put_comment(out, p);
        text_printf(out, "%s =%s%s\n", p->key, *p->fallback ? " " : "",
                    p->fallback);
    }
}

void param_table(struct text *out, unsigned scope)
{
    text_puts(out, _("| key | default | accepted | meaning |\n"
                     "|---|---|---|---|\n"));
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct param *p = &params[i];
        if (!(p->scope & scope))
            continue;
        text_printf(out, "| `%s` | %s%s%s | ", p->key, *p->fallback ? "`" : "",
                    *p->fallback ? p->fallback : "–", *p->fallback ? "`" : "");
        param_accepts(p, out);
        text_printf(out, " | %s", _(p->meaning));
        if (p->term)
            text_printf(out, " (%s)", p->term);
        text_puts(out, " |\n");
    }
}

#include "core/basic/language.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 16 };

static const struct catalogue *current; /* atomic; NULL = English */

static const struct catalogue *catalogue(void)
{
    return __atomic_load_n(&current, __ATOMIC_ACQUIRE);
}

/* Choosing */

static const struct catalogue *catalogue_find(const char *name)
{
    for (const struct catalogue *c = catalogues; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

const char *language(void)
{
    const struct catalogue *c = catalogue();
    return c ? c->name : "en";
}

void language_list(char *out, unsigned size, const char *last)
{
    snprintf(out, size, "en");
    for (const struct catalogue *c = catalogues; c->name; c++) {
        size_t n = strlen(out);
        snprintf(out + n, size - n, "%s%s", c[1].name ? ", " : last, c->name);
    }
}

bool language_set(const char *name)
{
    const struct catalogue *c = catalogue_find(name);
    if (!c && strcmp(name, "en"))
        return false;
    __atomic_store_n(&current, c, __ATOMIC_RELEASE);
    return true;
}

/* The name of the language of a locale like "ru_RU.UTF-8", or NULL where there
 * is no catalogue of it. */
static const char *known(const char *locale, size_t size)
{
    char name[NAME_BYTES];
    size_t n = strcspn(locale, "_.@:");
    n = n < size ? n : size;
    if (n >= sizeof name)
        return NULL;
    memcpy(name, locale, n);
    name[n] = 0;
    const struct catalogue *c = catalogue_find(name);
    return c ? c->name : strcmp(name, "en") ? NULL : "en";
}

const char *language_of_environment(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *locale = NULL, *found = NULL;
    for (int i = 0; i < 3 && !(locale && *locale); i++)
        locale = getenv(variables[i]);
    size_t n = locale ? strcspn(locale, "_.@") : 0;
    if (n == 0 || !strncmp(locale, "C", n) || !strncmp(locale, "POSIX", n))
        return "en";
    const char *list = getenv("LANGUAGE");
    while (list && *list && !found) {
        n = strcspn(list, ":");
        found = known(list, n);
        list += n + (list[n] == ':');
    }
    if (!found)
        found = known(locale, strlen(locale));
    return found ? found : "en";
}

/* Saying */

static bool same_context(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static const struct message *message_find(const char *context,
                                          const char *english)
{
    const struct catalogue *c = catalogue();
    for (unsigned i = 0; c && i < c->count; i++)
        if (!strcmp(c->messages[i].english, english) &&
            same_context(c->messages[i].context, context))
            return &c->messages[i];
    return NULL;
}

const char *translate_in(const char *context, const char *english)
{
    const struct message *m = message_find(context, english);
    return m ? m->forms[0] : english;
}

const char *translate(const char *english)
{
    return translate_in(NULL, english);
}

const char *translate_many(const char *one, const char *many, unsigned long n)
{
    const struct catalogue *c = catalogue();
    const struct message *m = message_find(NULL, one);
    const char *form = m ? m->forms[c->form(n)] : NULL;
    return form ? form : n == 1 ? one : many;
}

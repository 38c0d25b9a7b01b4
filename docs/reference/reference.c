/*
 * reference TABLE prints a table of docs/ (in Markdown; ru-TABLE in Russian) or
 * of dist/man/ (man-TABLE, man-ru-TABLE) from the tables in the code, so that
 * what users read is what the program does.
 */
#include "core/basic/language.h"
#include "core/settings/param.h"
#include "core/tree/tree.h"

#include <stdio.h>
#include <string.h>

/* Prints the list of files with which the README of a mount ends. */
static void put_files(struct text *out)
{
    struct text readme = TEXT_INIT;
    tree_rows[TREE_README].show(NULL, &readme, NULL);
    const char *list = strstr(text_string(&readme), "\nREADME ");
    if (list)
        text_printf(out, "```text\n%s```\n", list + 1);
    text_release(&readme);
}

/* Prints text for man(7): backslashes are escaped, and so is a control
 * character at the beginning of a line. */
static void put_roff(struct text *out, const char *s)
{
    if (*s == '.' || *s == '\'')
        text_puts(out, "\\&");
    for (; *s; s++)
        text_add(out, *s == '\\' ? "\\e" : s, *s == '\\' ? 2 : 1);
}

/* The words of this program, which is not translated with the others. */
struct words {
    const char *accepted, *by_default, *none;
};
static const struct words english = {"Accepted: ", "; default: ", "none"},
                          russian_words = {
                              "Допустимо: ", "; по умолчанию: ", "нет"};

static void man_params(struct text *out, unsigned scope)
{
    const struct words *w =
        strcmp(language(), "ru") ? &english : &russian_words;
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct param *p = &params[i];
        if (!(p->scope & scope))
            continue;
        text_printf(out, ".TP\n.B %s\n", p->key);
        put_roff(out, _(p->meaning));
        text_printf(out, ".\n.br\n%s", w->accepted);
        param_accepts(p, out);
        text_printf(out, "%s%s.\n", w->by_default,
                    *p->fallback ? p->fallback : w->none);
    }
}

/* Prints the rows of a directory, which has this path. */
static void man_rows(struct text *out, enum tree_no directory, const char *path)
{
    for (enum tree_no no = 0; (no = row_next(directory, no));) {
        const struct row *row = &tree_rows[no];
        struct text own = TEXT_INIT;
        bool is_dir = row_is_directory(row);
        text_printf(&own, "%s%s%s", path, row_title(row), is_dir ? "/" : "");
        text_printf(out, ".TP\n.I %s\n", text_string(&own));
        put_roff(out, _(row->help));
        text_puts(out, ".\n");
        if (is_dir)
            man_rows(out, no, text_string(&own));
        text_release(&own);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned scope;
    } tables[] = {
        {"template", SCOPE_TEMPLATE}, {"type", SCOPE_TYPE},
        {"machine", SCOPE_MACHINE},   {"role", SCOPE_ROLE},
        {"service", SCOPE_SERVICE},
    };
    struct text out = TEXT_INIT;
    const char *name = argc == 2 ? argv[1] : "";
    bool man = !strncmp(name, "man-", 4);
    name += man ? 4 : 0;
    bool russian = !strncmp(name, "ru-", 3);
    name += russian ? 3 : 0;
    language_set(russian ? "ru" : "en");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(name, tables[i].name))
            (man ? man_params : param_table)(&out, tables[i].scope);
    if (!strcmp(name, "files") && man)
        man_rows(&out, TREE_ROOT, "");
    else if (!strcmp(name, "files"))
        put_files(&out);
    if (!out.size) {
        fprintf(stderr, "usage: reference [man-][ru-]template|type|machine|"
                        "role|service|files\n");
        return 2;
    }
    fputs(text_string(&out), stdout);
    text_release(&out);
    return 0;
}

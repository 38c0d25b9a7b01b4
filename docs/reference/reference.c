/*
 * reference TABLE: the tables of docs/, printed from those in the code, so
 * that what users read is what the program does.
 */
#include "param.h"
#include "show.h"

#include <stdio.h>
#include <string.h>

/* The list of files that ends the mount's README. */
static void put_files(struct text *out)
{
    static const char heading[] = "The files:\n\n";
    struct text readme = TEXT_INIT;
    show_readme(NULL, &readme, NULL);
    const char *list = strstr(text_string(&readme), heading);
    if (list)
        text_printf(out, "```text\n%s```\n", list + strlen(heading));
    text_release(&readme);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned scope;
    } tables[] = {
        {"template", SCOPE_TEMPLATE},
        {"type", SCOPE_TYPE},
        {"machine", SCOPE_MACHINE},
    };
    struct text out = TEXT_INIT;
    for (size_t i = 0; argc == 2 && i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(argv[1], tables[i].name))
            param_table(&out, tables[i].scope);
    if (argc == 2 && !strcmp(argv[1], "files"))
        put_files(&out);
    if (!out.size) {
        fprintf(stderr, "usage: reference template|type|machine|files\n");
        return 2;
    }
    fputs(text_string(&out), stdout);
    text_release(&out);
    return 0;
}

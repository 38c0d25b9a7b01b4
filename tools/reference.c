/*
 * reference TABLE: the tables of docs/, printed from those in the code, so
 * that what users read is what the program does.
 */
#include "param.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned scope;
} tables[] = {
    {"template", SCOPE_TEMPLATE},
    {"type", SCOPE_TYPE},
    {"machine", SCOPE_MACHINE},
};

int main(int argc, char **argv)
{
    struct text out = TEXT_INIT;
    for (size_t i = 0; argc == 2 && i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(argv[1], tables[i].name))
            param_table(&out, tables[i].scope);
    if (!out.size) {
        fprintf(stderr, "usage: reference template|type|machine\n");
        return 2;
    }
    fputs(text_string(&out), stdout);
    text_release(&out);
    return 0;
}

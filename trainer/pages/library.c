#include "trainer/pages/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_load(const char *file, const struct library_symbol *s)
{
    void *from = dlopen(file, RTLD_NOW);
    for (; from && s->name; s++) {
        void *found = dlsym(from, s->name);
        if (!found)
            return false;
        memcpy(s->to, &found, sizeof found);
    }
    return from != NULL;
}

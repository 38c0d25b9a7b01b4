#include "core/system/shipped.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "base.safetensors"

/* The folder of the program that runs; "" = it cannot be told. */
static void own_folder(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    out[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
}

int shipped_base_find(char **path, struct reason *why)
{
    char own[4096];
    own_folder(own, sizeof own);
    char *beside = xstrfmt("%s/" NAME, own);
    char *installed = xstrfmt("%s/../share/primofs/" NAME, own);
    *path = realpath(beside, NULL);
    if (!*path)
        *path = realpath(installed, NULL);
    int err =
        *path ? 0
              : refuse(why, EINVAL,
                       "the base model that comes with primofs is missing: "
                       "there is no '%s'; base = scratch would begin with a "
                       "fresh network",
                       installed);
    free(beside);
    free(installed);
    return err;
}

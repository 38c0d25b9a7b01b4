#include "trainer/basic/within.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool place_of(int fd, char place[PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, place, PATH_MAX - 1);
    place[n > 0 ? n : 0] = 0;
    return n > 0 && n < PATH_MAX - 1 && place[0] == '/';
}

bool is_within(int root, int fd)
{
    char folder[PATH_MAX], place[PATH_MAX];
    if (!place_of(root, folder) || !place_of(fd, place))
        return false;
    size_t n = strlen(folder);
    if (n == 1) /* the root of all */
        return true;
    return !strncmp(place, folder, n) && (!place[n] || place[n] == '/');
}

#include "core/far/kept.h"

#include "core/basic/alloc.h"
#include "core/basic/text.h"
#include "core/system/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads a name of ours. *tail is what is behind RUN and the dot. */
static bool name_read(const char *name, uint64_t *run, const char **tail)
{
    char *end;
    *run = strtoull(name, &end, 10);
    if (name[0] < '1' || name[0] > '9' || *end != '.' || !strcmp(end, ".lock"))
        return false;
    *tail = end + 1;
    return true;
}

static bool is_note(const char *tail)
{
    return !strncmp(tail, "at.", 3);
}

/* Calls act(dir, name, run, tail, context) for each file of ours. */
static void for_each(const char *runs,
                     void (*act)(int dir, const char *name, uint64_t run,
                                 const char *tail, const void *context),
                     const void *context)
{
    DIR *dir = opendir(runs);
    struct dirent *e;
    const char *tail;
    uint64_t run;
    while (dir && (e = readdir(dir)))
        if (name_read(e->d_name, &run, &tail))
            act(dirfd(dir), e->d_name, run, tail, context);
    if (dir)
        closedir(dir);
}

/* Artifacts */

struct part {
    uint64_t run;
    const char *name; /* of the artifact */
    const char *file; /* its own, which stays */
};

/* Whether what is behind RUN is such a part: NAME.SIZE.TIME. */
static bool is_part_of(const char *tail, const char *name)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = strlen(name);
    if (strncmp(tail, name, n) || tail[n] != '.')
        return false;
    tail += n + 1;
    tail += strspn(tail, hex);
    return *tail == '.' && !tail[1 + strspn(tail + 1, hex)];
}

static void other_remove(int dir, const char *name, uint64_t run,
                         const char *tail, const void *context)
{
    const struct part *p = context;
    if (run == p->run && is_part_of(tail, p->name) && strcmp(name, p->file))
        unlinkat(dir, name, 0);
}

char *kept_part(const char *runs, uint64_t run, const char *name, uint64_t size,
                uint64_t time)
{
    char *path = xstrfmt("%s/%" PRIu64 ".%s.%" PRIx64 ".%" PRIx64, runs, run,
                         name, size, time);
    struct part p = {run, name, path + strlen(runs) + 1};
    for_each(runs, other_remove, &p);
    return path;
}

/* Notes */

static char *note_path(const char *runs, uint64_t run, const struct link *l)
{
    char *place = xstrfmt("%s\n%s", l->host, l->directory);
    struct text t = {.data = place, .size = strlen(place)};
    char *path =
        xstrfmt("%s/%" PRIu64 ".at.%016" PRIx64, runs, run, text_print(&t));
    free(place);
    return path;
}

int kept_note(const char *runs, uint64_t run, const struct link *l,
              struct reason *why)
{
    char *path = note_path(runs, run, l);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int code = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (code)
        refuse_errno(why, code, "cannot write '%s'", path);
    free(path);
    int dir = code ? -code : directory_open(runs, why);
    int err = dir < 0 ? dir : directory_sync(dir, why);
    if (dir >= 0)
        close(dir);
    return err;
}

bool kept_is_noted(const char *runs, uint64_t run, const struct link *l)
{
    char *path = note_path(runs, run, l);
    bool noted = access(path, F_OK) == 0;
    free(path);
    return noted;
}

/* Removing */

static void own_remove(int dir, const char *name, uint64_t run,
                       const char *tail, const void *context)
{
    (void)tail;
    if (run == *(const uint64_t *)context)
        unlinkat(dir, name, 0);
}

void kept_forget(const char *runs, uint64_t run)
{
    for_each(runs, own_remove, &run);
}

static void unneeded_remove(int dir, const char *name, uint64_t run,
                            const char *tail, const void *context)
{
    const struct launch_sweep *sweep = context;
    if (!is_note(tail) && sweep->needed(sweep->context, run) == 0)
        unlinkat(dir, name, 0);
}

void kept_sweep(const char *runs, const struct launch_sweep *sweep)
{
    for_each(runs, unneeded_remove, sweep);
}

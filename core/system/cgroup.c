#include "core/system/cgroup.h"

#include "core/basic/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is called with the folder of each group. */
typedef void group_fn(const char *dir, void *context);

static bool number_read(const char *dir, const char *file, double *out)
{
    char path[4096], line[64];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool got = fgets(line, sizeof line, f);
    fclose(f);
    line[got ? strcspn(line, " \n") : 0] = 0;
    return got && parse_double(line, out);
}

static bool listed(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *w = words; w; w = strchr(w, ',')) {
        w += *w == ',';
        if (!strncmp(w, word, n) && (!w[n] || w[n] == ','))
            return true;
    }
    return false;
}

/* The process's group in the hierarchy of `controller` (NULL = version 2),
 * from /proc/self/cgroup's lines "id:controllers:path". */
static bool group_path(const char *root, const char *controller, char *out,
                       size_t size)
{
    char file[4096], line[4096];
    snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
    FILE *f = fopen(file, "re");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':');
        char *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        names++;
        found = controller ? listed(names, controller) : !*names;
        if (found)
            snprintf(out, size, "%s", path);
    }
    if (f)
        fclose(f);
    return found;
}

/* Cuts a line of mountinfo, which reads "id parent dev ROOT POINT options… -
 * TYPE source SUPER", into the fields in capitals. */
static bool mount_fields(char *line, char **from, char **point, char **type,
                         char **super)
{
    line[strcspn(line, "\n")] = 0;
    char *tail = strstr(line, " - "), *rest = line;
    if (!tail)
        return false;
    *tail = 0;
    for (int i = 0; i < 3; i++)
        strsep(&rest, " ");
    *from = strsep(&rest, " ");
    *point = strsep(&rest, " ");
    tail += 3;
    *type = strsep(&tail, " ");
    strsep(&tail, " ");
    *super = tail;
    return *point && *super;
}

/* Where the hierarchy is mounted, and which group is the mount's root. */
static bool mount_find(const char *root, const char *controller, char *point,
                       char *top, size_t size)
{
    char file[4096], line[8192];
    snprintf(file, sizeof file, "%s/proc/self/mountinfo", root);
    FILE *f = fopen(file, "re");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *from, *at, *type, *super;
        if (!mount_fields(line, &from, &at, &type, &super))
            continue;
        found = controller
                    ? !strcmp(type, "cgroup") && listed(super, controller)
                    : !strcmp(type, "cgroup2");
        if (found) {
            snprintf(point, size, "%s%s", root, at);
            snprintf(top, size, "%s", from);
        }
    }
    if (f)
        fclose(f);
    return found;
}

static void groups_walk(const char *root, const char *controller, group_fn *fn,
                        void *context)
{
    char point[4096], top[4096], path[4096], dir[8192];
    if (!mount_find(root, controller, point, top, sizeof top) ||
        !group_path(root, controller, path, sizeof path))
        return;
    const char *below = path;
    size_t n = strlen(top);
    if (n > 1)
        below = strncmp(path, top, n) ? "" : path + n;
    if (strstr(below, "/..") || !strcmp(below, "/"))
        below = "";
    size_t base = strlen(point);
    snprintf(dir, sizeof dir, "%s%s", point, below);
    for (;;) {
        fn(dir, context);
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < base)
            return;
        *slash = 0;
    }
}

static void quota_2(const char *dir, void *context)
{
    double *cpus = context, quota, period;
    char path[8300], line[64];
    snprintf(path, sizeof path, "%s/cpu.max", dir);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fgets(line, sizeof line, f) &&
        sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0)
        *cpus = fmin(*cpus, quota / period);
    fclose(f);
}

static void quota_1(const char *dir, void *context)
{
    double *cpus = context, quota, period;
    if (number_read(dir, "cpu.cfs_quota_us", &quota) && quota > 0 &&
        number_read(dir, "cpu.cfs_period_us", &period) && period > 0)
        *cpus = fmin(*cpus, quota / period);
}

double cgroup_cpus(const char *root)
{
    double cpus = INFINITY;
    groups_walk(root, NULL, quota_2, &cpus);
    groups_walk(root, "cpu", quota_1, &cpus);
    return cpus;
}

/* Lowers the room to what the group's limit leaves above `usage`. NULL = the
 * limit itself counts, whatever is in use. */
static void room_take(const char *dir, const char *limit, const char *usage,
                      uint64_t *room)
{
    double most, used = 0;
    if (!number_read(dir, limit, &most) || most >= 9e18 ||
        (usage && !number_read(dir, usage, &used)))
        return;
    uint64_t left = most > used ? (uint64_t)(most - used) : 0;
    if (left < *room)
        *room = left;
}

static void memory_2(const char *dir, void *context)
{
    room_take(dir, "memory.max", "memory.current", context);
}

static void memory_1(const char *dir, void *context)
{
    room_take(dir, "memory.limit_in_bytes", "memory.usage_in_bytes", context);
}

static void limit_2(const char *dir, void *context)
{
    room_take(dir, "memory.max", NULL, context);
}

static void limit_1(const char *dir, void *context)
{
    room_take(dir, "memory.limit_in_bytes", NULL, context);
}

static uint64_t memory_least(const char *root, group_fn *version_2,
                             group_fn *version_1)
{
    uint64_t least = UINT64_MAX;
    groups_walk(root, NULL, version_2, &least);
    groups_walk(root, "memory", version_1, &least);
    return least;
}

uint64_t cgroup_memory_limit(const char *root)
{
    return memory_least(root, limit_2, limit_1);
}

uint64_t cgroup_memory(const char *root)
{
    return memory_least(root, memory_2, memory_1);
}

#include "core/system/threads.h"

#include "core/basic/language.h"
#include "core/system/cgroup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    SIBLINGS = 64
}; /* so many bytes of a core's list distinguish it from others */

/* The processors that share the core of `cpu`, as the kernel writes them. */
static void siblings_read(const char *root, int cpu, char *out)
{
    char path[4096];
    snprintf(out, SIBLINGS, "%d\n", cpu);
    snprintf(path, sizeof path,
             "%s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
             root, cpu);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (!fgets(out, SIBLINGS, f))
        snprintf(out, SIBLINGS, "%d\n", cpu);
    fclose(f);
}

static int cores_count(const char *root, const cpu_set_t *allowed)
{
    char seen[CPU_SETSIZE][SIBLINGS], own[SIBLINGS];
    int cores = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, allowed))
            continue;
        siblings_read(root, cpu, own);
        int i = 0;
        while (i < cores && strcmp(seen[i], own))
            i++;
        if (i == cores)
            strcpy(seen[cores++], own);
    }
    return cores;
}

/* Where the mask cannot be read, because there are more processors than it has
 * bits, all processors that fit into it count. */
static void affinity_read(cpu_set_t *own)
{
    CPU_ZERO(own);
    if (sched_getaffinity(0, sizeof *own, own) == 0)
        return;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (int cpu = 0; cpu < online && cpu < CPU_SETSIZE; cpu++)
        CPU_SET(cpu, own);
}

static void explain(struct threads *t)
{
    char processors[100], cores[100], quota[120] = "";
    snprintf(processors, sizeof processors,
             P_("%d processor allowed", "%d processors allowed", t->allowed),
             t->allowed);
    snprintf(cores, sizeof cores,
             P_("%d physical core", "%d physical cores", t->cores), t->cores);
    if (isfinite(t->quota))
        snprintf(quota, sizeof quota, _(", a cgroup quota of %.2f processors"),
                 t->quota);
    snprintf(t->why, sizeof t->why, "%s, %s%s", processors, cores, quota);
}

void threads_find(struct threads *t, const char *root, const cpu_set_t *allowed)
{
    cpu_set_t own;
    if (!allowed) {
        affinity_read(&own);
        allowed = &own;
    }
    t->allowed = CPU_COUNT(allowed);
    t->cores = cores_count(root, allowed);
    t->quota = cgroup_cpus(root);
    t->use = t->cores > 0 ? t->cores : 1;
    if (isfinite(t->quota)) {
        int whole = t->quota < 1 ? 1 : (int)t->quota;
        t->use = whole < t->use ? whole : t->use;
    }
    explain(t);
}

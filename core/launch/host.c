#include "core/launch/host.h"

#include "core/basic/clock.h"
#include "core/basic/text.h"
#include "core/launch/spawn.h"
#include "core/system/cgroup.h"
#include "core/system/threads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

enum { LOOK_SECONDS = 5 };

/* Takes the processor's name from /proc/cpuinfo; where it has none, as on ARM,
 * the kind of machine. */
static void processor_read(char *out, size_t size)
{
    struct utsname name;
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "%s", uname(&name) == 0 ? name.machine : "");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", strlen("model name"))) {
            char *value = strchr(line, ':');
            if (!value)
                continue;
            value += 1 + strspn(value + 1, " \t");
            value[strcspn(value, "\n")] = 0;
            snprintf(out, size, "%s", value);
            break;
        }
    if (f)
        fclose(f);
}

static uint64_t memory_read(void)
{
    struct sysinfo i;
    uint64_t limit = cgroup_memory_limit("");
    uint64_t all = sysinfo(&i) == 0 ? (uint64_t)i.totalram * i.mem_unit : 0;
    return limit < all ? limit : all;
}

static double load_read(void)
{
    double load;
    return getloadavg(&load, 1) == 1 ? round(load * 10) / 10 : NAN;
}

/* The version is the last word of what `primo-train --version` prints. */
static void version_read(const char *trainer, char *out, size_t size)
{
    struct text said = TEXT_INIT;
    *out = 0;
    if (trainer_ask(trainer, "--version", &said, NULL) == 0) {
        text_resize(&said, strcspn(text_string(&said), "\n"));
        const char *word = strrchr(text_string(&said), ' ');
        snprintf(out, size, "%s", word ? word + 1 : text_string(&said));
    }
    text_release(&said);
}

static bool same_program(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void trainer_look(struct host *h, const char *trainer, char *version,
                         size_t size)
{
    struct stat st = {0};
    stat(trainer, &st);
    if (same_program(&st, &h->trainer))
        return;
    h->trainer = st;
    version_read(trainer, version, size);
}

static bool same_facts(const struct machine_facts *a,
                       const struct machine_facts *b)
{
    return !strcmp(a->processor, b->processor) &&
           !strcmp(a->trainer, b->trainer) && a->cores == b->cores &&
           a->memory == b->memory &&
           (a->load == b->load || (isnan(a->load) && isnan(b->load)));
}

void host_init(struct host *h)
{
    *h = (struct host){.facts = {.load = NAN}, .looked = -LOOK_SECONDS};
    pthread_mutex_init(&h->lock, NULL);
}

void host_release(struct host *h)
{
    pthread_mutex_destroy(&h->lock);
}

void host_facts(struct host *h, struct machine_facts *out)
{
    pthread_mutex_lock(&h->lock);
    *out = h->facts;
    pthread_mutex_unlock(&h->lock);
}

void host_look(struct host *h, const char *trainer)
{
    double now = monotonic_now();
    struct machine_facts f;
    struct threads t;
    if (now - h->looked < LOOK_SECONDS)
        return;
    h->looked = now;
    host_facts(h, &f);
    threads_find(&t, "", NULL);
    f.cores = t.use;
    f.memory = memory_read();
    f.load = load_read();
    if (!*f.processor)
        processor_read(f.processor, sizeof f.processor);
    trainer_look(h, trainer, f.trainer, sizeof f.trainer);
    pthread_mutex_lock(&h->lock);
    if (!same_facts(&f, &h->facts)) {
        f.changed = clock_ns();
        h->facts = f;
    }
    pthread_mutex_unlock(&h->lock);
}

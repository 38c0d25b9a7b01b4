#include "trainer/machine/team_wait.h"

#include "core/basic/clock.h"
#include "trainer/machine/headroom.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Turns of a waiting thread before it sleeps: some 10 us. With 0 a step loses
 * a tenth to waking up; with 10000 and more, beside another busy process, the
 * threads spin away the time that the one they wait for would need. */
#define SPIN_COUNT "3000"

#define LOOK_SECONDS 0.5
/* How much of the time between two looks the thread spent queueing. */
#define CROWDED 0.05
#define QUIET   0.02

static bool queued_read(const struct team_wait *c, uint64_t *nanoseconds)
{
    char line[128];
    ssize_t n = pread(c->schedstat, line, sizeof line - 1, 0);
    if (n <= 0)
        return false;
    line[n] = 0;
    return sscanf(line, "%*u %" SCNu64, nanoseconds) == 1;
}

/* The thread of the second team, which lasts as long as this thread. */
static void *second_team(void *context)
{
    struct team_wait *c = context;
    headroom_for_team(2, NULL); /* on failure there is no second team, which is
                                   no loss but of speed */
    while (sem_wait(&c->over) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void team_end(struct team_wait *c)
{
    if (!c->about)
        return;
    sem_post(&c->over);
    pthread_join(c->team, NULL);
    c->about = false;
}

void team_wait_init(struct team_wait *c)
{
    *c = (struct team_wait){.schedstat = -1};
    sem_init(&c->over, 0, 0);
}

void team_wait_watch(struct team_wait *c, const char *schedstat, int threads)
{
    if (threads < 2 || threads < omp_get_num_procs() || headroom_is_limited())
        return;
    c->schedstat = open(schedstat, O_RDONLY | O_CLOEXEC);
    queued_read(c, &c->queued);
    c->looked = monotonic_now();
}

void team_wait_look(struct team_wait *c)
{
    double now = monotonic_now(), passed = now - c->looked;
    uint64_t queued;
    if (c->schedstat < 0 || passed < LOOK_SECONDS || !queued_read(c, &queued))
        return;
    double part = (double)(queued - c->queued) * 1e-9 / passed;
    c->looked = now;
    c->queued = queued;
    if (part > CROWDED && !c->about)
        c->about = pthread_create(&c->team, NULL, second_team, c) == 0;
    else if (part < QUIET)
        team_end(c);
}

void team_wait_release(struct team_wait *c)
{
    team_end(c);
    sem_destroy(&c->over);
    if (c->schedstat >= 0)
        close(c->schedstat);
}

/* libgomp binds the threads that it makes, which a confined process may not do:
 * who wants to choose processors says so to the kernel (taskset, cgroups). */
static bool binding_drop(void)
{
    static const char *const names[] = {"OMP_PROC_BIND", "OMP_PLACES",
                                        "GOMP_CPU_AFFINITY"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            any = unsetenv(names[i]) == 0;
    return any;
}

void team_wait_spin_little(char **argv)
{
    char path[4096];
    /* Where a loader that was brought along has started this program, the
     * kernel knows only that loader (core/far/bundle.c). */
    const char *script = getenv("PRIMOFS_PROGRAM");
    ssize_t n = script ? snprintf(path, sizeof path, "%s", script)
                       : readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0 || n >= (ssize_t)sizeof path)
        return;
    path[n] = 0;
    bool again = binding_drop();
    if (!getenv("GOMP_SPINCOUNT") && !getenv("OMP_WAIT_POLICY"))
        again |= setenv("GOMP_SPINCOUNT", SPIN_COUNT, 1) == 0;
    if (again)
        execv(path, argv);
}

#include "core/launch/local_inside.h"

#include "core/basic/alloc.h"
#include "core/launch/decoded.h"
#include "core/launch/prepare.h"
#include "core/launch/spawn.h"
#include "core/system/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* Life cycle */

static void *local_open(const struct launch_site *site)
{
    struct local *l = xcalloc(1, sizeof *l);
    (void)site;
    host_init(&l->host);
    children_init(&l->children);
    pthread_mutex_init(&l->spawning, NULL);
    return l;
}

static void local_close(void *own)
{
    struct local *l = own;
    pthread_mutex_destroy(&l->spawning);
    children_release(&l->children);
    host_release(&l->host);
    free(l);
}

/* Start */

/* Starts the trainer in its directory. The caller holds the lock of the run,
 * which the trainer inherits. */
static int start_in(const struct launch_site *site, uint64_t run,
                    struct spawning *sp, struct reason *why)
{
    pid_t pid;
    sp->words = foreign_renew(sp->dir, "stderr", why);
    if (sp->words < 0)
        return sp->words;
    pthread_mutex_lock(&local_of(site)->spawning);
    int err = trainer_spawn(site->trainer, sp, &pid, why);
    pthread_mutex_unlock(&local_of(site)->spawning);
    close(sp->words);
    if (err == 0)
        child_note(&local_of(site)->children, run, pid);
    return err;
}

static int start_once(const struct launch_site *site, uint64_t run,
                      struct spawning *sp, struct reason *why)
{
    sp->dir = run_prepare(site->runs, run, sp->job, why);
    if (sp->dir < 0)
        return sp->dir;
    int err = start_in(site, run, sp, why);
    close(sp->dir);
    return err;
}

/* Only root can run a trainer as another user. */
static void user_take(struct run_job *job)
{
    if (geteuid() == 0)
        return;
    job->uid = geteuid();
    job->gid = getegid();
}

static int local_start(const struct launch_target *target, uint64_t run,
                       const struct run_job *wanted, struct reason *why)
{
    const struct launch_site *site = target->site;
    struct run_job job = *wanted;
    struct spawning sp = {.path = local_path(site, run, ""), .job = &job};
    char *path = local_path(site, run, ".lock");
    int err = 0;
    user_take(&job);
    sp.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (sp.lock < 0)
        err = refuse_errno(why, errno, "cannot open '%s'", path);
    else if (flock(sp.lock, LOCK_EX | LOCK_NB) == 0)
        err = start_once(site, run, &sp, why);
    else if (errno != EWOULDBLOCK) /* else the trainer already runs */
        err = refuse_errno(why, errno, "cannot lock '%s'", path);
    /* The trainer's own descriptor keeps the lock. If it was not started, we
     * must unlock explicitly: closing our descriptor is not enough, because a
     * trainer that another thread is just starting has a copy of it until it
     * calls exec(). */
    if (sp.lock >= 0 && err)
        flock(sp.lock, LOCK_UN);
    if (sp.lock >= 0)
        close(sp.lock);
    free(path);
    free((char *)sp.path);
    return err;
}

/* The machine */

static void local_look(const struct launch_site *site)
{
    struct local *l = local_of(site);
    pthread_mutex_lock(&l->spawning); /* this may spawn the trainer */
    host_look(&l->host, site->trainer);
    pthread_mutex_unlock(&l->spawning);
    decoded_tidy(site->runs, false);
}

static void local_facts(const struct launch_target *target,
                        struct machine_facts *out)
{
    host_facts(&local_of(target->site)->host, out);
}

const struct launcher launcher_local = {
    .name = "local",
    .open = local_open,
    .close = local_close,
    .look = local_look,
    .facts = local_facts,
    .sweep = local_sweep,
    .start = local_start,
    .alive = local_alive,
    .follow = local_follow,
    .tell = local_tell,
    .give = local_give,
    .fetch = local_fetch,
    .fetch_text = local_fetch_text,
    .stop = local_stop,
    .kill = local_kill,
    .last_words = local_last_words,
};

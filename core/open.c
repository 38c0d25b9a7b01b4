#include "core/open.h"

#include "core/basic/clock.h"
#include "core/basic/directory.h"
#include "core/launch/spawn.h"
#include "core/models/base_file.h"
#include "core/models/model.h"
#include "core/process/process.h"
#include "core/process/supervisor.h"
#include "core/state/builtin.h"
#include "core/tree/displaced.h"
#include "core/tree/handle.h"
#include "core/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 40 }; /* 50 ms apart */

/* A daemon that has just been unmounted may still be ending. */
static int lock_take(int fd)
{
    const struct timespec moment = {0, 50000000};
    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB); tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return -1;
        nanosleep(&moment, NULL);
    }
    return 0;
}

static int lock_state(struct primo *p, struct reason *why)
{
    char *path;
    if (asprintf(&path, "%s/lock", p->state) < 0)
        abort();
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int code = errno;
    free(path);
    if (p->lock < 0)
        return refuse_errno(why, code,
                            "the state directory '%s' cannot be "
                            "written",
                            p->state);
    if (lock_take(p->lock))
        return errno == EWOULDBLOCK
                   ? refuse(why, EBUSY,
                            "the state directory '%s' is in use by another "
                            "primofs",
                            p->state)
                   : refuse_errno(why, errno, "cannot lock '%s'", p->state);
    return 0;
}

static void primo_init(struct primo *p, const char *state)
{
    memset(p, 0, sizeof *p);
    p->lock = -1;
    p->owner = getuid();
    p->group = getgid();
    p->opened = clock_ns();
    p->state = strdup(state);
    p->trainer = trainer_find();
    if (!p->state || asprintf(&p->runs, "%s/runs", state) < 0 ||
        asprintf(&p->models, "%s/models", state) < 0 ||
        asprintf(&p->bases, "%s/bases", state) < 0)
        abort();
    pthread_mutex_init(&p->ids.lock, NULL);
    pthread_mutex_init(&p->change, NULL);
    pthread_mutex_init(&p->names, NULL);
    commits_init(&p->commits, &p->change);
    handles_init(&p->handles);
    scratch_init(&p->scratch);
    refusals_init(&p->refusals);
    roles_init(&p->roles, &p->owner);
    waiters_init(&p->waiters, process_has_ended, p);
    hidden_init(&p->hidden);
    launch_sites_open(&p->sites, p->runs, p->trainer);
}

static int primo_prepare(struct primo *p, struct reason *why)
{
    bool root = geteuid() == 0; /* runs belong to their users then */
    int err = directory_make(p->state, root, why);
    if (err == 0)
        err = lock_state(p, why);
    if (err == 0)
        err = store_open(&p->store, p->state, why);
    p->commits.store = p->store;
    if (err == 0)
        err = directory_make(p->runs, root, why);
    if (err == 0)
        err = directory_make(p->models, false, why);
    if (err == 0)
        err = directory_make(p->bases, false, why);
    if (err == 0)
        err = displaced_restore_all(p, why);
    if (err == 0)
        err = builtin_make(p, why);
    if (err)
        return err;
    model_sweep(p);
    bases_sweep(p, process_needs_run);
    times_load(&p->directories, p->store, p->opened);
    refusals_load(&p->refusals, p->store);
    roles_load(&p->roles, p->store);
    return supervisor_open(&p->supervisor, p, why);
}

int primo_open(struct primo *p, const char *state, struct reason *why)
{
    primo_init(p, state);
    int err = primo_prepare(p, why);
    if (err)
        primo_close(p);
    return err;
}

static int view_prepare(struct primo *p, struct reason *why)
{
    int err = store_open_view(&p->store, p->state, why);
    if (err == -ENOENT)
        refuse(why, ENOENT,
               "'%s' is not a state directory; a mount without -o ro makes one",
               p->state);
    if (err)
        return err;
    times_load(&p->directories, p->store, p->opened);
    refusals_load(&p->refusals, p->store);
    roles_load(&p->roles, p->store);
    return view_open(&p->view, p, why);
}

int primo_open_view(struct primo *p, const char *state, struct reason *why)
{
    primo_init(p, state);
    int err = view_prepare(p, why);
    if (err)
        primo_close(p);
    return err;
}

void primo_close(struct primo *p)
{
    view_close(p->view);
    supervisor_close(p->supervisor);
    handles_release(p);
    waiters_release(&p->waiters);
    if (p->store && p->supervisor) {
        times_save(&p->directories, p->store, NULL);
        refusals_save(&p->refusals, p->store, NULL);
    }
    store_close(p->store);
    if (p->lock >= 0)
        close(p->lock);
    scratch_release(&p->scratch);
    refusals_release(&p->refusals);
    roles_release(&p->roles);
    hidden_release(&p->hidden);
    launch_sites_close(&p->sites);
    free(p->state);
    free(p->runs);
    free(p->models);
    free(p->bases);
    free(p->trainer);
}

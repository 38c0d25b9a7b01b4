#include "core/open.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/inbox/spool.h"
#include "core/launch/spawn.h"
#include "core/lists/lists.h"
#include "core/models/base_file.h"
#include "core/models/model.h"
#include "core/models/shipped_base.h"
#include "core/process/process.h"
#include "core/serve/serve.h"
#include "core/state/builtin.h"
#include "core/state/copies.h"
#include "core/state/home.h"
#include "core/system/own.h"
#include "core/training/supervisor.h"
#include "core/tree/displaced.h"
#include "core/tree/handle.h"
#include "core/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LOCK_TRIES = 40, LOCK_MS = 50 }; /* between two tries */

/* Tries for two seconds: a daemon that was just unmounted may not have ended
 * yet, and holds the lock until then. */
static int lock_take(int fd)
{
    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB); tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return -1;
        clock_sleep(LOCK_MS);
    }
    return 0;
}

static int lock_state(struct primo *p, struct reason *why)
{
    p->lock = openat(p->state_dir, "lock",
                     O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->lock < 0)
        return refuse_errno(why, errno,
                            "the state directory '%s' cannot be "
                            "written",
                            p->state);
    int err = file_own_check(p->lock, "lock", why);
    if (err)
        return err;
    if (lock_take(p->lock))
        return errno == EWOULDBLOCK
                   ? refuse(why, EBUSY,
                            "the state directory '%s' is in use by another "
                            "primofs",
                            p->state)
                   : refuse_errno(why, errno, "cannot lock '%s'", p->state);
    return 0;
}

/* Whoever waits, waits for the end of a process or for the answer to a
 * request. */
static bool has_ended(void *context, uint64_t id, const char **word)
{
    struct primo *p = context;
    struct object o = OBJECT_INIT;
    bool request = object_load(p, id, &o) == 0 && o.kind == OBJECT_REQUEST;
    object_release(&o);
    return request ? serve_has_answered(p, id, word)
                   : process_has_ended(p, id, word);
}

static void primo_init(struct primo *p, const char *state)
{
    memset(p, 0, sizeof *p);
    p->lock = -1;
    p->state_dir = p->models_dir = p->bases_dir = p->runs_dir = p->spool_dir =
        p->lost_dir = -1;
    p->owner = getuid();
    p->group = getgid();
    p->opened = clock_ns();
    p->state = xstrdup(state);
    p->trainer = trainer_find();
    p->runs = xstrfmt("%s/runs", state);
    pthread_mutex_init(&p->ids.lock, NULL);
    pthread_mutex_init(&p->change, NULL);
    pthread_mutex_init(&p->names, NULL);
    commits_init(&p->commits, &p->change);
    handles_init(&p->handles);
    usage_init(&p->usage, &p->owner);
    texts_init(&p->texts, &p->usage);
    bodies_init(&p->bodies, &p->usage);
    scratch_init(&p->scratch, &p->usage);
    replaced_init(&p->replaced);
    refusals_init(&p->refusals);
    roles_init(&p->roles, &p->owner);
    waiters_init(&p->waiters, has_ended, p);
    hidden_init(&p->hidden);
    charts_init(&p->charts);
    launch_sites_open(&p->sites, p->runs, p->trainer);
}

static bool take_first(void *context, const struct reason *why)
{
    *(struct reason *)context = *why;
    return false;
}

/* Reads every object once. Sweeps delete what no object names, so that they
 * must not run while some object cannot be read. */
static int check_objects(struct primo *p, struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(p->store, false, &txn, why);
    if (err)
        return err;
    err = objects_check(txn, take_first, why);
    store_abort(txn);
    return err;
}

static int refuse_damage(struct primo *p, struct reason *why)
{
    struct reason cause = *why;
    return refuse(why, EUCLEAN,
                  "%s: %s; nothing was changed. 'primofs --check %s' says what "
                  "is damaged, 'primofs --salvage %s' brings what can be read "
                  "into a new database",
                  p->state, cause.sentence, p->state, p->state);
}

/* A database is created only where there never was one. A new, empty one beside
 * the bodies of models and bases would name none of them, and the sweep would
 * delete them all. */
static int open_store(struct primo *p, struct reason *why)
{
    const char *what;
    int bare = home_is_bare(p, &what, why);
    if (bare < 0)
        return bare;
    int err = store_open(&p->store, p->state_dir, bare, why);
    if (err == 0)
        err = check_objects(p, why);
    if (err == -ENOENT || (err == 0 && !bare && !builtin_there(p)))
        err = home_refuse_bare(p, what, why);
    else if (err == -EUCLEAN)
        err = refuse_damage(p, why);
    else if (err)
        reason_prefix(why, "%s: ", p->state);
    p->commits.store = p->store;
    return err;
}

/* This comes before anything else is written. A new state directory gets its
 * identity last, so that one whose making was cut short still counts as new. */
static int settle(struct primo *p, struct reason *why)
{
    int err = builtin_there(p) ? home_identify(p, why) : 0;
    if (err == 0)
        err = builtin_make(p, why);
    return err ? err : home_identify(p, why);
}

static void sweep(struct primo *p)
{
    model_sweep(p);
    bases_sweep(p, process_run_fate);
    spool_sweep(p);
}

static int primo_prepare(struct primo *p, struct reason *why)
{
    int err = home_open(p, why);
    if (err == 0)
        err = lock_state(p, why);
    if (err == 0)
        err = home_fill(p, why);
    if (err == 0)
        err = open_store(p, why);
    if (err == 0)
        err = settle(p, why);
    if (err == 0)
        err = displaced_restore_all(p, why);
    if (err)
        return err;
    times_load(&p->directories, p->store, p->opened);
    refusals_load(&p->refusals, p->store);
    roles_load(&p->roles, p->store);
    shipped_base_take(p);
    sweep(p);
    err = supervisor_open(&p->supervisor, p, why);
    if (err == 0)
        err = serve_open(&p->serve, p, why);
    if (err == 0)
        err = lists_open(&p->lists, p, why);
    return err ? err : copies_open(&p->copies, p, why);
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
    int err = home_open_view(p, why);
    if (err == 0)
        err = home_open_folders(p, why);
    if (err == 0)
        err = store_open_view(&p->store, p->state_dir, why);
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
    copies_close(p->copies);
    lists_close(p->lists);
    serve_close(p->serve);
    p->serve = NULL;
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
    replaced_release(&p->replaced);
    bodies_release(&p->bodies);
    texts_release(&p->texts);
    usage_release(&p->usage);
    refusals_release(&p->refusals);
    roles_release(&p->roles);
    hidden_release(&p->hidden);
    charts_release(&p->charts);
    launch_sites_close(&p->sites);
    free(p->state);
    free(p->runs);
    home_close(p);
    free(p->trainer);
}

bool primo_reads_store(void)
{
    return store_is_at_work();
}

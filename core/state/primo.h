/*
 * The system behind the tree: one struct primo for one state directory. Owns
 * everything in core/ that lives longer than a request; core/open.h opens one.
 *
 * STATE/lock keeps a second daemon out, STATE/db is the store, STATE/models/ID
 * are the bodies of models, STATE/bases/ID those of bases, STATE/spool/ has
 * those of requests, STATE/runs/ID are run directories. Below STATE everything
 * is opened from a descriptor; the paths are for sentences and for launchers.
 */
#ifndef PRIMO_PRIMO_H
#define PRIMO_PRIMO_H

#include "core/clients/handles.h"
#include "core/clients/hidden.h"
#include "core/clients/refusals.h"
#include "core/clients/replaced.h"
#include "core/clients/scratch.h"
#include "core/clients/times.h"
#include "core/clients/waiters.h"
#include "core/launch/launcher.h"
#include "core/rights/caller.h"
#include "core/rights/roles.h"
#include "core/state/commit.h"
#include "core/store/object.h"
#include "core/store/store.h"
#include "core/usage/bodies.h"
#include "core/usage/charts.h"
#include "core/usage/texts.h"

#include <pthread.h>
#include <sys/types.h>

struct supervisor;
struct serve;
struct lists;
struct copies;
struct view;

struct primo {
    char *state;   /* absolute path of the state directory */
    char *runs;    /* absolute path of STATE/runs */
    char *trainer; /* absolute path of primo-train */
    int lock;      /* descriptor of STATE/lock */
    /* descriptors of the state directory and of directories in it; -1 in a
     * view, but for the first three */
    int state_dir, models_dir, bases_dir, runs_dir, spool_dir, lost_dir;
    uid_t owner; /* who mounted: may do all, as root may */
    gid_t group;
    int64_t opened; /* ns: when this mount began */
    struct store *store;
    struct id_source ids;
    struct usage usage; /* what users make the daemon hold */
    struct texts texts;
    struct bodies bodies;
    struct scratch scratch;
    struct replaced replaced; /* inputs over which others were renamed */
    struct refusals refusals;
    struct roles roles;
    struct waiters waiters;
    struct hidden hidden;
    struct charts charts;
    struct times directories;
    struct handles handles;
    struct launch_sites sites; /* how machines are reached */
    /* Held by whoever changes what is in the tree, but for making a new file.
     * Taken before a write transaction, never within one. */
    pthread_mutex_t change;
    /* Held by whoever gives a file a name: a new one, which is in scratch at
     * first and so needs no transaction to end, or, under `change`, another. */
    pthread_mutex_t names;
    struct commits commits;        /* saves, which are made durable together */
    struct supervisor *supervisor; /* NULL in a view */
    struct serve *serve;           /* NULL in a view */
    struct lists *lists;           /* NULL in a view */
    struct view *view;             /* NULL = not a view */
    struct copies *copies;         /* NULL in a view */
};

/* Read: an object wherever it lives, scratch first; 0 or -ENOENT, -EIO */
int object_load(struct primo *primo, uint64_t id, struct object *out);
/* The same, or the object as it was when another was renamed over it. */
int object_load_replaced(struct primo *primo, uint64_t id, struct object *out);
int object_search(struct primo *primo, uint64_t parent, const char *name,
                  struct object *out);

/* Whether the object counts under its own name. That holds also while it has a
 * scratch name, as long as no other file has taken its own. */
bool object_by_own_name(struct primo *primo, const struct object *o);

/* Change */

/* Note that names in a fixed directory of the tree have changed. */
void directory_changed(struct primo *primo, unsigned no);

#endif

#include "core/models/model.h"

#include "core/basic/clock.h"
#include "core/models/sweep.h"
#include "core/state/events.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "core/system/directory.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read */

/* Opens the directory of a version. Returns a descriptor or -errno. */
static int body_directory(const struct primo *primo, uint64_t id)
{
    char folder[32];
    snprintf(folder, sizeof folder, "%" PRIu64, id);
    int fd = openat(primo->models_dir, folder,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int model_file_open(const struct primo *primo, uint64_t id, const char *name,
                    struct reason *why)
{
    int dir = body_directory(primo, id);
    if (dir < 0)
        return refuse_errno(why, -dir, "the model's files cannot be opened");
    int fd = file_open(dir, name, why);
    close(dir);
    return fd;
}

int64_t model_file_size(const struct primo *primo, uint64_t id,
                        const char *name)
{
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "%" PRIu64 "/%s", id, name);
    return fstatat(primo->models_dir, path, &st, AT_SYMLINK_NOFOLLOW)
               ? -errno
               : st.st_size;
}

/* Remove */

/* What is to be removed: a version or a family. */
struct removal {
    struct primo *primo;
    const struct caller *caller;
    uint64_t id;
    model_may_go *may_go; /* NULL = nothing else has to be asked */
    void *context;        /* for it */
    const char *what;     /* for `events` */
};

/* The directory of the model's files. */
static void removal_folder(const struct removal *r, char name[32])
{
    snprintf(name, 32, "%" PRIu64, r->id);
}

static int drop_found(const struct removal *r, struct store_txn *txn,
                      const struct object *o, struct reason *why)
{
    struct object family = OBJECT_INIT;
    char called[600];
    if (object_has_children(txn, o->id))
        return refuse(why, ENOTEMPTY, "models/%s has versions", o->name);
    int err = r->may_go ? r->may_go(r->context, txn, o, why) : 0;
    if (err)
        return err;
    if (object_get(txn, o->parent, &family))
        snprintf(called, sizeof called, "models/%s", o->name);
    else
        snprintf(called, sizeof called, "models/%s/%s", family.name, o->name);
    object_release(&family);
    err = object_drop(txn, o, why);
    return err ? err
               : event_add(txn, r->caller->uid, called, why, "%s", r->what);
}

static int drop_once(const struct removal *r, struct reason *why)
{
    struct store_txn *txn;
    struct object o = OBJECT_INIT;
    int err = store_begin(r->primo->store, true, &txn, why);
    if (err)
        return err;
    err = object_get(txn, r->id, &o);
    if (err)
        refuse(why, -err, "the model is gone");
    else
        err = drop_found(r, txn, &o, why);
    object_release(&o);
    return store_end(txn, err, why);
}

/* Nothing else changes the tree between the tries. */
static int drop(const struct removal *r, struct reason *why)
{
    char folder[32];
    removal_folder(r, folder);
    pthread_mutex_lock(&r->primo->change);
    int err = drop_once(r, why);
    if (store_makes_room(r->primo->store, err))
        err = drop_once(r, why);
    if (is_full(err)) {
        /* The files are nearly all that the model takes, and whoever removes it
         * wants that room: they make it for the store, too. */
        directory_remove(r->primo->models_dir, folder, NULL);
        err = drop_once(r, why);
        if (store_makes_room(r->primo->store, err))
            err = drop_once(r, why);
    }
    pthread_mutex_unlock(&r->primo->change);
    return err;
}

int model_family_remove(struct primo *primo, const struct caller *caller,
                        uint64_t id, struct reason *why)
{
    const struct removal r = {primo, caller, id, NULL, NULL, "removed"};
    return drop(&r, why);
}

int model_remove(struct primo *primo, const struct caller *caller, uint64_t id,
                 model_may_go *may_go, void *context, const char *what,
                 struct reason *why)
{
    const struct removal r = {primo, caller, id, may_go, context, what};
    char name[32];
    removal_folder(&r, name);
    int err = drop(&r, why);
    if (err)
        return err;
    /* the sweep at the next mount removes what is left */
    directory_remove(primo->models_dir, name, NULL);
    return 0;
}

/* Files that were removed alone */

/* The path of a version or a family. -ENOENT: it was removed since. */
static int model_path(struct store_txn *txn, uint64_t id, struct text *out)
{
    struct object o = OBJECT_INIT;
    int err = object_get(txn, id, &o);
    if (err == 0 && o.kind == OBJECT_VERSION)
        err = model_path(txn, o.parent, out);
    else if (err == 0)
        text_puts(out, "models");
    if (err == 0)
        text_printf(out, "/%s", o.name);
    object_release(&o);
    return err;
}

static void file_return(struct primo *primo, const struct hidden_file *file)
{
    struct text path = TEXT_INIT;
    struct store_txn *txn;
    if (!file->name || store_begin(primo->store, true, &txn, NULL))
        return;
    int err = model_path(txn, file->inode >> 8, &path);
    text_printf(&path, "/%s", file->name);
    if (err == 0)
        err = event_add(txn, file->user, text_string(&path), NULL,
                        "was removed alone and is back; rm -r removes the "
                        "version");
    store_end(txn, err, NULL);
    text_release(&path);
}

void model_files_return(struct primo *primo)
{
    struct hidden_file file;
    while (hidden_take_due(&primo->hidden, clock_ns(), &file))
        file_return(primo, &file);
}

/* Sweep */

static int version_fate(struct store_txn *txn, const char *name,
                        run_fate *of_run)
{
    struct object o = OBJECT_INIT;
    char *end;
    uint64_t id = strtoull(name, &end, 10);
    (void)of_run;
    if (!id || (*end && strcmp(end, ".new")))
        return SWEEP_KEEP; /* the name is not one of ours */
    if (*end)
        return SWEEP_DELETE; /* a crash has interrupted the publishing */
    int err = object_get(txn, id, &o);
    bool named = err == 0 && o.kind == OBJECT_VERSION;
    object_release(&o);
    if (err && err != -ENOENT)
        return err;
    return named ? SWEEP_KEEP : sweep_unnamed(txn, GARBAGE_MODELS, id);
}

void model_sweep(struct primo *primo)
{
    sweep_folder(primo, primo->models_dir, GARBAGE_MODELS, version_fate, NULL);
}

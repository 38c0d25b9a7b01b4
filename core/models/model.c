#include "core/models/model.h"

#include "core/basic/clock.h"
#include "core/basic/directory.h"
#include "core/basic/file.h"
#include "core/state/events.h"
#include "core/store/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read */

static void body_path(const struct primo *primo, uint64_t id, const char *name,
                      char *out, size_t size)
{
    snprintf(out, size, "%s/%" PRIu64 "/%s", primo->models, id, name);
}

int model_file_open(const struct primo *primo, uint64_t id, const char *name,
                    struct reason *why)
{
    char path[4400];
    body_path(primo, id, name, path, sizeof path);
    return file_open(AT_FDCWD, path, why);
}

int64_t model_file_size(const struct primo *primo, uint64_t id,
                        const char *name)
{
    char path[4400];
    struct stat st;
    body_path(primo, id, name, path, sizeof path);
    return stat(path, &st) ? -errno : st.st_size;
}

/* Remove */

static int drop_object(struct primo *primo, const struct caller *caller,
                       uint64_t id, struct reason *why)
{
    struct store_txn *txn;
    struct object o = OBJECT_INIT, family = OBJECT_INIT;
    char what[600];
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = object_get(txn, id, &o);
    if (err) {
        refuse(why, -err, "the model is gone");
    } else if (object_has_children(txn, id)) {
        err = refuse(why, ENOTEMPTY, "models/%s has versions", o.name);
    } else {
        if (object_get(txn, o.parent, &family))
            snprintf(what, sizeof what, "models/%s", o.name);
        else
            snprintf(what, sizeof what, "models/%s/%s", family.name, o.name);
        err = object_drop(txn, &o, why);
        if (err == 0)
            err = event_add(txn, caller->uid, what, why, "removed");
    }
    object_release(&o);
    object_release(&family);
    return store_end(txn, err, why);
}

int model_family_remove(struct primo *primo, const struct caller *caller,
                        uint64_t id, struct reason *why)
{
    pthread_mutex_lock(&primo->change);
    int err = drop_object(primo, caller, id, why);
    pthread_mutex_unlock(&primo->change);
    return err;
}

int model_remove(struct primo *primo, const struct caller *caller, uint64_t id,
                 struct reason *why)
{
    int err = model_family_remove(primo, caller, id, why);
    if (err)
        return err;
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, id);
    int models = directory_open(primo->models, NULL);
    if (models >= 0) {
        directory_remove(models, name, NULL); /* else swept at the next mount */
        close(models);
    }
    return 0;
}

void model_sweep(struct primo *primo)
{
    struct store_txn *txn;
    DIR *dir = opendir(primo->models);
    if (!dir)
        return;
    struct dirent *e;
    while ((e = readdir(dir))) {
        struct object o = OBJECT_INIT;
        char *end;
        uint64_t id = strtoull(e->d_name, &end, 10);
        if (e->d_name[0] == '.' || store_begin(primo->store, false, &txn, NULL))
            continue;
        bool known =
            !*end && object_get(txn, id, &o) == 0 && o.kind == OBJECT_VERSION;
        object_release(&o);
        store_abort(txn);
        if (!known)
            directory_remove(dirfd(dir), e->d_name, NULL);
    }
    closedir(dir);
}

#include "core/models/sweep.h"

#include "core/state/lost.h"
#include "core/state/trouble.h"
#include "core/store/garbage.h"
#include "core/system/directory.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int sweep_unnamed(struct store_txn *txn, const char *folder, uint64_t id)
{
    int noted = garbage_noted(txn, folder, id);
    return noted < 0 ? noted : noted ? SWEEP_DELETE : SWEEP_LOSE;
}

static int name_delete(int dir, const char *name, struct reason *why)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    return directory_remove(dir, name, why);
}

static int name_sweep(struct primo *primo, int dir, const char *folder,
                      const char *name, sweep_fate *fate, run_fate *of_run,
                      struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    int what = fate(txn, name, of_run);
    store_abort(txn);
    if (what < 0)
        return refuse_errno(why, -what, "'%s' is not in order", name);
    if (what == SWEEP_LOSE)
        return lost_move(primo, dir, folder, name, why);
    return what == SWEEP_DELETE ? name_delete(dir, name, why) : 0;
}

static int names_sweep(struct primo *primo, DIR *dir, const char *folder,
                       sweep_fate *fate, run_fate *of_run, struct reason *why)
{
    struct dirent *e;
    int err = 0;
    while (err == 0 && (e = readdir(dir)))
        if (e->d_name[0] != '.')
            err = name_sweep(primo, dirfd(dir), folder, e->d_name, fate, of_run,
                             why);
    return err;
}

/* Forgets the notes of garbage that was deleted. */
static int notes_forget(struct primo *primo, const char *folder,
                        struct reason *why)
{
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = garbage_forget_all(txn, folder, why);
    return store_end(txn, err, why);
}

void sweep_folder(struct primo *primo, int dir, const char *folder,
                  sweep_fate *fate, run_fate *of_run)
{
    struct reason why = REASON_INIT;
    DIR *list = directory_list(dir, ".");
    int err;
    if (list) {
        err = names_sweep(primo, list, folder, fate, of_run, &why);
        closedir(list);
    } else {
        err = refuse_errno(&why, errno, "cannot list it");
    }
    if (err == 0)
        err = notes_forget(primo, folder, &why);
    if (err) {
        reason_prefix(&why, "nothing more is swept: ");
        trouble_tell(primo, folder, &why);
    }
}

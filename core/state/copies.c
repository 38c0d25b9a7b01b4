#include "core/state/copies.h"

#include "core/basic/alloc.h"
#include "core/state/lost.h"
#include "core/state/trouble.h"
#include "core/system/directory.h"
#include "core/system/own.h"
#include "core/system/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    DAY_MS = 24 * 3600 * 1000,
    KEPT = 5,             /* how many copies of each kind are kept */
    ROOM_LEFT = 64 << 20, /* bytes that a copy leaves free */
};

struct copies {
    struct primo *primo;
    int dir; /* descriptor of STATE/copies */
    struct worker worker;
};

/* Making */

static bool has_room(struct primo *primo)
{
    struct statvfs fs;
    struct stat st;
    if (fstatvfs(primo->state_dir, &fs) ||
        fstatat(primo->state_dir, "db/data.mdb", &st, AT_SYMLINK_NOFOLLOW))
        return false;
    return (uint64_t)fs.f_bavail * fs.f_frsize >
           (uint64_t)st.st_size + ROOM_LEFT;
}

/* The number of a copy of that kind, 0 = it is none. */
static uint64_t number_of(const char *name, const char *kind)
{
    size_t n = strlen(kind);
    char *end;
    if (strncmp(name, kind, n) || name[n] != '.')
        return 0;
    uint64_t number = strtoull(name + n + 1, &end, 10);
    return strcmp(end, ".mdb") ? 0 : number;
}

/* The greatest number; those before `from` are deleted. */
static uint64_t numbers_look(int dir, const char *kind, uint64_t from)
{
    DIR *list = directory_list(dir, ".");
    struct dirent *e;
    uint64_t last = 0;
    while (list && (e = readdir(list))) {
        uint64_t number = number_of(e->d_name, kind);
        if (number && number < from)
            unlinkat(dir, e->d_name, 0);
        last = number > last ? number : last;
    }
    if (list)
        closedir(list);
    return last;
}

int copies_make(struct primo *primo, int dir, const char *kind,
                struct reason *why)
{
    char name[64];
    if (!has_room(primo))
        return 0;
    uint64_t number = numbers_look(dir, kind, 0) + 1;
    snprintf(name, sizeof name, "%s.%" PRIu64 ".mdb", kind, number);
    int err = store_copy(primo->store, dir, name, why);
    if (err == 0 && number > KEPT)
        numbers_look(dir, kind, number - KEPT + 1);
    return err;
}

/* The thread */

static void *copies_run(void *context)
{
    struct copies *c = context;
    const char *kind = "mount";
    do {
        struct reason why = REASON_INIT;
        if (copies_make(c->primo, c->dir, kind, &why))
            trouble_tell(c->primo, "copies", &why);
        lost_expire(c->primo);
        kind = "day";
    } while (worker_rest(&c->worker, DAY_MS));
    return NULL;
}

int copies_open(struct copies **out, struct primo *primo, struct reason *why)
{
    struct copies *c = xcalloc(1, sizeof *c);
    c->primo = primo;
    c->dir = directory_own_make(primo->state_dir, "copies", why);
    int err = c->dir < 0 ? c->dir : worker_open(&c->worker, copies_run, c, why);
    if (err == 0) {
        *out = c;
        return 0;
    }
    if (c->dir >= 0)
        close(c->dir);
    free(c);
    return err;
}

void copies_close(struct copies *c)
{
    if (!c)
        return;
    worker_close(&c->worker);
    close(c->dir);
    free(c);
}

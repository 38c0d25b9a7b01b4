#include "core/launch/decoded.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/sha256.h"
#include "core/report/decoded.h"
#include "core/system/directory.h"
#include "core/system/own.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    UNUSED_SECONDS = 7 * 24 * 3600,
    EMPTY_SECONDS = 3600, /* a trainer that fills one has begun by then */
    KEY_SIZE = 33,
    BLOCK = 512, /* what st_blocks counts */
};
#define FOLDER "decoded"

/* The list of what is there */

struct kept {
    char name[64];
    uint64_t bytes; /* that it takes on the disk */
    double time;    /* when it was last filled or used, seconds since 1970 */
};

struct kept_list {
    struct kept *list;
    size_t count, room;
};

static int newest_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return (x->time < y->time) - (x->time > y->time);
}

static void list_add(struct kept_list *l, int folder, const char *name)
{
    struct stat st;
    if (strlen(name) >= sizeof l->list->name ||
        fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
        return;
    ALLOC_GROW(l->list, l->count + 1, l->room);
    struct kept *k = &l->list[l->count++];
    strcpy(k->name, name);
    k->bytes = (uint64_t)st.st_blocks * BLOCK;
    k->time = (double)st.st_mtime + (double)st.st_mtim.tv_nsec / 1e9;
}

/* Lists the files whose names begin with `key`, the newest first. */
static void list_make(struct kept_list *l, int folder, const char *key)
{
    DIR *dir = directory_list(folder, ".");
    struct dirent *e;
    *l = (struct kept_list){0};
    while (dir && (e = readdir(dir)))
        if (!strncmp(e->d_name, key, strlen(key)))
            list_add(l, folder, e->d_name);
    if (dir)
        closedir(dir);
    if (l->count)
        qsort(l->list, l->count, sizeof *l->list, newest_first);
}

/* Lending */

/* The first part of the names of what belongs together. */
static bool key_make(const struct run_job *job, char key[KEY_SIZE])
{
    struct text user = TEXT_INIT, path = TEXT_INIT;
    struct sha256 sum;
    char hex[SHA256_HEX];
    text_printf(&user, "%u:%u:%s", (unsigned)job->uid, (unsigned)job->gid,
                text_string(&job->groups));
    bool made = run_job_dataset(job, &path);
    sha256_init(&sum);
    sha256_add(&sum, user.data, user.size + 1);
    sha256_add(&sum, text_string(&path), path.size);
    sha256_end(&sum, hex);
    snprintf(key, KEY_SIZE, "%.32s", hex);
    text_release(&user);
    text_release(&path);
    return made;
}

/* Makes an empty file for the run's user, and gives it its name in the run
 * directory. */
static void new_lend(int folder, const char *key, int dir,
                     const struct run_job *job)
{
    char name[64];
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return;
    snprintf(name, sizeof name, "%s.%016" PRIx64, key, number);
    int fd = openat(folder, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if ((job->uid != geteuid() && fchown(fd, job->uid, job->gid)) ||
        linkat(folder, name, dir, DECODED_NEW, 0))
        unlinkat(folder, name, 0);
    close(fd);
}

static void old_lend(int folder, const char *key, int dir)
{
    struct kept_list l;
    char as[32];
    int lent = 0;
    list_make(&l, folder, key);
    for (size_t i = 0; i < l.count && lent < DECODED_OLD_MOST; i++) {
        snprintf(as, sizeof as, DECODED_OLD, lent);
        if (l.list[i].bytes && !linkat(folder, l.list[i].name, dir, as, 0))
            lent++;
    }
    free(l.list);
}

/* Takes away what an earlier trainer of the run was lent. */
static void lent_forget(int dir)
{
    char as[32];
    unlinkat(dir, DECODED_NEW, 0);
    for (int i = 0; i < DECODED_OLD_MOST; i++) {
        snprintf(as, sizeof as, DECODED_OLD, i);
        unlinkat(dir, as, 0);
    }
}

void decoded_lend(int runs, int dir, const struct run_job *job)
{
    char key[KEY_SIZE];
    lent_forget(dir);
    if (job->serve || !key_make(job, key))
        return;
    int folder = directory_own_make(runs, FOLDER, NULL);
    if (folder < 0)
        return;
    old_lend(folder, key, dir);
    new_lend(folder, key, dir, job);
    close(folder);
}

/* Tidying */

/* A run directory may have a name of the file as well, and a trainer may have
 * it open: only emptying it makes room at once. */
static void kept_remove(int folder, const char *name)
{
    int fd = openat(folder, name,
                    O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    unlinkat(folder, name, 0);
}

static bool is_over(const struct kept *k, double now)
{
    return now - k->time > (k->bytes ? UNUSED_SECONDS : EMPTY_SECONDS);
}

static void folder_tidy(int folder, bool all)
{
    struct kept_list l;
    uint64_t held = 0, sum = 0;
    double now = unix_now();
    list_make(&l, folder, "");
    for (size_t i = 0; i < l.count; i++)
        held += l.list[i].bytes;
    uint64_t bound = all ? 0 : decoded_bound(folder, held);
    for (size_t i = 0; i < l.count; i++) {
        sum += l.list[i].bytes;
        if (all || sum > bound || is_over(&l.list[i], now))
            kept_remove(folder, l.list[i].name);
    }
    free(l.list);
}

void decoded_tidy(const char *runs, bool all)
{
    int parent = directory_open(runs, NULL);
    int folder = parent < 0 ? parent : directory_own(parent, FOLDER, NULL);
    if (folder >= 0) {
        folder_tidy(folder, all);
        close(folder);
    }
    if (parent >= 0)
        close(parent);
}

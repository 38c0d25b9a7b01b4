#include "core/models/base_file.h"

#include "core/models/body_sums.h"
#include "core/models/model.h"
#include "core/models/weights_file.h"
#include "core/network/base_match.h"
#include "core/state/builtin.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { NAME_BYTES = 32 };

static void body_name(uint64_t id, char *out)
{
    snprintf(out, NAME_BYTES, "%" PRIu64, id);
}

static void held_name(uint64_t run, char *out)
{
    snprintf(out, NAME_BYTES, "run.%" PRIu64, run);
}

int body_open(const struct primo *primo, uint64_t id, struct reason *why)
{
    char name[NAME_BYTES];
    body_name(id, name);
    return file_open(primo->bases_dir, name, why);
}

int64_t body_size(const struct primo *primo, uint64_t id)
{
    char name[NAME_BYTES];
    struct stat st;
    body_name(id, name);
    return fstatat(primo->bases_dir, name, &st, AT_SYMLINK_NOFOLLOW)
               ? -errno
               : st.st_size;
}

void body_drop(const struct primo *primo, const struct object *o)
{
    char name[NAME_BYTES];
    if (o->kind != OBJECT_BASE || !o->number)
        return;
    body_name(o->number, name);
    unlinkat(primo->bases_dir, name, 0);
}

/* Staging */

static int body_copy(const struct primo *primo, uint64_t from, int to,
                     struct reason *why)
{
    int in = body_open(primo, from, why), code = 0;
    ssize_t n = 1;
    if (in < 0)
        return in;
    while (n > 0) {
        n = copy_file_range(in, NULL, to, NULL, SAFETENSORS_FILE_MAX, 0);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            code = errno;
    }
    close(in);
    return code ? refuse_errno(why, code, "the base cannot be copied") : 0;
}

int staged_begin(struct staged *s, struct primo *primo, uint64_t from,
                 struct reason *why)
{
    char name[NAME_BYTES];
    uint64_t id;
    int err = ids_take(&primo->ids, primo->store, &id, why);
    if (err)
        return err;
    body_name(id, name);
    int fd = openat(primo->bases_dir, name,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot write in 'bases'");
    fchmod(fd, 0444); /* users who train from it may only read it */
    *s = (struct staged){.primo = primo, .id = id, .fd = fd};
    err = from ? body_copy(primo, from, fd, why) : 0;
    if (err)
        staged_drop(s);
    return err;
}

void staged_forget(struct staged *s)
{
    if (s->id)
        close(s->fd);
    *s = (struct staged){0};
}

void staged_drop(struct staged *s)
{
    char name[NAME_BYTES];
    if (s->id) {
        body_name(s->id, name);
        unlinkat(s->primo->bases_dir, name, 0);
    }
    staged_forget(s);
}

uint64_t staged_size(const struct staged *s)
{
    struct stat st;
    return fstat(s->fd, &st) ? 0 : (uint64_t)st.st_size;
}

static int sum_note(const struct primo *primo, uint64_t id, int fd,
                    struct reason *why)
{
    struct text sums = TEXT_INIT;
    struct store_txn *txn;
    int err = body_sum_make(fd, &sums, why);
    if (err == 0)
        err = store_begin(primo->store, true, &txn, why);
    if (err == 0) {
        err = sums_put(txn, id, &sums, why);
        err = store_end(txn, err, why);
    }
    text_release(&sums);
    return err;
}

int body_check(const struct primo *primo, uint64_t id, bool *cut,
               struct reason *why)
{
    struct base_match m;
    int fd = body_open(primo, id, why);
    if (fd < 0)
        return fd;
    int err = weights_check(fd, &m, cut, why);
    if (err == 0 && fsync(fd))
        err = refuse_errno(why, errno, "the base cannot be saved");
    if (err == 0)
        err = sum_note(primo, id, fd, why);
    close(fd);
    return err ? err : directory_sync(primo->bases_dir, why);
}

/* Installed files */

/* Links the open file where the link will stay what it is: whoever could write
 * the file could change what trainings begin with. */
static bool adopt_link(const struct primo *primo, int fd, const char *name)
{
    char path[64];
    struct stat st;
    if (fstat(fd, &st) || (st.st_uid && st.st_uid != geteuid()) ||
        st.st_mode & (S_IWGRP | S_IWOTH))
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, primo->bases_dir, name, AT_SYMLINK_FOLLOW) ==
           0;
}

int body_adopt(struct primo *primo, int fd, uint64_t *id, struct reason *why)
{
    char name[NAME_BYTES];
    uint64_t taken;
    int err = ids_take(&primo->ids, primo->store, &taken, why);
    if (err)
        return err;
    body_name(taken, name);
    if (!adopt_link(primo, fd, name))
        err = file_copy(fd, primo->bases_dir, name, SAFETENSORS_FILE_MAX, why);
    if (err == 0)
        err = body_check(primo, taken, NULL, why);
    if (err)
        unlinkat(primo->bases_dir, name, 0);
    else
        *id = taken;
    return err;
}

/* Writing */

/* Checks the header, once it is complete: whether it is right, and whether
 * there is room for the rest of the file. */
static int early_check(struct staged *s, struct reason *why)
{
    if (s->size)
        return 0;
    struct base_match m;
    int err = weights_header(s->fd, s->filled, &s->size, &m, why);
    if (err || !s->size)
        return err;
    /* The room is only checked, not reserved: sending a header costs nothing,
     * so a reserve could be claimed by anybody. */
    struct statvfs disk;
    uint64_t rest = s->size > s->filled ? s->size - s->filled : 0;
    bool fits = fstatvfs(s->fd, &disk) || rest / disk.f_frsize <= disk.f_bavail;
    return fits ? 0
                : refuse_errno(why, ENOSPC, "a base of %llu MiB does not fit",
                               (unsigned long long)s->size >> 20);
}

int staged_write(struct staged *s, uint64_t offset, const char *data,
                 size_t size, bool check, struct reason *why)
{
    if (offset + size > SAFETENSORS_FILE_MAX)
        return refuse(why, EFBIG, "a base must have at most %llu MiB",
                      SAFETENSORS_FILE_MAX >> 20);
    if (check && s->size && offset + size > s->size)
        return weights_too_long(offset + size, s->size, why);
    int err = descriptor_write_at(s->fd, data, size, offset);
    if (err)
        return refuse_errno(why, -err, "the base cannot be written");
    if (offset <= s->filled && offset + size > s->filled)
        s->filled = offset + size;
    return check ? early_check(s, why) : 0;
}

int staged_truncate(struct staged *s, uint64_t size, struct reason *why)
{
    if (size > SAFETENSORS_FILE_MAX)
        return refuse(why, EFBIG, "a base must have at most %llu MiB",
                      SAFETENSORS_FILE_MAX >> 20);
    if (ftruncate(s->fd, (off_t)size))
        return refuse_errno(why, errno, "the base cannot be written");
    if (size < s->filled)
        s->filled = size;
    return 0;
}

/* What a template names */

static int model_choose(const struct primo *primo, struct store_txn *txn,
                        const char *base, struct base_choice *out,
                        struct reason *why)
{
    struct object family = OBJECT_INIT, version = OBJECT_INIT;
    char name[300], number[32];
    const char *start = base + strlen("models/"), *slash = strchr(start, '/');
    uint64_t latest;
    snprintf(name, sizeof name, "%.*s", slash ? (int)(slash - start) : 0,
             start);
    snprintf(number, sizeof number, "%s", slash ? slash + 1 : "");
    int err = object_find(txn, TREE_MODELS, name, &family);
    if (err == 0 && !strcmp(number, "latest")) {
        err = object_latest(txn, family.id, &latest);
        snprintf(number, sizeof number, "%" PRIu64, latest);
    }
    if (err == 0)
        err = object_find(txn, family.id, number, &version);
    if (err == 0) {
        snprintf(out->called, sizeof out->called, "models/%s/%s", name, number);
        out->dir = primo->models_dir;
        snprintf(out->file, sizeof out->file, "%" PRIu64 "/model.safetensors",
                 version.id);
        out->line = KEY_MODELS;
        out->object = version;
        version = (struct object)OBJECT_INIT;
    } else {
        err = refuse(why, EINVAL, "base = %s: there is no such model", base);
    }
    object_release(&family);
    object_release(&version);
    return err;
}

/* In a state directory of a version that shipped no base, `base` has no file,
 * but was a fresh network, which nobody wants any more. */
static int shipped_missing(struct reason *why)
{
    char *path;
    int err = shipped_base_find(&path, why);
    if (err)
        return err;
    free(path);
    return refuse(why, EINVAL,
                  "the base model that comes with primofs was not there when "
                  "this was mounted; it is now: mount again");
}

int base_choose(const struct primo *primo, struct store_txn *txn,
                const char *base, struct base_choice *out, struct reason *why)
{
    struct object o = OBJECT_INIT;
    char longer[300];
    *out = (struct base_choice){0};
    if (!strncmp(base, "models/", 7))
        return model_choose(primo, txn, base, out, why);
    snprintf(longer, sizeof longer, "%s.safetensors", base);
    bool there = object_find(txn, TREE_BASES, base, &o) == 0 ||
                 object_find(txn, TREE_BASES, longer, &o) == 0;
    if (!strcmp(base, SHIPPED_BASE_NAME) && (!there || !o.number)) {
        object_release(&o);
        return shipped_missing(why);
    }
    if (!there)
        return refuse(why, EINVAL,
                      "there is no base model '%s' in bases/, nor '%s'", base,
                      longer);
    if (o.number) {
        snprintf(out->called, sizeof out->called, "bases/%s", o.name);
        out->dir = primo->bases_dir;
        body_name(o.number, out->file);
    }
    out->line = KEY_BASES;
    out->object = o;
    return 0;
}

void base_choice_release(struct base_choice *choice)
{
    object_release(&choice->object);
    *choice = (struct base_choice){0};
}

/* Runs */

int base_hold(const struct primo *primo, uint64_t run,
              const struct base_choice *choice, struct reason *why)
{
    char held[NAME_BYTES];
    if (!*choice->file)
        return 0;
    held_name(run, held);
    int err = file_link(choice->dir, choice->file, primo->bases_dir, held,
                        SAFETENSORS_FILE_MAX, why);
    return err ? err : directory_sync(primo->bases_dir, why);
}

bool base_held(const struct primo *primo, uint64_t run, char *name)
{
    held_name(run, name);
    return faccessat(primo->bases_dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void base_release_run(const struct primo *primo, uint64_t run)
{
    char held[NAME_BYTES];
    held_name(run, held);
    unlinkat(primo->bases_dir, held, 0);
}

/* Sweep */

/* Whether an object names the body. Returns 1, 0 or -errno. */
static int body_is_named(struct store_txn *txn, uint64_t id)
{
    struct object o = OBJECT_INIT;
    uint64_t after = 0;
    bool named = false;
    int err = 0;
    while (!named && (err = object_next(txn, TREE_BASES, after, &o)) == 0) {
        after = o.id;
        named = o.number == id;
        object_release(&o);
    }
    return err && err != -ENOENT ? err : named;
}

static int base_fate(struct store_txn *txn, const char *name, run_fate *of_run)
{
    char *end;
    bool run = !strncmp(name, "run.", 4);
    uint64_t id = strtoull(run ? name + 4 : name, &end, 10);
    if (*end || !id)
        return SWEEP_KEEP; /* the name is not one of ours */
    if (run)
        return of_run(txn, id);
    int named = body_is_named(txn, id);
    if (named)
        return named < 0 ? named : SWEEP_KEEP;
    return sweep_unnamed(txn, GARBAGE_BASES, id);
}

void bases_sweep(struct primo *primo, run_fate *of_run)
{
    sweep_folder(primo, primo->bases_dir, GARBAGE_BASES, base_fate, of_run);
}

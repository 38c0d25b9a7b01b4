#include "core/models/shipped_base.h"

#include "core/basic/clock.h"
#include "core/models/base_file.h"
#include "core/state/builtin.h"
#include "core/state/events.h"
#include "core/state/trouble.h"
#include "core/store/node.h"
#include "core/system/file.h"
#include "core/system/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Which installed file the base was taken from. */
static struct store_key mark_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "shipped base", 12);
    return key;
}

/* A sum of the file's beginning, which has its metadata and the first kernels:
 * every training changes them. */
static int mark_make(int fd, char mark[16], struct reason *why)
{
    char start[1 << 16];
    ssize_t n = pread(fd, start, sizeof start, 0);
    if (n < 0)
        return refuse_errno(why, errno, "the shipped base cannot be read");
    snprintf(mark, 16, "%08lx", crc32_z(0, (const Bytef *)start, (size_t)n));
    return 0;
}

/* Reads the present base. Returns 1 if it was taken from the file with this
 * mark, 0 if it is to be taken, or -errno. */
static int base_is_marked(struct primo *primo, const char *mark,
                          struct object *base, struct reason *why)
{
    struct store_key key = mark_key();
    struct store_view v;
    struct store_txn *txn;
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = object_find(txn, TREE_BASES, SHIPPED_BASE_NAME, base);
    bool marked = err == 0 && base->number &&
                  store_get(txn, STORE_META, &key, &v) == 0 &&
                  v.size == strlen(mark) && !memcmp(v.data, mark, v.size);
    store_abort(txn);
    return err && err != -ENOENT
               ? refuse_errno(why, -err, "the present base cannot be read")
               : marked;
}

/* In a new state directory, or one of a version that had no such base. */
static int base_begin(struct primo *primo, struct object *o, struct reason *why)
{
    if (o->id)
        return 0;
    *o = (struct object){.parent = TREE_BASES,
                         .kind = OBJECT_BASE,
                         .mode = 0444,
                         .uid = primo->owner,
                         .gid = primo->group};
    strcpy(o->name, SHIPPED_BASE_NAME);
    o->atime = clock_ns();
    return ids_take(&primo->ids, primo->store, &o->id, why);
}

/* The transaction that names the new body. */
static int base_publish(struct primo *primo, const struct object *o,
                        const char *mark, struct reason *why)
{
    struct store_key key = mark_key();
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = object_put(txn, o, why);
    if (err == 0)
        err = store_put(txn, STORE_META, &key, mark, strlen(mark), why);
    if (err == 0)
        err = event_add(txn, primo->owner, "bases/" SHIPPED_BASE_NAME, why,
                        "taken over from the installed file");
    return store_end(txn, err, why);
}

static int base_replace(struct primo *primo, int fd, const char *mark,
                        struct object *o, struct reason *why)
{
    int err = base_begin(primo, o, why);
    struct object old = {.kind = OBJECT_BASE, .number = o->number};
    if (err == 0)
        err = body_adopt(primo, fd, &o->number, why);
    if (err)
        return err;
    struct object fresh = {.kind = OBJECT_BASE, .number = o->number};
    text_clear(&o->body);
    o->mtime = o->ctime = clock_ns();
    err = base_publish(primo, o, mark, why);
    body_drop(primo, err ? &fresh : &old);
    return err;
}

static int base_take(struct primo *primo, int fd, struct reason *why)
{
    struct object base = OBJECT_INIT;
    char mark[16];
    int err = mark_make(fd, mark, why);
    if (err == 0)
        err = base_is_marked(primo, mark, &base, why);
    if (err == 0)
        err = base_replace(primo, fd, mark, &base, why);
    object_release(&base);
    return err < 0 ? err : 0;
}

void shipped_base_take(struct primo *primo)
{
    struct reason why = REASON_INIT;
    char *path;
    if (shipped_base_find(&path, &why))
        return;
    int fd = file_open(AT_FDCWD, path, &why);
    if (fd < 0 || base_take(primo, fd, &why))
        trouble_tell(primo, path, &why);
    if (fd >= 0)
        close(fd);
    free(path);
}

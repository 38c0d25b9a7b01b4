#include "core/salvage.h"

#include "core/basic/language.h"
#include "core/store/object.h"
#include "core/store/pages.h"
#include "core/store/stream.h"
#include "core/system/directory.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_ROOM = 1 << 20, BATCH = 1000 };

struct salvaging {
    int state, copies; /* descriptors; copies may be -1 */
    struct store *to;
    struct store_txn *txn;
    int in_txn; /* entries put since it began */
    int err;    /* the first failure of the new database */
    struct reason *why;
    uint64_t objects, texts; /* taken over */
    uint64_t damaged;        /* records that are not as they were written */
    uint64_t last_id;
    enum store_table table; /* that is walked; STORE_TABLES = not known */
};

/* Putting */

static bool batch_end(struct salvaging *s)
{
    if (s->err == 0 && ++s->in_txn >= BATCH) {
        s->in_txn = 0;
        s->err = store_commit(s->txn, s->why);
        if (s->err == 0)
            s->err = store_begin(s->to, true, &s->txn, s->why);
        if (s->err)
            s->txn = NULL;
    }
    return s->err == 0;
}

static bool is_known(struct salvaging *s, enum store_table table,
                     const struct store_key *key)
{
    struct store_view v;
    return store_get(s->txn, table, key, &v) == 0;
}

static void id_note(struct salvaging *s, uint64_t id)
{
    if (id > s->last_id && id < UINT64_MAX - 2 * ID_ROOM)
        s->last_id = id;
}

/* What is there already is newer: it was met first. */
static bool object_take(struct salvaging *s, uint64_t id, struct store_view v)
{
    struct object o = OBJECT_INIT, other = OBJECT_INIT;
    if (object_decode(id, v, &o)) {
        s->damaged++;
        return true;
    }
    bool known = object_get(s->txn, id, &other) == 0 ||
                 object_find(s->txn, o.parent, o.name, &other) == 0;
    object_release(&other);
    if (!known) {
        s->err = object_put(s->txn, &o, s->why);
        s->objects++;
        id_note(s, id);
        id_note(s, o.number);
    }
    object_release(&o);
    return known || batch_end(s);
}

static bool raw_take(struct salvaging *s, enum store_table table,
                     struct store_view k, struct store_view v)
{
    struct store_key key = {0};
    if (k.size == 0 || k.size > sizeof key.bytes)
        return true;
    key_bytes(&key, k.data, k.size);
    if (is_known(s, table, &key))
        return true;
    s->err = store_put(s->txn, table, &key, v.data, v.size, s->why);
    s->texts += table != STORE_META;
    return batch_end(s);
}

static bool piece_take(struct salvaging *s, enum store_table table,
                       struct store_view k, struct store_view v)
{
    size_t plain = table == STORE_STREAM ? STREAM_KEY : BLOB_KEY;
    if (!piece_is_whole(k, v, plain)) {
        s->damaged++;
        return true;
    }
    if (k.size >= 8)
        id_note(s, view_read_u64(k, 0));
    return raw_take(s, table, k, v);
}

static bool take(void *context, struct store_view k, struct store_view v)
{
    struct salvaging *s = context;
    switch (s->table) {
    case STORE_OBJECT:
        return k.size != 8 || object_take(s, view_read_u64(k, 0), v);
    case STORE_STREAM:
    case STORE_BLOB:
        return piece_take(s, s->table, k, v);
    case STORE_META: /* the new one has its own format */
        return (k.size == 6 && !memcmp(k.data, "format", 6)) ||
               raw_take(s, s->table, k, v);
    default:
        return true;
    }
}

/* From leaves that nothing leads to: only what a checksum vouches for. */
static bool take_found(void *context, struct store_view k, struct store_view v)
{
    struct salvaging *s = context;
    uint32_t layout = 0;
    uint64_t damaged = s->damaged;
    bool go_on = true;
    if (v.size >= sizeof layout)
        memcpy(&layout, v.data, sizeof layout);
    if (k.size == 8 && (layout == OBJECT_SUMMED || layout == OBJECT_LAYOUT))
        go_on = object_take(s, view_read_u64(k, 0), v);
    else if (k.size == STREAM_KEY + 4)
        go_on = piece_take(s, STORE_STREAM, k, v);
    else if (k.size == BLOB_KEY + 4)
        go_on = piece_take(s, STORE_BLOB, k, v);
    s->damaged = damaged; /* it was something else */
    return go_on;
}

/* Sources */

/* Returns whether all of it could be read. */
static bool source_read(struct salvaging *s, int dir, const char *name)
{
    static const enum store_table tables[] = {STORE_META, STORE_OBJECT,
                                              STORE_STREAM, STORE_BLOB};
    struct pages p;
    if (pages_open(&p, dir, name, NULL)) {
        pages_close(&p);
        return false;
    }
    uint64_t damaged = s->damaged;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !s->err; i++) {
        s->table = tables[i];
        pages_walk(&p, store_table_name(s->table), take, s);
    }
    pages_walk(&p, store_table_name(STORE_NAME), NULL, NULL);
    pages_walk(&p, store_table_name(STORE_CHILD), NULL, NULL);
    bool whole = p.bad == 0 && s->damaged == damaged;
    if (!whole && !s->err)
        pages_scan(&p, take_found, s);
    printf(_("%s: %llu of its %llu pages could not be read\n"), name,
           (unsigned long long)p.bad, (unsigned long long)p.needed);
    pages_close(&p);
    return whole;
}

/* The newest copy whose pages are all in order; "" = there is none. */
static void copy_find(int copies, char *name, size_t size)
{
    DIR *dir = directory_list(copies, ".");
    struct timespec newest = {0};
    struct dirent *e;
    struct stat st;
    *name = 0;
    while (dir && (e = readdir(dir))) {
        size_t n = strlen(e->d_name);
        if (n < 5 || strcmp(e->d_name + n - 4, ".mdb") ||
            fstatat(copies, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            pages_check(copies, e->d_name, NULL))
            continue;
        if (st.st_mtim.tv_sec > newest.tv_sec ||
            (st.st_mtim.tv_sec == newest.tv_sec &&
             st.st_mtim.tv_nsec >= newest.tv_nsec)) {
            newest = st.st_mtim;
            snprintf(name, size, "%s", e->d_name);
        }
    }
    if (dir)
        closedir(dir);
}

static void sources_read(struct salvaging *s)
{
    char copy[256] = "";
    if (source_read(s, s->state, "db/data.mdb") || s->err)
        return;
    if (s->copies >= 0)
        copy_find(s->copies, copy, sizeof copy);
    if (*copy)
        source_read(s, s->copies, copy);
}

/* What the new database must say of itself besides. */
static void meta_finish(struct salvaging *s)
{
    struct store_key next = {0}, populated = {0};
    struct store_view v;
    uint64_t id = 0, least = s->last_id + ID_ROOM;
    key_bytes(&next, "next id", 7);
    key_bytes(&populated, "populated", 9);
    if (store_get(s->txn, STORE_META, &next, &v) == 0 && v.size == sizeof id)
        memcpy(&id, v.data, sizeof id);
    if (id < least)
        s->err =
            store_put(s->txn, STORE_META, &next, &least, sizeof least, s->why);
    if (s->err == 0 && s->objects)
        s->err = store_put(s->txn, STORE_META, &populated, "1", 1, s->why);
}

/* Numbers that bodies have are never to be used again. */
static void ids_of_bodies(struct salvaging *s, const char *folder)
{
    DIR *dir = directory_list(s->state, folder);
    struct dirent *e;
    while (dir && (e = readdir(dir)))
        id_note(s, strtoull(e->d_name, NULL, 10));
    if (dir)
        closedir(dir);
}

static int store_fill(struct salvaging *s)
{
    s->err = store_begin(s->to, true, &s->txn, s->why);
    if (s->err)
        return s->err;
    sources_read(s);
    ids_of_bodies(s, "models");
    ids_of_bodies(s, "bases");
    ids_of_bodies(s, "runs");
    ids_of_bodies(s, "spool");
    if (s->err == 0)
        meta_finish(s);
    if (s->txn)
        s->err = store_end(s->txn, s->err, s->why);
    return s->err;
}

/* In place */

/* The old one aside, under a name that is free; the new one in its place. */
static int stores_change(struct salvaging *s, int aside)
{
    char kept[40] = "";
    for (int i = 1; i < 1000; i++) {
        snprintf(kept, sizeof kept, "db.damaged.%d", i);
        if (faccessat(s->state, kept, F_OK, AT_SYMLINK_NOFOLLOW))
            break;
    }
    bool had = renameat(s->state, "db", s->state, kept) == 0;
    if ((!had && errno != ENOENT) || renameat(aside, "db", s->state, "db"))
        return refuse_errno(s->why, errno, "cannot put the new db/ in place");
    if (had)
        printf(_("the old database is kept in %s\n"), kept);
    return directory_sync(s->state, s->why);
}

static int salvage_at(struct salvaging *s)
{
    int err = directory_remove(s->state, "salvage", s->why);
    int aside = err ? err : directory_own_make(s->state, "salvage", s->why);
    if (aside < 0)
        return aside;
    err = store_open(&s->to, aside, true, s->why);
    if (err == 0) {
        err = store_fill(s);
        store_close(s->to);
    }
    if (err == 0 && s->objects == 0)
        err = refuse(s->why, ENODATA,
                     "nothing could be read, neither in db/ nor in copies/; "
                     "nothing was changed");
    if (err == 0)
        err = stores_change(s, aside);
    close(aside);
    directory_remove(s->state, "salvage", NULL);
    return err;
}

static int lock_take(int state, struct reason *why)
{
    int fd =
        openat(state, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot open 'lock'");
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    return refuse(why, EBUSY,
                  "the state directory is mounted; unmount it "
                  "first");
}

int salvage(const char *state, struct reason *why)
{
    struct salvaging s = {.copies = -1, .why = why};
    s.state = directory_own_top(state, false, why);
    if (s.state < 0)
        return s.state;
    int lock = lock_take(s.state, why);
    int err = lock < 0 ? lock : 0;
    if (err == 0) {
        s.copies = directory_own(s.state, "copies", NULL);
        err = salvage_at(&s);
        close(lock);
    }
    if (s.copies >= 0)
        close(s.copies);
    close(s.state);
    if (err == 0)
        printf(_("saved: %llu objects and %llu pieces of text; lost: %llu "
                 "records that are not as they were written\n"),
               (unsigned long long)s.objects, (unsigned long long)s.texts,
               (unsigned long long)s.damaged);
    return err;
}

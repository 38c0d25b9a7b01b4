#include "core/state/primo.h"

#include "core/basic/clock.h"
#include "core/basic/disk.h"
#include "core/models/base_file.h"
#include "core/models/model.h"
#include "core/process/supervisor.h"
#include "core/shared/settings.h"
#include "core/tree/handle.h"
#include "core/tree/tree.h"
#include "core/view.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LOCK_TRIES = 40 }; /* 50 ms apart */

void user_name(struct text *out, uid_t uid)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    getpwuid_r(uid, &entry, room, sizeof room, &found);
    if (found)
        text_puts(out, found->pw_name);
    else
        text_printf(out, "%u", (unsigned)uid);
}

void directory_changed(struct primo *primo, unsigned no)
{
    times_set(&primo->directories, no, clock_ns());
}

int event_add(struct store_txn *txn, uid_t user, const char *object,
              struct reason *why, const char *format, ...)
{
    struct text line = TEXT_INIT;
    va_list ap;
    text_put_time(&line, unix_now());
    text_puts(&line, " ");
    user_name(&line, user);
    text_printf(&line, " %s ", object);
    va_start(ap, format);
    text_vprintf(&line, format, ap);
    va_end(ap);
    text_puts(&line, "\n");
    struct stream events = {0, 'e'};
    int err = stream_append(txn, events, line.data, line.size, why);
    text_release(&line);
    return err;
}

/* Opening */

/* A daemon that has just been unmounted may still be ending. */
static int lock_take(int fd)
{
    const struct timespec moment = {0, 50000000};
    for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB); tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return -1;
        nanosleep(&moment, NULL);
    }
    return 0;
}

static int lock_state(struct primo *p, struct reason *why)
{
    char *path;
    if (asprintf(&path, "%s/lock", p->state) < 0)
        abort();
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int code = errno;
    free(path);
    if (p->lock < 0)
        return refuse_errno(why, code,
                            "the state directory '%s' cannot be "
                            "written",
                            p->state);
    if (lock_take(p->lock))
        return errno == EWOULDBLOCK
                   ? refuse(why, EBUSY,
                            "the state directory '%s' is in use by another "
                            "primofs",
                            p->state)
                   : refuse_errno(why, errno, "cannot lock '%s'", p->state);
    return 0;
}

/* What is there from the first mount. */
static const struct {
    enum tree_no parent;
    enum object_kind kind;
    bool builtin; /* and cannot be removed */
    const char *name;
    const char *body;
    size_t size;
} defaults[] = {
#define TEXT_BODY(s) s, sizeof s - 1
    {TREE_MACHINES, OBJECT_MACHINE, false, "local",
     TEXT_BODY("# the machine that primofs runs on\n"
               "launcher = local\nthreads = auto\nenabled = yes\n")},
    {TREE_TYPES, OBJECT_TYPE, true, "classifier",
     TEXT_BODY("goal = classification\n"
               "description = says which class a picture belongs to\n")},
    /* a valid .safetensors file without tensors: ResNet-18 from scratch */
    {TREE_BASES, OBJECT_BASE, true, "base",
     TEXT_BODY("\x58\0\0\0\0\0\0\0"
               "{\"__metadata__\":{\"architecture\":\"resnet18\","
               "\"weights\":\"none: trained from scratch\"}}     ")},
};

bool object_is_builtin(enum object_kind kind, const char *name)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (defaults[i].builtin && defaults[i].kind == kind &&
            !strcmp(defaults[i].name, name))
            return true;
    return false;
}

static int defaults_put(struct primo *p, struct store_txn *txn,
                        uint64_t first_id, struct reason *why)
{
    int err = 0;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && !err; i++) {
        struct object o = {.id = first_id + i,
                           .parent = defaults[i].parent,
                           .kind = defaults[i].kind,
                           .mode =
                               defaults[i].kind == OBJECT_BASE ? 0444 : 0644,
                           .uid = p->owner,
                           .gid = p->group};
        strcpy(o.name, defaults[i].name);
        text_add(&o.body, defaults[i].body, defaults[i].size);
        o.atime = o.mtime = o.ctime = clock_ns();
        err = object_put(txn, &o, why);
        object_release(&o);
    }
    return err;
}

static int populate(struct primo *p, struct reason *why)
{
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = {0};
    uint64_t id = 0;
    int err = 0;
    key_bytes(&key, "populated", 9);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && !err; i++) {
        uint64_t last;
        err = ids_take(&p->ids, p->store, &last, why);
        id = i ? id : last;
    }
    if (err == 0)
        err = store_begin(p->store, true, &txn, why);
    if (err)
        return err;
    if (store_get(txn, STORE_META, &key, &v) == 0) {
        store_abort(txn);
        return 0;
    }
    err = defaults_put(p, txn, id, why);
    if (err == 0)
        err = store_put(txn, STORE_META, &key, "1", 1, why);
    return store_end(txn, err, why);
}

/* One file that was renamed to a scratch name: back to its own, if that is
 * free, or gone. */
static int displaced_restore(struct store_txn *txn, uint64_t id,
                             struct reason *why)
{
    struct object o = OBJECT_INIT, other = OBJECT_INIT;
    int err = 0;
    if (object_get(txn, id, &o) == 0) {
        if (object_find(txn, o.parent, o.home, &other) == 0) {
            err = object_drop(txn, &o, why);
        } else {
            strcpy(o.name, o.home);
            *o.home = 0;
            err = object_put(txn, &o, why);
        }
    }
    object_release(&o);
    object_release(&other);
    return err;
}

static int displaced_restore_all(struct primo *p, struct reason *why)
{
    enum { PREFIX = 10 };
    struct store_txn *txn;
    struct store_view v;
    struct store_key key = {0};
    bool any = false;
    int err = store_begin(p->store, true, &txn, why);
    if (err)
        return err;
    key_bytes(&key, "displaced/", PREFIX);
    while (err == 0 &&
           store_next(txn, STORE_META, &key, PREFIX, false, &v) == 0) {
        err = displaced_restore(txn, key_read_u64(&key, PREFIX), why);
        if (err == 0)
            err = store_delete(txn, STORE_META, &key, why);
        any = true;
    }
    if (err || !any) {
        store_abort(txn);
        return err;
    }
    return store_commit(txn, why);
}

/* "FOLDER/primo-train" where that is a program; freed by the caller. */
static char *trainer_in(const char *folder, size_t size)
{
    char *path;
    if (asprintf(&path, "%.*s/primo-train", (int)size, folder) < 0)
        abort();
    if (path[0] == '/' && access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* primo-train beside this program, or else where $PATH has it; what is not
 * there at all is missed when a training starts. */
static char *find_trainer(void)
{
    char self[4096], *path, *missing;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    path = slash ? trainer_in(self, (size_t)(slash - self)) : NULL;
    for (const char *at = getenv("PATH"); !path && at && *at;) {
        size_t size = strcspn(at, ":");
        path = trainer_in(at, size);
        at += size + (at[size] == ':');
    }
    if (path)
        return path;
    missing = strdup("/usr/local/bin/primo-train");
    if (!missing)
        abort();
    return missing;
}

static void primo_init(struct primo *p, const char *state)
{
    memset(p, 0, sizeof *p);
    p->lock = -1;
    p->owner = getuid();
    p->group = getgid();
    p->opened = clock_ns();
    p->state = strdup(state);
    p->trainer = find_trainer();
    if (!p->state || asprintf(&p->runs, "%s/runs", state) < 0 ||
        asprintf(&p->models, "%s/models", state) < 0 ||
        asprintf(&p->bases, "%s/bases", state) < 0)
        abort();
    pthread_mutex_init(&p->ids.lock, NULL);
    pthread_mutex_init(&p->change, NULL);
    pthread_mutex_init(&p->names, NULL);
    commits_init(&p->commits);
    pthread_mutex_init(&p->handles.lock, NULL);
    pthread_cond_init(&p->handles.settled, NULL);
    scratch_init(&p->scratch);
    refusals_init(&p->refusals);
    roles_init(&p->roles);
    waiters_init(&p->waiters);
    hidden_init(&p->hidden);
    host_init(&p->host);
}

static int primo_prepare(struct primo *p, struct reason *why)
{
    bool root = geteuid() == 0; /* runs belong to their users then */
    int err = directory_make(p->state, root, why);
    if (err == 0)
        err = lock_state(p, why);
    if (err == 0)
        err = store_open(&p->store, p->state, why);
    if (err == 0)
        err = directory_make(p->runs, root, why);
    if (err == 0)
        err = directory_make(p->models, false, why);
    if (err == 0)
        err = directory_make(p->bases, false, why);
    if (err == 0)
        err = displaced_restore_all(p, why);
    if (err == 0)
        err = populate(p, why);
    if (err)
        return err;
    model_sweep(p);
    bases_sweep(p);
    times_load(&p->directories, p->store, p->opened);
    refusals_load(&p->refusals, p->store);
    roles_load(p);
    return supervisor_open(&p->supervisor, p, why);
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
    int err = store_open_view(&p->store, p->state, why);
    if (err == -ENOENT)
        refuse(why, ENOENT,
               "'%s' is not a state directory; a mount without -o ro makes one",
               p->state);
    if (err)
        return err;
    times_load(&p->directories, p->store, p->opened);
    refusals_load(&p->refusals, p->store);
    roles_load(p);
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
    refusals_release(&p->refusals);
    roles_release(&p->roles);
    hidden_release(&p->hidden);
    host_release(&p->host);
    free(p->state);
    free(p->runs);
    free(p->models);
    free(p->bases);
    free(p->trainer);
}

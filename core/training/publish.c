#include "core/training/publish.h"

#include "core/basic/clock.h"
#include "core/models/artifact_check.h"
#include "core/models/body_sums.h"
#include "core/process/process.h"
#include "core/process/show.h"
#include "core/report/artifact.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/training/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store_key counter_key(const char *template)
{
    struct store_key key = {0};
    key_bytes(&key, "versions/", 9);
    key_bytes(&key, template, strlen(template));
    return key;
}

/* The number of the next version of a template. The counter outlives the
 * versions, so that the number of a removed model is never given again. */
static uint64_t next_number(struct store_txn *txn, const char *template)
{
    struct store_key key = counter_key(template);
    struct store_view v;
    uint64_t last = 0;
    if (store_get(txn, STORE_META, &key, &v) == 0 && v.size == sizeof last)
        memcpy(&last, v.data, sizeof last);
    return last + 1;
}

static int texts_write(struct primo *primo, struct store_txn *txn,
                       struct process *p, int dir, struct reason *why)
{
    char path[300]; /* the model's path, which the store does not have yet */
    struct show_request request = {
        .primo = primo, .txn = txn, .process = p, .model = path};
    struct text out = TEXT_INIT;
    int err = 0;
    snprintf(path, sizeof path, "models/%s/%" PRIu64, process_template(p),
             p->number);
    for (struct version_text t = {0}; err == 0 && version_text_next(&t);) {
        text_clear(&out);
        err = t.show(&request, &out, why);
        if (err ==
            -ENOENT) /* a trainer of an older version leaves no reports */
            err = 0;
        else if (err == 0)
            err = file_save(dir, t.name, text_string(&out), out.size, why);
    }
    text_release(&out);
    return err;
}

/* Bits may flip on a disk: the copy must be what the trainer wrote. */
static int sum_check(int dir, const char *name, const struct artifact_sum *sum,
                     struct reason *why)
{
    uint32_t crc;
    int fd = sum->known ? file_open(dir, name, why) : -1;
    if (fd < 0)
        return sum->known ? fd : 0;
    int err = artifact_file_crc(fd, &crc);
    close(fd);
    if (err)
        return refuse_errno(why, -err, "cannot read '%s'", name);
    return artifact_sum_fits(sum, crc)
               ? 0
               : refuse(why, EBADMSG,
                        "'%s' is not what the trainer has written", name);
}

/* Copies what the run made into the directory. */
static int artifacts_fetch(const struct launch_target *target,
                           const struct process *p, int dir,
                           const _Atomic bool *given_up, struct reason *why)
{
    int err = 0;
    for (int i = 0; i < ARTIFACTS && err == 0; i++) {
        if (*given_up)
            return refuse(why, ECANCELED, "the process was stopped");
        if (artifacts[i].shown)
            continue;
        err = target->site->launcher->fetch(target, p->run, artifacts[i].name,
                                            artifacts[i].limit, dir, why);
        if (err == 0)
            err = sum_check(dir, artifacts[i].name, &p->sums[i], why);
    }
    return err ? err : artifacts_check(dir, why);
}

/* STATE/models/RUN in the making: it has another name until all of it is on the
 * disk. */
struct body {
    char name[32], aside[40];
    int models;       /* descriptor of STATE/models, owned by the primo */
    int dir;          /* its own descriptor; -1 = not open */
    struct text sums; /* the checksums of all its files */
};

static int body_make(struct body *b, struct primo *primo, uint64_t run,
                     struct reason *why)
{
    snprintf(b->name, sizeof b->name, "%" PRIu64, run);
    snprintf(b->aside, sizeof b->aside, "%s.new", b->name);
    b->dir = -1;
    text_init(&b->sums);
    b->models = primo->models_dir;
    int err = directory_remove(b->models, b->aside, why);
    if (err == 0)
        err = directory_remove(b->models, b->name, why);
    if (err == 0 && mkdirat(b->models, b->aside, 0700))
        err = refuse_errno(why, errno, "cannot make a directory in 'models'");
    if (err)
        return err;
    b->dir = openat(b->models, b->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return b->dir < 0 ? refuse_errno(why, errno, "cannot open '%s'", b->aside)
                      : 0;
}

/* Gives it its final name, unless an earlier try has done so (ENOENT). */
static int body_take_name(struct body *b, struct reason *why)
{
    if (renameat(b->models, b->aside, b->models, b->name) && errno != ENOENT)
        return refuse_errno(why, errno, "cannot rename '%s'", b->aside);
    return directory_sync(b->models, why);
}

/* A directory that has its final name stays, even if it is not published: a
 * commit that returned an error may still have reached the disk. The next try
 * removes it, or the sweep at the next mount does. */
static void body_close(struct body *b)
{
    if (b->dir >= 0)
        close(b->dir);
    text_release(&b->sums);
    directory_remove(b->models, b->aside, NULL);
}

/* Finds the object of models/TEMPLATE, or makes it. */
static int family_find(struct primo *primo, struct store_txn *txn,
                       const char *template, uint64_t new_id,
                       struct object *out, struct reason *why)
{
    if (object_find(txn, TREE_MODELS, template, out) == 0)
        return 0;
    *out = (struct object){.id = new_id,
                           .parent = TREE_MODELS,
                           .kind = OBJECT_MODEL,
                           .mode = 0755,
                           .uid = primo->owner,
                           .gid = primo->group};
    strcpy(out->name, template);
    directory_changed(primo, TREE_MODELS);
    out->mtime = out->ctime = out->atime = clock_ns();
    return object_put(txn, out, why);
}

static int version_put(struct primo *primo, struct store_txn *txn,
                       const struct process *p, uint64_t family_id,
                       struct reason *why)
{
    struct object family = OBJECT_INIT;
    int err =
        family_find(primo, txn, process_template(p), family_id, &family, why);
    struct object o = {.id = p->run,
                       .parent = family.id,
                       .kind = OBJECT_VERSION,
                       .mode = 0755,
                       .uid = primo->owner,
                       .gid = primo->group,
                       .number = p->number};
    snprintf(o.name, sizeof o.name, "%" PRIu64, p->number);
    o.mtime = o.ctime = o.atime = (int64_t)(p->finished * 1e9);
    if (err == 0)
        err = object_put(txn, &o, why);
    family.mtime = o.mtime;
    /* The link `latest` now has another target: it is shown again even if
     * somebody has removed it. */
    hidden_clear_object(&primo->hidden, family.id);
    if (err == 0)
        err = object_put(txn, &family, why);
    struct store_key key = counter_key(process_template(p));
    if (err == 0)
        err =
            store_put(txn, STORE_META, &key, &p->number, sizeof p->number, why);
    object_release(&family);
    return err;
}

static int event_succeeded(struct store_txn *txn, const struct process *p,
                           struct reason *why)
{
    struct text what = TEXT_INIT;
    text_printf(&what, "succeeded: models/%s/%" PRIu64, process_template(p),
                p->number);
    int err = process_event(txn, p, (uid_t)p->author, text_string(&what), why);
    text_release(&what);
    return err;
}

/* Changes the record as success does. */
static int process_succeed(struct process *p, uint64_t number,
                           struct reason *why)
{
    p->number = number;
    p->model = p->run;
    p->stage[0] = p->reason[0] = 0;
    p->progress.eta = 0;
    return process_step(p, LIFE_ENDED_SUCCEEDED, why);
}

/* The body of the transaction: it names the version and lets the process
 * succeed. The version's texts were made from `done`; the record may have been
 * changed since (by `enabled` or `stop`), so it is loaded again. -EAGAIN: the
 * number has been taken in the meantime. */
static int version_put_all(struct primo *primo, struct store_txn *txn,
                           const struct process *done, uint64_t family_id,
                           struct reason *why)
{
    struct process p;
    if (next_number(txn, process_template(done)) != done->number)
        return refuse(why, EAGAIN, "another model has taken its number");
    int err = process_load_run(txn, done->id, done->run, &p, why);
    if (err)
        return err;
    err = process_succeed(&p, done->number, why);
    p.finished = done->finished;
    if (err == 0)
        err = process_save(txn, &p, why);
    process_release(&p);
    if (err == 0)
        err = version_put(primo, txn, done, family_id, why);
    return err ? err : event_succeeded(txn, done, why);
}

static int version_commit(struct primo *primo, const struct process *done,
                          uint64_t family_id, const struct text *sums,
                          struct reason *why)
{
    struct store_txn *txn;
    pthread_mutex_lock(&primo->change);
    int err = store_begin(primo->store, true, &txn, why);
    if (err == 0) {
        err = version_put_all(primo, txn, done, family_id, why);
        if (err == 0)
            err = sums_put(txn, done->run, sums, why);
        err = store_end(txn, err, why);
    }
    pthread_mutex_unlock(&primo->change);
    return err;
}

/* Writes the version's texts, as they will be after success, beside the
 * artifacts. *done becomes a copy of the record as it will be then. */
static int texts_make(struct primo *primo, uint64_t process, uint64_t run,
                      struct body *body, struct process *done,
                      struct reason *why)
{
    struct store_txn *txn;
    process_init(done);
    int err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = process_load_run(txn, process, run, done, why);
    if (err == 0)
        err = process_succeed(done, next_number(txn, process_template(done)),
                              why);
    if (err == 0)
        err = texts_write(primo, txn, done, body->dir, why);
    store_abort(txn);
    text_clear(&body->sums);
    if (err == 0)
        err = body_sums_make(body->dir, &body->sums, why);
    return err ? err : directory_sync(body->dir, why);
}

/* The texts contain the number of the version, and must be on the disk before
 * the transaction takes it. If another machine publishes a model of the same
 * template in between, they are written again with the next number: holding the
 * store's only writer while files are synced would hold up everybody. */
static int version_publish(struct primo *primo, uint64_t process, uint64_t run,
                           uint64_t family_id, struct body *body,
                           struct reason *why)
{
    int err;
    do {
        struct process done;
        err = texts_make(primo, process, run, body, &done, why);
        if (err == 0)
            err = body_take_name(body, why);
        if (err == 0)
            err = version_commit(primo, &done, family_id, &body->sums, why);
        process_release(&done);
    } while (err == -EAGAIN);
    return err;
}

int model_publish(struct primo *primo, const struct launch_target *target,
                  uint64_t process, uint64_t run, const _Atomic bool *given_up,
                  struct reason *why)
{
    struct body body;
    struct process p;
    uint64_t family_id;
    int err = process_read(primo->store, process, &p, why);
    if (err == 0 && p.run != run)
        err = refuse(why, ESRCH, "the process has got another run");
    if (err == 0)
        err = ids_take(&primo->ids, primo->store, &family_id, why);
    /* what the run was started with is gone as soon as another one begins */
    uint64_t keep = keep_of_run(primo, run);
    if (err == 0) {
        err = body_make(&body, primo, run, why);
        if (err == 0)
            err = artifacts_fetch(target, &p, body.dir, given_up, why);
        if (err == 0)
            err = version_publish(primo, process, run, family_id, &body, why);
        body_close(&body);
    }
    if (err == 0 && keep)
        keep_newest(primo, process_template(&p), keep, (uid_t)p.keep_writer);
    process_release(&p);
    return err;
}

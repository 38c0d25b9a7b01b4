#include "trainer/run/rundir.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/report/artifact.h"
#include "core/settings/settings.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024, THREADS_MAX = 1024 };
#define LIST_MAX ((size_t)8 << 30) /* of ten million long paths */

char *rundir_path(const struct rundir *r, const char *name)
{
    return xstrfmt("%s/%s", r->path, name);
}

static int lock_take(struct rundir *r, struct reason *why)
{
    r->lock =
        openat(r->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (r->lock < 0)
        return refuse_errno(why, errno, "cannot open '%s/lock'", r->path);
    if (flock(r->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return refuse(why, EBUSY, "another trainer works in '%s'", r->path);
    return refuse_errno(why, errno, "cannot lock '%s/lock'", r->path);
}

static int dir_open(struct rundir *r, const char *path, struct reason *why)
{
    r->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir < 0)
        return refuse_errno(why, errno, "cannot open the run directory '%s'",
                            path);
    r->path = strcmp(path, ".") ? realpath(path, NULL) : strdup(path);
    if (!r->path)
        return refuse_errno(why, errno, "cannot open the run directory '%s'",
                            path);
    if (mkdirat(r->dir, "artifacts", 0755) < 0 && errno != EEXIST)
        return refuse_errno(why, errno, "cannot create '%s/artifacts'", path);
    return 0;
}

static void rundir_release(struct rundir *r)
{
    control_free(r->control);
    writer_free(r->writer);
    checkpoint_release(&r->from);
    nodes_free(r->nodes);
    if (r->dir >= 0)
        close(r->dir);
    free(r->path);
    r->control = NULL;
    r->writer = NULL;
    r->nodes = NULL;
    r->path = NULL;
    r->dir = -1;
}

/* Read the checkpoint, where there is one. One that is damaged (*damaged) is
 * put aside for who may want to look at it; one that cannot be read just now
 * stays as it is, for the hours that are in it. */
static int found_read(struct rundir *r, bool *damaged, struct reason *why)
{
    char *path = rundir_path(r, "checkpoint");
    int err = checkpoint_read(&r->from, path, why);
    free(path);
    *damaged = err == -EINVAL;
    if (*damaged &&
        renameat(r->dir, "checkpoint", r->dir, "checkpoint.damaged") == 0)
        return 0;
    return err == -ENOENT ? 0 : err;
}

/* The number of the journal segment to begin. It is read before the rest of the
 * job is checked, because a faulty job must be reported in that segment. */
static unsigned segment_wanted(const struct rundir *r)
{
    struct text job = TEXT_INIT;
    struct settings s;
    long long n = 0;
    settings_init(&s);
    if (rundir_read(r, "job", &job, NULL) == 0 &&
        settings_parse(&s, text_string(&job), job.size, SCOPE_JOB, "", NULL) ==
            0)
        parse_int(settings_get(&s, KEY_SEGMENT), &n);
    settings_release(&s);
    text_release(&job);
    return (unsigned)n;
}

static int parts_open(struct rundir *r, const struct journal_observer *view,
                      int stopped_status, struct reason *why)
{
    struct reason fault = REASON_INIT;
    bool damaged = false;
    int err = lock_take(r, why);
    if (err == 0)
        err = nodes_open(&r->nodes, why);
    if (err)
        return err;
    int found = found_read(r, &damaged, &fault);
    const struct journal_start start = {.segment = segment_wanted(r),
                                        .iteration = r->from.at.iteration,
                                        .rows = &r->from.rows};
    err = writer_open(&r->writer, r->dir, &start, view, why);
    if (err)
        return err;
    if (found) {
        refuse(why, -found, "the checkpoint cannot be read now: %s",
               fault.sentence);
        rundir_end(r, found, why);
        return found;
    }
    if (damaged)
        writer_log(r->writer,
                   "the checkpoint is damaged (%s), starting from scratch; it "
                   "is kept as checkpoint.damaged",
                   fault.sentence);
    const struct control_options options = {
        .dir = r->dir,
        .writer = r->writer,
        .nodes = r->nodes,
        .stopped_status = stopped_status,
        .interrupted_status = getenv("PRIMOFS_AGAIN") ? RUN_INTERRUPTED : 0,
        .failed_status = RUN_FAILED};
    return control_open(&r->control, &options, why);
}

int rundir_open(struct rundir *r, const char *path,
                const struct journal_observer *view, int stopped_status,
                struct reason *why)
{
    *r = (struct rundir){.dir = -1, .lock = -1, .from = CHECKPOINT_INIT};
    int err = dir_open(r, path, why);
    if (err == 0)
        err = parts_open(r, view, stopped_status, why);
    if (err)
        rundir_release(r);
    return err;
}

int rundir_end(struct rundir *r, int err, const struct reason *why)
{
    struct text outcome = TEXT_INIT;
    control_free(r->control);
    r->control = NULL;
    if (err)
        text_printf(&outcome, "failed: %s", why->sentence);
    if (err && !nodes_lead(r->nodes))
        nodes_fail(r->nodes, why->sentence);
    if (err == 0)
        text_puts(&outcome, NC_("end", "succeeded"));
    int ended = writer_end(r->writer, text_string(&outcome));
    text_release(&outcome);
    rundir_release(r);
    return err || ended ? RUN_FAILED : RUN_SUCCEEDED;
}

static int text_read(const struct rundir *r, const char *name, size_t most,
                     struct text *out, struct reason *why)
{
    int fd = openat(r->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    int err = fd < 0 ? -errno : descriptor_read(fd, most, out);
    if (fd >= 0)
        close(fd);
    if (err)
        return refuse_errno(why, -err, "cannot read '%s/%s'", r->path, name);
    return 0;
}

int rundir_read(const struct rundir *r, const char *name, struct text *out,
                struct reason *why)
{
    return text_read(r, name, TEXT_MAX, out, why);
}

int rundir_pictures(const struct rundir *r, struct text *out,
                    struct reason *why)
{
    return text_read(r, "pictures", LIST_MAX, out, why);
}

int rundir_keep_pictures(struct rundir *r, const struct text *list,
                         struct reason *why)
{
    char *path = rundir_path(r, "pictures");
    int err = file_save(AT_FDCWD, path, text_string(list), list->size, why);
    free(path);
    return err;
}

int rundir_threads(const struct rundir *r)
{
    struct text t = TEXT_INIT;
    long long n = 0;
    const char *at = rundir_read(r, "threads", &t, NULL) ? "" : text_string(&t);
    for (int i = 0; i < nodes_rank(r->nodes); i++)
        at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
    if (t.size) {
        t.data[(size_t)(at - t.data) + strcspn(at, "\n")] = 0;
        if (!parse_int(at, &n) || n < 1 || n > THREADS_MAX)
            n = 0;
    }
    text_release(&t);
    return (int)n;
}

int rundir_keep_threads(struct rundir *r, const int *threads,
                        struct reason *why)
{
    struct text lines = TEXT_INIT;
    char *path = rundir_path(r, "threads");
    for (int i = 0; i < nodes_count(r->nodes); i++)
        text_printf(&lines, "%d\n", threads[i]);
    int err = file_save(AT_FDCWD, path, text_string(&lines), lines.size, why);
    text_release(&lines);
    free(path);
    return err;
}

int rundir_artifact(struct rundir *r, const char *name, const struct text *text,
                    struct reason *why)
{
    struct text file = TEXT_INIT, shown = TEXT_INIT;
    text_printf(&file, "artifacts/%s", name);
    text_put_printable_lines(&shown, text_string(text), text->size);
    char *path = rundir_path(r, text_string(&file));
    int err = file_save(AT_FDCWD, path, text_string(&shown), shown.size, why);
    if (err == 0)
        writer_artifact(r->writer, name,
                        artifact_crc(text_string(&shown), shown.size));
    free(path);
    text_release(&shown);
    text_release(&file);
    return err;
}

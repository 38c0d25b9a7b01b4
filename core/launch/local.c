/*
 * The launcher of this host. STATE/runs/ID is a run directory, of the user
 * whose run it is where this is the daemon of root; STATE/runs/ID.lock is
 * ours, and held by the living trainer.
 */
#include "core/basic/directory.h"
#include "core/basic/file.h"
#include "core/basic/foreign.h"
#include "core/basic/language.h"
#include "core/launch/host.h"
#include "core/launch/launcher.h"
#include "core/launch/spawn.h"
#include "core/shared/journal.h"
#include "core/shared/safetensors_header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FOLLOW_BYTES = 1 << 16,
    WORDS_BYTES = 4096,
};

/* STATE/runs/ID and `tail`; freed by the caller. */
static char *run_path(struct launch_site *site, uint64_t run, const char *tail)
{
    char *path;
    if (asprintf(&path, "%s/%" PRIu64 "%s", site->runs, run, tail) < 0)
        abort();
    return path;
}

static int run_open(struct launch_site *site, uint64_t run, struct reason *why)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int runs = directory_open(site->runs, why);
    if (runs < 0)
        return runs;
    int dir = foreign_directory(runs, name, why);
    close(runs);
    return dir;
}

/* Start */

static int write_job(int dir, const struct run_job *job, struct reason *why)
{
    const struct {
        const char *name;
        const struct text *text;
    } files[] = {
        {"job", &job->job}, {"template", &job->template}, {"type", &job->type}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct text *t = files[i].text;
        int err = file_save(dir, files[i].name, text_string(t), t->size, why);
        if (err)
            return err;
    }
    return 0;
}

/* With the lock. */
static int start_in(struct launch_site *site, uint64_t run, struct spawning *sp,
                    struct reason *why)
{
    pid_t pid;
    unlinkat(sp->dir, "stop", 0);
    int err = write_job(sp->dir, sp->job, why);
    if (err == 0 && sp->job->base)
        err = file_link(AT_FDCWD, sp->job->base, sp->dir, "base",
                        SAFETENSORS_FILE_MAX, why);
    sp->words = err ? err : foreign_renew(sp->dir, "stderr", why);
    if (sp->words < 0)
        return sp->words;
    err = trainer_spawn(site->trainer, sp, &pid, why);
    close(sp->words);
    if (err == 0)
        child_note(&site->children, run, pid);
    return err;
}

static int start_once(struct launch_site *site, uint64_t run,
                      struct spawning *sp, struct reason *why)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int runs = directory_open(site->runs, why);
    if (runs < 0)
        return runs;
    sp->dir = foreign_make(runs, name, sp->job->uid, sp->job->gid, why);
    close(runs);
    if (sp->dir < 0)
        return sp->dir;
    int err = start_in(site, run, sp, why);
    close(sp->dir);
    return err;
}

/* The rights that a run can have: another user's only where we are root. */
static void user_take(struct run_job *job)
{
    if (geteuid() == 0)
        return;
    job->uid = geteuid();
    job->gid = getegid();
}

static int local_start(struct launch_site *site, uint64_t run,
                       const struct run_job *wanted, struct reason *why)
{
    struct run_job job = *wanted;
    struct spawning sp = {.path = run_path(site, run, ""), .job = &job};
    char *path = run_path(site, run, ".lock");
    int err = 0;
    user_take(&job);
    sp.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (sp.lock < 0)
        err = refuse_errno(why, errno, "cannot open '%s'", path);
    else if (flock(sp.lock, LOCK_EX | LOCK_NB) == 0)
        err = start_once(site, run, &sp, why);
    else if (errno != EWOULDBLOCK) /* else it is there already */
        err = refuse_errno(why, errno, "cannot lock '%s'", path);
    if (sp.lock >= 0)
        close(sp.lock); /* the trainer's own descriptor keeps it */
    free(path);
    free((char *)sp.path);
    return err;
}

/* Watch */

static int local_alive(struct launch_site *site, uint64_t run)
{
    child_find(&site->children, run); /* one that has ended leaves its lock */
    char *path = run_path(site, run, ".lock");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int code = errno, alive = 0;
    free(path);
    if (fd < 0)
        return code == ENOENT ? 0 : -code;
    if (flock(fd, LOCK_EX | LOCK_NB))
        alive = errno == EWOULDBLOCK ? 1 : -errno;
    close(fd);
    return alive;
}

static int local_follow(struct launch_site *site, uint64_t run,
                        uint64_t segment, uint64_t offset, struct text *out)
{
    char name[32];
    snprintf(name, sizeof name, JOURNAL_SEGMENT, (unsigned)segment);
    int dir = run_open(site, run, NULL);
    if (dir < 0)
        return dir;
    int fd = foreign_open(dir, name, NULL);
    close(dir);
    if (fd < 0)
        return fd;
    size_t had = out->size;
    text_resize(out, had + FOLLOW_BYTES);
    ssize_t n = pread(fd, out->data + had, FOLLOW_BYTES, (off_t)offset);
    int err = n < 0 ? -errno : 0;
    text_resize(out, had + (n > 0 ? (size_t)n : 0));
    close(fd);
    return err;
}

static int local_fetch(struct launch_site *site, uint64_t run, const char *name,
                       uint64_t limit, int to, struct reason *why)
{
    char path[300];
    snprintf(path, sizeof path, "artifacts/%s", name);
    int dir = run_open(site, run, why);
    if (dir < 0)
        return dir;
    int fd = foreign_open(dir, path, why);
    int err = fd < 0 ? fd : file_copy(fd, to, name, limit, why);
    if (fd >= 0)
        close(fd);
    close(dir);
    return err;
}

static int local_fetch_text(struct launch_site *site, uint64_t run,
                            const char *name, uint64_t limit, struct text *out,
                            struct reason *why)
{
    char path[300];
    snprintf(path, sizeof path, "artifacts/%s", name);
    int dir = run_open(site, run, why);
    if (dir < 0)
        return dir;
    int err = foreign_read(dir, path, limit, out, why);
    close(dir);
    return err;
}

static void put_last_line(struct text *out, const char *s, size_t size)
{
    while (size && (s[size - 1] == '\n' || s[size - 1] == ' '))
        size--;
    size_t from = size;
    while (from > 0 && s[from - 1] != '\n')
        from--;
    text_put_printable(out, s + from, size - from);
}

/* How a child ended; nothing of one that another daemon started. */
static void put_ending(struct launch_site *site, uint64_t run, struct text *out)
{
    const struct launch_child *c = child_find(&site->children, run);
    if (!c || !c->ended)
        return;
    if (WIFSIGNALED(c->status))
        text_printf(out, _("killed by signal %d, %s"), WTERMSIG(c->status),
                    strsignal(WTERMSIG(c->status)));
    else
        text_printf(out, _("exit status %d"), WEXITSTATUS(c->status));
}

static void local_last_words(struct launch_site *site, uint64_t run,
                             struct text *out)
{
    put_ending(site, run, out);
    int dir = run_open(site, run, NULL);
    int fd = dir < 0 ? dir : foreign_open(dir, "stderr", NULL);
    if (dir >= 0)
        close(dir);
    if (fd < 0)
        return;
    char words[WORDS_BYTES];
    struct stat st;
    off_t from = fstat(fd, &st) == 0 && st.st_size > WORDS_BYTES
                     ? st.st_size - WORDS_BYTES
                     : 0;
    ssize_t n = pread(fd, words, sizeof words, from);
    close(fd);
    if (n > 0 && out->size)
        text_puts(out, "; ");
    if (n > 0)
        put_last_line(out, words, (size_t)n);
}

/* Stop */

/* Whatever the user put there asks for the same. */
static int local_stop(struct launch_site *site, uint64_t run,
                      struct reason *why)
{
    int dir = run_open(site, run, why);
    if (dir < 0)
        return dir;
    int fd = openat(dir, "stop",
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int code = fd < 0 && errno != EEXIST ? errno : 0;
    if (fd >= 0)
        close(fd);
    close(dir);
    return code ? refuse_errno(why, code, "cannot ask the trainer to stop") : 0;
}

/* Whose the run is: its directory belongs to nobody else. */
static int run_owner(struct launch_site *site, uint64_t run, uid_t *uid)
{
    struct stat st;
    char *path = run_path(site, run, "");
    int code = lstat(path, &st) ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    free(path);
    *uid = code ? 0 : st.st_uid;
    return -code;
}

/* A child is known; that of an earlier daemon is the only process of the run's
 * user that can have the lock open. */
static void local_kill(struct launch_site *site, uint64_t run)
{
    struct stat lock;
    uid_t uid;
    char name[40];
    if (child_kill(&site->children, run))
        return;
    snprintf(name, sizeof name, "%" PRIu64 ".lock", run);
    char *path = run_path(site, run, ".lock");
    if (lstat(path, &lock) == 0 && S_ISREG(lock.st_mode) &&
        run_owner(site, run, &uid) == 0)
        holders_kill(&lock, name, uid);
    free(path);
}

static int local_discard(struct launch_site *site, uint64_t run,
                         struct reason *why)
{
    child_forget(&site->children, run);
    int runs = directory_open(site->runs, why);
    if (runs < 0)
        return runs;
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int err = directory_remove(runs, name, why);
    close(runs);
    if (err)
        return err;
    char *lock = run_path(site, run, ".lock");
    unlink(lock);
    free(lock);
    return 0;
}

const struct launcher launcher_local = {
    .name = "local",
    .facts = host_facts,
    .start = local_start,
    .alive = local_alive,
    .follow = local_follow,
    .fetch = local_fetch,
    .fetch_text = local_fetch_text,
    .stop = local_stop,
    .kill = local_kill,
    .last_words = local_last_words,
    .discard = local_discard,
};

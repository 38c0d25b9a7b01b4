/*
 * The launcher of this host. STATE/runs/ID is a run directory; it belongs to
 * the user whose run it is, where this is the daemon of root.
 * STATE/runs/ID.lock is ours, and the living trainer holds it: a run is alive
 * while its lock is taken, whoever started it and whatever its process number
 * is.
 *
 * The children and the facts of the host are shared by the threads of all
 * machines and guard themselves; everything else is on the disk, and one thread
 * has to do with a run.
 */
#include "core/basic/clock.h"
#include "core/basic/directory.h"
#include "core/basic/file.h"
#include "core/basic/foreign.h"
#include "core/basic/language.h"
#include "core/launch/child.h"
#include "core/launch/host.h"
#include "core/launch/launcher.h"
#include "core/launch/spawn.h"
#include "core/shared/journal.h"
#include "core/shared/safetensors_header.h"

#include <dirent.h>
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

/* What is kept between calls. */
struct local {
    struct host host;
    struct launch_children children;
    /* Held while a program is spawned, and while one is looked for by what it
     * has open. */
    pthread_mutex_t spawning;
    double orphan_time; /* when an orphan was first asked to stop, in monotonic
                           seconds; 0 = there is none. The sweeper's. */
};

/* Life cycle */

static void *local_open(const struct launch_site *site)
{
    struct local *l = calloc(1, sizeof *l);
    (void)site;
    if (!l)
        abort();
    host_init(&l->host);
    children_init(&l->children);
    pthread_mutex_init(&l->spawning, NULL);
    return l;
}

static void local_close(void *own)
{
    struct local *l = own;
    pthread_mutex_destroy(&l->spawning);
    children_release(&l->children);
    host_release(&l->host);
    free(l);
}

static struct local *local_of(const struct launch_site *site)
{
    return site->own;
}

/* STATE/runs/ID and `tail`; freed by the caller. */
static char *run_path(const struct launch_site *site, uint64_t run,
                      const char *tail)
{
    char *path;
    if (asprintf(&path, "%s/%" PRIu64 "%s", site->runs, run, tail) < 0)
        abort();
    return path;
}

static int run_open(const struct launch_site *site, uint64_t run,
                    struct reason *why)
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

/* Start the trainer in its directory. The caller has the lock of the run, which
 * the trainer inherits. */
static int start_in(const struct launch_site *site, uint64_t run,
                    struct spawning *sp, struct reason *why)
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
    pthread_mutex_lock(&local_of(site)->spawning);
    err = trainer_spawn(site->trainer, sp, &pid, why);
    pthread_mutex_unlock(&local_of(site)->spawning);
    close(sp->words);
    if (err == 0)
        child_note(&local_of(site)->children, run, pid);
    return err;
}

static int start_once(const struct launch_site *site, uint64_t run,
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

static int local_start(const struct launch_target *target, uint64_t run,
                       const struct run_job *wanted, struct reason *why)
{
    const struct launch_site *site = target->site;
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
    /* The trainer's own descriptor keeps the lock. Where there is none, it must
     * be given up explicitly: a trainer that another thread is just starting
     * has a copy of the descriptor until it calls exec(). */
    if (sp.lock >= 0 && err)
        flock(sp.lock, LOCK_UN);
    if (sp.lock >= 0)
        close(sp.lock);
    free(path);
    free((char *)sp.path);
    return err;
}

/* Watch */

static int is_alive(const struct launch_site *site, uint64_t run)
{
    struct launch_child child;
    /* so that one that has ended leaves its lock */
    child_find(&local_of(site)->children, run, &child);
    char *path = run_path(site, run, ".lock");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int code = errno, alive = 0;
    free(path);
    if (fd < 0)
        return code == ENOENT ? 0 : -code;
    if (flock(fd, LOCK_EX | LOCK_NB))
        alive = errno == EWOULDBLOCK ? 1 : -errno;
    else
        flock(fd, LOCK_UN); /* a child of another thread may have a copy */
    close(fd);
    return alive;
}

static int local_alive(const struct launch_target *target, uint64_t run)
{
    return is_alive(target->site, run);
}

static int local_follow(const struct launch_target *target, uint64_t run,
                        uint64_t segment, uint64_t offset, struct text *out)
{
    char name[32];
    snprintf(name, sizeof name, JOURNAL_SEGMENT, (unsigned)segment);
    int dir = run_open(target->site, run, NULL);
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

static int local_fetch(const struct launch_target *target, uint64_t run,
                       const char *name, uint64_t limit, int to,
                       struct reason *why)
{
    char path[300];
    snprintf(path, sizeof path, "artifacts/%s", name);
    int dir = run_open(target->site, run, why);
    if (dir < 0)
        return dir;
    int fd = foreign_open(dir, path, why);
    int err = fd < 0 ? fd : file_copy(fd, to, name, limit, why);
    if (fd >= 0)
        close(fd);
    close(dir);
    return err;
}

static int local_fetch_text(const struct launch_target *target, uint64_t run,
                            const char *name, uint64_t limit, struct text *out,
                            struct reason *why)
{
    char path[300];
    snprintf(path, sizeof path, "artifacts/%s", name);
    int dir = run_open(target->site, run, why);
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
    for (size_t i = from; i < size;) {
        size_t n = utf8_decode(s + i, size - i, NULL);
        text_add(out, n && (unsigned char)s[i] >= 0x20 ? s + i : "?",
                 n && (unsigned char)s[i] >= 0x20 ? n : 1);
        i += n ? n : 1;
    }
}

/* How the trainer ended; nothing where another daemon started it. */
static void put_ending(const struct launch_site *site, uint64_t run,
                       struct text *out)
{
    struct launch_child child;
    if (!child_find(&local_of(site)->children, run, &child) || !child.ended)
        return;
    if (WIFSIGNALED(child.status))
        text_printf(out, _("killed by signal %d, %s"), WTERMSIG(child.status),
                    strsignal(WTERMSIG(child.status)));
    else
        text_printf(out, _("exit status %d"), WEXITSTATUS(child.status));
}

static void local_last_words(const struct launch_target *target, uint64_t run,
                             struct text *out)
{
    put_ending(target->site, run, out);
    int dir = run_open(target->site, run, NULL);
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

/* The file `stop` asks. The directory is the user's: whatever is there under
 * that name already asks for the same. */
static int ask_to_stop(const struct launch_site *site, uint64_t run,
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

static int local_stop(const struct launch_target *target, uint64_t run,
                      struct reason *why)
{
    return ask_to_stop(target->site, run, why);
}

/* Whose the run is: its directory belongs to nobody else. */
static int run_owner(const struct launch_site *site, uint64_t run, uid_t *uid)
{
    struct stat st;
    char *path = run_path(site, run, "");
    int code = lstat(path, &st) ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    free(path);
    *uid = code ? 0 : st.st_uid;
    return -code;
}

/* A child is known; that of an earlier daemon is the only process of the run's
 * user that can have the lock open, but for a child of ours that has not called
 * exec() yet, so none is made meanwhile. */
static void end_now(const struct launch_site *site, uint64_t run)
{
    struct local *l = local_of(site);
    struct stat lock;
    uid_t uid;
    char name[40];
    if (child_kill(&l->children, run))
        return;
    snprintf(name, sizeof name, "%" PRIu64 ".lock", run);
    char *path = run_path(site, run, ".lock");
    pthread_mutex_lock(&l->spawning);
    if (lstat(path, &lock) == 0 && S_ISREG(lock.st_mode) &&
        run_owner(site, run, &uid) == 0)
        holders_kill(&lock, name, uid);
    pthread_mutex_unlock(&l->spawning);
    free(path);
}

static void local_kill(const struct launch_target *target, uint64_t run)
{
    end_now(target->site, run);
}

/* Sweep */

/* -EAGAIN: there is more in the directory than is removed at once. */
static int discard(const struct launch_site *site, uint64_t run)
{
    child_forget(&local_of(site)->children, run);
    int runs = directory_open(site->runs, NULL);
    if (runs < 0)
        return runs;
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int err = directory_remove(runs, name, NULL);
    close(runs);
    if (err)
        return err;
    char *lock = run_path(site, run, ".lock");
    unlink(lock);
    free(lock);
    return 0;
}

/* Stop a trainer that trains for nobody. */
static void orphan_stop(const struct launch_site *site, uint64_t run)
{
    struct local *l = local_of(site);
    if (!l->orphan_time)
        l->orphan_time = monotonic_now();
    if (monotonic_now() - l->orphan_time > LAUNCH_STOP_SECONDS)
        end_now(site, run);
    else
        ask_to_stop(site, run, NULL);
}

/* The run that a name in STATE/runs belongs to, 0 = none. */
static uint64_t run_of(const char *name)
{
    char *end;
    uint64_t run = strtoull(name, &end, 10);
    return *end && strcmp(end, ".lock") ? 0 : run;
}

/* Deal with a run that nobody needs; 1 = there is something left of it. */
static int run_sweep(const struct launch_site *site, uint64_t run,
                     const struct launch_sweep *sweep, bool *orphan)
{
    if (is_alive(site, run)) {
        *orphan = true;
        orphan_stop(site, run);
        return 1;
    }
    if (discard(site, run) == -EAGAIN)
        return 1;
    sweep->dropped(sweep->context, run);
    return 0;
}

static int local_sweep(const struct launch_site *site,
                       const struct launch_sweep *sweep)
{
    DIR *dir = opendir(site->runs);
    struct dirent *e;
    int left = 0, needed = 0;
    bool orphan = false;
    while (dir && needed >= 0 && (e = readdir(dir))) {
        uint64_t run = run_of(e->d_name);
        if (!run)
            continue;
        needed = sweep->needed(sweep->context, run);
        if (needed == 0)
            left |= run_sweep(site, run, sweep, &orphan);
    }
    if (dir)
        closedir(dir);
    if (!orphan)
        local_of(site)->orphan_time = 0;
    return needed < 0 ? needed : left;
}

/* The machine */

static void local_look(const struct launch_site *site)
{
    struct local *l = local_of(site);
    pthread_mutex_lock(&l->spawning); /* it may ask the trainer */
    host_look(&l->host, site->trainer);
    pthread_mutex_unlock(&l->spawning);
}

static void local_facts(const struct launch_target *target,
                        struct machine_facts *out)
{
    host_facts(&local_of(target->site)->host, out);
}

const struct launcher launcher_local = {
    .name = "local",
    .open = local_open,
    .close = local_close,
    .look = local_look,
    .facts = local_facts,
    .sweep = local_sweep,
    .start = local_start,
    .alive = local_alive,
    .follow = local_follow,
    .fetch = local_fetch,
    .fetch_text = local_fetch_text,
    .stop = local_stop,
    .kill = local_kill,
    .last_words = local_last_words,
};

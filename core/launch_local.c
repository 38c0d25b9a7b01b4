/* The launcher of this host. */
#include "disk.h"
#include "journal.h"
#include "language.h"
#include "launcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FOLLOW_BYTES = 1 << 16,
    TEXT_BYTES = 4 << 20,
    WORDS_BYTES = 4096,
    TRAINER_LOCK_FD = 3,
};
#define ARTIFACT_BYTES ((uint64_t)4 << 30)

extern char **environ;

/* `tail` of the run directory; "" for itself. Freed by the caller. */
static char *run_path(struct launch_site *site, uint64_t run, const char *tail)
{
    char *path;
    if (asprintf(&path, "%s/%" PRIu64 "%s%s", site->runs, run, *tail ? "/" : "",
                 tail) < 0)
        abort();
    return path;
}

static int run_open(struct launch_site *site, uint64_t run, const char *tail,
                    struct reason *why)
{
    char *path = run_path(site, run, tail);
    int fd = directory_open(path, why);
    free(path);
    return fd;
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
        int err = file_write(dir, files[i].name, text_string(t), t->size, why);
        if (err)
            return err;
    }
    return directory_sync(dir, why);
}

/* Note a child, in place of an earlier one of its run. */
static void child_note(struct launch_site *site, uint64_t run, pid_t pid)
{
    struct launch_child *child = site->children;
    while (child && child->run != run)
        child = child->next;
    if (!child) {
        child = calloc(1, sizeof *child);
        if (!child)
            abort();
        child->next = site->children;
        site->children = child;
    }
    child->run = run;
    child->pid = pid;
    child->ended = false;
}

static void children_reap(struct launch_site *site)
{
    for (struct launch_child *c = site->children; c; c = c->next)
        if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
            c->ended = true;
}

static int spawn(struct launch_site *site, const char *path, int lock,
                 pid_t *pid, struct reason *why)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char *words = NULL;
    if (asprintf(&words, "%s/stderr", path) < 0)
        abort();
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, words,
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawn_file_actions_adddup2(&files, lock, TRAINER_LOCK_FD);
    posix_spawn_file_actions_addclosefrom_np(&files, TRAINER_LOCK_FD + 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
                                        POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    char *argv[] = {"primo-train", "--run", (char *)path, NULL};
    int code = posix_spawnp(pid, site->trainer, &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    free(words);
    return code ? refuse_errno(why, code, "cannot start '%s'", site->trainer)
                : 0;
}

static int start_in(struct launch_site *site, uint64_t run, const char *path,
                    int dir, const struct run_job *job, struct reason *why)
{
    int lock =
        openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return refuse_errno(why, errno, "cannot open '%s/lock'", path);
    int err = 0;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(dir, "stop", 0);
        err = write_job(dir, job, why);
        if (err == 0 && job->base)
            err = file_link(AT_FDCWD, job->base, dir, "base", ARTIFACT_BYTES,
                            why);
        pid_t pid = 0;
        if (err == 0)
            err = spawn(site, path, lock, &pid, why);
        if (err == 0)
            child_note(site, run, pid);
    } else if (errno != EWOULDBLOCK) {
        err = refuse_errno(why, errno, "cannot lock '%s/lock'", path);
    }
    close(lock); /* the trainer's own descriptor keeps it */
    return err;
}

static int local_start(struct launch_site *site, uint64_t run,
                       const struct run_job *job, struct reason *why)
{
    char *path = run_path(site, run, "");
    int err = directory_make(path, why);
    int dir = err ? err : directory_open(path, why);
    if (dir >= 0) {
        err = start_in(site, run, path, dir, job, why);
        close(dir);
    }
    free(path);
    return dir < 0 ? dir : err;
}

/* Watch */

static int local_alive(struct launch_site *site, uint64_t run)
{
    children_reap(site);
    char *path = run_path(site, run, "lock");
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
    int dir = run_open(site, run, "", NULL);
    if (dir < 0)
        return dir;
    int fd = file_open(dir, name, NULL);
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
                       int to, struct reason *why)
{
    int dir = run_open(site, run, "artifacts", why);
    if (dir < 0)
        return dir;
    int err = file_copy(dir, name, to, ARTIFACT_BYTES, why);
    close(dir);
    return err;
}

static int local_fetch_text(struct launch_site *site, uint64_t run,
                            const char *name, struct text *out,
                            struct reason *why)
{
    int dir = run_open(site, run, "artifacts", why);
    if (dir < 0)
        return dir;
    int err = file_read(dir, name, TEXT_BYTES, out, why);
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

/* How a child ended; nothing of one that another daemon started. */
static void put_ending(struct launch_site *site, uint64_t run, struct text *out)
{
    children_reap(site);
    for (struct launch_child *c = site->children; c; c = c->next) {
        if (c->run != run || !c->ended)
            continue;
        if (WIFSIGNALED(c->status))
            text_printf(out, _("killed by signal %d, %s"), WTERMSIG(c->status),
                        strsignal(WTERMSIG(c->status)));
        else
            text_printf(out, _("exit status %d"), WEXITSTATUS(c->status));
    }
}

static void local_last_words(struct launch_site *site, uint64_t run,
                             struct text *out)
{
    put_ending(site, run, out);
    char *path = run_path(site, run, "stderr");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(path);
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

static int local_stop(struct launch_site *site, uint64_t run,
                      struct reason *why)
{
    char *path = run_path(site, run, "stop");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int code = errno;
    free(path);
    if (fd < 0)
        return refuse_errno(why, code, "cannot ask the trainer to stop");
    close(fd);
    return 0;
}

/* Whether /proc/PID is the trainer of a run directory: it may be another
 * daemon's child, and the lock does not tell who holds it. */
static bool is_trainer_of(const char *pid, const char *path)
{
    char name[64], line[8192];
    snprintf(name, sizeof name, "/proc/%.20s/cmdline", pid);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    line[n] = 0;
    const char *use = line + strlen(line) + 1;
    if (use >= line + n || strcmp(use, "--run"))
        return false;
    use += strlen(use) + 1;
    return use < line + n && !strcmp(use, path);
}

static void local_kill(struct launch_site *site, uint64_t run)
{
    char *path = run_path(site, run, "");
    DIR *proc = opendir("/proc");
    struct dirent *e;
    while (proc && (e = readdir(proc))) {
        long pid = strtol(e->d_name, NULL, 10);
        if (pid > 1 && is_trainer_of(e->d_name, path))
            kill((pid_t)pid, SIGKILL);
    }
    if (proc)
        closedir(proc);
    free(path);
}

static void child_forget(struct launch_site *site, uint64_t run)
{
    struct launch_child **at = &site->children;
    while (*at && (*at)->run != run)
        at = &(*at)->next;
    if (*at && (*at)->ended) {
        struct launch_child *child = *at;
        *at = child->next;
        free(child);
    }
}

static int local_discard(struct launch_site *site, uint64_t run,
                         struct reason *why)
{
    children_reap(site);
    child_forget(site, run);
    int runs = directory_open(site->runs, why);
    if (runs < 0)
        return runs;
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    int err = directory_remove(runs, name, why);
    close(runs);
    return err;
}

const struct launcher launcher_local = {
    .name = "local",
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

static const struct launcher *const launchers[] = {&launcher_local};

const struct launcher *launcher_find(const char *name)
{
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        if (!strcmp(launchers[i]->name, name))
            return launchers[i];
    return NULL;
}

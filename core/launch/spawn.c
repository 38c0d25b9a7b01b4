#include "core/launch/spawn.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRAINER_LOCK_FD = 3, ANSWER_MS = 2000, ANSWER_BYTES = 1 << 16 };

extern char **environ;

/* Selects the variables of root's environment that may be public: the trainer
 * can belong to another user, who can then read its environment. */
static char **environment_public(void)
{
    static const char *const names[] = {
        "PATH=",    "LANG=", "LC_",     "TZ=",   "OMP_",  "GOMP_",
        "PRIMOFS_", "DNNL_", "ONEDNN_", "ASAN_", "LSAN_", "UBSAN_"};
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **out = xcalloc(n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            if (!strncmp(environ[i], names[j], strlen(names[j])))
                out[kept++] = environ[i];
    return out;
}

static void files_take(posix_spawn_file_actions_t *files,
                       const struct spawning *sp)
{
    posix_spawn_file_actions_init(files);
    posix_spawn_file_actions_addfchdir_np(files, sp->dir);
    posix_spawn_file_actions_adddup2(files, sp->words, 1);
    posix_spawn_file_actions_adddup2(files, sp->words, 2);
    posix_spawn_file_actions_adddup2(files, sp->lock, TRAINER_LOCK_FD);
    posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(files, TRAINER_LOCK_FD + 1);
}

static void attributes_take(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attr);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
}

/* Spawns a program and destroys `files`. */
static int spawn(const char *program, posix_spawn_file_actions_t *files,
                 char *const *words, char *const *env, pid_t *pid,
                 struct reason *why)
{
    posix_spawnattr_t attr;
    attributes_take(&attr);
    int code = posix_spawn(pid, program, files, &attr, words, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(files);
    return code ? refuse_errno(why, code, "cannot start '%s'", program) : 0;
}

/* Spawns primo-train, told whom to become where we may say so, and destroys
 * `files`. */
static int spawn_as(const char *program, posix_spawn_file_actions_t *files,
                    const char *use, const char *path,
                    const struct run_job *job, pid_t *pid, struct reason *why)
{
    struct text user = TEXT_INIT;
    text_printf(&user, "%u:%u", (unsigned)job->uid, (unsigned)job->gid);
    if (job->groups.size)
        text_printf(&user, ":%s", text_string(&job->groups));
    char *as_user[] = {"primo-train", (char *)use, (char *)path,
                       "--user",      user.data,   NULL};
    char *as_self[] = {"primo-train", (char *)use, (char *)path, NULL};
    char **env = job->uid == geteuid() ? environ : environment_public();
    int err =
        spawn(program, files, geteuid() ? as_self : as_user, env, pid, why);
    if (env != environ)
        free(env);
    text_release(&user);
    return err;
}

int trainer_spawn(const char *program, const struct spawning *sp, pid_t *pid,
                  struct reason *why)
{
    posix_spawn_file_actions_t files;
    files_take(&files, sp);
    const char *use = sp->job->serve  ? "--serve"
                      : sp->job->lead ? "--lead"
                                      : "--run";
    return spawn_as(program, &files, use, sp->path, sp->job, pid, why);
}

int sender_spawn(const char *program, const struct sending *s, pid_t *pid,
                 struct reason *why)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, s->said, 1);
    posix_spawn_file_actions_adddup2(&files, s->words, 2);
    posix_spawn_file_actions_adddup2(&files, s->wire, SENDER_WIRE_FD);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, SENDER_WIRE_FD + 1);
    posix_spawn_file_actions_addchdir_np(&files, "/");
    return spawn_as(program, &files, "--send", s->folder, s->job, pid, why);
}

/* Asking */

static int asked_spawn(const char *program, const char *argument,
                       char *const *env, int answer, pid_t *pid,
                       struct reason *why)
{
    posix_spawn_file_actions_t files;
    char *words[] = {"primo-train", (char *)argument, NULL};
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, answer, 1);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    return spawn(program, &files, words, env, pid, why);
}

/* Reads what the program prints until it closes its output. What exceeds
 * ANSWER_BYTES is dropped. -ETIMEDOUT after ANSWER_MS. */
static int answer_read(int from, struct text *said)
{
    int64_t end = monotonic_ns() + ANSWER_MS * 1000000LL;
    char part[512];
    for (;;) {
        struct pollfd one = {.fd = from, .events = POLLIN};
        int64_t left = (end - monotonic_ns()) / 1000000;
        if (left <= 0 || poll(&one, 1, (int)left) == 0)
            return -ETIMEDOUT;
        ssize_t n = read(from, part, sizeof part);
        if (n == 0)
            return 0;
        if (n > 0 && said->size < ANSWER_BYTES)
            text_add(said, part, (size_t)n);
    }
}

static int ask(const char *program, const char *argument, char *const *env,
               struct text *said, struct reason *why)
{
    int ends[2], status;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return refuse_errno(why, errno, "cannot ask '%s'", program);
    int err = asked_spawn(program, argument, env, ends[1], &pid, why);
    close(ends[1]);
    if (err == 0) {
        err = answer_read(ends[0], said);
        if (err)
            kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        if (err)
            refuse(why, ETIMEDOUT, "'%s' does not answer", program);
        else if (!WIFEXITED(status) || WEXITSTATUS(status))
            err = refuse(why, EIO, "'%s %s' fails", program, argument);
    }
    close(ends[0]);
    return err;
}

int trainer_ask(const char *program, const char *argument, struct text *said,
                struct reason *why)
{
    return ask(program, argument, environ, said, why);
}

int trainer_libraries(const char *program, struct text *list,
                      struct reason *why)
{
    char *env[] = {"LD_TRACE_LOADED_OBJECTS=1", "LC_ALL=C", NULL};
    return ask(program, "--version", env, list, why);
}

/* Finding */

/* FOLDER/primo-train if it is an executable, else NULL; the caller frees it. */
static char *trainer_in(const char *folder, size_t size)
{
    char *path = xstrfmt("%.*s/primo-train", (int)size, folder);
    if (path[0] == '/' && access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* The program's own folder comes first, so that a daemon that runs from a build
 * directory takes the trainer that was built with it. */
char *trainer_find(void)
{
    char self[4096], *path;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    path = slash ? trainer_in(self, (size_t)(slash - self)) : NULL;
    for (const char *at = getenv("PATH"); !path && at && *at;) {
        size_t size = strcspn(at, ":");
        path = trainer_in(at, size);
        at += size + (at[size] == ':');
    }
    return path ? path : xstrdup("/usr/local/bin/primo-train");
}

char *nodes_program_find(const char *trainer)
{
    static const char *const places[] = {"primo-nodes",
                                         "../libexec/primofs/primo-nodes"};
    const char *slash = strrchr(trainer, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        char *path =
            xstrfmt("%.*s/%s", (int)(slash - trainer), trainer, places[i]);
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

#include "trainer/far/command.h"

#include "core/basic/clock.h"
#include "core/far/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* In a group of its own, so that what it has started ends with it. */
static int command_spawn(const char *const *words, int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attr, &pipe);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, out, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    int code = posix_spawnp(pid, words[0], &files, &attr, (char *const *)words,
                            environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return code;
}

/* Reads until the other end is closed. */
static int all_read(int from, struct text *said)
{
    double until = monotonic_now() + COMMAND_SECONDS;
    char part[4096];
    for (;;) {
        struct pollfd one = {.fd = from, .events = POLLIN};
        double left = until - monotonic_now();
        if (left <= 0 || poll(&one, 1, (int)(left * 1000) + 1) == 0)
            return -ETIMEDOUT;
        ssize_t n = read(from, part, sizeof part);
        if (n == 0)
            return 0;
        if (n > 0 && said->size + (size_t)n <= FAR_BYTES)
            text_add(said, part, (size_t)n);
    }
}

static int refuse_failed(const char *name, const char *said, struct reason *why)
{
    struct text words = TEXT_INIT;
    size_t n = strlen(said);
    while (n > 0 && strchr("\r\n ", said[n - 1]))
        n--;
    size_t from = n;
    while (from > 0 && said[from - 1] != '\n')
        from--;
    text_put_printable(&words, said + from, n - from);
    int err = words.size ? refuse(why, EIO, "%.400s", text_string(&words))
                         : refuse(why, EIO, "'%s' failed", name);
    text_release(&words);
    return err;
}

int command_run(const char *const *words, struct text *said, struct reason *why)
{
    int ends[2], status = 0;
    pid_t pid;
    size_t had = said->size;
    if (pipe2(ends, O_CLOEXEC))
        return refuse_errno(why, errno, "cannot start '%s'", words[0]);
    int code = command_spawn(words, ends[1], &pid);
    close(ends[1]);
    int err = code ? 0 : all_read(ends[0], said);
    close(ends[0]);
    if (code)
        return refuse_errno(why, code, "cannot start '%s'", words[0]);
    if (err)
        kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (err)
        return refuse(why, -err, "'%s' does not answer", words[0]);
    return status ? refuse_failed(words[0], text_string(said) + had, why) : 0;
}

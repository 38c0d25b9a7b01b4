#include "core/far/link_inside.h"

#include "core/basic/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORDS_BYTES = 1 << 16,
    SLOWEST = 8192, /* bytes a second of a line that can be used */
    LOOK_MS = 200,  /* between two looks whether the links end */
};

extern char **environ;

/* A shell of this host, or ssh. */
static int ssh_spawn(struct wire *w, int end, const char *host,
                     const char *command)
{
    char *here[] = {"sh", "-c", (char *)command, NULL};
    char *there[] = {"ssh",        LINK_SSH_OPTIONS, "--",
                     (char *)host, (char *)command,  NULL};
    char **words = *host ? there : here;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
                                        POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, end, 0);
    posix_spawn_file_actions_adddup2(&files, end, 1);
    posix_spawn_file_actions_adddup2(&files, w->words, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    int code = posix_spawnp(&w->pid, words[0], &files, &attr, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return code;
}

/* A file in memory for what ssh says. A host can make it say as much as it
 * likes, so that the file does not grow. */
static int words_open(void)
{
    int fd = memfd_create("ssh", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || (ftruncate(fd, WORDS_BYTES) == 0 &&
                   fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0))
        return fd;
    close(fd);
    return -1;
}

int wire_open(struct wire *w, const char *host, const char *command,
              struct reason *why)
{
    int ends[2];
    w->fd = w->words = -1;
    w->pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return refuse_errno(why, errno, "cannot start ssh");
    w->fd = ends[0];
    w->words = words_open();
    int code = w->words < 0 || fcntl(w->fd, F_SETFL, O_NONBLOCK)
                   ? errno
                   : ssh_spawn(w, ends[1], host, command);
    close(ends[1]);
    if (code == 0)
        return 0;
    w->pid = 0;
    wire_close(w);
    return refuse_errno(why, code, "cannot start ssh");
}

void wire_close(struct wire *w)
{
    int ended;
    if (w->fd >= 0)
        close(w->fd);
    if (w->pid > 0) {
        kill(w->pid, SIGTERM); /* only we wait for it: the number is its own */
        for (int i = 0; i < 100 && waitpid(w->pid, &ended, WNOHANG) == 0; i++) {
            struct pollfd nothing = {.fd = -1};
            poll(&nothing, 1, 10);
            if (i == 50)
                kill(w->pid, SIGKILL);
        }
    }
    if (w->words >= 0)
        close(w->words);
    w->fd = w->words = -1;
    w->pid = 0;
}

void wire_expect(struct wire *w, int seconds, uint64_t bytes)
{
    w->until = monotonic_now() + seconds;
    wire_expect_more(w, bytes);
}

void wire_expect_more(struct wire *w, uint64_t bytes)
{
    w->until += (double)bytes / SLOWEST;
}

/* As poll() of one descriptor, in steps that are short enough to notice that
 * the links end. */
static int poll_until(const struct wire *w, struct pollfd *one)
{
    int n = 0;
    while (n == 0) {
        double left = w->until - monotonic_now();
        if (*w->ending)
            return -ECANCELED;
        if (left <= 0)
            return -ETIMEDOUT;
        n = poll(one, 1,
                 left * 1000 < LOOK_MS ? (int)(left * 1000) + 1 : LOOK_MS);
        n = n < 0 && errno == EINTR ? 0 : n;
    }
    return n < 0 ? -errno : 0;
}

/* Waits until the descriptor is ready. -EINTR: the caller looks for an answer
 * meanwhile, and there is one. */
static int wait_ready(const struct wire *w, short events, bool answers)
{
    struct pollfd one = {.fd = w->fd,
                         .events = (short)(events | (answers ? POLLIN : 0))};
    int err = poll_until(w, &one);
    return err == 0 && answers && one.revents & POLLIN ? -EINTR : err;
}

static int send_all(const struct wire *w, const char *data, size_t size,
                    bool answers)
{
    int err = 0;
    while (size && (err = wait_ready(w, POLLOUT, answers)) == 0) {
        ssize_t n = send(w->fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return -EPIPE;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return err;
}

int wire_send(const struct wire *w, const void *data, size_t size)
{
    return send_all(w, data, size, false);
}

int wire_send_while_silent(const struct wire *w, const void *data, size_t size)
{
    return send_all(w, data, size, true);
}

int wire_bytes(const struct wire *w, void *to, size_t size)
{
    char *at = to;
    int err = 0;
    while (size && (err = wait_ready(w, POLLIN, false)) == 0) {
        ssize_t n = read(w->fd, at, size);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return -EPIPE;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return err;
}

int wire_line(const struct wire *w, char *line, size_t size)
{
    int err;
    for (size_t n = 0; n < size; n++) {
        if ((err = wire_bytes(w, line + n, 1)))
            return err;
        if (line[n] == '\n') {
            line[n] = 0;
            return 0;
        }
    }
    return -EMSGSIZE;
}

void wire_all_words(const struct wire *w, struct text *out)
{
    size_t had = out->size;
    text_resize(out, had + WORDS_BYTES);
    if (w->words >= 0)
        pread(w->words, out->data + had, WORDS_BYTES, 0);
    text_resize(out, had + strnlen(out->data + had, WORDS_BYTES));
}

void wire_words(const struct wire *w, struct text *out)
{
    struct text said = TEXT_INIT;
    wire_all_words(w, &said);
    size_t n = said.size;
    while (n > 0 && strchr("\r\n ", said.data[n - 1]))
        n--;
    size_t start = n;
    while (start > 0 && said.data[start - 1] != '\n')
        start--;
    text_put_printable(out, said.data + start, n - start);
    text_release(&said);
}

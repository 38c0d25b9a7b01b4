#include "trainer/mpi/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SOCKET_AT = 3, /* the descriptors, in the trainer */
    MEMORY_AT,
    ABOVE = 10,
    STILL_SECONDS = 6,
};

extern char **environ;

/* In a session of its own: mpirun and srun signal the group of what they have
 * started, and only rank 0's trainer is to be told. */
static int spawn(struct world *w, char **words, int end)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t passed, all;
    sigemptyset(&passed);
    sigaddset(&passed, SIGUSR1); /* srun tells trainers, too: not to end */
    sigfillset(&all);
    sigdelset(&all, SIGPIPE); /* ignored: what reads its words may be gone */
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &passed);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, end, SOCKET_AT);
    posix_spawn_file_actions_adddup2(&files, w->memory, MEMORY_AT);
    posix_spawn_file_actions_addclosefrom_np(&files, MEMORY_AT + 1);
    int code =
        posix_spawnp(&w->trainer, words[0], &files, &attr, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return code;
}

bool child_start(struct world *w, const char *program, const char *directory)
{
    char *words[] = {(char *)program, "--run", (char *)directory, NULL};
    char numbers[32];
    int ends[2], code = 0;
    snprintf(numbers, sizeof numbers, "%d %d", SOCKET_AT, MEMORY_AT);
    setenv(NODES_ENVIRONMENT, numbers, 1);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        code = errno;
    int end = code ? -1 : fcntl(ends[1], F_DUPFD_CLOEXEC, ABOVE);
    int memory = fcntl(w->memory, F_DUPFD_CLOEXEC, ABOVE);
    if (!code && end >= 0 && memory >= 0) {
        close(ends[1]);
        close(w->memory);
        w->memory = memory;
        w->socket = ends[0];
        code = spawn(w, words, end);
        close(end);
    }
    if (code)
        fprintf(stderr, "primo-nodes: cannot start '%s': %s\n", program,
                strerror(code));
    return code == 0;
}

/* Signals that ask for an end. mpirun and srun tell all ranks; the trainer of
 * rank 0 ends the training, and all others end after it. srun passes USR1 on,
 * but kills all where it gets TERM. */
static volatile sig_atomic_t asked;

static void on_signal(int number)
{
    asked = number;
}

void child_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void signal_pass(const struct world *w)
{
    bool end = asked;
    asked = 0;
    if (end && w->rank == 0 && w->trainer)
        kill(w->trainer, SIGTERM);
}

/* What a trainer has said that has ended: the reason, if it has one. */
static bool last_request(struct world *w)
{
    struct nodes_request r;
    while (recv(w->socket, &r, sizeof r, MSG_DONTWAIT) == sizeof r)
        if (r.verb == NODES_FAILED && r.size < NODES_SAID) {
            w->window[r.size] = 0;
            return true;
        }
    return false;
}

/* Rank 0's trainer has said in its journal how it has ended. Another one may
 * have done its part before rank 0 has. */
static void ended(struct world *w, bool killed, int number)
{
    w->trainer = 0;
    if (w->rank == 0)
        w->status = killed ? 128 + number : number;
    if (w->rank == 0 && killed)
        fprintf(stderr,
                "primo-nodes: the trainer on host '%s' was ended by signal "
                "%d\n",
                w->head->name[0], number);
    else if (w->rank == 0)
        return;
    else if (killed)
        words_lost(w, NODES_KILLED, w->rank, number, NULL);
    else if (number && last_request(w))
        words_lost(w, NODES_REFUSED, w->rank, number, w->window);
    else if (number)
        words_lost(w, NODES_EXITED, w->rank, number, NULL);
}

bool child_look(struct world *w)
{
    siginfo_t info = {0};
    signal_pass(w);
    if (w->trainer &&
        waitid(P_PID, (id_t)w->trainer, &info,
               WEXITED | WSTOPPED | WCONTINUED | WNOHANG) == 0 &&
        info.si_pid) {
        if (info.si_code == CLD_STOPPED)
            w->still = world_now();
        else if (info.si_code == CLD_CONTINUED)
            w->still = 0;
        else
            ended(w, info.si_code != CLD_EXITED, info.si_status);
    }
    if (w->trainer && w->still > 0 && world_now() - w->still > STILL_SECONDS)
        words_lost(w, NODES_STOPPED, w->rank, STILL_SECONDS, NULL);
    return w->trainer || w->socket < 0;
}

void child_end(struct world *w, double seconds)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    double until = world_now() + seconds;
    while (w->trainer && world_now() < until) {
        words_look(w);
        child_look(w);
        nanosleep(&nap, NULL);
    }
    if (!w->trainer)
        return;
    kill(w->trainer, SIGKILL);
    waitpid(w->trainer, NULL, 0);
    w->trainer = 0;
}

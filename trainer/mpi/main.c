/*
 * The program primo-nodes. mpirun or srun starts it on each host; world.h says
 * what it is.
 */
#include "trainer/mpi/world.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_NS = 20000000,
    SUMS_NS = 200000,  /* where sums are under way */
    SAVE_SECONDS = 20, /* for the checkpoint of a run that ends */
    FINALIZE_SECONDS = 10,
    LAST_SECONDS = 10, /* more than rank 0 may be silent */
};

static const char help[] =
    "usage: mpirun OPTION… primo-nodes PRIMO-TRAIN --run RUN_DIR\n"
    "\n"
    "Trains one model on several hosts: one of these runs on each, and starts\n"
    "its primo-train. The run directory is on the host of rank 0; the data "
    "set\n"
    "has the same path on all of them. primofs calls this for a machine with\n"
    "nodes = N.\n";

static const struct timespec nap = {.tv_nsec = 5000000};

static bool answer(const struct world *w, const struct nodes_request *r)
{
    return write(w->socket, r, sizeof *r) == sizeof *r;
}

static bool size_is_right(const struct world *w, const struct nodes_request *r)
{
    size_t room = r->verb == NODES_GATHER ? NODES_WINDOW / (size_t)w->count
                                          : NODES_WINDOW;
    return r->size <= room;
}

/* What a trainer asks for. What it says last is read when it has ended. */
static bool request_serve(struct world *w, const struct nodes_request *r)
{
    switch ((enum nodes_verb)r->verb) {
    case NODES_SUM:
    case NODES_SUM_BF16:
        return sums_begin(w, r) || words_differ(w);
    case NODES_WAIT:
        return exchange_wait(w, r->slot) && answer(w, r);
    case NODES_SHARE:
    case NODES_GATHER:
        if (!size_is_right(w, r))
            break;
        return (r->verb == NODES_SHARE ? exchange_share(w, r->size)
                                       : exchange_gather(w, r->size)) &&
               answer(w, r);
    case NODES_PART:
        w->apart = true;
        return answer(w, r);
    case NODES_FAILED:
        break;
    }
    return words_differ(w);
}

/* Waits for a request, but not for long where sums have to go on: what comes
 * meanwhile waits in the sockets of MPI, which hold more than a fast network
 * brings in such a nap. */
static bool request_await(struct world *w)
{
    struct pollfd one = {.fd = w->socket, .events = POLLIN};
    bool sums = sums_are_under_way(w);
    const struct timespec most = {.tv_nsec = sums ? SUMS_NS : LOOK_NS};
    return ppoll(&one, 1, &most, NULL) > 0;
}

static bool request_take(struct world *w)
{
    struct nodes_request r;
    ssize_t n = recv(w->socket, &r, sizeof r, MSG_PEEK | MSG_DONTWAIT);
    if (n != sizeof r || r.verb == NODES_FAILED) {
        nanosleep(&nap, NULL); /* it is ending */
        return true;
    }
    recv(w->socket, &r, sizeof r, MSG_DONTWAIT);
    return request_serve(w, &r);
}

/* Looks at words and at the trainer now and then. */
static bool all_well(struct world *w, double *looked)
{
    double now = world_now();
    if (now - *looked < LOOK_NS * 1e-9)
        return true;
    *looked = now;
    return words_look(w) && child_look(w);
}

/* Serves the trainer until it has ended, or the nodes have. */
static void serve(struct world *w)
{
    double looked = 0;
    while (all_well(w, &looked) && sums_look(w))
        if (request_await(w) && !request_take(w))
            return;
}

/* Rank 0: where the nodes are lost, the trainer notices that its socket is
 * closed, and why. */
static void lead_to_end(struct world *w)
{
    if (w->socket >= 0)
        shutdown(w->socket, SHUT_RDWR);
    child_end(w, SAVE_SECONDS);
    words_end(w);
}

/* The others go when rank 0 has, or is gone. A trainer that was killed while
 * it was answered has not been missed yet. */
static void follow_to_end(struct world *w)
{
    bool lost = !words_look(w);
    for (; !lost && !w->over; lost = !words_look(w)) {
        child_look(w);
        nanosleep(&nap, NULL);
    }
    child_end(w, 0);
    double until = world_now() + LAST_SECONDS;
    while (!w->over && world_now() < until) {
        words_look(w);
        nanosleep(&nap, NULL);
    }
}

static bool begin(struct world *w, char **argv)
{
    if (files_share(w, argv[3]))
        return child_start(w, argv[1], w->rank ? w->scratch : argv[3]);
    words_print(w);
    return false;
}

/* MPI ends together, or not at all: a host that is away would hold it up. */
static int all_end(struct world *w)
{
    files_remove(w);
    if (w->deserted || w->head->loss == NODES_SILENT ||
        w->head->loss == NODES_DIFFER)
        _exit(w->status);
    alarm(FINALIZE_SECONDS);
    MPI_Finalize();
    return w->rank ? 0 : w->status;
}

int main(int argc, char **argv)
{
    static struct world w;
    if (argc == 2 && !strcmp(argv[1], "--version"))
        return puts("primo-nodes " PRIMO_VERSION) < 0;
    if (argc != 4 || strcmp(argv[2], "--run")) {
        fputs(help, stderr);
        return 2;
    }
    MPI_Init(&argc, &argv);
    child_signals();
    if (!world_open(&w))
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (begin(&w, argv))
        serve(&w);
    else
        words_lost(&w, NODES_EXITED, w.rank, 1, NULL);
    if (w.rank == 0)
        lead_to_end(&w);
    else
        follow_to_end(&w);
    return all_end(&w);
}

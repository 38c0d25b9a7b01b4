#include "trainer/mpi/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

double world_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Sealed, so that a trainer cannot take away what this process has mapped. */
static bool memory_make(struct world *w)
{
    off_t size = NODES_MEMORY;
    w->memory = memfd_create("primofs-nodes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (w->memory < 0 || ftruncate(w->memory, size) ||
        fcntl(w->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL))
        return false;
    void *at = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
                    w->memory, 0);
    if (at == MAP_FAILED || !sums_open(w))
        return false;
    w->head = at;
    w->window = (char *)at + NODES_HEAD;
    w->slots = w->window + NODES_WINDOW;
    return true;
}

/* The word of that number, or NULL. */
static const char *word_find(const char *words, int number)
{
    while (words && number-- && (words = strchr(words, ' ')))
        words++;
    return words;
}

/* The names by which whoever has started us knows the hosts, as far as there
 * are some; ranks until we know better. */
static void names_take(struct world *w)
{
    const char *names = getenv(NODES_NAMES);
    for (int i = 0; i < w->count; i++) {
        const char *given = word_find(names, i);
        if (given)
            snprintf(w->head->name[i], NODES_NAME, "%.*s",
                     (int)strcspn(given, " "), given);
        else
            snprintf(w->head->name[i], NODES_NAME, "rank %d", i);
    }
}

/* The name of this host, without its domain; the name by which whoever has
 * started us knows it, as Slurm does its nodes. */
static void name_take(const struct world *w, char name[NODES_NAME])
{
    const char *given = word_find(getenv(NODES_NAMES), w->rank);
    const char *node = getenv("SLURMD_NODENAME");
    if (given)
        memcpy(name, w->head->name[w->rank], NODES_NAME);
    else if (node)
        snprintf(name, NODES_NAME, "%s", node);
    else if (gethostname(name, NODES_NAME))
        strcpy(name, "?");
    name[NODES_NAME - 1] = 0;
    if (!given)
        name[strcspn(name, ".")] = 0;
}

bool world_open(struct world *w)
{
    *w = (struct world){.socket = -1, .status = 1};
    MPI_Comm_dup(MPI_COMM_WORLD, &w->work);
    MPI_Comm_dup(MPI_COMM_WORLD, &w->sums);
    MPI_Comm_dup(MPI_COMM_WORLD, &w->words);
    MPI_Comm_set_errhandler(w->work, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(w->sums, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(w->words, MPI_ERRORS_RETURN);
    MPI_Comm_rank(w->work, &w->rank);
    MPI_Comm_size(w->work, &w->count);
    if (w->count > NODES_MOST) {
        fprintf(stderr, "primo-nodes: at most %d hosts, got %d\n", NODES_MOST,
                w->count);
        return false;
    }
    if (!memory_make(w)) {
        fprintf(stderr, "primo-nodes: no memory to share: %s\n",
                strerror(errno));
        return false;
    }
    w->head->rank = (uint32_t)w->rank;
    w->head->count = (uint32_t)w->count;
    words_begin(w);
    names_take(w);
    name_take(w, w->window + w->rank * NODES_NAME);
    if (!exchange_gather(w, NODES_NAME)) {
        words_print(w);
        return false;
    }
    memcpy(w->head->name, w->window, (size_t)w->count * NODES_NAME);
    return true;
}

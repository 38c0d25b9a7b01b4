#include "trainer/machine/headroom.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Bytes: more than one op takes. The first product of matrices with AVX-512
 * makes the code of all kinds of them, which 8 MiB do not hold. */
enum { CODE_ROOM = 32 << 20 };

bool headroom_is_limited(void)
{
    struct rlimit data, space;
    return getrlimit(RLIMIT_DATA, &data) < 0 ||
           getrlimit(RLIMIT_AS, &space) < 0 || data.rlim_cur != RLIM_INFINITY ||
           space.rlim_cur != RLIM_INFINITY;
}

int headroom_for_code(struct reason *why)
{
    void *room = mmap(NULL, CODE_ROOM, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return refuse(why, ENOMEM, "out of memory for the network's code");
    munmap(room, CODE_ROOM);
    return 0;
}

static void *thread_wait(void *turn)
{
    pthread_mutex_lock(turn);
    pthread_mutex_unlock(turn);
    return NULL;
}

/* Makes so many threads that are there at the same time, as those of a team
 * are, and ends them. */
static int threads_probe(int count)
{
    pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    int made = 0, code = threads ? 0 : ENOMEM;
    pthread_mutex_lock(&turn);
    while (code == 0 && made < count) {
        code = pthread_create(&threads[made], NULL, thread_wait, &turn);
        made += code == 0;
    }
    pthread_mutex_unlock(&turn);
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return code;
}

int headroom_for_team(int threads, struct reason *why)
{
    int code = threads_probe(threads);
    if (code)
        return refuse(why, code == EAGAIN ? ENOMEM : code,
                      "cannot make %d threads (%s)", threads, strerror(code));
#pragma omp parallel num_threads(threads)
    __asm__ volatile(
        ""); /* an empty region would be left out, and no team made */
    return 0;
}

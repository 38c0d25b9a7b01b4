/*
 * How OpenMP's threads wait while other processes want their processors.
 *
 * At the end of each of its loops a thread waits for the others, spinning for
 * some microseconds before it sleeps: quickest where the processors are theirs
 * alone, and a waste of the time that the thread waited for would need where
 * they are not. libgomp has one length of waiting for the whole of a process's
 * life, and a hundred turns where there are more of its threads than
 * processors (its manual, GOMP_SPINCOUNT). So, while the calling thread has to
 * queue for its processor, there is a second team, of threads that sleep.
 *
 * Nothing is done where threads are fewer than processors, where memory is
 * limited, and where the kernel does not tell of queueing. For the main thread.
 */
#ifndef PRIMO_TEAM_WAIT_H
#define PRIMO_TEAM_WAIT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#define TEAM_WAIT_SCHEDSTAT "/proc/thread-self/schedstat"

struct team_wait {
    int schedstat;   /* -1 = nothing is done */
    double looked;   /* monotonic seconds */
    uint64_t queued; /* nanoseconds of queueing until then */
    bool about;      /* there is a second team */
    pthread_t team;
    sem_t over;
};

void team_wait_init(struct team_wait *c);
void team_wait_release(struct team_wait *c);
/* Begin to watch, for a team of `threads` threads. `schedstat` is a file like
 * TEAM_WAIT_SCHEDSTAT. */
void team_wait_watch(struct team_wait *c, const char *schedstat, int threads);
/* Call this between steps, as often as you like: it looks twice a second. */
void team_wait_look(struct team_wait *c);
/* Spin for little anyway: the file system and the threads that load pictures
 * want processors, too. How long is read from the environment when the program
 * is loaded, so this loads it again, by its path, that it is called as before;
 * once, and not where the environment says something already. What the
 * environment says of binding threads to processors is left out, too. */
void team_wait_spin_little(char **argv);

#endif

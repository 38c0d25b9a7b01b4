#include "trainer/evaluation/thumbnails.h"

#include "core/basic/alloc.h"
#include "trainer/pictures/thumbnail.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The work of a thread that may be left behind: who lets go of it last frees
 * it. */
struct job {
    pthread_mutex_t lock;
    pthread_cond_t done;
    int root;
    int count;
    char *path[THUMBNAILS_MOST];
    int page[THUMBNAILS_MOST]; /* as picture_read_within() takes it */
    int holders, finished;     /* under lock */
    struct thumbnail_made
        made[THUMBNAILS_MOST]; /* [finished] are nobody's but readers' */
};

void thumbnails_release(struct thumbnails *t)
{
    for (int i = 0; i < THUMBNAILS_MOST; i++)
        text_release(&t->base64[i]);
}

/* Making one */

static void make_one(const struct job *job, int i, struct thumbnail_made *out)
{
    struct picture p = PICTURE_INIT;
    if (picture_read_within(&p, job->root, job->path[i], job->page[i],
                            THUMBNAIL_SIDE, NULL) == 0)
        thumbnail_make(&p, THUMBNAIL_SIDE, out);
    picture_release(&p);
}

/* The thread */

static void job_drop(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    bool last = --job->holders == 0;
    pthread_mutex_unlock(&job->lock);
    if (!last)
        return;
    for (int i = 0; i < job->count; i++) {
        free(job->path[i]);
        text_release(&job->made[i].base64);
    }
    close(job->root);
    pthread_cond_destroy(&job->done);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static bool job_step(struct job *job, int i)
{
    struct thumbnail_made made = {0};
    make_one(job, i, &made);
    pthread_mutex_lock(&job->lock);
    job->made[i] = made;
    job->finished = i + 1;
    bool wanted = job->holders > 1;
    pthread_cond_signal(&job->done);
    pthread_mutex_unlock(&job->lock);
    return wanted;
}

static void *job_run(void *context)
{
    struct job *job = context;
    for (int i = 0; i < job->count && job_step(job, i); i++)
        ;
    job_drop(job);
    return NULL;
}

/* Waits until all are made, or for so many seconds; returns how many are. */
static int job_await(struct job *job, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    pthread_mutex_lock(&job->lock);
    while (job->finished < job->count &&
           pthread_cond_timedwait(&job->done, &job->lock, &until) == 0)
        ;
    int finished = job->finished;
    pthread_mutex_unlock(&job->lock);
    return finished;
}

static bool job_start(struct job *job)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, job_run, job) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

static struct job *job_new(int root)
{
    struct job *job = xcalloc(1, sizeof *job);
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->done, NULL);
    job->root = fcntl(root, F_DUPFD_CLOEXEC, 0);
    job->holders = 2;
    return job;
}

void thumbnails_make(struct thumbnails *t, struct evaluation *e, int root,
                     const char *(*file)(void *context, int picture, int *page),
                     void *context, double seconds)
{
    int count, *mistakes = evaluation_mistakes(e, &count);
    struct job *job = job_new(root);
    job->count = count < THUMBNAILS_MOST ? count : THUMBNAILS_MOST;
    for (int i = 0; i < job->count; i++)
        job->path[i] = xstrdup(file(context, mistakes[i], &job->page[i]));
    bool started = job_start(job);
    if (!started)
        job->holders = 1;
    int made = started ? job_await(job, seconds) : 0;
    for (int i = 0; i < made; i++) {
        struct thumbnail_made *m = &job->made[i];
        text_move(&t->base64[i], &m->base64);
        if (m->width)
            evaluation_add_thumbnail(
                e, &(struct thumbnail){mistakes[i], m->width, m->height,
                                       text_string(&t->base64[i])});
    }
    job_drop(job);
    free(mistakes);
}

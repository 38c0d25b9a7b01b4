#include "trainer/evaluation/thumbnails.h"

#include "core/basic/alloc.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct made {
    int width, height; /* 0 = it could not be made */
    struct text base64;
};

/* The work of a thread that may be left behind: who lets go of it last frees
 * it. */
struct job {
    pthread_mutex_t lock;
    pthread_cond_t done;
    int root;
    int count;
    char *path[THUMBNAILS_MOST];
    int holders, finished; /* under lock */
    struct made
        made[THUMBNAILS_MOST]; /* [finished] are nobody's but readers' */
};

void thumbnails_release(struct thumbnails *t)
{
    for (int i = 0; i < THUMBNAILS_MOST; i++)
        text_release(&t->base64[i]);
}

/* Making one */

static void put_base64(struct text *out, const uint8_t *data, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= left > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= left > 2 ? data[i + 2] : 0;
        char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63],
                        left > 1 ? letters[bits >> 6 & 63] : '=',
                        left > 2 ? letters[bits & 63] : '='};
        text_add(out, four, sizeof four);
    }
}

/* Scales a side that belongs to a longest side of `longest`. */
static int side_of(int side, int longest)
{
    if (longest <= THUMBNAIL_SIDE)
        return side;
    int scaled = (int)((long long)side * THUMBNAIL_SIDE / longest);
    return scaled < 1 ? 1 : scaled;
}

static int encode(const struct picture *p, struct made *out)
{
    int longest = p->width > p->height ? p->width : p->height;
    int width = side_of(p->width, longest);
    int height = side_of(p->height, longest);
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3), *jpeg = NULL;
    size_t size = 0;
    int err = rgb ? picture_resize_to(p, width, height, rgb, NULL) : -ENOMEM;
    if (err == 0)
        err = picture_to_jpeg(rgb, width, height, &jpeg, &size, NULL);
    if (err == 0) {
        *out = (struct made){width, height, TEXT_INIT};
        put_base64(&out->base64, jpeg, size);
    }
    free(jpeg);
    free(rgb);
    return err;
}

static void make_one(const struct job *job, int i, struct made *out)
{
    struct picture p = PICTURE_INIT;
    if (picture_read_within(&p, job->root, job->path[i], THUMBNAIL_SIDE,
                            NULL) == 0)
        encode(&p, out);
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
    struct made made = {0};
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
                     const char *(*file)(void *context, int picture),
                     void *context, double seconds)
{
    int count, *mistakes = evaluation_mistakes(e, &count);
    struct job *job = job_new(root);
    job->count = count < THUMBNAILS_MOST ? count : THUMBNAILS_MOST;
    for (int i = 0; i < job->count; i++)
        job->path[i] = xstrdup(file(context, mistakes[i]));
    bool started = job_start(job);
    if (!started)
        job->holders = 1;
    int made = started ? job_await(job, seconds) : 0;
    for (int i = 0; i < made; i++) {
        struct made *m = &job->made[i];
        text_move(&t->base64[i], &m->base64);
        if (m->width)
            evaluation_add_thumbnail(
                e, &(struct thumbnail){mistakes[i], m->width, m->height,
                                       text_string(&t->base64[i])});
    }
    job_drop(job);
    free(mistakes);
}

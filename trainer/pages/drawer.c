#include "trainer/pages/drawer.h"

#include "core/basic/clock.h"
#include "trainer/pages/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* How long a conversation may last, and how much longer for each page. */
enum { DRAWERS_MOST = 4, PATIENCE_MS = 10 * 60 * 1000, PAGE_MS = 20 * 1000 };

/* The drawers of this process; `used` is guarded by the lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int count; /* set before there are threads; broken ones stay in use */
    int broken;
    struct channel channel[DRAWERS_MOST];
    bool used[DRAWERS_MOST];
} drawers = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .freed = PTHREAD_COND_INITIALIZER};

int drawn_pixels(double points)
{
    double n = round(points * DRAWN_DPI / 72);
    return n < 1 ? 1 : n > INT16_MAX ? INT16_MAX : (int)n;
}

/* Life cycle */

static int processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n < DRAWERS_MOST ? n : DRAWERS_MOST;
}

static bool channel_open(struct channel *mine, struct channel *theirs)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1}, over[2] = {-1, -1};
    mine->shared = mmap(NULL, sizeof *mine->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mine->shared == MAP_FAILED || pipe2(to, O_CLOEXEC) ||
        pipe2(from, O_CLOEXEC | O_NONBLOCK) || pipe2(over, O_CLOEXEC))
        return false;
    *theirs = (struct channel){mine->shared, to[0], from[1], over[1]};
    *mine = (struct channel){mine->shared, from[0], to[1], over[0]};
    fcntl(theirs->out, F_SETFL, 0); /* only we do not wait */
    return true;
}

static bool drawer_start(struct channel *mine)
{
    struct channel theirs;
    if (!channel_open(mine, &theirs))
        return false;
    pid_t child = fork();
    if (child == 0)
        drawer_run(&theirs);
    close(theirs.in);
    close(theirs.out);
    close(theirs.over);
    return child > 0;
}

void drawers_start(void)
{
    int wanted = processors();
    while (drawers.count < wanted &&
           drawer_start(&drawers.channel[drawers.count]))
        drawers.count++;
}

/* One that is free, or NULL where none works. */
static struct channel *drawer_take(void)
{
    struct channel *found = NULL;
    pthread_mutex_lock(&drawers.lock);
    while (!found && drawers.broken < drawers.count) {
        for (int i = 0; i < drawers.count && !found; i++)
            if (!drawers.used[i]) {
                drawers.used[i] = true;
                found = &drawers.channel[i];
            }
        if (!found)
            pthread_cond_wait(&drawers.freed, &drawers.lock);
    }
    pthread_mutex_unlock(&drawers.lock);
    return found;
}

static struct channel *drawer_await(const struct drawing *d)
{
    if (d->queue)
        d->queue(true);
    struct channel *c = drawer_take();
    if (d->queue)
        d->queue(false);
    return c;
}

static void drawer_give(struct channel *c, bool broken)
{
    pthread_mutex_lock(&drawers.lock);
    drawers.broken += broken;
    drawers.used[c - drawers.channel] = broken;
    pthread_cond_broadcast(&drawers.freed);
    pthread_mutex_unlock(&drawers.lock);
}

/* Asking */

static int no_drawers(struct reason *why)
{
    return refuse(why, ENOSYS,
                  "is a PDF, and the program that draws its pages does not "
                  "work");
}

/* A drawer that is gone is an error, and no signal. */
static bool ask_put(const struct channel *c, const struct ask *a)
{
    const struct timespec now = {0};
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    bool put = message_put(c->out, a, sizeof *a);
    if (!put)
        sigtimedwait(&pipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return put;
}

/* How a conversation goes on. */
enum heard { HEARD_TELL, HEARD_OVER, HEARD_NOTHING };

/* Awaits the next message for so long. */
static enum heard hear(const struct channel *c, int ms, struct tell *t,
                       struct over *o)
{
    struct pollfd p[2] = {{.fd = c->in, .events = POLLIN},
                          {.fd = c->over, .events = POLLIN}};
    int n;
    do
        n = poll(p, 2, ms);
    while (n < 0 && errno == EINTR);
    if (n > 0 && (p[0].revents & POLLIN) && message_get(c->in, t, sizeof *t))
        return HEARD_TELL;
    if (n > 0 && (p[1].revents & POLLIN) && message_get(c->over, o, sizeof *o))
        return HEARD_OVER;
    return HEARD_NOTHING;
}

static bool is_late(const struct over *o)
{
    return o->signal == SIGXCPU || o->signal == SIGKILL;
}

static int died(const struct over *o, struct reason *why)
{
    if (is_late(o))
        return refuse(why, EFBIG,
                      "is a PDF of which a page takes longer than %d s to "
                      "draw",
                      DRAWN_SECONDS);
    if (o->signal == SIGABRT || o->signal == SIGTRAP)
        return refuse(why, EFBIG,
                      "is a PDF that takes more than %d MiB to draw",
                      DRAWN_MEMORY_MIB);
    return refuse(why, EINVAL,
                  "is not a good PDF: the program that draws it dies of it");
}

static int failure(const struct tell *t, struct reason *why)
{
    const char *message = t->message[0] ? t->message : "it can't be drawn";
    switch (t->kind) {
    case TELL_PROTECTED:
        return refuse(why, EPERM, "is a PDF that is protected by a password");
    case TELL_NO_LIBRARY:
        return refuse(why, ENOSYS,
                      "is a PDF, which is read where libpoppler-glib8 is "
                      "installed");
    default:
        if (t->page.number)
            return refuse(why, EINVAL, "is not a good PDF: page %d: %s",
                          t->page.number, message);
        return refuse(why, EINVAL, "is not a good PDF: %s", message);
    }
}

/* What a drawer says is not trusted: it has one more page for us, the next. */
static bool is_sound(const struct drawing *d, int taken,
                     const struct drawn_page *p)
{
    return p->of > 0 && taken < d->count && p->number >= d->first &&
           p->number - d->first == taken && p->full_width > 0 &&
           p->full_width <= INT16_MAX && p->full_height > 0 &&
           p->full_height <= INT16_MAX;
}

static bool is_sound_drawn(const struct drawing *d, const struct drawn_page *p)
{
    return p->width >= 0 && p->height >= 0 && p->width <= DRAWN_SIDE_MAX &&
           p->height <= DRAWN_SIDE_MAX &&
           (d->side <= 0 || (p->width == d->side && p->height == d->side));
}

static bool is_sound_scan(const struct scan *s)
{
    return s->size > 0 && s->size <= sizeof((struct shared *)0)->scan &&
           s->width > 0 && s->height > 0 &&
           (s->channels == 1 || s->channels == 3) && s->orientation >= 1 &&
           s->orientation <= 8;
}

/* One conversation. */
struct talk {
    const struct drawing *drawing;
    drawn_take *take;
    void *context;
    int *total;
    int64_t began; /* monotonic ns */
    int err;       /* so far */
    int taken;     /* pages */
    bool again;    /* the next is asked for as it is drawn */
    bool ended;
    bool died; /* before it has ended, and maybe of looking for scans */
};

static void page_take(const struct channel *c, struct talk *k, struct tell *t,
                      struct reason *why)
{
    struct ask next = {.kind = ASK_NEXT};
    bool scan = t->kind == TELL_SCAN;
    t->page.pixels = scan ? NULL : c->shared->pixels;
    t->page.scan.jpeg = scan ? c->shared->scan : NULL;
    *k->total = t->page.of;
    int taken = k->take(k->context, &t->page, why);
    k->again = scan && taken == DRAW_IT;
    k->err = k->again ? 0 : taken;
    k->taken += !k->again;
    k->ended = k->err != 0;
    next.kind = k->again ? ASK_AGAIN : k->err ? ASK_ENOUGH : ASK_NEXT;
    ask_put(c, &next);
}

/* Whether it is a page that is awaited. */
static bool is_page(const struct talk *k, const struct tell *t)
{
    return is_sound(k->drawing, k->taken, &t->page) &&
           (t->kind == TELL_PAGE
                ? is_sound_drawn(k->drawing, &t->page)
                : t->kind == TELL_SCAN && k->drawing->scans && !k->again &&
                      is_sound_scan(&t->page.scan));
}

static void tell_take(const struct channel *c, struct talk *k, struct tell *t,
                      struct reason *why)
{
    const struct ask enough = {.kind = ASK_ENOUGH};
    if (k->ended)
        return; /* it has no more to say */
    if (is_page(k, t)) {
        page_take(c, k, t, why);
        return;
    }
    k->ended = true;
    if (t->kind == TELL_END)
        *k->total = t->page.of;
    else
        k->err = failure(t, why);
    if (t->kind == TELL_PAGE || t->kind == TELL_SCAN)
        ask_put(c, &enough); /* it is no good, and waits for an answer */
}

/* Whatever a drawer does, it has its bounds; the patience is for one that a
 * hostile document has taken over. */
static int patience(const struct talk *k)
{
    int64_t spent = (monotonic_ns() - k->began) / 1000000;
    int64_t left = PATIENCE_MS + (int64_t)k->taken * PAGE_MS - spent;
    return left < 0 ? 0 : left < PATIENCE_MS ? (int)left : PATIENCE_MS;
}

/* Until the process that draws is over. False = the drawer is broken. */
static bool talk_on(const struct channel *c, struct talk *k, struct reason *why)
{
    struct tell t;
    struct over o = {0};
    for (;;) {
        int ms = patience(k); /* past it, nobody listens to what is said */
        enum heard heard = ms ? hear(c, ms, &t, &o) : HEARD_NOTHING;
        if (heard == HEARD_TELL) {
            t.message[sizeof t.message - 1] = 0;
            tell_take(c, k, &t, why);
            continue;
        }
        if (!k->ended)
            k->err = heard == HEARD_OVER ? died(&o, why) : no_drawers(why);
        k->died = !k->ended && !(is_late(&o) && c->shared->draws);
        return heard == HEARD_OVER;
    }
}

static int draw_by(const struct channel *c, struct talk *k, bool *broken,
                   struct reason *why)
{
    const struct drawing *d = k->drawing;
    const struct ask a = {ASK_DRAW, d->size,  d->side,
                          d->first, d->count, d->scans};
    memcpy(c->shared->data, d->data, d->size);
    c->shared->draws = false;
    *broken = !ask_put(c, &a);
    if (*broken)
        return no_drawers(why);
    *broken = !talk_on(c, k, why);
    /* What it has taken goes back to the system. */
    madvise(c->shared->data, d->size, MADV_REMOVE);
    return k->err;
}

/* The pages that are left, when a library has died that looks for scans: who
 * only draws may read the document all the same. */
static int rest_draw(const struct channel *c, const struct talk *before,
                     bool *broken, struct reason *why)
{
    struct drawing rest = *before->drawing;
    struct talk k = {.drawing = &rest,
                     .take = before->take,
                     .context = before->context,
                     .total = before->total,
                     .began = monotonic_ns()};
    rest.scans = false;
    rest.first += before->taken;
    rest.count -= before->taken;
    return draw_by(c, &k, broken, why);
}

int draw_pages(const struct drawing *d, drawn_take *take, void *context,
               int *total, struct reason *why)
{
    bool broken = false;
    *total = 0;
    if (d->size > DRAWN_BYTES_MAX || d->side > DRAWN_SIDE_MAX)
        return refuse(why, EFBIG, "is a PDF of too many bytes");
    struct channel *c = drawer_await(d);
    if (!c)
        return no_drawers(why);
    struct talk k = {.drawing = d,
                     .take = take,
                     .context = context,
                     .total = total,
                     .began = monotonic_ns()};
    int err = draw_by(c, &k, &broken, why);
    if (k.died && d->scans && !broken)
        err = rest_draw(c, &k, &broken, why);
    drawer_give(c, broken);
    if (err == 0 && *total <= 0)
        err = refuse(why, EINVAL, "is a PDF without pages");
    return err;
}

#include "trainer/machine/confine.h"
#include "trainer/pages/channel.h"
#include "trainer/pages/draw.h"
#include "trainer/pages/profile.h"
#include "trainer/pages/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEFT = 7 /* the exit status where the other side is gone */ };

/* A sanitizer reserves memory without a bound. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

bool message_get(int fd, void *message, size_t size)
{
    ssize_t n;
    do
        n = read(fd, message, size);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

bool message_put(int fd, const void *message, size_t size)
{
    ssize_t n;
    do
        n = write(fd, message, size);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

/* Drawing, in a process of its own */

static void tell(const struct channel *c, const struct tell *t)
{
    if (!message_put(c->out, t, sizeof *t))
        _exit(LEFT);
}

/* What the library says of a damaged page goes to standard error, which is a
 * pipe here: of a page that stays white, it is the reason. */
static bool complained(int errors, char message[200])
{
    ssize_t n = read(errors, message, 199), more = n;
    char rest[512];
    while (more > 0)
        more = read(errors, rest, sizeof rest);
    message[n > 0 ? n : 0] = 0;
    message[strcspn(message, "\n")] = 0;
    return n > 0;
}

static bool is_white(const struct drawn_page *page, const uint32_t *pixels)
{
    size_t n = (size_t)page->width * (size_t)page->height;
    for (size_t i = 0; i < n; i++)
        if ((pixels[i] & 0xFFFFFF) != 0xFFFFFF)
            return false;
    return n > 0;
}

/* The processor time that the next page may take. */
static void time_give(void)
{
    struct rusage used;
    struct rlimit limit;
    getrusage(RUSAGE_SELF, &used);
    getrlimit(RLIMIT_CPU, &limit);
    limit.rlim_cur =
        (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + DRAWN_SECONDS);
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CPU, &limit);
}

/* What is done for one document. */
struct work {
    const struct channel *channel;
    const struct ask *ask;
    int errors;            /* see complained() */
    struct pdf_file *file; /* in which scans are looked for; NULL = nowhere */
    struct document *document; /* which is drawn; NULL = none is open */
    int total;                 /* of its pages */
};

/* Opens the document for drawing. False = *t says why not. */
static bool work_open(struct work *w, struct tell *t)
{
    bool locked = false;
    w->channel->shared->draws = true;
    t->kind = TELL_NO_LIBRARY;
    if (w->document || !draw_load())
        return w->document;
    w->document = document_open(w->channel->shared->data, w->ask->size, &locked,
                                t->message);
    t->kind = locked ? TELL_PROTECTED : TELL_DAMAGED;
    if (w->document)
        w->total = document_pages(w->document);
    return w->document;
}

static void page_draw(struct work *w, struct tell *t)
{
    char message[200];
    uint32_t *pixels = w->channel->shared->pixels;
    if (!work_open(w, t)) {
        t->page.number = 0; /* it is the fault of no page */
        return;
    }
    t->kind = TELL_PAGE;
    t->page.of = w->total;
    time_give(); /* what has looked for a scan has used some */
    complained(w->errors, message);
    if (!document_draw(w->document, w->ask->side, &t->page, pixels, t->message))
        t->kind = TELL_DAMAGED;
    else if (complained(w->errors, message) && is_white(&t->page, pixels)) {
        t->kind = TELL_DAMAGED;
        memcpy(t->message, message, sizeof message);
    }
}

/* Puts the page there if it is a scan. */
static bool scan_put(struct work *w, struct tell *t)
{
    struct scan *s = &t->page.scan;
    struct shared *shared = w->channel->shared;
    if (!w->file || !scan_find(w->file, t->page.number, &t->page))
        return false;
    bool fits = s->size <= sizeof shared->scan;
    if (fits)
        memcpy(shared->scan, s->jpeg, s->size);
    free(s->jpeg);
    t->kind = TELL_SCAN;
    return fits;
}

/* Says what there is of a page, and hears what is to come. */
static enum ask_kind page_tell(const struct work *w, const struct tell *t)
{
    struct ask next;
    tell(w->channel, t);
    if (t->kind != TELL_PAGE && t->kind != TELL_SCAN)
        return ASK_ENOUGH;
    if (!message_get(w->channel->in, &next, sizeof next))
        _exit(LEFT);
    return next.kind;
}

static enum ask_kind page_give(struct work *w, int number)
{
    const struct tell page = {.page = {.number = number, .of = w->total}};
    struct tell t = page;
    enum ask_kind next = ASK_AGAIN;
    w->channel->shared->draws = !w->file;
    time_give();
    if (scan_put(w, &t))
        next = page_tell(w, &t);
    if (next != ASK_AGAIN)
        return next;
    t = page;
    page_draw(w, &t);
    return page_tell(w, &t);
}

static void work_run(struct work *w)
{
    const struct ask *a = w->ask;
    struct tell end = {.kind = TELL_END};
    if (a->scans)
        w->file = pdf_open(w->channel->shared->data, a->size);
    if (w->file)
        w->total = pdf_pages(w->file);
    else if (!work_open(w, &end)) {
        tell(w->channel, &end);
        return;
    }
    for (int i = 0; i < a->count && a->first + i <= w->total; i++)
        if (page_give(w, a->first + i) != ASK_NEXT)
            return;
    end.kind = TELL_END;
    end.page.of = w->total;
    tell(w->channel, &end);
}

/* To look for scans adds the time of one page, so that it takes none from one
 * that is drawn after it; of several, they share what is there. */
static void bounds_set(const struct ask *a)
{
    struct rlimit memory = {(rlim_t)DRAWN_MEMORY_MIB << 20,
                            (rlim_t)DRAWN_MEMORY_MIB << 20};
    rlim_t seconds = DRAWN_SECONDS + DRAWN_MORE_SECONDS * (rlim_t)a->count +
                     (a->scans ? DRAWN_SECONDS : 0);
    struct rlimit time = {DRAWN_SECONDS, seconds};
    if (!sanitized)
        setrlimit(RLIMIT_DATA, &memory);
    setrlimit(RLIMIT_CPU, &time);
}

/* One document. What comes before it was for a process that has died. */
static void draw(const struct channel *c, int errors)
{
    struct ask a;
    struct work w = {.channel = c, .ask = &a, .errors = errors};
    do
        if (!message_get(c->in, &a, sizeof a))
            _exit(LEFT);
    while (a.kind != ASK_DRAW);
    bounds_set(&a);
    work_run(&w);
}

static _Noreturn void draw_confined(const struct channel *c)
{
    int errors[2];
    close(c->over);
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) == 0) {
        dup2(errors[1], STDERR_FILENO);
        confine(NULL, NULL);
        draw(c, errors[0]);
    }
    _exit(0);
}

/* The process that makes the others */

static void descriptors_close(struct channel *c)
{
    enum { FIRST = STDERR_FILENO + 1 };
    struct channel high = {c->shared, fcntl(c->in, F_DUPFD_CLOEXEC, 100),
                           fcntl(c->out, F_DUPFD_CLOEXEC, 100),
                           fcntl(c->over, F_DUPFD_CLOEXEC, 100)};
    *c = (struct channel){c->shared, dup3(high.in, FIRST, O_CLOEXEC),
                          dup3(high.out, FIRST + 1, O_CLOEXEC),
                          dup3(high.over, FIRST + 2, O_CLOEXEC)};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < FIRST; fd++)
        dup2(null, fd);
    close_range(FIRST + 3, ~0u, 0);
}

/* Nothing but the channel stays open: not the lock by which one sees that a
 * trainer is alive. */
static void become_drawer(struct channel *c)
{
    sigset_t none;
    descriptors_close(c);
    prctl(PR_SET_NAME, "primo-pages");
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Waits for the first document; what comes after it finds all loaded. */
static void first_await(const struct channel *c)
{
    struct pollfd p = {.fd = c->in, .events = POLLIN};
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        continue;
    if (!(p.revents & POLLIN))
        _exit(0);
    pdf_load();
    profile_load();
    draw_load();
}

/* Has one document drawn. False = nobody is there who could ask. */
static bool document_run(const struct channel *c)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        draw_confined(c);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == LEFT))
        return false;
    struct over over = {WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    return message_put(c->over, &over, sizeof over);
}

_Noreturn void drawer_run(const struct channel *from)
{
    struct channel c = *from;
    become_drawer(&c);
    first_await(&c);
    while (document_run(&c))
        continue;
    _exit(0);
}

/* drawer.h: who asks for pages gets them, or an error, whatever the process
 * does that draws. It is one of ours here, and each look at the clock takes a
 * minute. */
#include "core/basic/clock.h"
#include "trainer/pages/channel.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t now;

int64_t monotonic_ns(void)
{
    return now += 60 * (int64_t)1000000000;
}

/* Whether the last message stays in the pipe for ever once it has come: then
 * there is always one, however fast it is read. */
static bool endless;
static struct tell last;

bool message_get(int fd, void *message, size_t size)
{
    bool tells = size == sizeof last;
    if (tells && endless && last.kind == TELL_END) {
        memcpy(message, &last, size);
        return true;
    }
    bool got = read(fd, message, size) == (ssize_t)size;
    if (tells && got)
        memcpy(&last, message, size);
    return got;
}

bool message_put(int fd, const void *message, size_t size)
{
    return write(fd, message, size) == (ssize_t)size;
}

static void page_put(const struct channel *c, const struct ask *a, int i)
{
    struct tell t = {.kind = TELL_PAGE,
                     .page = {.number = a->first + i,
                              .of = 9,
                              .full_width = 8,
                              .full_height = 8,
                              .width = a->side,
                              .height = a->side}};
    c->shared->pixels[0] = (uint32_t)(a->first + i);
    message_put(c->out, &t, sizeof t);
}

/* A scan, as the document says it is. */
static void scan_put(const struct channel *c, const struct ask *a, int i)
{
    struct tell t = {.kind = TELL_SCAN,
                     .page = {.number = a->first + i,
                              .of = 9,
                              .full_width = 8,
                              .full_height = 8,
                              .scan = {.size = 1,
                                       .width = 8,
                                       .height = 8,
                                       .channels = 3,
                                       .orientation = 1}}};
    struct scan *s = &t.page.scan;
    switch (c->shared->data[strlen("scan ")]) {
    case 's':
        s->size = sizeof c->shared->scan + 1;
        break;
    case 'o':
        s->orientation = 9;
        break;
    case 'c':
        s->channels = 4;
        break;
    case 'w':
        s->width = 0;
        break;
    }
    c->shared->scan[0] = 'S';
    message_put(c->out, &t, sizeof t);
}

/* Gives a page; one that is a scan and can't be used is drawn, or is one again.
 * Returns what is asked for then. */
static enum ask_kind page_give(const struct channel *c, const struct ask *a,
                               int i)
{
    bool scan = !memcmp(c->shared->data, "scan", 4);
    bool again = scan && c->shared->data[strlen("scan ")] == 'a';
    struct ask next = {.kind = ASK_AGAIN};
    for (int n = 0; n < 2 && next.kind == ASK_AGAIN; n++) {
        if (scan && (n == 0 || again))
            scan_put(c, a, i);
        else
            page_put(c, a, i);
        message_get(c->in, &next, sizeof next);
    }
    return next.kind;
}

/* Whether a document is one that lets only the first page come, and then the
 * process dies: of looking for scans, or always, as the document says. */
static bool is_deadly(const struct channel *c, const struct ask *a)
{
    const char *document = (const char *)c->shared->data;
    return !memcmp(document, "dies", 4) &&
           (a->scans || !memcmp(document, "dies always", 11));
}

static void die(const struct channel *c, const struct ask *a)
{
    const char *document = (const char *)c->shared->data;
    bool late = !memcmp(document, "dies late", 9);
    const struct over over = {late ? SIGXCPU : SIGSEGV};
    page_give(c, a, 0);
    c->shared->draws = !memcmp(document, "dies late drawing", 17);
    message_put(c->over, &over, sizeof over);
}

/* Draws what it is asked for, and goes on talking when the document says so. */
_Noreturn void drawer_run(const struct channel *c)
{
    const struct tell end = {.kind = TELL_END, .page.of = 9};
    const struct over over = {0};
    struct ask a;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (message_get(c->in, &a, sizeof a)) {
        if (is_deadly(c, &a)) {
            die(c, &a);
            continue;
        }
        for (int i = 0; i < a.count && page_give(c, &a, i) == ASK_NEXT; i++)
            continue;
        message_put(c->out, &end, sizeof end);
        while (!memcmp(c->shared->data, "talks", 5))
            if (!message_put(c->out, &end, sizeof end))
                _exit(0);
        message_put(c->over, &over, sizeof over);
    }
    _exit(0);
}

/* What comes of a document. */
struct drawn {
    int taken, total;
    bool unusable; /* scans are */
    int scans;     /* that came */
    struct reason why;
};

/* Whether one waits for a drawer, and how often one did. */
static bool queued;
static int queues;

static void queue_note(bool yes)
{
    assert_int_equal(queued, !yes);
    queued = yes;
    queues += yes;
}

static int page_take(void *context, const struct drawn_page *page,
                     struct reason *why)
{
    struct drawn *d = context;
    (void)why;
    assert_false(queued);
    d->scans += page->scan.jpeg != NULL;
    if (page->scan.jpeg && d->unusable)
        return DRAW_IT;
    d->taken++;
    assert_int_equal(page->number, 1 + d->taken);
    if (page->scan.jpeg)
        assert_int_equal(page->scan.jpeg[0], 'S');
    else
        assert_int_equal(page->pixels[0], page->number);
    return 0;
}

/* Pages 2 to 4 of it. */
static int draw_so(const char *document, bool scans, bool unusable,
                   struct drawn *out)
{
    const struct drawing drawing = {.data = (const uint8_t *)document,
                                    .size = strlen(document),
                                    .side = 4,
                                    .first = 2,
                                    .count = 3,
                                    .scans = scans,
                                    .queue = queue_note};
    *out = (struct drawn){.unusable = unusable, .why = REASON_INIT};
    return draw_pages(&drawing, page_take, out, &out->total, &out->why);
}

static int draw(const char *document, struct drawn *out)
{
    return draw_so(document, false, false, out);
}

static void pages_come_in_turn(void **state)
{
    (void)state;
    struct drawn d;
    for (int again = 0; again < 3; again++) {
        assert_int_equal(draw("a document", &d), 0);
        assert_int_equal(d.taken, 3);
        assert_int_equal(d.total, 9);
    }
    assert_int_equal(queues, 3); /* who asks is told of each wait */
}

static void scans_come_as_such_or_drawn(void **state)
{
    (void)state;
    struct drawn d;
    assert_int_equal(draw_so("scan good", true, false, &d), 0);
    assert_int_equal(d.scans, 3);
    assert_int_equal(d.taken, 3);
    assert_int_equal(draw_so("scan good", true, true, &d), 0);
    assert_int_equal(d.scans, 3);
    assert_int_equal(d.taken, 3);
    assert_int_equal(d.total, 9);
}

/* What a drawer says is an error where it can't be: a scan that was not asked
 * for, or one that is no good. */
static void unsound_scans_are_errors(void **state)
{
    (void)state;
    static const char *const documents[] = {"scan s", "scan o", "scan c",
                                            "scan w"};
    struct drawn d;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        assert_int_equal(draw_so(documents[i], true, false, &d), -EINVAL);
        assert_int_equal(d.taken, 0);
        assert_non_null(strstr(d.why.sentence, "not a good PDF"));
    }
    assert_int_equal(draw_so("scan good", false, false, &d), -EINVAL);
    assert_int_equal(d.scans, 0);
    assert_int_equal(draw_so("scan again", true, true, &d), -EINVAL);
    assert_int_equal(d.scans, 1);
}

/* Where what looks for scans dies, the pages that are left are drawn. */
static void death_of_looking_is_no_error(void **state)
{
    (void)state;
    static const char *const documents[] = {"dies", "dies late looking"};
    struct drawn d;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        assert_int_equal(draw_so(documents[i], true, false, &d), 0);
        assert_int_equal(d.taken, 3);
        assert_int_equal(d.total, 9);
    }
    assert_int_equal(draw_so("dies always", true, false, &d), -EINVAL);
    assert_int_equal(d.taken, 2);
    assert_non_null(strstr(d.why.sentence, "dies of it"));
    assert_int_equal(draw_so("dies always", false, false, &d), -EINVAL);
    assert_int_equal(d.taken, 1);
    assert_int_equal(draw_so("dies late drawing", true, false, &d), -EFBIG);
    assert_int_equal(d.taken, 1);
}

static void one_that_never_ends_is_left(void **state)
{
    (void)state;
    struct drawn d;
    endless = true;
    last.kind = TELL_PAGE;
    assert_int_equal(draw("talks on and on", &d), 0);
    assert_int_equal(d.taken, 3);
    assert_int_equal(draw("a document", &d), -ENOSYS);
    assert_non_null(strstr(d.why.sentence, "does not work"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_come_in_turn),
        cmocka_unit_test(scans_come_as_such_or_drawn),
        cmocka_unit_test(unsound_scans_are_errors),
        cmocka_unit_test(death_of_looking_is_no_error),
        cmocka_unit_test(one_that_never_ends_is_left),
    };
    cpu_set_t one, all;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof all, &all);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one); /* then there is one drawer */
    drawers_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

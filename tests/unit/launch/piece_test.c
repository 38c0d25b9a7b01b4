/* launch_piece_next(): a journal is followed from segment to segment, and
 * nothing of it is left out while its machine is out of reach. */
#include "core/launch/launcher.h"
#include "core/report/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What there is of the run: its segments, and how often the machine is out of
 * reach before it answers. */
static struct text segments[3];
static int unreached;

static int follow(const struct launch_target *target, uint64_t run,
                  uint64_t segment, uint64_t offset, struct text *out)
{
    (void)target;
    assert_int_equal(run, 7);
    if (unreached > 0) {
        unreached--;
        return -EHOSTUNREACH;
    }
    if (segment < 1 || segment > 3 || !segments[segment - 1].size)
        return -ENOENT;
    const struct text *t = &segments[segment - 1];
    if (offset < t->size)
        text_add(out, t->data + offset, t->size - offset);
    return 0;
}

static const struct launcher launcher = {.name = "ours", .follow = follow};
static const struct launch_site site = {.launcher = &launcher};
static const struct launch_target target = {.site = &site};

static void add(int segment, const char *line)
{
    journal_frame(&segments[segment - 1], JOURNAL_LOG, 1, line);
}

static int setup(void **state)
{
    (void)state;
    unreached = 0;
    for (int i = 0; i < 3; i++)
        text_release(&segments[i]);
    add(1, "one");
    return 0;
}

/* The next piece is this one, which is passed. */
static void next_is(struct launch_piece *p, uint64_t segment, const char *line)
{
    struct journal_record r;
    assert_int_equal(launch_piece_next(&target, 7, p), 1);
    assert_int_equal(p->segment, segment);
    size_t n = journal_unframe(p->data.data, p->data.size, &r);
    assert_string_equal(r.payload, line);
    p->offset += n;
}

static void segments_follow_each_other(void **state)
{
    (void)state;
    struct launch_piece p = {0};
    next_is(&p, 1, "one");
    uint64_t end = p.offset;
    assert_int_equal(launch_piece_next(&target, 7, &p), 0);
    assert_int_equal(p.offset, end);
    add(1, "two");
    next_is(&p, 1, "two");
    text_puts(&segments[0], "PRJ1 torn"); /* by a trainer that has died */
    assert_int_equal(launch_piece_next(&target, 7, &p), 0);
    assert_int_equal(p.data.size, 0);
    add(2, "three");
    next_is(&p, 2, "three");
    text_release(&p.data);
}

static void out_of_reach_nothing_is_left_out(void **state)
{
    (void)state;
    struct launch_piece p = {0};
    add(2, "two");
    unreached = 1;
    assert_int_equal(launch_piece_next(&target, 7, &p), -EHOSTUNREACH);
    next_is(&p, 1, "one");
    next_is(&p, 2, "two");
    unreached = 1;
    assert_int_equal(launch_piece_next(&target, 7, &p), -EHOSTUNREACH);
    assert_int_equal(p.segment, 2);
    text_release(&p.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(segments_follow_each_other, setup),
        cmocka_unit_test_setup(out_of_reach_nothing_is_left_out, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* life.h and process.h: the table of the life cycle, and the record of a
 * process. */
#include "core/process/process.h"
#include "core/tree/tree.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(enum status from, enum life_event event, enum status to)
{
    enum status got = STATUSES;
    assert_int_equal(life_step(from, event, &got, NULL), 0);
    assert_int_equal(got, to);
}

static void test_the_way(void **state)
{
    (void)state;
    expect(STATUS_CREATED, LIFE_START, STATUS_STARTING);
    expect(STATUS_STARTING, LIFE_TRAINING, STATUS_RUNNING);
    expect(STATUS_RUNNING, LIFE_ENDED_SUCCEEDED, STATUS_SUCCEEDED);
    expect(STATUS_RUNNING, LIFE_STOP, STATUS_STOPPING);
    expect(STATUS_STOPPING, LIFE_ENDED_STOPPED, STATUS_STOPPED);
    expect(STATUS_STOPPED, LIFE_RESUME, STATUS_STARTING);
    expect(STATUS_RUNNING, LIFE_LOST, STATUS_STARTING);
    expect(STATUS_STOPPING, LIFE_LOST, STATUS_STOPPED);
    expect(STATUS_FAILED, LIFE_RESUME, STATUS_STARTING);
}

/* Whatever a trainer's end says is taken while it is live, and only then;
 * live processes can't be edited or removed. */
static void test_every_cell(void **state)
{
    (void)state;
    for (int s = 0; s < STATUSES; s++) {
        bool live = status_is_live((enum status)s);
        for (int e = 0; e < LIFE_EVENTS; e++) {
            struct reason why = REASON_INIT;
            enum status to;
            int err = life_step((enum status)s, (enum life_event)e, &to, &why);
            if (err) {
                assert_int_equal(err, live ? -EBUSY : -EINVAL);
                assert_non_null(
                    strstr(why.sentence, status_name((enum status)s)));
            }
            if (e == LIFE_EDIT || e == LIFE_REMOVE || e == LIFE_START)
                assert_int_equal(err == 0, !live);
            if (e >= LIFE_TRAINING)
                assert_int_equal(err == 0, live);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    for (int s = 0; s < STATUSES; s++) {
        enum status back;
        assert_true(status_from_name(status_name((enum status)s), &back));
        assert_int_equal(back, s);
    }
    enum status none;
    assert_false(status_from_name("walking", &none));
}

/* The help of the file `status` names them all, in their order. */
static void test_help(void **state)
{
    struct text help = TEXT_INIT;
    (void)state;
    text_puts(&help, "one word:");
    for (int s = 0; s < STATUSES; s++)
        text_printf(&help, " %s", status_name((enum status)s));
    assert_string_equal(text_string(&help), tree_rows[TREE_P_STATUS].help);
    text_release(&help);
}

static void test_facts(void **state)
{
    struct process p;
    (void)state;
    process_init(&p);
    process_set_fact(&p, "classes", "3");
    process_set_fact(&p, "images", "10");
    process_set_fact(&p, "classes", "4\nforged: 1");
    assert_string_equal(text_string(&p.facts),
                        "images: 10\nclasses: 4 forged: 1\n");
    assert_true(isnan(p.progress.eta));
    process_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_way), cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_help),
        cmocka_unit_test(test_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

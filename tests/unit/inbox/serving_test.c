/* serving.h: the record of a service with one machine, as older versions wrote
 * it, and with several; and how its status follows those of its replicas. */
#include "core/inbox/serving.h"
#include "core/store/node.h"
#include "tests/unit/world.h"

#include <errno.h>

enum { SERVICE = 300 };

static void put(struct store_txn *txn, const char *body)
{
    struct object o = {
        .id = SERVICE, .parent = TREE_INFERENCES, .kind = OBJECT_SERVING};
    strcpy(o.name, "inbox");
    text_puts(&o.body, body);
    assert_int_equal(object_put(txn, &o, NULL), 0);
    object_release(&o);
}

static struct store_txn *begin(struct world *w)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    return txn;
}

static void reads_older_records(void **state)
{
    struct store_txn *txn = begin(*state);
    struct serving s;
    put(txn, "status=running\nservice=inbox\nenabled=1\nmachine=gpu7\n"
             "launcher=ssh\nrun=77\nrun_uid=5\nsegment=3\noffset=99\ntold=4\n"
             "loaded=1\nlosses=2\nlog_full=0\nreason=\nmodel=8\n");
    assert_int_equal(serving_load(txn, SERVICE, &s, NULL), 0);
    assert_int_equal(s.replica_count, 1);
    const struct replica *r = serving_replica(&s, 77);
    assert_non_null(r);
    assert_int_equal(r->status, STATUS_RUNNING);
    assert_string_equal(r->machine, "gpu7");
    assert_string_equal(r->launcher, "ssh");
    assert_int_equal(r->segment, 3);
    assert_int_equal(r->offset, 99);
    assert_int_equal(r->told, 4);
    assert_true(r->loaded);
    assert_int_equal(r->losses, 2);
    assert_int_equal(s.model, 8);
    put(txn, "status=created\nservice=inbox\nenabled=1\nmachine=\nrun=0\n");
    assert_int_equal(serving_load(txn, SERVICE, &s, NULL), 0);
    assert_int_equal(s.replica_count, 0);
    store_abort(txn);
}

static struct serving three(void)
{
    struct serving s;
    serving_init(&s);
    s.id = SERVICE;
    strcpy(s.service, "inbox");
    s.status = STATUS_STARTING;
    s.replica_count = 3;
    for (int i = 0; i < 3; i++) {
        s.replicas[i] =
            (struct replica){.status = STATUS_STARTING, .run = 70u + i};
        snprintf(s.replicas[i].machine, sizeof s.replicas[i].machine, "m%d", i);
    }
    return s;
}

static void keeps_several(void **state)
{
    struct store_txn *txn = begin(*state);
    struct serving s = three();
    put(txn, "");
    s.replicas[1].status = STATUS_FAILED;
    s.replicas[1].away = true;
    strcpy(s.replicas[1].fault, "host 'm1' is = away");
    s.replicas[2].offset = 5;
    assert_int_equal(serving_save(txn, &s, NULL), 0);
    assert_int_equal(serving_load(txn, SERVICE, &s, NULL), 0);
    assert_int_equal(s.replica_count, 3);
    assert_string_equal(s.replicas[0].machine, "m0");
    assert_int_equal(s.replicas[1].status, STATUS_FAILED);
    assert_true(s.replicas[1].away);
    assert_string_equal(s.replicas[1].fault, "host 'm1' is = away");
    assert_int_equal(serving_replica(&s, 72)->offset, 5);
    assert_null(serving_replica(&s, 73));
    store_abort(txn);
}

/* EBUSY of each machine of a live service, and of no other. */
static void needs_each_machine(void **state)
{
    struct store_txn *txn = begin(*state);
    struct serving s = three();
    put(txn, "");
    assert_int_equal(serving_save(txn, &s, NULL), 0);
    assert_int_equal(serving_needs_input(txn, OBJECT_MACHINE, "m0", NULL),
                     -EBUSY);
    assert_int_equal(serving_needs_input(txn, OBJECT_MACHINE, "m2", NULL),
                     -EBUSY);
    assert_int_equal(serving_needs_input(txn, OBJECT_MACHINE, "m3", NULL), 0);
    assert_int_equal(serving_answers_run(txn, 71), 1);
    assert_int_equal(serving_needs_run(txn, 73), 0);
    s.replicas[1].status = STATUS_FAILED;
    assert_int_equal(serving_save(txn, &s, NULL), 0);
    assert_int_equal(serving_answers_run(txn, 71), 0);
    assert_int_equal(serving_needs_run(txn, 71), 1);
    store_abort(txn);
}

static void step(struct serving *s, int replica, enum life_event event)
{
    assert_int_equal(
        serving_step_replica(s, &s->replicas[replica], event, NULL), 0);
}

static void runs_while_one_runs(void **state)
{
    struct serving s = three();
    (void)state;
    step(&s, 0, LIFE_ENDED_FAILED);
    assert_int_equal(s.status, STATUS_STARTING);
    step(&s, 1, LIFE_TRAINING);
    assert_int_equal(s.status, STATUS_RUNNING);
    step(&s, 2, LIFE_ENDED_FAILED);
    assert_int_equal(s.status, STATUS_RUNNING);
    step(&s, 0, LIFE_START);
    assert_int_equal(s.status, STATUS_RUNNING);
    step(&s, 1, LIFE_ENDED_FAILED);
    assert_int_equal(s.status, STATUS_RUNNING);
    step(&s, 0, LIFE_ENDED_FAILED);
    assert_int_equal(s.status, STATUS_FAILED);
}

static void stops_with_the_last(void **state)
{
    struct serving s = three();
    (void)state;
    step(&s, 0, LIFE_TRAINING);
    step(&s, 1, LIFE_ENDED_FAILED);
    assert_int_equal(serving_step_stop(&s, NULL), 0);
    assert_int_equal(s.replicas[1].status, STATUS_FAILED);
    step(&s, 0, LIFE_ENDED_STOPPED);
    assert_int_equal(s.status, STATUS_STOPPING);
    step(&s, 2, LIFE_ENDED_STOPPED);
    assert_int_equal(s.status, STATUS_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_older_records, world_set_up,
                                        world_tear_down),
        cmocka_unit_test_setup_teardown(keeps_several, world_set_up,
                                        world_tear_down),
        cmocka_unit_test_setup_teardown(needs_each_machine, world_set_up,
                                        world_tear_down),
        cmocka_unit_test(runs_while_one_runs),
        cmocka_unit_test(stops_with_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

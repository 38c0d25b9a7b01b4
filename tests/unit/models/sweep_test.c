/* What is swept from models/ and bases/: what was given up is deleted, what
 * nobody names is kept aside for a week, and where the store cannot say, all
 * stays. */
#include "core/models/base_file.h"
#include "core/models/model.h"
#include "core/process/process.h"
#include "core/state/lost.h"
#include "core/store/garbage.h"
#include "core/store/node.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void body_make(struct world *w, const char *path)
{
    char whole[200];
    snprintf(whole, sizeof whole, "%s/%s", w->dir, path);
    assert_int_equal(mkdir(whole, 0700), 0);
}

static bool is_there(struct world *w, const char *path)
{
    return faccessat(w->primo.state_dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void version_put(struct world *w, uint64_t id)
{
    struct store_txn *txn;
    struct object o = {.id = id, .parent = 299, .kind = OBJECT_VERSION};
    snprintf(o.name, sizeof o.name, "%d", (int)id);
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(object_put(txn, &o, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
}

static void version_drop(struct world *w, uint64_t id)
{
    struct store_txn *txn;
    struct object o = OBJECT_INIT;
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(object_get(txn, id, &o), 0);
    assert_int_equal(object_drop(txn, &o, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    object_release(&o);
}

static void test_models(void **state)
{
    struct world *w = *state;
    version_put(w, 9001);
    version_put(w, 9002);
    version_drop(w, 9002);
    body_make(w, "models/9001");
    body_make(w, "models/9002");     /* given up */
    body_make(w, "models/9003");     /* nobody knows of it */
    body_make(w, "models/9004.new"); /* a publishing that was cut short */
    body_make(w, "models/of mine");
    model_sweep(&w->primo);
    assert_true(is_there(w, "models/9001"));
    assert_false(is_there(w, "models/9002"));
    assert_false(is_there(w, "models/9003"));
    assert_true(is_there(w, "lost/models.9003"));
    assert_false(is_there(w, "models/9004.new"));
    assert_true(is_there(w, "models/of mine"));
}

static void test_bases(void **state)
{
    struct world *w = *state;
    struct store_txn *txn;
    struct object o = {.id = 9100, .parent = TREE_BASES, .kind = OBJECT_BASE};
    strcpy(o.name, "mine");
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    o.number = 9101;
    assert_int_equal(object_put(txn, &o, NULL), 0);
    o.number = 9102; /* in place of it */
    assert_int_equal(object_put(txn, &o, NULL), 0);
    assert_int_equal(garbage_note(txn, GARBAGE_RUNS, 9104, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    body_make(w, "bases/9101");
    body_make(w, "bases/9102");
    body_make(w, "bases/9103");
    body_make(w, "bases/run.9104");
    body_make(w, "bases/run.9105");
    bases_sweep(&w->primo, process_run_fate);
    assert_false(is_there(w, "bases/9101") || is_there(w, "lost/bases.9101"));
    assert_true(is_there(w, "bases/9102"));
    assert_true(is_there(w, "lost/bases.9103"));
    assert_false(is_there(w, "bases/run.9104"));
    assert_false(is_there(w, "lost/bases.run.9104"));
    assert_true(is_there(w, "lost/bases.run.9105"));
}

/* A record that cannot be read names perhaps what is found. */
static void test_damage_sweeps_nothing(void **state)
{
    struct world *w = *state;
    struct store_txn *txn;
    struct store_key key = {0};
    int64_t mtime;
    version_put(w, 9001);
    key_u64(&key, 9001);
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(store_put(txn, STORE_OBJECT, &key, "?", 1, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    body_make(w, "models/9001");
    size_t before = refusals_size(&w->primo.refusals, NULL, &mtime);
    model_sweep(&w->primo);
    assert_true(is_there(w, "models/9001"));
    assert_true(refusals_size(&w->primo.refusals, NULL, &mtime) > before);
}

static void test_damage_keeps_bases_and_runs(void **state)
{
    struct world *w = *state;
    struct store_txn *txn;
    struct store_key key = {0}, child = {0};
    key_u64(&key, 9000);
    key_u64(&child, TREE_BASES);
    key_u64(&child, 9000);
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(store_put(txn, STORE_OBJECT, &key, "?", 1, NULL), 0);
    assert_int_equal(store_put(txn, STORE_CHILD, &child, "", 0, NULL), 0);
    child.size = 0;
    key_u64(&child, TREE_PROCESSES);
    key_u64(&child, 9000);
    assert_int_equal(store_put(txn, STORE_CHILD, &child, "", 0, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    body_make(w, "bases/9101");
    body_make(w, "bases/run.9105");
    bases_sweep(&w->primo, process_run_fate);
    assert_true(is_there(w, "bases/9101"));
    assert_true(is_there(w, "bases/run.9105"));
    assert_int_equal(store_begin(w->primo.store, false, &txn, NULL), 0);
    assert_true(process_run_fate(txn, 9105) < 0);
    store_abort(txn);
}

static void test_lost_goes_after_a_week(void **state)
{
    struct world *w = *state;
    struct timespec now, times[2];
    body_make(w, "models/9001");
    body_make(w, "models/9002");
    model_sweep(&w->primo);
    clock_gettime(CLOCK_REALTIME, &now);
    times[0] = times[1] = now;
    times[1].tv_sec -= 8 * 24 * 3600;
    assert_int_equal(utimensat(w->primo.lost_dir, "models.9001", times, 0), 0);
    lost_expire(&w->primo);
    assert_false(is_there(w, "lost/models.9001"));
    assert_true(is_there(w, "lost/models.9002"));
}

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_models),
        TEST(test_bases),
        TEST(test_damage_sweeps_nothing),
        TEST(test_damage_keeps_bases_and_runs),
        TEST(test_lost_goes_after_a_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

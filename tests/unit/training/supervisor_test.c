/* timeout: 120
 * The supervisor over a launcher that does what a test says: hangs, has a full
 * disk, loses its trainers; and clocks that are set. */
#include "core/training/supervisor.h"

#include "../world.h"
#include "core/models/artifact_check.h"
#include "core/process/process.h"
#include "core/report/journal.h"
#include "core/system/file.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The wall clock, set forward by so much. */
static _Atomic int64_t clock_offset;

int clock_gettime(clockid_t id, struct timespec *out)
{
    int err = (int)syscall(SYS_clock_gettime, id, out);
    if (id == CLOCK_REALTIME)
        out->tv_sec += clock_offset;
    return err;
}

/* Artifacts are whatever the launcher fetches. */
int artifacts_check(int dir, struct reason *why)
{
    (void)dir;
    (void)why;
    return 0;
}

/* The launcher: a machine for each run. */

enum { A = 1000, B = 1001, PROCESS_A = 2000, PROCESS_B = 2001 };

struct machine {
    bool alive, hangs; /* its start() does not return */
    bool dies;         /* its trainer ends at once */
    bool obeys;        /* its trainer stops when it is asked to */
    int fetch_err;
    bool slow; /* its fetch() does not return */
    int starts, stops, kills, follows, fetches;
    struct text journal;
};

static struct machine machines[2];
static int waiting; /* in fetch(), for the other machine */
static bool together;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all of that */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void say_locked(struct machine *m, enum journal_kind kind,
                       const char *payload)
{
    journal_frame(&m->journal, kind, 1, payload);
}

static int fake_start(const struct launch_target *target, uint64_t run,
                      const struct run_job *job, struct reason *why)
{
    struct machine *m = &machines[run - A];
    (void)target;
    (void)job;
    (void)why;
    pthread_mutex_lock(&lock);
    m->starts++;
    pthread_cond_broadcast(&changed);
    while (m->hangs)
        pthread_cond_wait(&changed, &lock);
    m->alive = !m->dies;
    pthread_mutex_unlock(&lock);
    return 0;
}

static int fake_alive(const struct launch_target *target, uint64_t run)
{
    (void)target;
    pthread_mutex_lock(&lock);
    int alive = machines[run - A].alive;
    pthread_mutex_unlock(&lock);
    return alive;
}

static int fake_follow(const struct launch_target *target, uint64_t run,
                       uint64_t segment, uint64_t offset, struct text *out)
{
    struct machine *m = &machines[run - A];
    (void)target;
    pthread_mutex_lock(&lock);
    m->follows++;
    if (segment == 1 && offset < m->journal.size)
        text_add(out, m->journal.data + offset, m->journal.size - offset);
    pthread_mutex_unlock(&lock);
    return segment == 1 ? 0 : -ENOENT;
}

static int fake_fetch(const struct launch_target *target, uint64_t run,
                      const char *name, uint64_t limit, int to,
                      struct reason *why)
{
    struct machine *m = &machines[run - A];
    (void)target;
    (void)limit;
    pthread_mutex_lock(&lock);
    int err = m->fetch_err;
    m->fetches++;
    waiting++;
    pthread_cond_broadcast(&changed);
    while (m->slow || (together && waiting < 2))
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return err ? refuse_errno(why, -err, "cannot copy")
               : file_save(to, name, "", 0, why);
}

static int fake_stop(const struct launch_target *target, uint64_t run,
                     struct reason *why)
{
    struct machine *m = &machines[run - A];
    (void)target;
    (void)why;
    pthread_mutex_lock(&lock);
    m->stops++;
    if (m->obeys) {
        say_locked(m, JOURNAL_END, "stopped");
        m->alive = false;
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

static void fake_kill(const struct launch_target *target, uint64_t run)
{
    (void)target;
    pthread_mutex_lock(&lock);
    machines[run - A].kills++;
    pthread_mutex_unlock(&lock);
}

static bool fake_last_words(const struct launch_target *target, uint64_t run,
                            struct text *out)
{
    (void)target;
    (void)run;
    text_puts(out, "nothing");
    return false;
}

static const struct launcher fake = {
    .name = "fake",
    .start = fake_start,
    .alive = fake_alive,
    .follow = fake_follow,
    .fetch = fake_fetch,
    .stop = fake_stop,
    .kill = fake_kill,
    .last_words = fake_last_words,
};

/* What the tests do */

static int get(const int *figure)
{
    pthread_mutex_lock(&lock);
    int n = *figure;
    pthread_mutex_unlock(&lock);
    return n;
}

static void nap(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

/* Whether a figure reaches n within so many seconds. */
static bool reaches(const int *figure, int n, int seconds)
{
    for (int i = 0; i < seconds * 100 && get(figure) < n; i++)
        nap(10);
    return get(figure) >= n;
}

static enum status status_of(struct world *w, uint64_t process)
{
    enum status status;
    assert_int_equal(process_status(w->primo.store, process, &status), 0);
    return status;
}

static bool becomes(struct world *w, uint64_t process, enum status status,
                    int seconds)
{
    for (int i = 0; i < seconds * 100; i++, nap(10))
        if (status_of(w, process) == status)
            return true;
    return false;
}

/* A process on a machine of its own that is to be started. */
static void process_put(struct world *w, uint64_t id, uint64_t run)
{
    static const char *const texts = "tyj";
    struct store_txn *txn;
    struct process p;
    struct object o = {
        .id = id, .parent = TREE_PROCESSES, .kind = OBJECT_PROCESS};
    snprintf(o.name, sizeof o.name, "machine-%d", (int)(id - PROCESS_A));
    process_init(&p);
    p.id = id;
    strcpy(p.machine, o.name);
    strcpy(p.launcher, "fake");
    strcpy(p.run_template, "t");
    p.run = run;
    p.status = STATUS_STARTING;
    p.wanted = true;
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    for (const char *part = texts; *part; part++)
        assert_int_equal(blob_put(txn, run, *part, "", 0, NULL), 0);
    assert_int_equal(object_put(txn, &o, NULL), 0);
    assert_int_equal(process_save(txn, &p, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    process_release(&p);
    supervisor_wake(w->primo.supervisor);
}

static void process_do(struct world *w, uint64_t id, enum life_event event,
                       bool wanted)
{
    struct store_txn *txn;
    struct process p;
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(process_load(txn, id, &p, NULL), 0);
    assert_int_equal(process_step(&p, event, NULL), 0);
    p.wanted = wanted;
    assert_int_equal(process_save(txn, &p, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    process_release(&p);
    supervisor_wake(w->primo.supervisor);
}

static void say(uint64_t run, enum journal_kind kind, const char *payload)
{
    pthread_mutex_lock(&lock);
    say_locked(&machines[run - A], kind, payload);
    pthread_mutex_unlock(&lock);
}

static int set_up(void **state)
{
    struct world *w = world_new();
    struct reason why = REASON_INIT;
    memset(machines, 0, sizeof machines);
    waiting = 0;
    together = false;
    clock_offset = 0;
    world_open(w);
    supervisor_close(w->primo.supervisor);
    launch_sites_add(&w->primo.sites, &fake, w->primo.runs, w->primo.trainer);
    if (supervisor_open(&w->primo.supervisor, &w->primo, &why))
        fail_msg("%s", why.sentence);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    pthread_mutex_lock(&lock);
    machines[0].hangs = machines[0].slow = together = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    world_tear_down(state);
    for (int i = 0; i < 2; i++)
        text_release(&machines[i].journal);
    return 0;
}

static void on_end(void *context, const char *status)
{
    pthread_mutex_lock(&lock);
    *(int *)context = status && !strcmp(status, "stopped") ? 1 : -1;
    pthread_mutex_unlock(&lock);
}

/* One machine hangs in a call; on the other a process is started, watched and
 * stopped, and who waits for it is answered. */
static void test_hanging(void **state)
{
    struct world *w = *state;
    int answer = 0;
    machines[0].hangs = true;
    machines[1].obeys = true;
    process_put(w, PROCESS_A, A);
    assert_true(reaches(&machines[0].starts, 1, 5));
    process_put(w, PROCESS_B, B);
    assert_true(reaches(&machines[1].starts, 1, 5));
    waiters_add(&w->primo.waiters, PROCESS_B, on_end, &answer);
    say(B, JOURNAL_STAGE, "training");
    assert_true(becomes(w, PROCESS_B, STATUS_RUNNING, 5));
    process_do(w, PROCESS_B, LIFE_STOP, false);
    assert_true(becomes(w, PROCESS_B, STATUS_STOPPED, 5));
    assert_true(reaches(&answer, 1, 5));
    assert_int_equal(status_of(w, PROCESS_A), STATUS_STARTING);
    assert_int_equal(get(&machines[0].starts), 1);
}

static void reason_is(struct world *w, uint64_t process, const char *wanted)
{
    struct process p;
    assert_int_equal(process_read(w->primo.store, process, &p, NULL), 0);
    assert_int_equal(strncmp(p.reason, wanted, strlen(wanted)), 0);
    process_release(&p);
}

/* A disk that does not answer while a model is saved holds up no stop. */
static void test_slow(void **state)
{
    struct world *w = *state;
    machines[0].slow = true;
    say(A, JOURNAL_END, "succeeded");
    process_put(w, PROCESS_A, A);
    assert_true(reaches(&machines[0].fetches, 1, 5));
    process_do(w, PROCESS_A, LIFE_STOP, false);
    assert_true(becomes(w, PROCESS_A, STATUS_STOPPED, 6));
    pthread_mutex_lock(&lock);
    machines[0].slow = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    process_do(w, PROCESS_A, LIFE_RESUME, true);
    assert_true(becomes(w, PROCESS_A, STATUS_SUCCEEDED, 10));
    at(w, "models/t/1");
}

/* A model that has changed on its way is no model. After `resume` a trainer
 * writes it anew. */
static void test_damaged(void **state)
{
    struct world *w = *state;
    machines[0].obeys = true;
    say(A, JOURNAL_ARTIFACT, "model.onnx crc32=00000001");
    say(A, JOURNAL_END, "succeeded");
    process_put(w, PROCESS_A, A);
    assert_true(becomes(w, PROCESS_A, STATUS_FAILED, 10));
    reason_is(w, PROCESS_A,
              "the model cannot be saved: 'model.onnx' is not what");
    assert_int_equal(get(&machines[0].starts), 0);
    process_do(w, PROCESS_A, LIFE_RESUME, true);
    assert_true(reaches(&machines[0].starts, 1, 5));
    assert_int_equal(status_of(w, PROCESS_A), STATUS_STARTING);
}

/* A full disk is waited for without haste, and `stop` ends the waiting. */
static void test_full(void **state)
{
    static const int errors[] = {-ENOSPC, -EDQUOT};
    struct world *w = *state;
    struct machine *m = &machines[0];
    say(A, JOURNAL_END, "succeeded");
    process_put(w, PROCESS_A, A);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&lock);
        m->fetch_err = errors[i];
        m->fetches = 0;
        pthread_mutex_unlock(&lock);
        if (i)
            process_do(w, PROCESS_A, LIFE_RESUME, true);
        assert_true(reaches(&m->fetches, 1, 5));
        int follows = get(&m->follows);
        nap(1000);
        assert_true(get(&m->follows) - follows < 5);
        assert_int_equal(get(&m->fetches), 1);
        assert_int_equal(status_of(w, PROCESS_A), STATUS_STARTING);
        reason_is(w, PROCESS_A, "the model cannot be saved: cannot copy");
        process_do(w, PROCESS_A, LIFE_STOP, false);
        assert_true(becomes(w, PROCESS_A, STATUS_STOPPED, 2));
    }
}

/* Setting the clock does not put off a start or cut a stop short. */
static void test_clock(void **state)
{
    struct world *w = *state;
    machines[0].dies = true;
    machines[0].hangs = true;
    process_put(w, PROCESS_A, A);
    assert_true(reaches(&machines[0].starts, 1, 5));
    pthread_mutex_lock(&lock);
    machines[0].hangs = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    nap(250); /* lost, and to be started in a moment */
    clock_offset = -3600;
    assert_true(reaches(&machines[0].starts, 2, 3));

    process_put(w, PROCESS_B, B);
    assert_true(reaches(&machines[1].starts, 1, 5));
    process_do(w, PROCESS_B, LIFE_STOP, false);
    assert_true(reaches(&machines[1].stops, 1, 5));
    clock_offset = 3600;
    nap(500);
    assert_int_equal(get(&machines[1].kills), 0);
}

/* Two machines publish models of one template at the same time. */
static void test_numbers(void **state)
{
    struct world *w = *state;
    struct process a, b;
    together = true;
    say(A, JOURNAL_END, "succeeded");
    say(B, JOURNAL_END, "succeeded");
    process_put(w, PROCESS_A, A);
    process_put(w, PROCESS_B, B);
    assert_true(becomes(w, PROCESS_A, STATUS_SUCCEEDED, 20));
    assert_true(becomes(w, PROCESS_B, STATUS_SUCCEEDED, 20));
    assert_int_equal(process_read(w->primo.store, PROCESS_A, &a, NULL), 0);
    assert_int_equal(process_read(w->primo.store, PROCESS_B, &b, NULL), 0);
    assert_int_equal(a.number + b.number, 3);
    at(w, "models/t/1");
    at(w, "models/t/2");
    process_release(&a);
    process_release(&b);
}

/* A process whose record cannot be read: it might need any run. */
static void test_sweep(void **state)
{
    struct world *w = *state;
    struct store_txn *txn;
    struct stat st;
    char run[100];
    struct object o = {.id = PROCESS_A,
                       .parent = TREE_PROCESSES,
                       .kind = OBJECT_PROCESS,
                       .name = "broken"};
    snprintf(run, sizeof run, "%s/77", w->primo.runs);
    text_puts(&o.body, "neither key nor value\n");
    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(object_put(txn, &o, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    assert_int_equal(mkdir(run, 0755), 0);
    supervisor_sweep(w->primo.supervisor);
    for (int i = 0; i < 300; i++, nap(10))
        if (refusals_size(&w->primo.refusals, NULL, &(int64_t){0}))
            break;
    assert_true(refusals_size(&w->primo.refusals, NULL, &(int64_t){0}) > 0);
    assert_int_equal(stat(run, &st), 0);

    assert_int_equal(store_begin(w->primo.store, true, &txn, NULL), 0);
    assert_int_equal(object_drop(txn, &o, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    object_release(&o);
    for (int i = 0; i < 300 && stat(run, &st) == 0; i++)
        nap(10);
    assert_int_equal(stat(run, &st), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hanging), TEST(test_full),    TEST(test_clock),
        TEST(test_slow),    TEST(test_damaged), TEST(test_numbers),
        TEST(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

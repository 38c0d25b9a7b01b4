/* What a trainer that lies can bring into the store. */
#include "core/system/own.h"
#include "core/training/follow.h"

#include "core/basic/clock.h"
#include "core/process/process.h"
#include "core/process/show.h"
#include "core/report/chart.h"
#include "core/report/journal.h"
#include "core/state/events.h"
#include "core/tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

show_fn show_config, show_dataset, show_info, show_log, show_monitor_html,
    show_monitor_svg, show_progress;

enum { PROCESS = 300, RUN = 301, USER = 1234, PIECE = 1 << 16, MIB = 1 << 20 };

/* What moves a terminal's cursor or hides the rest of a line: ESC, DEL, a C1
 * control, a bidirectional override, two line breaks of Unicode. */
#define HOSTILE "x\x1b[31m\x7f\xc2\x9b\u202e\u2028\xc2\x85y"
#define SHOWN   "x?[31m??  y"

static char place[64];
static struct primo primo;
static struct text journal; /* of which it is the only segment */
static int fetches;

static int follow(const struct launch_target *target, uint64_t run,
                  uint64_t segment, uint64_t offset, struct text *out)
{
    (void)target;
    assert_int_equal(run, RUN);
    if (segment != 1)
        return -ENOENT;
    if (offset < journal.size) {
        size_t left = journal.size - offset;
        text_add(out, journal.data + offset, left < PIECE ? left : PIECE);
    }
    return 0;
}

static int fetch_text(const struct launch_target *target, uint64_t run,
                      const char *name, uint64_t limit, struct text *out,
                      struct reason *why)
{
    (void)target;
    (void)run;
    (void)limit;
    (void)why;
    fetches++;
    text_printf(out, "%s " HOSTILE "\nits second line\n", name);
    return 0;
}

static const struct launcher liar = {
    .name = "liar", .follow = follow, .fetch_text = fetch_text};

static int process_put(void)
{
    struct store_txn *txn;
    struct process p;
    struct object o = {.id = PROCESS,
                       .parent = TREE_PROCESSES,
                       .kind = OBJECT_PROCESS,
                       .name = "local"};
    process_init(&p);
    p.id = PROCESS;
    strcpy(p.machine, "local");
    p.run = RUN;
    p.status = STATUS_RUNNING;
    p.run_uid = p.run_gid = p.author = USER;
    if (store_begin(primo.store, true, &txn, NULL) ||
        object_put(txn, &o, NULL) || process_save(txn, &p, NULL))
        return -1;
    return store_commit(txn, NULL);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/run_test.XXXXXX");
    fetches = 0;
    assert_non_null(mkdtemp(place));
    memset(&primo, 0, sizeof primo);
    primo.state_dir = directory_own(AT_FDCWD, place, NULL);
    assert_true(primo.state_dir >= 0);
    assert_int_equal(store_open(&primo.store, primo.state_dir, true, NULL), 0);
    return process_put();
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    text_release(&journal);
    store_close(primo.store);
    close(primo.state_dir);
    snprintf(command, sizeof command, "rm -rf %s", place);
    return system(command);
}

static void say(enum journal_kind kind, double time, const char *payload)
{
    journal_frame(&journal, kind, time, payload);
}

/* Takes over all that there is; returns in how many rounds. */
static int take_all(bool *succeeded)
{
    struct follow_state state = {.more = true};
    const struct launch_site site = {.launcher = &liar};
    const struct launch_target target = {.site = &site};
    struct reason why = REASON_INIT;
    int rounds = 0;
    for (; state.more && !state.succeeded; rounds++)
        if (run_follow(&primo, &target, PROCESS, RUN, &state, &why))
            fail_msg("%s", why.sentence);
    *succeeded = state.succeeded;
    return rounds;
}

static void load(struct process *p)
{
    assert_int_equal(process_read(primo.store, PROCESS, p, NULL), 0);
}

static void stream_get(char part, struct text *out)
{
    struct store_txn *txn;
    struct stream s = {RUN, part};
    assert_int_equal(store_begin(primo.store, false, &txn, NULL), 0);
    assert_int_equal(stream_read(txn, s, 0, SIZE_MAX, out), 0);
    store_abort(txn);
}

/* No text within a record can look like a field of its own. */
static void test_fields(void **state)
{
    struct process p;
    bool succeeded;
    (void)state;
    say(JOURNAL_STAGE, 1, "x\nrun_uid=0");
    say(JOURNAL_STAGE, 1, "\nauthor=0\nrun_gid=0");
    say(JOURNAL_FACT, 1, "a\nrun_uid=0\nb=\nrun_uid=0\n");
    say(JOURNAL_FACT, 1, "author:=root");
    say(JOURNAL_FACT, 1, "=root");
    say(JOURNAL_FACT, 1, "classes=2\nrun_uid=0");
    say(JOURNAL_PROGRESS, 1, "epoch=1\nrun_uid=0 ");
    say(JOURNAL_LOG, 1, "a line\nanother one\r\033[2J");
    say(JOURNAL_END, 1, "failed: because\nrun_uid=0\nstatus=succeeded");
    take_all(&succeeded);
    load(&p);
    assert_int_equal(p.run_uid, USER);
    assert_int_equal(p.run_gid, USER);
    assert_int_equal(p.author, USER);
    assert_int_equal(p.status, STATUS_FAILED);
    assert_string_equal(text_string(&p.facts), "classes: 2 run_uid=0\n");
    struct text log = TEXT_INIT;
    stream_get('l', &log);
    assert_non_null(strstr(text_string(&log), "a line another one ?[2J\n"));
    text_release(&log);
    process_release(&p);
}

static void shown(show_fn *show, struct process *p, const char *wanted)
{
    struct store_txn *txn;
    struct text out = TEXT_INIT;
    assert_int_equal(store_begin(primo.store, false, &txn, NULL), 0);
    struct show_request r = {.primo = &primo, .txn = txn, .process = p};
    assert_int_equal(show(&r, &out, NULL), 0);
    store_abort(txn);
    assert_non_null(strstr(text_string(&out), wanted));
    assert_null(strpbrk(text_string(&out), "\x1b\x7f\xc2"));
    assert_null(strstr(text_string(&out), "\u202e"));
    assert_null(strstr(text_string(&out), "\u2028"));
    text_release(&out);
}

/* No control sequence of a terminal reaches a text that people read. */
static void test_terminals(void **state)
{
    struct process p;
    bool succeeded;
    (void)state;
    say(JOURNAL_LOG, 1, HOSTILE);
    say(JOURNAL_FACT, 1, "classes=" HOSTILE);
    say(JOURNAL_ARTIFACT, 1, "config");
    say(JOURNAL_ARTIFACT, 1, "dataset");
    say(JOURNAL_END, 1, "failed: " HOSTILE);
    take_all(&succeeded);
    load(&p);
    assert_string_equal(p.reason, SHOWN);
    shown(show_log, &p, SHOWN "\n");
    shown(show_info, &p, "classes: " SHOWN "\n");
    shown(show_info, &p, "reason: " SHOWN "\n");
    shown(show_progress, &p, SHOWN "\n");
    shown(show_config, &p, "config " SHOWN "\nits second line\n");
    shown(show_dataset, &p, "dataset " SHOWN "\nits second line\n");
    process_release(&p);
    struct text events = TEXT_INIT;
    struct store_txn *txn;
    assert_int_equal(store_begin(primo.store, false, &txn, NULL), 0);
    assert_int_equal(stream_read(txn, EVENTS, 0, SIZE_MAX, &events), 0);
    store_abort(txn);
    assert_non_null(strstr(text_string(&events), "failed: " SHOWN "\n"));
    text_release(&events);
}

/* A trainer cannot forge what `info` says itself. */
static void test_facts(void **state)
{
    struct process p;
    bool succeeded;
    (void)state;
    say(JOURNAL_FACT, 1, "author=root");
    say(JOURNAL_FACT, 1, "status=succeeded");
    say(JOURNAL_FACT, 1, "reason=all is well");
    say(JOURNAL_FACT, 1, "images=7");
    take_all(&succeeded);
    load(&p);
    assert_string_equal(text_string(&p.facts), "images: 7\n");
    process_release(&p);
}

static void test_times(void **state)
{
    static const double times[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e300, 4e9};
    struct process p;
    bool succeeded;
    double now = (double)clock_ns() / 1e9;
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        say(JOURNAL_LOG, times[i], "line");
    say(JOURNAL_METRIC, 1, "9999-12-31T23:59:59.000Z,1,1,0.1,1,0.5,0.5,1");
    say(JOURNAL_METRIC, 1, "0000-00-00T00:00:00.000Z,2,2,0.1,1,0.5,0.5,1");
    say(JOURNAL_END, NAN, "failed: because");
    take_all(&succeeded);
    load(&p);
    assert_true(p.log_time >= now && p.log_time < now + 60);
    assert_true(p.row_time >= now && p.row_time < now + 60);
    process_release(&p);
}

/* However often a journal announces an artifact, it is read a few times, and
 * what was read last is shown. */
static void test_announcements(void **state)
{
    struct process p;
    bool succeeded;
    (void)state;
    for (int i = 0; i < 20000; i++)
        say(JOURNAL_ARTIFACT, 1, i % 2 ? "config" : "dataset");
    say(JOURNAL_END, 1, "succeeded");
    take_all(&succeeded);
    assert_true(succeeded);
    assert_true(fetches >= 2 && fetches <= 40);
    load(&p);
    shown(show_config, &p, "config " SHOWN "\nits second line\n");
    assert_int_equal(p.announced, 0);
    process_release(&p);
}

/* A text with another sum than its trainer told is not shown, and that is said;
 * the sums of the files are kept for when they are fetched. */
static void test_sums(void **state)
{
    static const char config[] = "config " HOSTILE "\nits second line\n";
    struct text good = TEXT_INIT, bad = TEXT_INIT, log = TEXT_INIT;
    struct process p;
    bool succeeded;
    (void)state;
    artifact_print(&good, "config", artifact_crc(config, sizeof config - 1));
    artifact_print(&bad, "dataset", 0x12345678);
    say(JOURNAL_ARTIFACT, 1, text_string(&good));
    say(JOURNAL_ARTIFACT, 1, text_string(&bad));
    say(JOURNAL_ARTIFACT, 1, "model.onnx crc32=00c0ffee");
    say(JOURNAL_ARTIFACT, 1, "labels.txt");
    say(JOURNAL_END, 1, "failed: because");
    take_all(&succeeded);
    load(&p);
    shown(show_config, &p, "config " SHOWN "\nits second line\n");
    stream_get('l', &log);
    assert_non_null(strstr(text_string(&log),
                           "'dataset' is not what the trainer has written"));
    assert_null(strstr(text_string(&log), "'config' is not"));
    assert_true(p.sums[ARTIFACT_GRAPH].known);
    assert_int_equal(p.sums[ARTIFACT_GRAPH].crc, 0xc0ffee);
    assert_false(p.sums[ARTIFACT_LABELS].known);
    process_release(&p);
    text_release(&good);
    text_release(&bad);
    text_release(&log);
}

/* Where a clock is set back, the times of lines and rows stay in order, and
 * nothing ends before it has begun. */
static void test_clock_back(void **state)
{
    struct text log = TEXT_INIT, metrics = TEXT_INIT;
    struct process p;
    char line[100], first[30], second[30];
    bool succeeded;
    double now = (double)clock_ns() / 1e9;
    (void)state;
    load(&p);
    p.started = p.changed = now + 3600;
    struct store_txn *txn;
    assert_int_equal(store_begin(primo.store, true, &txn, NULL), 0);
    assert_int_equal(process_save(txn, &p, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    process_release(&p);
    for (int i = 0; i < 2; i++) {
        struct text time = TEXT_INIT;
        text_put_time(&time, now - 100 * i);
        say(JOURNAL_LOG, now - 100 * i, "line");
        snprintf(line, sizeof line, "%s,%d,%d,0.1,1,0.5,0.5,1",
                 text_string(&time), i + 1, i + 1);
        say(JOURNAL_METRIC, now - 100 * i, line);
        text_release(&time);
    }
    say(JOURNAL_END, now, "failed: because");
    take_all(&succeeded);
    stream_get('l', &log);
    stream_get('m', &metrics);
    assert_int_equal(sscanf(text_string(&log), "%29s line %29s", first, second),
                     2);
    assert_true(strcmp(first, second) <= 0);
    assert_int_equal(
        sscanf(text_string(&metrics), "%29[^,],%*s %29[^,]", first, second), 2);
    assert_true(strcmp(first, second) <= 0);
    load(&p);
    assert_true(p.finished >= p.started);
    process_release(&p);
    text_release(&log);
    text_release(&metrics);
}

/* Of a gigabyte of messages some are kept, and the rest of the system goes
 * on. */
static void test_flood(void **state)
{
    char line[2000], fact[100], row[200];
    struct process p;
    bool succeeded;
    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    for (int i = 0; i < 12000; i++) {
        say(JOURNAL_LOG, 1, line);
        snprintf(fact, sizeof fact, "%s=%d",
                 journal_facts[i % JOURNAL_FACTS].key, i);
        say(JOURNAL_FACT, 1, fact);
    }
    for (int i = 0; i < 200000; i++) {
        snprintf(row, sizeof row,
                 "2026-01-01T00:00:00.000Z,%d.1234567,%d,0.1234567,0.1234567,"
                 "0.1234567,0.1234567,%d.123",
                 i, i + 1, i);
        say(JOURNAL_METRIC, 1, row);
    }
    say(JOURNAL_END, 1, "succeeded");
    assert_true(take_all(&succeeded) > 10); /* and not all at once */
    assert_true(succeeded);
    load(&p);
    assert_true(p.facts.size <= 20 << 10);
    process_release(&p);
    struct text log = TEXT_INIT, metrics = TEXT_INIT;
    stream_get('l', &log);
    stream_get('m', &metrics);
    assert_true(log.size > 8 * MIB && log.size < 9 * MIB);
    assert_true(metrics.size > 15 * MIB && metrics.size < 17 * MIB);
    assert_non_null(strstr(text_string(&log), "the log is full"));
    text_release(&log);
    text_release(&metrics);
}

/* The same checkpoint does not count as progress twice. */
static void test_checkpoints(void **state)
{
    struct store_txn *txn;
    struct process p;
    bool succeeded;
    (void)state;
    say(JOURNAL_CHECKPOINT, 1, "iteration=7");
    take_all(&succeeded);
    load(&p);
    p.losses = 3;
    assert_int_equal(store_begin(primo.store, true, &txn, NULL), 0);
    assert_int_equal(process_save(txn, &p, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    process_release(&p);
    say(JOURNAL_CHECKPOINT, 1, "iteration=7");
    say(JOURNAL_CHECKPOINT, 1, "iteration=-1");
    take_all(&succeeded);
    load(&p);
    assert_int_equal(p.losses, 3);
    assert_int_equal(p.checkpoint, 7);
    process_release(&p);
}

/* Absurd figures are drawn, too, and take no more time and space. */
static void test_figures(void **state)
{
    static const char *const rows[] = {
        "2026-01-01T00:00:00.000Z,1e300,1,1e300,1e300,1e300,1e300,1e300",
        "2026-01-01T00:00:00.000Z,-1e300,2,1e-300,-1e300,-5,7,-1",
        "2026-01-01T00:00:00.000Z,0,3,0,1e-320,1,0,0",
        "2026-01-01T00:00:00.000Z,1,4,-1,,,,",
        "2026-01-01T00:00:00.000Z,1.0000000000000002,5,5,5,0.5,0.5,5",
    };
    struct store_txn *txn;
    struct process p;
    bool succeeded;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        say(JOURNAL_METRIC, 1, rows[i]);
    say(JOURNAL_PROGRESS, 1,
        "epoch=9223372036854775807 epochs=1 iteration=9223372036854775807 "
        "iterations=1 eta=1e300 train_loss=-1e300 images_per_second=1e300 "
        "average_precision=1e300 best_average_precision=-1e300");
    take_all(&succeeded);
    load(&p);
    assert_int_equal(store_begin(primo.store, false, &txn, NULL), 0);
    static show_fn *const shows[] = {show_progress, show_eta, show_info,
                                     show_monitor_svg, show_monitor_html};
    for (size_t i = 0; i < sizeof shows / sizeof *shows; i++) {
        struct show_request r = {.primo = &primo, .txn = txn, .process = &p};
        struct text out = TEXT_INIT;
        assert_int_equal(shows[i](&r, &out, NULL), 0);
        assert_true(out.size < 64 << 10);
        text_release(&out);
    }
    store_abort(txn);
    process_release(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fields),        TEST(test_terminals), TEST(test_facts),
        TEST(test_times),         TEST(test_flood),     TEST(test_checkpoints),
        TEST(test_announcements), TEST(test_sums),      TEST(test_clock_back),
        TEST(test_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

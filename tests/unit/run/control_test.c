/* control.h. Each test has a process of its own, as the control thread ends its
 * process. */
#include "trainer/run/control.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { STOPPED = 42, FAILED = 43, INTERRUPTED = 44 };

/* What the next child ends with after a signal; 0 = that is a stop. */
static int interrupted;

struct place {
    char name[64];
    int dir;
    int report[2]; /* the child writes a byte when it is ready, and when it has
                      saved */
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    *state = p;
    strcpy(p->name, "/tmp/primo-control-XXXXXX");
    if (!mkdtemp(p->name) || pipe(p->report) < 0)
        return -1;
    p->dir = open(p->name, O_RDONLY | O_DIRECTORY);
    return 0;
}

static int place_drop(void **state)
{
    struct place *p = *state;
    char command[128];
    close(p->dir);
    close(p->report[0]);
    close(p->report[1]);
    snprintf(command, sizeof command, "rm -rf '%s'", p->name);
    free(p);
    return system(command);
}

static void byte_put(const struct place *p, char c)
{
    if (write(p->report[1], &c, 1) != 1)
        abort();
}

static char byte_take(const struct place *p)
{
    char c;
    return read(p->report[0], &c, 1) == 1 ? c : 0;
}

static void save(void *context)
{
    byte_put(context, 'S');
}

/* What the child's main thread does while the control thread runs. */
typedef void body_fn(struct place *p, struct control *c);

static void sleep_on(struct place *p, struct control *c)
{
    (void)p;
    (void)c;
    for (;;)
        pause();
}

static void with_state(struct place *p, struct control *c)
{
    control_on_stop(c, save, p);
    byte_put(p, 'R');
    sleep_on(p, c);
}

static void without_state(struct place *p, struct control *c)
{
    byte_put(p, 'R');
    sleep_on(p, c);
}

static void holding_the_lock(struct place *p, struct control *c)
{
    control_on_stop(c, save, p);
    control_lock(c);
    byte_put(p, 'R');
    sleep_on(p, c);
}

static void expecting(struct place *p, struct control *c)
{
    control_expect(c, 0.3, "'%s' does not answer", "/dead");
    byte_put(p, 'R');
    sleep_on(p, c);
}

static void arrived(struct place *p, struct control *c)
{
    control_expect(c, 0.3, "never");
    control_arrived(c);
    byte_put(p, 'R');
    struct timespec second = {1, 500000000};
    nanosleep(&second, NULL);
    control_free(c);
    _exit(0);
}

static pid_t child(struct place *p, body_fn *body)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid) {
        assert_int_equal(byte_take(p), 'R');
        return pid;
    }
    struct journal_writer *writer;
    struct control *control;
    control_block_signals();
    if (writer_open(&writer, p->dir, &(struct journal_start){0}, NULL, NULL))
        _exit(99);
    const struct control_options options = {.dir = p->dir,
                                            .writer = writer,
                                            .stopped_status = STOPPED,
                                            .interrupted_status = interrupted,
                                            .failed_status = FAILED};
    if (control_open(&control, &options, NULL))
        _exit(98);
    body(p, control);
    _exit(97);
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void ends_with(pid_t pid, int wanted, double within)
{
    int status;
    double start = seconds_now();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
    assert_true(seconds_now() - start < within);
}

static bool journal_has(const struct place *p, const char *part)
{
    static char data[1 << 16];
    int fd = openat(p->dir, "journal.000001", O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, data, sizeof data);
    close(fd);
    return n > 0 && memmem(data, (size_t)n, part, strlen(part));
}

static void stop_file(const struct place *p)
{
    close(openat(p->dir, "stop", O_WRONLY | O_CREAT, 0600));
}

static void a_stop_file_saves_and_ends(void **state)
{
    struct place *p = *state;
    pid_t pid = child(p, with_state);
    stop_file(p);
    ends_with(pid, STOPPED, 2);
    assert_int_equal(byte_take(p), 'S');
    assert_true(journal_has(p, "stopped"));
}

static void a_signal_saves_and_ends(void **state)
{
    struct place *p = *state;
    pid_t pid = child(p, with_state);
    kill(pid, SIGTERM);
    ends_with(pid, STOPPED, 2);
    assert_int_equal(byte_take(p), 'S');
}

static void a_signal_only_interrupts_what_goes_on(void **state)
{
    struct place *p = *state;
    interrupted = INTERRUPTED;
    pid_t pid = child(p, with_state);
    kill(pid, SIGTERM);
    ends_with(pid, INTERRUPTED, 2);
    assert_int_equal(byte_take(p), 'S');
    assert_true(journal_has(p, "interrupted"));
    assert_false(journal_has(p, "stopped"));
    interrupted = 0;
}

static void but_a_stop_file_stops_it(void **state)
{
    struct place *p = *state;
    interrupted = INTERRUPTED;
    pid_t pid = child(p, with_state);
    stop_file(p);
    kill(pid, SIGTERM);
    ends_with(pid, STOPPED, 2);
    assert_true(journal_has(p, "stopped"));
    interrupted = 0;
}

static void without_a_state_nothing_is_saved(void **state)
{
    struct place *p = *state;
    pid_t pid = child(p, without_state);
    kill(pid, SIGINT);
    ends_with(pid, STOPPED, 2);
    assert_true(journal_has(p, "stopped"));
}

static void a_held_lock_is_not_awaited_for_long(void **state)
{
    struct place *p = *state;
    pid_t pid = child(p, holding_the_lock);
    stop_file(p);
    ends_with(pid, STOPPED, 5);
    assert_true(journal_has(p, "the disk is slow"));
}

static void what_does_not_arrive_fails(void **state)
{
    struct place *p = *state;
    ends_with(child(p, expecting), FAILED, 3);
    assert_true(journal_has(p, "failed: '/dead' does not answer"));
}

static void what_arrives_does_not_and_the_heart_beats(void **state)
{
    struct place *p = *state;
    ends_with(child(p, arrived), 0, 4);
    assert_true(journal_has(p, "epoch=0 epochs=0"));
    assert_false(journal_has(p, "failed"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stop_file_saves_and_ends),
        TEST(a_signal_saves_and_ends),
        TEST(a_signal_only_interrupts_what_goes_on),
        TEST(but_a_stop_file_stops_it),
        TEST(without_a_state_nothing_is_saved),
        TEST(a_held_lock_is_not_awaited_for_long),
        TEST(what_does_not_arrive_fails),
        TEST(what_arrives_does_not_and_the_heart_beats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Saves at the same time: they share a transaction, each has a result of its
 * own, and what was confirmed is there after a kill. */
#include "core/serve/serve.h"
#include "core/state/copies.h"
#include "core/store/node.h"
#include "core/training/supervisor.h"
#include "tests/unit/world.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAVERS = 8 };

static const struct caller me = {0, 0, 1};

/* A disk that refuses the next so many writes of the store. */

static int failing;

/* A disk that lets the next writer wait. */
static int stuck; /* 1 = the next; 2 = somebody waits; 0 = go on */

static bool has_room(void)
{
    const struct timespec moment = {0, 1000000};
    int next = 1;
    if (__atomic_compare_exchange_n(&stuck, &next, 2, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        while (__atomic_load_n(&stuck, __ATOMIC_SEQ_CST))
            nanosleep(&moment, NULL);
    int left = __atomic_load_n(&failing, __ATOMIC_SEQ_CST);
    if (left > 0)
        __atomic_sub_fetch(&failing, 1, __ATOMIC_SEQ_CST);
    errno = ENOSPC;
    return left <= 0;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    return has_room() ? real(fd, data, size, at) : -1;
}

ssize_t writev(int fd, const struct iovec *data, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "writev");
    return has_room() ? real(fd, data, count) : -1;
}

/* A state directory */

static int set_up(void **state)
{
    *state = world_new();
    return 0;
}

static int tear_down(void **state)
{
    world_free(*state);
    return 0;
}

/* Opened while nobody else writes to the store. */
static void open_alone(struct world *w)
{
    world_open(w);
    supervisor_close(w->primo.supervisor);
    serve_close(w->primo.serve);
    copies_close(w->primo.copies); /* which keeps the clock of lost/ */
    w->primo.supervisor = NULL;
    w->primo.serve = NULL;
    w->primo.copies = NULL;
}

/* The saved text of a template, or "" if there is none. */
static char *saved(struct world *w, const char *name)
{
    struct store_txn *txn;
    struct object o = OBJECT_INIT;
    assert_int_equal(store_begin(w->primo.store, false, &txn, NULL), 0);
    int err = object_find(txn, TREE_TEMPLATES, name, &o);
    char *text = strdup(err ? "" : text_string(&o.body));
    store_abort(txn);
    object_release(&o);
    return text;
}

static void expect_saved(struct world *w, const char *name, const char *text)
{
    char *got = saved(w, name);
    assert_string_equal(got, text);
    free(got);
}

/* Threads that save, each a file of its own */

struct saver {
    struct handle *handle;
    char name[16], text[64];
    pthread_t thread;
    int err;
    struct reason why;
};

static void *saver_run(void *context)
{
    struct saver *s = context;
    s->err = handle_flush(s->handle, &s->why);
    return NULL;
}

/* Opens the state directory, and prepares what they save. */
static void savers_begin(struct world *w, struct saver *all)
{
    open_alone(w);
    for (int i = 0; i < SAVERS; i++) {
        struct saver *s = &all[i];
        struct node n;
        *s = (struct saver){.err = 1};
        snprintf(s->name, sizeof s->name, "t%d", i);
        snprintf(s->text, sizeof s->text, "epochs = %d", i + 1);
        assert_int_equal(
            handle_create(
                &w->primo, &me,
                &(struct creation){at(w, "templates"), s->name, 0644, O_WRONLY},
                &n, &s->handle, NULL),
            0);
    }
}

static void savers_write(const struct saver *all)
{
    for (int i = 0; i < SAVERS; i++)
        assert_int_equal(handle_write(all[i].handle, 0, all[i].text,
                                      strlen(all[i].text), NULL),
                         0);
}

static int waiting(struct commits *all)
{
    int n = 0;
    pthread_mutex_lock(&all->lock);
    for (struct commit *c = all->first; c; c = c->next)
        n++;
    pthread_mutex_unlock(&all->lock);
    return n;
}

/* All of them save while the store is locked, so that all of them wait
 * together. */
static void savers_run(struct world *w, struct saver *all)
{
    const struct timespec moment = {0, 1000000};
    pthread_mutex_lock(&w->primo.change);
    for (int i = 0; i < SAVERS; i++)
        assert_int_equal(
            pthread_create(&all[i].thread, NULL, saver_run, &all[i]), 0);
    while (waiting(&w->primo.commits) < SAVERS)
        nanosleep(&moment, NULL);
    pthread_mutex_unlock(&w->primo.change);
    for (int i = 0; i < SAVERS; i++)
        pthread_join(all[i].thread, NULL);
}

static void savers_close(const struct saver *all)
{
    for (int i = 0; i < SAVERS; i++)
        assert_int_equal(handle_close(all[i].handle, NULL), 0);
}

static void savers_end(struct world *w, const struct saver *all)
{
    savers_close(all);
    primo_close(&w->primo);
}

static void expect_all_saved(struct world *w, const struct saver *all)
{
    for (int i = 0; i < SAVERS; i++)
        expect_saved(w, all[i].name, all[i].text);
}

static void test_together(void **state)
{
    struct world *w = *state;
    struct saver all[SAVERS];
    savers_begin(w, all);
    savers_write(all);
    uint64_t before = store_changes(w->primo.store);
    savers_run(w, all);
    assert_int_equal(store_changes(w->primo.store) - before, 1);
    for (int i = 0; i < SAVERS; i++)
        assert_int_equal(all[i].err, 0);
    expect_all_saved(w, all);
    savers_close(all);
    assert_int_equal(store_changes(w->primo.store) - before, 1);
    primo_close(&w->primo);
}

static void test_refused(void **state)
{
    struct world *w = *state;
    struct saver all[SAVERS];
    savers_begin(w, all);
    /* no line is complete before it is closed */
    strcpy(all[3].text, "epochs = many");
    savers_write(all);
    savers_run(w, all);
    for (int i = 0; i < SAVERS; i++)
        assert_int_equal(all[i].err, i == 3 ? -EINVAL : 0);
    assert_non_null(strstr(all[3].why.sentence, "'many'"));
    *all[3].text = 0;
    expect_all_saved(w, all);
    savers_end(w, all);
}

/* If several save the same file, the last one wins. */
static void test_same_file(void **state)
{
    struct world *w = *state;
    struct saver all[SAVERS];
    struct node n;
    savers_begin(w, all);
    for (int i = 1; i < SAVERS; i++) {
        assert_int_equal(handle_close(all[i].handle, NULL), 0);
        assert_int_equal(
            tree_find(&w->primo, at(w, "templates"), all[0].name, &n, NULL), 0);
        assert_int_equal(handle_open(&w->primo, &me, n, O_WRONLY, NULL,
                                     &all[i].handle, NULL),
                         0);
    }
    savers_write(all);
    savers_run(w, all);
    char *got = saved(w, all[0].name);
    int winner = atoi(got + strlen("epochs = "));
    assert_in_range(winner, 1, SAVERS);
    assert_string_equal(got, all[winner - 1].text);
    free(got);
    savers_end(w, all);
}

/* If a shared transaction fails, each change is tried alone. */
static void test_no_room_for_all(void **state)
{
    struct world *w = *state;
    struct saver all[SAVERS];
    savers_begin(w, all);
    savers_write(all);
    uint64_t before = store_changes(w->primo.store);
    failing = 1;
    savers_run(w, all);
    assert_int_equal(failing, 0);
    assert_int_equal(store_changes(w->primo.store) - before, SAVERS);
    for (int i = 0; i < SAVERS; i++)
        assert_int_equal(all[i].err, 0);
    expect_all_saved(w, all);
    savers_end(w, all);
}

/* On a full disk each is told, and can save once there is room. */
static void test_no_room(void **state)
{
    struct world *w = *state;
    struct saver all[SAVERS];
    savers_begin(w, all);
    savers_write(all);
    failing = 1000;
    savers_run(w, all);
    failing = 0;
    for (int i = 0; i < SAVERS; i++) {
        struct node n;
        assert_int_equal(all[i].err, -ENOSPC);
        assert_non_null(strstr(all[i].why.sentence, "No space"));
        expect_saved(w, all[i].name, "");
        assert_int_equal(
            tree_find(&w->primo, at(w, "templates"), all[i].name, &n, NULL), 0);
    }
    savers_close(all);
    expect_all_saved(w, all);
    primo_close(&w->primo);
    open_alone(w);
    expect_all_saved(w, all);
    primo_close(&w->primo);
}

/* Who makes a new file does not wait for another's disk, and a name that is
 * being saved is taken. */
static void test_new_files_meanwhile(void **state)
{
    const struct timespec moment = {0, 1000000};
    struct world *w = *state;
    struct saver all[SAVERS];
    struct handle *h;
    struct node n;
    savers_begin(w, all);
    stuck = 1;
    assert_int_equal(pthread_create(&all[0].thread, NULL, saver_run, &all[0]),
                     0);
    while (__atomic_load_n(&stuck, __ATOMIC_SEQ_CST) != 2)
        nanosleep(&moment, NULL);
    alarm(20);
    assert_int_equal(handle_create(&w->primo, &me,
                                   &(struct creation){at(w, "templates"), "new",
                                                      0644, O_WRONLY},
                                   &n, &h, NULL),
                     0);
    assert_int_equal(handle_write(h, 0, "epochs = 7", 10, NULL), 0);
    struct handle *no;
    assert_int_equal(
        handle_create(
            &w->primo, &me,
            &(struct creation){at(w, "templates"), all[0].name, 0644, O_WRONLY},
            &n, &no, NULL),
        -EEXIST);
    alarm(0);
    __atomic_store_n(&stuck, 0, __ATOMIC_SEQ_CST);
    pthread_join(all[0].thread, NULL);
    assert_int_equal(all[0].err, 0);
    assert_int_equal(handle_close(h, NULL), 0);
    expect_saved(w, "new", "epochs = 7");
    savers_end(w, all);
}

/* A process that makes files until it is killed, and says of each that it is
 * saved. */

struct maker {
    struct world *w;
    int number, told;
};

static int make_file(struct world *w, int number)
{
    char name[32], text[64];
    struct node n;
    struct handle *h;
    snprintf(name, sizeof name, "f%d", number);
    snprintf(text, sizeof text, "epochs = %d\n", number % 1000 + 1);
    int err = handle_create(
        &w->primo, &me,
        &(struct creation){at(w, "templates"), name, 0644, O_WRONLY}, &n, &h,
        NULL);
    if (err)
        return err;
    err = handle_write(h, 0, text, strlen(text), NULL);
    if (err == 0)
        err = handle_flush(h, NULL);
    int end = handle_close(h, NULL);
    return err ? err : end;
}

static void *maker_run(void *context)
{
    struct maker *m = context;
    for (int i = m->number;; i += SAVERS)
        if (make_file(m->w, i) ||
            write(m->told, &i, sizeof i) != (ssize_t)sizeof i)
            _exit(1);
    return NULL;
}

static void make_until_killed(struct world *w, int told)
{
    struct maker all[SAVERS];
    pthread_t thread;
    if (primo_open(&w->primo, w->dir, NULL))
        _exit(1);
    for (int i = 0; i < SAVERS; i++) {
        all[i] = (struct maker){w, i, told};
        if (pthread_create(&thread, NULL, maker_run, &all[i]))
            _exit(1);
    }
    for (;;)
        pause();
}

static void test_killed(void **state)
{
    enum { BEFORE = 60, MOST = 100000 };
    struct world *w = *state;
    int ends[2], number, count = 0, status;
    int *all = malloc(MOST * sizeof *all);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        make_until_killed(w, ends[1]);
    close(ends[1]);
    while (count < MOST &&
           read(ends[0], &number, sizeof number) == (ssize_t)sizeof number) {
        all[count++] = number;
        if (count == BEFORE)
            kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_true(count >= BEFORE);
    open_alone(w);
    for (int i = 0; i < count; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "f%d", all[i]);
        snprintf(text, sizeof text, "epochs = %d\n", all[i] % 1000 + 1);
        expect_saved(w, name, text);
    }
    primo_close(&w->primo);
    close(ends[0]);
    free(all);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_killed), /* first: it forks */
        TEST(test_together),
        TEST(test_refused),
        TEST(test_same_file),
        TEST(test_no_room_for_all),
        TEST(test_new_files_meanwhile),
        TEST(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

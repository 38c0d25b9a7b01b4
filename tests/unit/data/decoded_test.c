/* What of earlier trainings' pictures is found, and what is not. */
#include "core/report/decoded.h"
#include "trainer/data/decoded.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE * 3, COUNT = 5 };

static char place[64];
static int dir;

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/decoded_test.XXXXXX");
    if (!mkdtemp(place))
        return -1;
    dir = open(place, O_RDONLY | O_DIRECTORY);
    return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    close(dir);
    snprintf(command, sizeof command, "rm -r %s", place);
    return system(command);
}

/* Lends an empty file, as the launcher does. */
static void lend(void)
{
    close(openat(dir, DECODED_NEW, O_WRONLY | O_CREAT | O_EXCL, 0600));
}

/* What a training has filled is lent to the next one. */
static void next_run(int number)
{
    char name[32];
    snprintf(name, sizeof name, DECODED_OLD, number);
    assert_int_equal(renameat(dir, DECODED_NEW, dir, name), 0);
    lend();
}

static off_t size_of(const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, 0) ? -1 : st.st_size;
}

static struct decoded_file file_of(int i)
{
    return (struct decoded_file){.name = {1, (uint64_t)(100 - i)},
                                 .inode = (uint64_t)i,
                                 .size = 1000,
                                 .modified = 5,
                                 .changed = 6,
                                 .settled = true};
}

static void fill(int i, struct decoded_facts *facts, uint8_t *pixels)
{
    *facts = (struct decoded_facts){.width = 100 + i,
                                    .height = 200,
                                    .hash = {(uint64_t)i, 7},
                                    .more_pages = i % 2};
    for (int k = 0; k < PIXELS; k++)
        pixels[k] = (uint8_t)(k * (i + 3));
}

static bool found(struct decoded *d, const struct decoded_file *file)
{
    static uint8_t pixels[PIXELS], wanted[PIXELS];
    struct decoded_facts facts, right;
    if (!decoded_find(d, file, &facts, pixels))
        return false;
    fill((int)file->inode, &right, wanted);
    assert_memory_equal(pixels, wanted, PIXELS);
    assert_int_equal(facts.width, right.width);
    assert_int_equal(facts.height, right.height);
    assert_memory_equal(facts.hash, right.hash, sizeof right.hash);
    assert_int_equal(facts.more_pages, right.more_pages);
    return true;
}

/* A training that looks for pictures, and keeps them. Returns how many were
 * found. */
static int train(int from, int to)
{
    static uint8_t pixels[PIXELS];
    struct decoded_facts facts;
    struct decoded *d = decoded_open(dir, SIDE);
    for (int i = from; i < to; i++) {
        struct decoded_file file = file_of(i);
        bool was = found(d, &file);
        fill(i, &facts, pixels);
        decoded_keep(d, &file, &facts, pixels, was);
    }
    int n = decoded_found(d);
    decoded_close(d);
    return n;
}

/* Whether a training would find picture 0, of a file that is as `file` says. */
static bool would_find(const struct decoded_file *file, int side)
{
    struct decoded *d = decoded_open(dir, side);
    bool is = found(d, file);
    decoded_close(d);
    return is;
}

static void change_byte(const char *name, off_t at)
{
    uint8_t byte;
    int fd = openat(dir, name, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void the_next_training_finds_what_one_has_kept(void **state)
{
    (void)state;
    lend();
    assert_int_equal(train(0, COUNT), 0);
    next_run(0);
    assert_int_equal(train(0, COUNT), COUNT);
    assert_int_equal(size_of(DECODED_NEW), 0); /* there was nothing new */
    assert_int_equal(train(0, COUNT + 2), COUNT);
    next_run(1);
    assert_int_equal(train(0, COUNT + 2), COUNT + 2);
}

static void without_files_nothing_is_kept(void **state)
{
    (void)state;
    assert_int_equal(train(0, COUNT), 0);
    assert_int_equal(size_of(DECODED_NEW), -1);
}

static void a_file_that_has_changed_is_not_found(void **state)
{
    (void)state;
    struct decoded_file file = file_of(0);
    lend();
    train(0, COUNT);
    next_run(0);
    assert_true(would_find(&file, SIDE));
    file.changed++;
    assert_false(would_find(&file, SIDE));
    file = file_of(0);
    file.modified++;
    assert_false(would_find(&file, SIDE));
    file = file_of(0);
    file.size++;
    assert_false(would_find(&file, SIDE));
    file = file_of(0);
    file.name[1]++;
    assert_false(would_find(&file, SIDE));
    file = file_of(0);
    file.inode++;
    assert_false(would_find(&file, SIDE));
    file = file_of(0);
    assert_true(would_find(&file, SIDE));
}

static void another_side_is_not_found_and_stays(void **state)
{
    (void)state;
    struct decoded_file file = file_of(0);
    lend();
    train(0, COUNT);
    next_run(0);
    assert_false(would_find(&file, SIDE / 2));
    assert_true(would_find(&file, SIDE));
}

static void a_file_just_written_is_not_kept(void **state)
{
    (void)state;
    static uint8_t pixels[PIXELS];
    struct decoded_facts facts;
    struct decoded_file file;
    lend();
    int fd = openat(dir, "picture", O_RDWR | O_CREAT, 0600);
    struct decoded *d = decoded_open(dir, SIDE);
    decoded_look(&file, fd, "picture", 0);
    assert_false(file.settled);
    fill(0, &facts, pixels);
    decoded_keep(d, &file, &facts, pixels, false);
    decoded_close(d);
    close(fd);
    assert_int_equal(size_of(DECODED_NEW), 0);
}

static void what_is_damaged_is_not_found(void **state)
{
    (void)state;
    struct decoded_file file = file_of(0);
    lend();
    train(0, COUNT);
    next_run(0);
    change_byte("decoded.0", 4096 + PIXELS / 2); /* the pixels of the first */
    assert_int_equal(train(0, COUNT), COUNT - 1);
    next_run(1);
    assert_int_equal(train(0, COUNT), COUNT);
    change_byte("decoded.0", size_of("decoded.0") - 1); /* the index */
    assert_int_equal(train(0, COUNT), 1);
    assert_int_equal(size_of("decoded.0"), 0);
    change_byte("decoded.1", 40); /* the head */
    assert_false(would_find(&file, SIDE));
    assert_int_equal(size_of("decoded.1"), 0);
}

static void what_is_cut_short_is_not_found(void **state)
{
    (void)state;
    struct decoded_file file = file_of(0);
    static const off_t sizes[] = {0, 1, 30, 200, 4096, 4096 + PIXELS + 7};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unlinkat(dir, DECODED_NEW, 0);
        lend();
        train(0, COUNT);
        next_run(0);
        int fd = openat(dir, "decoded.0", O_RDWR);
        assert_int_equal(ftruncate(fd, sizes[i]), 0);
        close(fd);
        assert_false(would_find(&file, SIDE));
    }
}

/* As a trainer that was killed leaves it, and as one that is at work has it. */
static void a_file_without_a_head_is_emptied_if_nobody_fills_it(void **state)
{
    (void)state;
    struct decoded_file file = file_of(0);
    char zeros[5000] = {0};
    int fd = openat(dir, "decoded.0", O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_false(would_find(&file, SIDE));
    assert_int_equal(size_of("decoded.0"), sizeof zeros);
    close(fd);
    assert_false(would_find(&file, SIDE));
    assert_int_equal(size_of("decoded.0"), 0);
}

static void many_files_become_one(void **state)
{
    (void)state;
    lend();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(train(0, 1 + i), i);
        next_run(i);
    }
    assert_int_equal(train(0, 5), 4);
    assert_true(size_of(DECODED_NEW) >= 5 * PIXELS);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, DECODED_OLD, i);
        assert_int_equal(size_of(name), 0);
    }
    next_run(0);
    assert_int_equal(train(0, 5), 5);
}

/* The disk takes two pictures and no more: there is no room for an index. */
static void a_full_disk_is_no_failure(void **state)
{
    (void)state;
    struct rlimit old, less;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    less = old;
    less.rlim_cur = 4096 + 2 * PIXELS + PIXELS / 2;
    lend();
    setrlimit(RLIMIT_FSIZE, &less);
    assert_int_equal(train(0, COUNT), 0);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(size_of(DECODED_NEW), 0); /* its room is free again */
}

static void room_is_given_back(void **state)
{
    (void)state;
    assert_false(decoded_give_up(dir));
    lend();
    train(0, COUNT);
    next_run(0);
    assert_true(decoded_give_up(dir));
    assert_int_equal(size_of("decoded.0"), 0);
    assert_false(decoded_give_up(dir));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_training_finds_what_one_has_kept),
        TEST(without_files_nothing_is_kept),
        TEST(a_file_that_has_changed_is_not_found),
        TEST(another_side_is_not_found_and_stays),
        TEST(a_file_just_written_is_not_kept),
        TEST(what_is_damaged_is_not_found),
        TEST(what_is_cut_short_is_not_found),
        TEST(a_file_without_a_head_is_emptied_if_nobody_fills_it),
        TEST(many_files_become_one),
        TEST(a_full_disk_is_no_failure),
        TEST(room_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

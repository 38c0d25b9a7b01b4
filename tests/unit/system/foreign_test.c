/* foreign.h: whatever somebody else puts into a directory, nothing leads out of
 * it. */
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LIMIT = 1000, OTHER = 12345, DEEP = 3000 };

static int top, dir; /* top/secret, top/foreign */
static char place[64];

static int put(int at, const char *name, const char *text)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return close(fd);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/foreign_test.XXXXXX");
    assert_non_null(mkdtemp(place));
    top = open(place, O_RDONLY | O_DIRECTORY);
    put(top, "secret", "nobody may know");
    assert_int_equal(mkdirat(top, "foreign", 0700), 0);
    dir = openat(top, "foreign", O_RDONLY | O_DIRECTORY);
    assert_int_equal(mkdirat(dir, "artifacts", 0700), 0);
    return put(dir, "artifacts/good", "well");
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    close(dir);
    close(top);
    snprintf(command, sizeof command, "rm -rf %s", place);
    return system(command);
}

/* Expects that reading is refused with these words, and takes nothing. */
static void refused(const char *name, int code, const char *words)
{
    struct reason why = REASON_INIT;
    struct text out = TEXT_INIT;
    int err = foreign_read(dir, name, LIMIT, &out, &why);
    if (err != -code || !strstr(why.sentence, words))
        fail_msg("'%s': %d, %s", name, err, why.sentence);
    assert_true(out.size <= LIMIT);
    text_release(&out);
}

static void test_read(void **state)
{
    struct text out = TEXT_INIT;
    (void)state;
    assert_int_equal(foreign_read(dir, "artifacts/good", LIMIT, &out, NULL), 0);
    assert_string_equal(text_string(&out), "well");
    text_release(&out);
    refused("artifacts/absent", ENOENT, "cannot open");
    refused("artifacts", EINVAL, "not a regular file");
}

static void test_links(void **state)
{
    struct reason why = REASON_INIT;
    (void)state;
    symlinkat("../../secret", dir, "artifacts/soft");
    symlinkat("/etc/passwd", dir, "artifacts/absolute");
    symlinkat("good", dir, "artifacts/inside");
    assert_int_equal(linkat(top, "secret", dir, "artifacts/hard", 0), 0);
    refused("artifacts/soft", ELOOP, "cannot open");
    refused("artifacts/absolute", ELOOP, "cannot open");
    refused("artifacts/inside", ELOOP, "cannot open");
    refused("artifacts/hard", EPERM, "hard link");
    refused("../secret", EXDEV, "cannot open");
    symlinkat(".", dir, "way");
    refused("way/artifacts/good", ELOOP, "cannot open");
    assert_int_equal(foreign_directory(dir, "way", &why), -ENOTDIR);
}

static void test_special(void **state)
{
    (void)state;
    assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
    refused("fifo", EINVAL, "not a regular file");
    if (geteuid() == 0 && mknodat(dir, "zero", S_IFCHR | 0600, 1 << 8 | 5) == 0)
        refused("zero", EINVAL, "not a regular file");
    put(dir, "huge", "");
    int fd = openat(dir, "huge", O_WRONLY);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    refused("huge", EFBIG, "too large");
}

static void test_owner(void **state)
{
    (void)state;
    if (geteuid())
        skip();
    assert_int_equal(fchownat(dir, "artifacts/good", OTHER, OTHER, 0), 0);
    refused("artifacts/good", EPERM, "owner");
    assert_int_equal(fchown(dir, OTHER, OTHER), 0);
    struct text out = TEXT_INIT;
    assert_int_equal(foreign_read(dir, "artifacts/good", LIMIT, &out, NULL), 0);
    text_release(&out);
}

static void test_mount(void **state)
{
    char at[100];
    (void)state;
    snprintf(at, sizeof at, "%s/foreign/artifacts", place);
    if (mount("none", at, "tmpfs", 0, NULL))
        skip();
    put(dir, "artifacts/good", "not so");
    refused("artifacts/good", EXDEV, "cannot open");
    struct reason why = REASON_INIT;
    assert_int_not_equal(directory_remove(top, "foreign", &why), 0);
    assert_int_equal(umount(at), 0);
}

static void test_make(void **state)
{
    struct stat st;
    (void)state;
    uid_t uid = geteuid() ? geteuid() : OTHER;
    int fd = foreign_make(top, "new", uid, getegid(), NULL);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_mode & 07777, 0700);
    close(fd);
    fd = foreign_make(top, "new", uid, getegid(), NULL);
    assert_true(fd >= 0); /* once more */
    close(fd);
    struct reason why = REASON_INIT;
    if (geteuid() == 0)
        assert_int_equal(foreign_make(top, "new", OTHER + 1, 0, &why), -EPERM);
    symlinkat("new", top, "alias");
    assert_int_equal(foreign_make(top, "alias", uid, 0, &why), -ENOTDIR);
}

static void expect_secret(void)
{
    struct text out = TEXT_INIT;
    assert_int_equal(foreign_read(top, "secret", LIMIT, &out, NULL), 0);
    assert_string_equal(text_string(&out), "nobody may know");
    text_release(&out);
}

/* A link under a name that we write to is not followed. */
static void test_write(void **state)
{
    struct text out = TEXT_INIT;
    (void)state;
    symlinkat("../secret", dir, "job.part");
    assert_int_equal(mkfifoat(dir, "job", 0600), 0);
    assert_int_equal(file_save(dir, "job", "text", 4, NULL), 0);
    assert_int_equal(foreign_read(dir, "job", LIMIT, &out, NULL), 0);
    assert_string_equal(text_string(&out), "text");
    assert_int_equal(linkat(top, "secret", dir, "type.part", 0), 0);
    assert_int_equal(file_save(dir, "type", "text", 4, NULL), 0);
    symlinkat("../secret", dir, "stderr");
    int fd = foreign_renew(dir, "stderr", NULL);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "words", 5), 5);
    close(fd);
    expect_secret();
    text_release(&out);
}

static void test_copy(void **state)
{
    struct stat st;
    (void)state;
    int from = foreign_open(dir, "artifacts/good", NULL);
    assert_true(from >= 0);
    assert_int_equal(file_copy(from, top, "copy", 4, NULL), 0);
    assert_int_equal(fstatat(top, "copy", &st, 0), 0);
    assert_int_equal(st.st_size, 4);
    close(from);
    from = foreign_open(dir, "artifacts/good", NULL);
    assert_int_equal(file_copy(from, top, "copy2", 3, NULL), -EFBIG);
    assert_int_equal(file_copy(from, top, "copy", 4, NULL), -EEXIST);
    close(from);
}

/* Links to elsewhere are taken away, not followed; a tree may be deeper than
 * there are descriptors, or than a path is long. */
static void test_remove(void **state)
{
    int at = dup(dir);
    (void)state;
    symlinkat("../..", dir, "up");
    for (int i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(at, "a-level-of-the-tree", 0700), 0);
        if (i % 500 == 0)
            put(at, "file", "text");
        int below = openat(at, "a-level-of-the-tree", O_RDONLY | O_DIRECTORY);
        close(at);
        at = below;
        assert_true(at >= 0);
    }
    close(at);
    assert_int_equal(directory_remove(top, "foreign", NULL), 0);
    assert_int_equal(faccessat(top, "foreign", F_OK, 0), -1);
    expect_secret();
    assert_int_equal(directory_remove(top, "foreign", NULL), 0); /* absent */
    struct reason why = REASON_INIT;
    symlinkat(".", top, "link");
    assert_int_equal(directory_remove(top, "link", &why), -ENOTDIR);
    expect_secret();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read),  TEST(test_links), TEST(test_special),
        TEST(test_owner), TEST(test_mount), TEST(test_make),
        TEST(test_write), TEST(test_copy),  TEST(test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

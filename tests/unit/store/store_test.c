/* store.h, stream.h and object.h: streams, blobs, and ids that are never used
 * again. */
#include "core/store/object.h"
#include "core/store/stream.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

struct world {
    char dir[64];
    int fd; /* of it */
    struct store *store;
};

static void world_open(struct world *w)
{
    struct reason why = REASON_INIT;
    if (store_open(&w->store, w->fd, true, &why))
        fail_msg("%s", why.sentence);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/store_test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->fd = directory_own(AT_FDCWD, w->dir, NULL);
    assert_true(w->fd >= 0);
    world_open(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[128];
    store_close(w->store);
    close(w->fd);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static struct store_txn *begin(struct world *w, bool write)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(w->store, write, &txn, NULL), 0);
    return txn;
}

static void test_streams(void **state)
{
    struct world *w = *state;
    struct stream s = {300, 'm'}, other = {300, 'n'};
    struct text all = TEXT_INIT, part = TEXT_INIT;
    for (int i = 0; i < 200; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "%d,%*d\n", i, i % 40, i);
        struct store_txn *txn = begin(w, true);
        text_add(&all, line, (size_t)n);
        assert_int_equal(stream_append(txn, s, line, (size_t)n, NULL), 0);
        assert_int_equal(stream_append(txn, other, "x", 1, NULL), 0);
        assert_int_equal(store_commit(txn, NULL), 0);
    }
    store_close(w->store);
    world_open(w);
    struct store_txn *txn = begin(w, false);
    assert_int_equal(stream_size(txn, s), all.size);
    for (size_t offset = 0; offset < all.size + 3; offset += 7) {
        text_clear(&part);
        assert_int_equal(stream_read(txn, s, offset, 100, &part), 0);
        size_t left = offset < all.size ? all.size - offset : 0;
        assert_int_equal(part.size, left < 100 ? left : 100);
        assert_memory_equal(text_string(&part), all.data + offset, part.size);
    }
    store_abort(txn);
    txn = begin(w, true);
    assert_int_equal(stream_drop(txn, s, NULL), 0);
    assert_int_equal(stream_size(txn, s), 0);
    assert_int_equal(stream_size(txn, other), 200);
    store_abort(txn);
    text_release(&all);
    text_release(&part);
}

static void test_abort_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct text out = TEXT_INIT;
    struct store_txn *txn = begin(w, true);
    assert_int_equal(blob_put(txn, 7, 't', "text", 4, NULL), 0);
    store_abort(txn);
    txn = begin(w, false);
    assert_int_equal(blob_get(txn, 7, 't', &out), -ENOENT);
    store_abort(txn);
    text_release(&out);
}

static void test_objects(void **state)
{
    struct world *w = *state;
    struct object o = {.id = 400, .parent = 16, .kind = OBJECT_TEMPLATE};
    struct object found = OBJECT_INIT;
    struct store_txn *txn = begin(w, true);
    strcpy(o.name, "Счета");
    text_puts(&o.body, "epochs = 1\n");
    assert_int_equal(object_put(txn, &o, NULL), 0);
    strcpy(o.name, "b");
    assert_int_equal(object_put(txn, &o, NULL), 0); /* renamed */
    assert_int_equal(object_find(txn, 16, "Счета", &found), -ENOENT);
    assert_int_equal(object_find(txn, 16, "b", &found), 0);
    assert_int_equal(found.id, 400);
    assert_string_equal(text_string(&found.body), "epochs = 1\n");
    object_release(&found);
    assert_int_equal(object_next(txn, 16, 0, &found), 0);
    object_release(&found);
    assert_int_equal(object_next(txn, 16, 400, &found), -ENOENT);
    assert_int_equal(object_drop(txn, &o, NULL), 0);
    assert_false(object_has_children(txn, 16));
    store_abort(txn);
    object_release(&o);
}

static void test_ids_never_again(void **state)
{
    struct world *w = *state;
    uint64_t last = 0;
    for (int opening = 0; opening < 3; opening++) {
        struct id_source ids = {.lock = PTHREAD_MUTEX_INITIALIZER};
        for (int i = 0; i < 1500; i++) {
            uint64_t id;
            assert_int_equal(ids_take(&ids, w->store, &id, NULL), 0);
            assert_true(id > last);
            last = id;
        }
        store_close(w->store);
        world_open(w);
    }
}

/* LMDB's own writes come by here: while failing, none to the meta pages goes
 * through. */
static bool failing;

ssize_t
library_pwrite(int fd, const void *data, size_t size, off_t offset) __asm__(
    "pwrite"); /* whatever this program's own calls are renamed to */
ssize_t library_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (failing && offset < 8192) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

static void test_meta_page_cannot_be_written(void **state)
{
    struct world *w = *state;
    struct text out = TEXT_INIT;
    struct store_txn *txn = begin(w, true);
    assert_int_equal(blob_put(txn, 7, 't', "kept", 4, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    txn = begin(w, true);
    assert_int_equal(blob_put(txn, 7, 't', "lost", 4, NULL), 0);
    failing = true;
    assert_int_equal(store_commit(txn, NULL), -EIO);
    failing = false;
    txn = begin(w, false); /* what was acknowledged can be read at once */
    assert_int_equal(blob_get(txn, 7, 't', &out), 0);
    assert_string_equal(text_string(&out), "kept");
    store_abort(txn);
    txn = begin(w, true); /* and all goes on */
    assert_int_equal(blob_put(txn, 7, 't', "next", 4, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    text_release(&out);
}

/* A reader that was there before keeps what it sees; nobody waits for ever. */
static void test_readers_go_on(void **state)
{
    struct world *w = *state;
    struct text out = TEXT_INIT;
    struct store_txn *idle = begin(w, false), *txn = begin(w, true);
    assert_int_equal(blob_put(txn, 7, 't', "kept", 4, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), 0);
    store_abort(idle);
    struct store_txn *reader = begin(w, false);
    txn = begin(w, true);
    failing = true;
    assert_int_equal(blob_put(txn, 7, 't', "lost", 4, NULL), 0);
    assert_int_equal(store_commit(txn, NULL), -EIO);
    failing = false;
    assert_int_equal(blob_get(reader, 7, 't', &out), 0);
    assert_string_equal(text_string(&out), "kept");
    store_abort(reader);
    txn = begin(w, false);
    store_abort(txn);
    text_release(&out);
}

static bool take_reason(void *context, const struct reason *why)
{
    *(struct reason *)context = *why;
    return false;
}

static void record_change(struct world *w, size_t at, char to)
{
    struct object o = {.id = 400, .parent = 16, .kind = OBJECT_TEMPLATE};
    struct store_key key = {0};
    struct store_view v;
    char bytes[400];
    struct store_txn *txn = begin(w, true);
    strcpy(o.name, "a");
    text_puts(&o.body, "epochs = 1\n");
    assert_int_equal(object_put(txn, &o, NULL), 0);
    key_u64(&key, o.id);
    assert_int_equal(store_get(txn, STORE_OBJECT, &key, &v), 0);
    assert_true(v.size < sizeof bytes && at < v.size);
    memcpy(bytes, v.data, v.size);
    bytes[at] = to;
    assert_int_equal(store_put(txn, STORE_OBJECT, &key, bytes, v.size, NULL),
                     0);
    assert_int_equal(store_commit(txn, NULL), 0);
    object_release(&o);
}

static void check_record(struct world *w, int expected, const char *sentence)
{
    struct object o = OBJECT_INIT;
    struct reason why = REASON_INIT;
    struct store_txn *txn = begin(w, false);
    assert_int_equal(objects_check(txn, take_reason, &why), expected);
    assert_non_null(strstr(why.sentence, sentence));
    assert_int_equal(object_get(txn, 400, &o), -EIO);
    store_abort(txn);
}

static void test_changed_bytes_are_found(void **state)
{
    record_change(*state, 75, 'x');
    check_record(*state, -EUCLEAN, "not as it was written");
}

static void test_unknown_layout(void **state)
{
    record_change(*state, 0, 9);
    check_record(*state, -EINVAL, "newer primofs");
}

/* Makes the record of an object an older one: its head of 72 bytes has 64, and
 * no writer; layout 1 has no checksum behind it, layout 2 has. */
static void record_age(struct store_txn *txn, uint64_t id, uint32_t layout)
{
    enum { OLD_HEAD = 64, HEAD = 72, SUM = 4 };
    struct store_key key = {0};
    struct store_view v;
    char bytes[400];
    key_u64(&key, id);
    assert_int_equal(store_get(txn, STORE_OBJECT, &key, &v), 0);
    size_t rest = v.size - HEAD - SUM, sum_size = layout == 1 ? 0 : SUM;
    char *tail = bytes + OLD_HEAD + sum_size;
    memcpy(bytes, v.data, OLD_HEAD);
    memcpy(bytes, &layout, sizeof layout);
    memcpy(tail, (const char *)v.data + HEAD + SUM, rest);
    uLong crc = crc32_z(0, (const Bytef *)bytes, OLD_HEAD);
    uint32_t sum = (uint32_t)crc32_z(crc, (const Bytef *)tail, rest);
    memcpy(bytes + OLD_HEAD, &sum, sum_size);
    assert_int_equal(store_put(txn, STORE_OBJECT, &key, bytes,
                               OLD_HEAD + sum_size + rest, NULL),
                     0);
}

/* Records as older versions wrote them are read; who wrote the text is then not
 * known, and its owner is taken. */
static void test_old_records(void **state)
{
    struct world *w = *state;
    for (uint32_t layout = 1; layout <= 2; layout++) {
        struct object o = {.id = 400,
                           .parent = 16,
                           .kind = OBJECT_TEMPLATE,
                           .uid = 7,
                           .writer = 9};
        struct object found = OBJECT_INIT;
        struct store_txn *txn = begin(w, true);
        strcpy(o.name, "a");
        text_puts(&o.body, "epochs = 1\n");
        assert_int_equal(object_put(txn, &o, NULL), 0);
        assert_int_equal(object_get(txn, 400, &found), 0);
        assert_int_equal(found.writer, 9);
        object_release(&found);
        record_age(txn, 400, layout);
        assert_int_equal(object_get(txn, 400, &found), 0);
        assert_string_equal(found.name, "a");
        assert_string_equal(text_string(&found.body), "epochs = 1\n");
        assert_int_equal(found.writer, 7);
        store_abort(txn);
        object_release(&found);
        object_release(&o);
    }
}

/* A piece of a stream, or a blob, whose bytes are not those of its checksum is
 * an error; one without, as older versions wrote them, is read. */
static void test_changed_pieces(void **state)
{
    struct world *w = *state;
    struct stream s = {300, 'm'};
    struct text out = TEXT_INIT;
    struct store_txn *txn = begin(w, true);
    struct store_key key = {0}, plain = {0};
    struct store_view v;
    key_u64(&plain, 300);
    key_bytes(&plain, "m", 1);
    key_u64(&plain, 0);
    assert_int_equal(store_put(txn, STORE_STREAM, &plain, "old,", 4, NULL), 0);
    assert_int_equal(stream_append(txn, s, "new", 3, NULL), 0);
    assert_int_equal(stream_read(txn, s, 0, 100, &out), 0);
    assert_string_equal(text_string(&out), "old,new");
    key_u64(&key, 300);
    key_bytes(&key, "m", 1);
    key_u64(&key, 4);
    assert_int_equal(store_next(txn, STORE_STREAM, &key, 17, true, &v), 0);
    assert_int_equal(store_put(txn, STORE_STREAM, &key, "nev", 3, NULL), 0);
    assert_int_equal(stream_read(txn, s, 0, 100, &out), -EIO);
    assert_int_equal(blob_put(txn, 7, 't', "text", 4, NULL), 0);
    key.size = 0;
    key_u64(&key, 7);
    assert_int_equal(store_next(txn, STORE_BLOB, &key, 8, true, &v), 0);
    assert_int_equal(store_put(txn, STORE_BLOB, &key, "texu", 4, NULL), 0);
    assert_int_equal(blob_get(txn, 7, 't', &out), -EIO);
    store_abort(txn);
    text_release(&out);
}

static void test_trimmed_stream(void **state)
{
    struct world *w = *state;
    struct stream s = {0, 'e'}, other = {1, 'e'};
    struct text out = TEXT_INIT;
    struct store_txn *txn = begin(w, true);
    for (int i = 0; i < 1000; i++) {
        char line[16];
        snprintf(line, sizeof line, "%08d\n", i);
        assert_int_equal(stream_append(txn, s, line, 9, NULL), 0);
    }
    assert_int_equal(stream_append(txn, other, "x", 1, NULL), 0);
    assert_int_equal(stream_trim(txn, s, 100, NULL), 0);
    assert_int_equal(stream_size(txn, s), 99);
    assert_int_equal(stream_append(txn, s, "end\n", 4, NULL), 0);
    assert_int_equal(stream_size(txn, s), 103);
    assert_int_equal(stream_read(txn, s, 0, 9, &out), 0);
    assert_string_equal(text_string(&out), "00000989\n");
    text_clear(&out);
    assert_int_equal(stream_read(txn, s, 90, 100, &out), 0);
    assert_string_equal(text_string(&out), "00000999\nend\n");
    assert_int_equal(stream_size(txn, other), 1);
    store_abort(txn);
    text_release(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_streams),
        TEST(test_abort_leaves_nothing),
        TEST(test_objects),
        TEST(test_ids_never_again),
        TEST(test_meta_page_cannot_be_written),
        TEST(test_readers_go_on),
        TEST(test_changed_bytes_are_found),
        TEST(test_unknown_layout),
        TEST(test_old_records),
        TEST(test_changed_pieces),
        TEST(test_trimmed_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

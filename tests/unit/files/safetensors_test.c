/* safetensors.h: a written file is read back, and a hostile one is refused. */
#include "core/basic/text.h"
#include "trainer/basic/random.h"
#include "trainer/files/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char folder[] = "/tmp/safetensors-test.XXXXXX";
static char path[64], other[64];

static int folder_make(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(other, sizeof other, "%s/b", folder);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder);
}

static void file_load(const char *from, struct text *out)
{
    FILE *f = fopen(from, "rb");
    assert_non_null(f);
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        text_add(out, piece, n);
    fclose(f);
}

static void file_put(const char *to, const void *data, size_t size)
{
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Writes a file with this header and so many bytes of data, 0, 1, 2, … */
static void put_header(const char *to, const char *header, size_t data)
{
    struct text t = TEXT_INIT;
    uint64_t size = strlen(header);
    text_add(&t, &size, sizeof size);
    text_puts(&t, header);
    for (size_t i = 0; i < data; i++)
        text_add(&t, &(char){(char)i}, 1);
    file_put(to, t.data, t.size);
    text_release(&t);
}

static void reads(const char *from, struct safetensors *s)
{
    struct reason why = REASON_INIT;
    if (safetensors_read(s, from, &why) != 0)
        fail_msg("%s", why.sentence);
}

static float values[] = {0, 1, -2.5f, INFINITY, 1e-40f, 3};
static const struct tensor sample[] = {
    {"conv1.weight", 4, {1, 3, 1, 2}, values},
    {"bn1.running_var", 1, {2, 1, 1, 1}, values + 1},
    {"scalar", 0, {1, 1, 1, 1}, values + 2},
    {"none", 2, {0, 5, 1, 1}, values},
};
static const struct metadata facts[] = {
    {"format", "pt"},
    {"odd \"key\"", "line\nquote\" back\\ \x01 \xD0\xA1\xD1\x87"},
    {"classes", "[\"a\", \"b\\n\"]"},
};

static void write_sample(const char *to)
{
    struct reason why = REASON_INIT;
    assert_int_equal(
        safetensors_write(to, sample, COUNT(sample), facts, COUNT(facts), &why),
        0);
}

static void comes_back(void **state)
{
    (void)state;
    struct safetensors s = SAFETENSORS_INIT;
    write_sample(path);
    reads(path, &s);
    assert_int_equal(s.count, COUNT(sample));
    for (size_t i = 0; i < COUNT(sample); i++) {
        const struct tensor *t = &s.tensors[i];
        assert_string_equal(t->name, sample[i].name);
        assert_int_equal(t->rank, sample[i].rank);
        assert_memory_equal(t->dim, sample[i].dim, sizeof t->dim);
        assert_memory_equal(t->data, sample[i].data,
                            tensor_count(t) * sizeof(float));
    }
    for (size_t i = 0; i < COUNT(facts); i++)
        assert_string_equal(safetensors_find(&s, facts[i].key), facts[i].value);
    assert_null(safetensors_find(&s, "absent"));
    safetensors_release(&s);
}

static void same_arguments_give_same_bytes(void **state)
{
    (void)state;
    struct text a = TEXT_INIT, b = TEXT_INIT;
    write_sample(path);
    write_sample(other);
    file_load(path, &a);
    file_load(other, &b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    /* The data are aligned, and have the counter that strict loading needs. */
    uint64_t size;
    memcpy(&size, a.data, sizeof size);
    assert_int_equal(size % 8, 0);
    assert_non_null(strstr(a.data + 8, "\"bn1.num_batches_tracked\":"
                                       "{\"dtype\":\"I64\",\"shape\":[],"
                                       "\"data_offsets\":[0,8]}"));
    text_release(&a);
    text_release(&b);
}

static void lists_are_read(void **state)
{
    (void)state;
    struct safetensors s = SAFETENSORS_INIT;
    struct reason why = REASON_INIT;
    char **list;
    int count;
    write_sample(path);
    reads(path, &s);
    assert_int_equal(safetensors_strings(&s, "classes", &list, &count, &why),
                     0);
    assert_int_equal(count, 2);
    assert_string_equal(list[1], "b\n");
    free(list[0]);
    free(list[1]);
    free(list);
    assert_int_equal(safetensors_strings(&s, "format", &list, &count, &why),
                     -EINVAL);
    assert_int_equal(safetensors_strings(&s, "absent", &list, &count, &why),
                     -EINVAL);
    safetensors_release(&s);
}

/* The value of two bytes, read as this type. */
static float half(const char *type, uint16_t bits)
{
    char header[128];
    struct safetensors s = SAFETENSORS_INIT;
    snprintf(header, sizeof header,
             "{\"h\":{\"dtype\":\"%s\",\"shape\":[],"
             "\"data_offsets\":[0,2]}}",
             type);
    put_header(path, header, 0);
    FILE *f = fopen(path, "ab");
    assert_int_equal(fwrite(&bits, sizeof bits, 1, f), 1);
    fclose(f);
    reads(path, &s);
    float v = s.tensors[0].data[0];
    safetensors_release(&s);
    return v;
}

static void half_types_are_converted(void **state)
{
    (void)state;
    assert_true(half("F16", 0x3C00) == 1);
    assert_true(half("F16", 0xC248) == -3.140625f);
    assert_true(half("F16", 0x7BFF) == 65504);
    assert_true(half("F16", 0x0400) == 0x1p-14f);
    assert_true(half("F16", 0x03FF) == 1023 * 0x1p-24f); /* subnormal */
    assert_true(half("F16", 0x8001) == -0x1p-24f);
    assert_true(signbit(half("F16", 0x8000)) && half("F16", 0x8000) == 0);
    assert_true(half("F16", 0xFC00) == -INFINITY);
    assert_true(isnan(half("F16", 0x7E01)));
    assert_true(half("BF16", 0x3F80) == 1);
    assert_true(half("BF16", 0xC049) == -3.140625f);
    assert_true(isnan(half("BF16", 0x7FC0)));
}

static void others_are_left_out(void **state)
{
    (void)state;
    struct safetensors s = SAFETENSORS_INIT;
    put_header(path,
               "{\"n\":{\"dtype\":\"I64\",\"shape\":[],"
               "\"data_offsets\":[0,8]},"
               "\"d\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],"
               "\"data_offsets\":[8,12]},"
               "\"0123456789012345678901234567890123456789"
               "012345678901234567890123\":{\"dtype\":\"F32\",\"shape\":[1],"
               "\"data_offsets\":[12,16]},"
               "\"x\":{\"dtype\":\"F64\",\"shape\":[1],"
               "\"data_offsets\":[16,24]}}   ",
               24);
    reads(path, &s);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.tensors[0].name, "x");
    safetensors_release(&s);
}

#define ONE(dtype, shape, from, to)                                            \
    "{\"x\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":[" from  \
    "," to "]}}"

static const struct {
    const char *what, *header;
    size_t data;
} hostile[] = {
    {"no object", "[1]", 0},
    {"no JSON", "{\"x\":", 0},
    {"something behind", "{} x", 0},
    {"a key twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0},
    {"invalid UTF-8", "{\"\xFF\":{}}", 0},
    {"a NUL in a name", "{\"x\\u0000y\":{}}", 0},
    {"a tensor that is no object", "{\"x\":1}", 0},
    {"an empty tensor", "{\"x\":{}}", 0},
    {"an unknown type", ONE("\"F128\"", "[1]", "0", "4"), 4},
    {"a type that is no string", ONE("4", "[1]", "0", "4"), 4},
    {"a shape that is none", ONE("\"F32\"", "1", "0", "4"), 4},
    {"a negative dimension", ONE("\"F32\"", "[-1]", "0", "4"), 4},
    {"a fractional dimension", ONE("\"F32\"", "[1.0]", "0", "4"), 4},
    {"an endless dimension", ONE("\"F32\"", "[99999999999999999999]", "0", "4"),
     4},
    {"dimensions that overflow",
     ONE("\"F32\"", "[4294967296,4294967296]", "0", "0"), 0},
    {"more than there is", ONE("\"F32\"", "[2]", "0", "8"), 4},
    {"less than the shape", ONE("\"F32\"", "[2]", "0", "4"), 4},
    {"backwards", ONE("\"F32\"", "[1]", "8", "4"), 8},
    {"a negative place", ONE("\"F32\"", "[1]", "-4", "0"), 4},
    {"one place",
     "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0]}}",
     4},
    {"bytes of no tensor", ONE("\"F32\"", "[1]", "0", "4"), 5},
    {"a gap", ONE("\"F32\"", "[1]", "4", "8"), 8},
    {"an overlap",
     "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
     "\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
     12},
    {"metadata that is no object", "{\"__metadata__\":[]}", 0},
    {"metadata that is no string", "{\"__metadata__\":{\"a\":1}}", 0},
};

static void refused(const char *what, const char *from, int code)
{
    struct safetensors s = SAFETENSORS_INIT;
    struct reason why = REASON_INIT;
    if (safetensors_read(&s, from, &why) != -code)
        fail_msg("%s: %d %s", what, why.code, why.sentence);
    assert_int_equal(why.code, code);
    assert_non_null(strstr(why.sentence, from));
    assert_null(s.tensors);
}

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        put_header(path, hostile[i].header, hostile[i].data);
        refused(hostile[i].what, path, EINVAL);
    }
}

/* Whatever is in it: parsing takes many times its bytes of memory. */
static void a_long_header_is_refused(void **state)
{
    struct text header = TEXT_INIT;
    (void)state;
    text_puts(&header, "{\"__metadata__\":{\"a\":\"");
    while (header.size < (2 << 20))
        text_puts(&header, "0123456789abcdef");
    text_puts(&header, "\"}}");
    put_header(path, text_string(&header), 0);
    text_release(&header);
    refused("a header of 2 MiB", path, EINVAL);
}

static void hostile_sizes_are_refused(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0,        1,          3,
                                     1u << 30, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char bytes[10] = "........{}";
        memcpy(bytes, &sizes[i], sizeof sizes[i]);
        file_put(path, bytes, sizeof bytes);
        refused("a wrong header size", path, EINVAL);
    }
    for (size_t size = 0; size < 10; size++) {
        file_put(path, "\2\0\0\0\0\0\0\0{}", size);
        refused("cut", path, EINVAL);
    }
    assert_int_equal(truncate(path, (off_t)SAFETENSORS_FILE_MAX + 1), 0);
    refused("too large", path, EFBIG);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    refused("a folder", folder, EINVAL);
    refused("nothing", "/nonexistent/x", ENOENT);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused("a pipe", path, EINVAL); /* it must not wait for a writer */
    unlink(path);
}

/* Whatever bytes are changed or cut off, reading ends in an orderly way. */
static void damage_is_survived(void **state)
{
    (void)state;
    struct text good = TEXT_INIT;
    struct random r;
    random_open(&r, 1, 2, 3, 4);
    write_sample(path);
    file_load(path, &good);
    char *bytes = malloc(good.size);
    for (int i = 0; i < 3000; i++) {
        memcpy(bytes, good.data, good.size);
        for (uint32_t k = random_below(&r, 4); k < 4; k++)
            bytes[random_below(&r, (uint32_t)good.size)] = (char)random_u32(&r);
        size_t size = good.size;
        if (random_below(&r, 4) == 0)
            size = random_below(&r, (uint32_t)good.size);
        file_put(path, bytes, size);
        struct safetensors s = SAFETENSORS_INIT;
        struct reason why = REASON_INIT;
        int err = safetensors_read(&s, path, &why);
        assert_int_equal(err, -why.code);
        safetensors_release(&s);
    }
    free(bytes);
    text_release(&good);
}

static void failure_leaves_nothing(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    assert_int_equal(
        safetensors_write("/nonexistent/x", sample, 1, NULL, 0, &why), -ENOENT);
    assert_non_null(strstr(why.sentence, "/nonexistent/x"));
    char part[80];
    snprintf(part, sizeof part, "%s.part", path);
    unlink(path);
    assert_int_equal(mkdir(part, 0700), 0); /* cannot be written */
    assert_int_equal(safetensors_write(path, sample, 1, NULL, 0, &why),
                     -EEXIST);
    assert_int_equal(access(path, F_OK), -1);
    rmdir(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(same_arguments_give_same_bytes),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(half_types_are_converted),
        cmocka_unit_test(others_are_left_out),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(a_long_header_is_refused),
        cmocka_unit_test(hostile_sizes_are_refused),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}

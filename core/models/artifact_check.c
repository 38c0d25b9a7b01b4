#include "core/models/artifact_check.h"

#include "core/basic/file.h"

#include "core/basic/text.h"
#include "core/models/weights_file.h"
#include "core/shared/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

/* Protocol buffers: a field is a key, field number << 3 | wire type, and what
 * the wire type says. https://protobuf.dev/programming-guides/encoding */
enum {
    WIRE_VARINT = 0,
    WIRE_8_BYTES = 1,
    WIRE_LENGTH = 2,
    WIRE_4_BYTES = 5,
    ONNX_IR_VERSION = 1 << 3 | WIRE_VARINT, /* fields of a ModelProto */
    ONNX_GRAPH = 7 << 3 | WIRE_LENGTH,
};

/* A number at *at, which moves behind it; false = there is none. */
static bool varint_read(int fd, uint64_t size, uint64_t *at, uint64_t *out)
{
    uint8_t bytes[10];
    ssize_t n = pread(fd, bytes, sizeof bytes, (off_t)*at);
    *out = 0;
    for (ssize_t i = 0; i < n; i++) {
        *out |= (uint64_t)(bytes[i] & 0x7F) << (7 * i);
        if (bytes[i] < 0x80) {
            *at += (uint64_t)i + 1;
            return *at <= size;
        }
    }
    return false;
}

/* A value at *at, which moves behind it: its number, or its bytes' count. */
static bool value_read(int fd, uint64_t size, uint64_t *at, unsigned wire,
                       uint64_t *n)
{
    switch (wire) {
    case WIRE_VARINT:
        return varint_read(fd, size, at, n);
    case WIRE_LENGTH:
        if (!varint_read(fd, size, at, n))
            return false;
        break;
    case WIRE_8_BYTES:
        *n = 8;
        break;
    case WIRE_4_BYTES:
        *n = 4;
        break;
    default:
        return false;
    }
    if (*n > size - *at)
        return false;
    *at += *n;
    return true;
}

/* Walks the outermost message and skips what its fields hold: a parser of all
 * of it would be one more that takes input from whoever wrote the file. */
static int onnx_check(int fd, uint64_t size, int *classes, struct reason *why)
{
    (void)classes;
    bool version = false, graph = false;
    for (uint64_t at = 0; at < size;) {
        uint64_t key, n;
        if (!varint_read(fd, size, &at, &key) ||
            !value_read(fd, size, &at, key & 7, &n))
            return refuse(why, EINVAL, "not an ONNX model: byte %llu",
                          (unsigned long long)at);
        version |= key == ONNX_IR_VERSION && n > 0;
        graph |= key == ONNX_GRAPH && n > 0;
    }
    if (!version || !graph)
        return refuse(why, EINVAL, "not an ONNX model: it has no %s",
                      version ? "graph" : "ir_version");
    return 0;
}

static int labels_count(const struct text *t, int *lines, struct reason *why)
{
    const char *s = text_string(t);
    if (utf8_valid(s, t->size) != t->size)
        return refuse(why, EINVAL, "byte %zu is not of UTF-8",
                      utf8_valid(s, t->size) + 1);
    *lines = 0;
    for (size_t i = 0; i < t->size; i++) {
        bool end = s[i] == '\n';
        *lines += end;
        if (end && (i == 0 || s[i - 1] == '\n'))
            return refuse(why, EINVAL, "line %d is empty", *lines);
        if (!end && ((unsigned char)s[i] < 0x20 || s[i] == 0x7F))
            return refuse(why, EINVAL, "line %d has a control character",
                          *lines + 1);
    }
    if (t->size && s[t->size - 1] != '\n')
        return refuse(why, EINVAL, "its last line has no end");
    return 0;
}

static int labels_read(int fd, uint64_t size, struct text *out)
{
    if (size > artifacts[ARTIFACT_LABELS].limit)
        return -EFBIG;
    text_resize(out, size);
    return size ? descriptor_read_at(fd, out->data, size, 0) : 0;
}

static int labels_check(int fd, uint64_t size, int *classes, struct reason *why)
{
    struct text t = TEXT_INIT;
    int lines = 0, err = labels_read(fd, size, &t);
    if (err)
        refuse_errno(why, -err, "it cannot be read");
    else
        err = labels_count(&t, &lines, why);
    text_release(&t);
    if (err == 0 && lines != *classes)
        err = refuse(why, EINVAL,
                     "it has %d lines, the head of model.safetensors has %d "
                     "outputs",
                     lines, *classes);
    return err;
}

static int weights_take(int fd, uint64_t size, int *classes, struct reason *why)
{
    (void)size;
    struct base_match m;
    int err = weights_check(fd, &m, NULL, why);
    if (err)
        return err;
    *classes = m.naming ? m.classes : 0;
    return *classes ? 0 : refuse(why, EINVAL, "it has no head");
}

/* What a file of `size` bytes must hold; NULL = the artifact is no file of the
 * model. The head that the weights have is *classes for who comes later. */
typedef int check_fn(int fd, uint64_t size, int *classes, struct reason *why);

static check_fn *const checks[ARTIFACTS] = {
    [ARTIFACT_WEIGHTS] = weights_take,
    [ARTIFACT_LABELS] = labels_check,
    [ARTIFACT_GRAPH] = onnx_check,
};

static int file_check(int dir, enum artifact_no no, int *classes,
                      struct reason *why)
{
    struct stat st;
    int fd = openat(dir, artifacts[no].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int err = fd < 0 || fstat(fd, &st)
                  ? refuse_errno(why, errno, "it cannot be read")
                  : checks[no](fd, (uint64_t)st.st_size, classes, why);
    if (fd >= 0)
        close(fd);
    if (err)
        reason_prefix(why, "%s: ", artifacts[no].name);
    return err;
}

int artifacts_check(int dir, struct reason *why)
{
    int classes = 0, err = 0;
    for (int i = 0; i < ARTIFACTS && err == 0; i++)
        if (checks[i])
            err = file_check(dir, (enum artifact_no)i, &classes, why);
    return err;
}

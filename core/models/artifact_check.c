#include "core/models/artifact_check.h"

#include "core/system/file.h"

#include "core/basic/text.h"
#include "core/models/graph_check.h"
#include "core/models/weights_file.h"
#include "core/report/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the check of the weights, which comes first, tells the later ones. */
struct found {
    int classes; /* the number of outputs of the head */
    int weights; /* descriptor of the file of weights; -1 = it is not open */
};

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

static int labels_check(int fd, uint64_t size, struct found *found,
                        struct reason *why)
{
    struct text t = TEXT_INIT;
    int lines = 0, err = labels_read(fd, size, &t);
    if (err)
        refuse_errno(why, -err, "it cannot be read");
    else
        err = labels_count(&t, &lines, why);
    text_release(&t);
    if (err == 0 && lines != found->classes)
        err = refuse(why, EINVAL,
                     "it has %d lines, the head of model.safetensors has %d "
                     "outputs",
                     lines, found->classes);
    return err;
}

static int weights_take(int fd, uint64_t size, struct found *found,
                        struct reason *why)
{
    (void)size;
    struct base_match m;
    int err = weights_check(fd, &m, NULL, why);
    if (err)
        return err;
    found->classes = m.naming ? m.classes : 0;
    if (!found->classes)
        return refuse(why, EINVAL, "it has no head");
    found->weights = dup(fd);
    return found->weights < 0 ? refuse_errno(why, errno, "it cannot be read")
                              : 0;
}

static int graph_take(int fd, uint64_t size, struct found *found,
                      struct reason *why)
{
    return graph_check(fd, size, found->weights, why);
}

/* Checks a file of `size` bytes. NULL = the artifact is not a file of the
 * model. */
typedef int check_fn(int fd, uint64_t size, struct found *found,
                     struct reason *why);

static check_fn *const checks[ARTIFACTS] = {
    [ARTIFACT_WEIGHTS] = weights_take,
    [ARTIFACT_LABELS] = labels_check,
    [ARTIFACT_GRAPH] = graph_take,
};

static int file_check(int dir, enum artifact_no no, struct found *found,
                      struct reason *why)
{
    struct stat st;
    int fd = openat(dir, artifacts[no].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int err = fd < 0 || fstat(fd, &st)
                  ? refuse_errno(why, errno, "it cannot be read")
                  : checks[no](fd, (uint64_t)st.st_size, found, why);
    if (fd >= 0)
        close(fd);
    if (err)
        reason_prefix(why, "%s: ", artifacts[no].name);
    return err;
}

int artifacts_check(int dir, struct reason *why)
{
    struct found found = {.weights = -1};
    int err = 0;
    for (int i = 0; i < ARTIFACTS && err == 0; i++)
        if (checks[i])
            err = file_check(dir, (enum artifact_no)i, &found, why);
    if (found.weights >= 0)
        close(found.weights);
    return err;
}

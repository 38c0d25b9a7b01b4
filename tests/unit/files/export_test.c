/* export.h and classifier.h: a model of random weights to files and back.
 *
 * With arguments FOLDER SIDE CLASSES NETWORK it leaves such a model in
 * an existing folder, for tests/peers/export.sh. */
#include "core/basic/text.h"
#include "core/models/artifact_check.h"
#include "core/network/network.h"
#include "trainer/basic/random.h"
#include "trainer/files/export.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct metadata facts[] = {{"epoch", "7"}};
static char *odd_names[] = {"plain", "Счета \"2026\"", "a\tb\\c\nd",
                            "bad\xFF"
                            "byte"};

/* A weight of normally distributed numbers; variances stay above 0. */
static void add(struct classifier *m, struct random *r, enum weight_part part,
                const struct weight_shape *w, float mean, float deviation)
{
    struct tensor *t = &m->tensors[m->count++];
    *t = (struct tensor){.rank = w->rank};
    snprintf(t->name, sizeof t->name, "%s", w->name);
    memcpy(t->dim, w->dim, sizeof t->dim);
    size_t count = tensor_count(t);
    t->data = malloc(count * sizeof *t->data);
    for (size_t i = 0; i < count; i++)
        t->data[i] = mean + deviation * random_normal(r);
    for (size_t i = 0; i < count && part == WEIGHT_VARIANCE; i++)
        t->data[i] = fmaxf(t->data[i], 0.1f);
}

/* Random values that neither vanish nor grow from row to row. */
static void add_layer(struct classifier *m, struct random *r,
                      const struct layer *l)
{
    struct weight_shape w;
    for (enum weight_part p = 0; p < WEIGHT_PARTS; p++) {
        if (!layer_weight(l, p, m->classes, &w))
            continue;
        float fan = (float)(w.dim[1] * w.dim[2] * w.dim[3]);
        float mean = p == WEIGHT_VARIANCE ? 1 : 0, deviation = 0.2f;
        if (p == WEIGHT_KERNEL)
            deviation = l->out ? sqrtf(2 / fan) : 0.01f;
        if (p == WEIGHT_KERNEL && l->out && l->rank == 2)
            deviation *= 40; /* little is left behind the mean */
        if (p == WEIGHT_BIAS)
            deviation = 0.1f;
        /* Sums that grow with the depth would drive one class to 1. */
        if (p == WEIGHT_GAMMA)
            mean = l->shortcut ? 0.5f : 1;
        add(m, r, p, &w, mean, deviation);
    }
}

static struct classifier random_model(const struct network *network, int side,
                                      int classes, char **names)
{
    struct classifier m = {.network = network,
                           .image_size = side,
                           .classes = classes,
                           .class_names = names,
                           .facts = facts,
                           .fact_count = 1};
    struct random r;
    random_open(&r, 5, 6, 7, 8);
    m.tensors =
        calloc((size_t)network->layers * WEIGHT_PARTS, sizeof *m.tensors);
    for (int i = 0; i < network->layers; i++)
        add_layer(&m, &r, &network->layer[i]);
    return m;
}

static void tensors_free(struct classifier *m)
{
    for (int i = 0; i < m->count; i++)
        free(m->tensors[i].data);
    free(m->tensors);
}

/* Each test has a folder of its own. */
struct place {
    char folder[32];
    struct classifier model;
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/export-test.XXXXXX");
    p->model = random_model(networks[0], 32, 4, odd_names);
    *state = p;
    return mkdtemp(p->folder) ? 0 : -1;
}

static const char *file_of(const struct place *p, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    return path;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    unlink(file_of(p, "model.safetensors"));
    unlink(file_of(p, "model.onnx"));
    unlink(file_of(p, "labels.txt"));
    int err = rmdir(p->folder);
    tensors_free(&p->model);
    free(p);
    return err;
}

static void file_load(const char *path, struct text *out)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    static char piece[1 << 16];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        text_add(out, piece, n);
    fclose(f);
}

static void exports(const struct place *p)
{
    struct reason why = REASON_INIT;
    if (export_model(p->folder, &p->model, &why) != 0)
        fail_msg("%s", why.sentence);
}

static void comes_back(void **state)
{
    struct place *p = *state;
    struct classifier m = CLASSIFIER_INIT;
    struct reason why = REASON_INIT;
    exports(p);
    assert_int_equal(classifier_open(&m, p->folder, &why), 0);
    assert_ptr_equal(m.network, networks[0]);
    assert_int_equal(m.image_size, 32);
    assert_int_equal(m.classes, 4);
    for (int i = 0; i < 3; i++)
        assert_string_equal(m.class_names[i], odd_names[i]);
    assert_string_equal(m.class_names[3], "bad\xEF\xBF\xBD"
                                          "byte");
    assert_int_equal(m.count, p->model.count);
    for (int i = 0; i < m.count; i++) {
        struct tensor t = m.tensors[i];
        size_t bytes = tensor_count(&t) * sizeof(float);
        t.data = malloc(bytes);
        assert_string_equal(t.name, p->model.tensors[i].name);
        assert_int_equal(classifier_values(&m, &t, &why), 1);
        assert_memory_equal(t.data, p->model.tensors[i].data, bytes);
        free(t.data);
    }
    struct tensor other = {.name = "other"};
    assert_int_equal(classifier_values(&m, &other, &why), 0);
    classifier_release(&m);
}

static void labels_are_lines(void **state)
{
    struct place *p = *state;
    struct text labels = TEXT_INIT;
    exports(p);
    file_load(file_of(p, "labels.txt"), &labels);
    assert_string_equal(labels.data, "plain\nСчета \"2026\"\na b\\c d\n"
                                     "bad?byte\n");
    text_release(&labels);
}

static void same_model_gives_same_bytes(void **state)
{
    struct place *p = *state;
    const char *names[] = {"model.safetensors", "model.onnx"};
    struct text first[2] = {TEXT_INIT, TEXT_INIT};
    exports(p);
    for (int i = 0; i < 2; i++)
        file_load(file_of(p, names[i]), &first[i]);
    exports(p);
    for (int i = 0; i < 2; i++) {
        struct text again = TEXT_INIT;
        file_load(file_of(p, names[i]), &again);
        assert_int_equal(again.size, first[i].size);
        assert_memory_equal(again.data, first[i].data, again.size);
        text_release(&again);
        text_release(&first[i]);
    }
}

static size_t slurp(const char *path, char **out)
{
    FILE *f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    *out = malloc(size + 1);
    assert_int_equal(fread(*out, 1, size, f), size);
    fclose(f);
    return size;
}

static void foreign_tensors_are_refused(void **state)
{
    struct place *p = *state;
    struct tensor *last = &p->model.tensors[p->model.count - 1];
    for (int i = 0; i < 2; i++) {
        struct reason why = REASON_INIT;
        if (i == 0)
            last->dim[0]--; /* one class fewer */
        else
            last->name[0] = 'x';
        assert_int_equal(export_model(p->folder, &p->model, &why), -EINVAL);
        assert_non_null(strstr(why.sentence, "fc.bias"));
        assert_int_equal(access(file_of(p, "model.safetensors"), F_OK), -1);
        assert_int_equal(access(file_of(p, "model.onnx"), F_OK), -1);
    }
}

static void other_models_are_refused(void **state)
{
    struct place *p = *state;
    struct classifier m = CLASSIFIER_INIT;
    struct reason why = REASON_INIT;
    assert_int_equal(classifier_open(&m, p->folder, &why), -ENOENT);
    FILE *f = fopen(file_of(p, "model.safetensors"), "wb");
    fwrite("\2\0\0\0\0\0\0\0{}", 1, 10, f);
    fclose(f);
    assert_int_equal(classifier_open(&m, p->folder, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "classes"));
}

/* core/artifact.h: each with one file changed; the last `cut` bytes are left
 * out, `more` is put behind. */
static const struct fault {
    const char *file;
    long cut;
    const char *more;
    size_t size;
    const char *reason;
} faults[] = {
    {"model.safetensors", 1, "", 0,
     "safetensors: the file is cut short: it has"},
    {"model.safetensors", 0, "x", 1, "safetensors: the file goes on"},
    {"model.safetensors", -9, "", 0, "cut short within its header"},
    {"model.safetensors", -1, "any text", 8, "not a safetensors file"},
    {"model.safetensors", -1,
     "\x2c\0\0\0\0\0\0\0{\"__metadata__\":{\"architecture\":\"resnet34\"}}", 52,
     "safetensors: it has no head"},
    {"labels.txt", 0, "more\n", 5, "labels.txt: it has 5 lines"},
    {"labels.txt", -1, "", 0, "labels.txt: it has 0 lines"},
    {"labels.txt", 0, "\0\n", 2, "line 5 has a control character"},
    {"labels.txt", 0, "\033[2J\n", 5, "line 5 has a control character"},
    {"labels.txt", 0, "\xff\n", 2, "is not of UTF-8"},
    {"labels.txt", 0, "\n", 1, "labels.txt: line 5 is empty"},
    {"labels.txt", 1, "", 0, "labels.txt: its last line has no end"},
    {"model.onnx", 1, "", 0, "model.onnx: not an ONNX model: byte"},
    {"model.onnx", 0, "\x80", 1, "model.onnx: not an ONNX model: byte"},
    {"model.onnx", 0, "\x3d\0\0", 3, "model.onnx: not an ONNX model: byte"},
    {"model.onnx", -1, "", 0, "model.onnx: not an ONNX model: it has no ir"},
    {"model.onnx", -1, "\x08\x07", 2,
     "model.onnx: not an ONNX model: it has no g"},
    {"model.onnx", -1, "\x3a\x02\x0a\0", 4, "it has no ir_version"},
    /* other graphs: weights elsewhere, other weights, other operators */
    {"model.onnx", 0,
     "\x3a\x0f\x2a\x0d\x08\x01\x10\x01\x42\x01x\x6a\x02\x0a\0\x70\x01", 17,
     "model.onnx: a constant is not of plain numbers"},
    {"model.onnx", 0,
     "\x3a\x0f\x2a\x0d\x08\x01\x10\x01\x42\x01x\x4a\x04\0\0\0\0", 17,
     "model.onnx: the constant 'x' is not that of model.safetensors"},
    {"model.onnx", 0, "\x3a\x06\x0a\x04\x22\x02If", 8, "an operator 'If'"},
    {"model.onnx", 0, "\x3a\x06\x0a\x04\x2a\x02\x2a\0", 8,
     "its attribute has a field 5"},
    {"model.onnx", 0, "\xca\x01\0", 3, "its model has a field 25"},
    {"model.onnx", -1, "\x08\x07\x3a\x02\x12\0", 6, "it has no constant '"},
    {"model.onnx", -1, "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
     "model.onnx: not an ONNX model: byte"},
};

/* Changes the least bit of a number in the file. */
static void number_change(const char *path, const float *number)
{
    char *whole;
    size_t size = slurp(path, &whole);
    char *at = memmem(whole, size, number, 4 * sizeof *number);
    assert_non_null(at);
    *at ^= 1;
    FILE *out = fopen(path, "wb");
    fwrite(whole, 1, size, out);
    fclose(out);
    free(whole);
}

static void what_is_no_model_is_found_out(void **state)
{
    struct place *p = *state;
    struct reason why = REASON_INIT;
    assert_int_equal(export_model(p->folder, &p->model, &why), 0);
    int dir = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(artifacts_check(dir, &why), 0);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const struct fault *f = &faults[i];
        const char *path = file_of(p, f->file);
        char *whole;
        size_t size = slurp(path, &whole);
        FILE *out = fopen(path, "wb");
        size_t kept = f->cut == -9 ? 9 : f->cut < 0 ? 0 : size - (size_t)f->cut;
        fwrite(whole, 1, kept, out);
        fwrite(f->more, 1, f->size, out);
        fclose(out);
        assert_int_equal(artifacts_check(dir, &why), -EINVAL);
        if (!strstr(why.sentence, f->reason))
            fail_msg("'%s', not '%s'", why.sentence, f->reason);
        out = fopen(file_of(p, f->file), "wb");
        fwrite(whole, 1, size, out);
        fclose(out);
        free(whole);
    }
    assert_int_equal(artifacts_check(dir, &why), 0);
    number_change(file_of(p, "model.onnx"), p->model.tensors[3].data);
    assert_int_equal(artifacts_check(dir, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, p->model.tensors[3].name));
    unlink(file_of(p, "labels.txt"));
    assert_int_equal(artifacts_check(dir, &why), -ENOENT);
    close(dir);
}

static int leave_model(char **argv)
{
    int classes = atoi(argv[3]);
    char **names = calloc((size_t)classes, sizeof *names);
    for (int i = 0; i < classes; i++)
        if (asprintf(&names[i], "class %d", i) < 0)
            return 1;
    struct classifier m =
        random_model(network_find(argv[4]), atoi(argv[2]), classes, names);
    struct reason why = REASON_INIT;
    int err = export_model(argv[1], &m, &why);
    if (err < 0)
        fprintf(stderr, "%s\n", why.sentence);
    tensors_free(&m);
    for (int i = 0; i < classes; i++)
        free(names[i]);
    free(names);
    return err < 0;
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back),
        TEST(labels_are_lines),
        TEST(same_model_gives_same_bytes),
        TEST(foreign_tensors_are_refused),
        TEST(other_models_are_refused),
        TEST(what_is_no_model_is_found_out),
    };
    if (argc == 5)
        return leave_model(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

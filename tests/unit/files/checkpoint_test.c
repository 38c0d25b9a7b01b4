#include "trainer/files/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[64], path[96];
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    *state = p;
    strcpy(p->dir, "/tmp/primo-checkpoint-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/checkpoint", p->dir);
    return 0;
}

static int place_drop(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    int err = rmdir(p->dir); /* which fails if a temporary file is left */
    free(p);
    return err;
}

static float values[] = {1.5f, -2, 0x1p-140f, 3e38f, 0, -0.f};
static struct tensor tensors[] = {
    {"conv1.weight", 4, {1, 2, 3, 1}, values},
    {"fc.bias", 1, {2, 1, 1, 1}, values + 2},
    {"scalar", 0, {1, 1, 1, 1}, values + 3},
};

static void sample(struct checkpoint *c)
{
    *c = (struct checkpoint)CHECKPOINT_INIT;
    c->at.epoch = 3;
    c->at.step = 17;
    c->at.iteration = 123456789012;
    c->at.rate_scale = 0.5;
    c->at.row_loss = 1.0 / 3;
    c->at.best_average_precision = 0.1;
    c->at.best_epoch = 2;
    text_puts(&c->identity, "seed=1\nbatch_size=16\n");
    c->state = (struct tensor_list){tensors, 3};
    c->best = (struct tensor_list){tensors, 1};
}

static void save(const char *path)
{
    struct checkpoint c;
    sample(&c);
    struct tensor_source source = tensor_list_source(&c.state);
    assert_int_equal(checkpoint_write(&c, &source, path, NULL), 0);
    text_release(&c.identity);
}

static void what_is_written_is_read(void **state)
{
    struct place *p = *state;
    save(p->path);
    struct checkpoint c = CHECKPOINT_INIT, was;
    assert_int_equal(checkpoint_read(&c, p->path, NULL), 0);
    sample(&was);
    assert_int_equal(c.at.iteration, was.at.iteration);
    assert_int_equal(c.at.step, 17);
    assert_true(c.at.row_loss == was.at.row_loss);
    assert_true(c.at.rate_scale == 0.5);
    assert_true(isnan(c.at.accuracy));
    assert_string_equal(text_string(&c.identity), text_string(&was.identity));
    assert_int_equal(c.state.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(c.state.tensors[i].name, tensors[i].name);
        assert_int_equal(c.state.tensors[i].rank, tensors[i].rank);
        assert_memory_equal(c.state.tensors[i].dim, tensors[i].dim, 32);
        assert_memory_equal(c.state.tensors[i].data, tensors[i].data,
                            tensor_count(&tensors[i]) * sizeof(float));
    }
    assert_int_equal(c.best.count, 1);
    checkpoint_release(&c);
    text_release(&was.identity);
}

static void a_second_one_replaces_the_first(void **state)
{
    struct place *p = *state;
    save(p->path);
    struct checkpoint c;
    sample(&c);
    c.at.iteration = 7;
    c.best = (struct tensor_list){0};
    struct tensor_source source = tensor_list_source(&c.state);
    assert_int_equal(checkpoint_write(&c, &source, p->path, NULL), 0);
    text_release(&c.identity);
    struct checkpoint read = CHECKPOINT_INIT;
    assert_int_equal(checkpoint_read(&read, p->path, NULL), 0);
    assert_int_equal(read.at.iteration, 7);
    assert_int_equal(read.best.count, 0);
    checkpoint_release(&read);
}

static void none_is_not_damaged(void **state)
{
    struct place *p = *state;
    struct checkpoint c = CHECKPOINT_INIT;
    assert_int_equal(checkpoint_read(&c, p->path, NULL), -ENOENT);
}

static char *load(const char *path, size_t *size)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *data = malloc(1 << 16);
    *size = fread(data, 1, 1 << 16, f);
    fclose(f);
    return data;
}

static void put(const char *path, const char *data, size_t size)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void every_damage_is_noticed(void **state)
{
    struct place *p = *state;
    save(p->path);
    size_t size;
    char *data = load(p->path, &size);
    struct checkpoint c = CHECKPOINT_INIT;
    for (size_t i = 0; i < size; i++) {
        data[i] ^= 0x10;
        put(p->path, data, size);
        struct reason why = REASON_INIT;
        assert_int_equal(checkpoint_read(&c, p->path, &why), -EINVAL);
        assert_true(why.sentence[0]);
        data[i] ^= 0x10;
    }
    for (size_t n = 0; n < size; n++) {
        put(p->path, data, n);
        assert_int_equal(checkpoint_read(&c, p->path, NULL), -EINVAL);
    }
    assert_null(c.state.tensors);
    free(data);
}

static void another_identity_is_named(void **state)
{
    (void)state;
    struct checkpoint c;
    sample(&c);
    struct reason why = REASON_INIT;
    assert_int_equal(checkpoint_match(&c, "seed=1\nbatch_size=16\n", &why), 0);
    assert_int_equal(checkpoint_match(&c, "seed=1\nbatch_size=8\n", &why),
                     -EINVAL);
    assert_non_null(strstr(why.sentence, "batch_size=16"));
    assert_non_null(strstr(why.sentence, "batch_size=8"));
    assert_int_equal(checkpoint_match(&c, "seed=1\n", NULL), -EINVAL);
    assert_int_equal(checkpoint_match(&c, "seed=1\nbatch_size=16\nx=1\n", NULL),
                     -EINVAL);
    text_release(&c.identity);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_second_one_replaces_the_first),
        TEST(none_is_not_damaged),
        TEST(every_damage_is_noticed),
        cmocka_unit_test(another_identity_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

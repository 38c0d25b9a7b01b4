#include "tests/unit/pictures/pictures.h"
#include "trainer/data/loader.h"
#include "trainer/dataset/kept.h"
#include "trainer/pictures/picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 32, IMAGE = SIDE * SIDE * 3, BATCH_MOST = 64 };
enum { ALL = AUGMENT_ROTATION | AUGMENT_EXPOSURE | AUGMENT_NOISE };

static char place[64];
static struct text logged;

static int place_make(void **state)
{
    (void)state;
    strcpy(place, "/tmp/primo-loader-XXXXXX");
    text_init(&logged);
    return mkdtemp(place) ? 0 : -1;
}

static int place_drop(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place);
    text_release(&logged);
    return system(command) ? -1 : 0;
}

static void log_line(void *context, const char *line)
{
    (void)context;
    text_printf(&logged, "%s\n", line);
}

static char *path_of(const char *path)
{
    static char whole[256];
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    for (char *s = whole + strlen(place) + 1; (s = strchr(s, '/')); s++) {
        *s = 0;
        mkdir(whole, 0777);
        *s = '/';
    }
    return whole;
}

/* A picture of one grey, by which it is known in any batch. */
static void put(const char *path, int grey, int side)
{
    uint8_t *pixels = malloc((size_t)side * (size_t)side);
    memset(pixels, grey, (size_t)side * (size_t)side);
    write_png(path_of(path), pixels, side, side, (size_t)side,
              (struct png_style){.type = PNG_COLOR_TYPE_GRAY, .bits = 8});
    free(pixels);
}

/* Makes `train` and `test` pictures, in three classes in turn, with greys from
 * 1 on. */
static void put_parts(int train, int test)
{
    for (int i = 0; i < train + test; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%c/%03d.png",
                 i < train ? "train" : "test", 'a' + i % 3, i);
        put(path, 1 + i, 20 + i % 30);
    }
}

static void dataset(struct dataset *d)
{
    struct settings s;
    struct reason why = REASON_INIT;
    settings_init(&s);
    char line[300];
    int size = snprintf(line, sizeof line, "dataset = %s\n", place);
    if (settings_parse(&s, line, (size_t)size, SCOPE_TEMPLATE, "test", &why))
        fail_msg("%s", why.sentence);
    if (dataset_open(d, &s, &why))
        fail_msg("%s", why.sentence);
    settings_release(&s);
}

static const struct loader_options plain = {.side = SIDE,
                                            .batch = 8,
                                            .seed = 3,
                                            .workers = 2,
                                            .memory = 1 << 24,
                                            .log = log_line};

static struct loader *opened(struct dataset *d, struct loader_options o,
                             struct text *report)
{
    struct loader *l = NULL;
    struct reason why = REASON_INIT;
    struct text spare = TEXT_INIT;
    if (loader_open(&l, d, &o, report ? report : &spare, &why))
        fail_msg("%s", why.sentence);
    text_release(&spare);
    return l;
}

struct got {
    int n, labels[BATCH_MOST];
    float images[BATCH_MOST * IMAGE];
};

static void got_take(struct got *g, const struct loader_batch *b)
{
    g->n = b->count;
    memcpy(g->labels, b->labels, (size_t)b->count * sizeof *g->labels);
    memcpy(g->images, b->images, (size_t)b->count * IMAGE * sizeof *g->images);
}

static struct got *train(struct loader *l, int epoch, int step)
{
    struct got *g = calloc(1, sizeof *g);
    struct reason why = REASON_INIT;
    struct loader_batch b;
    if (loader_train(l, epoch, step, &b, &why))
        fail_msg("%s", why.sentence);
    got_take(g, &b);
    return g;
}

/* The greys of an epoch's pictures, in order; returns how many there are. */
static int epoch_greys(struct loader *l, int epoch, int *greys)
{
    int n = 0;
    for (int step = 0; step < loader_train_steps(l); step++) {
        struct got *g = train(l, epoch, step);
        for (int i = 0; i < g->n; i++) {
            greys[n++] = (int)g->images[i * IMAGE];
            assert_int_equal(g->labels[i], (greys[n - 1] - 1) % 3);
        }
        free(g);
    }
    return n;
}

static void an_epoch_has_each_picture_once(void **state)
{
    (void)state;
    enum { TRAIN = 45 };
    struct dataset d;
    put_parts(TRAIN, 6);
    dataset(&d);
    struct loader *l = opened(&d, plain, NULL);
    assert_int_equal(loader_train_count(l), TRAIN);
    assert_int_equal(loader_test_count(l), 6);
    assert_int_equal(loader_train_steps(l), 6);
    int greys[2][TRAIN];
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[TRAIN + 1] = {0};
        assert_int_equal(epoch_greys(l, epoch, greys[epoch]), TRAIN);
        for (int i = 0; i < TRAIN; i++)
            seen[greys[epoch][i]]++;
        for (int i = 1; i <= TRAIN; i++)
            assert_int_equal(seen[i], 1);
    }
    assert_memory_not_equal(greys[0], greys[1], sizeof greys[0]);
    for (int step = 0; step < 6; step++) {
        struct got *g = train(l, 7, step);
        assert_int_equal(g->n, step < 3 ? 8 : 7);
        free(g);
    }
    loader_free(l);
    dataset_release(&d);
}

/* Batches of one or two pictures would keep a network from learning. */
static void no_batch_is_of_a_few(void **state)
{
    (void)state;
    struct dataset d;
    int greys[17];
    put_parts(17, 1);
    dataset(&d);
    struct loader_options o = plain;
    struct loader *l;
    for (o.batch = 3; o.batch < 20; o.batch++) {
        l = opened(&d, o, NULL);
        int steps = loader_train_steps(l);
        assert_int_equal(steps, (17 + o.batch - 1) / o.batch);
        assert_int_equal(epoch_greys(l, 0, greys), 17);
        for (int step = 0; step < steps; step++) {
            struct got *g = train(l, 0, step);
            assert_in_range(g->n, 17 / steps, (17 + steps - 1) / steps);
            free(g);
        }
        assert_int_equal(loader_test_steps(l), 1);
        loader_free(l);
    }
    dataset_release(&d);
}

static void a_lonely_picture_sits_out(void **state)
{
    (void)state;
    struct dataset d;
    int greys[17];
    put_parts(17, 1);
    dataset(&d);
    struct loader_options o = plain;
    o.batch = 2;
    struct loader *l = opened(&d, o, NULL);
    assert_int_equal(loader_train_count(l), 17);
    assert_int_equal(loader_train_steps(l), 8);
    assert_int_equal(epoch_greys(l, 0, greys), 16);
    loader_free(l);
    o.batch = 1; /* a picture is alone in its batch */
    l = opened(&d, o, NULL);
    assert_int_equal(loader_train_steps(l), 17);
    loader_free(l);
    dataset_release(&d);
}

static void test_batches_are_what_prediction_reads(void **state)
{
    (void)state;
    struct dataset d;
    put_parts(6, 19);
    dataset(&d);
    struct loader_options o = plain;
    o.augment = ALL;
    struct loader *l = opened(&d, o, NULL);
    struct loader_batch b;
    float image[IMAGE];
    struct reason why = REASON_INIT;
    assert_int_equal(loader_test_steps(l), 3);
    for (int round = 0; round < 2; round++)
        for (int step = 0, at = 0; step < 3; step++) {
            assert_int_equal(loader_test(l, step, &b, &why), 0);
            assert_int_equal(b.count, step < 2 ? 8 : 3);
            for (int i = 0; i < b.count; i++, at++) {
                assert_int_equal(b.labels[i], d.test[at].label);
                assert_int_equal(
                    loader_picture(d.test[at].path, SIDE, image, &why), 0);
                assert_memory_equal(image, b.images + i * IMAGE, sizeof image);
            }
        }
    assert_int_equal(loader_test(l, 3, &b, &why), -EINVAL);
    assert_int_equal(loader_picture("/nowhere", SIDE, image, &why), -ENOENT);
    loader_free(l);
    dataset_release(&d);
}

/* Several nodes have the pictures of a batch one after the other, in its order;
 * where there are fewer pictures than nodes, a training batch is filled up with
 * one that is another's. */
static void nodes_divide(int batch)
{
    enum { NODES = 3 };
    struct dataset d;
    struct loader *nodes[NODES], *whole;
    put_parts(18, 10);
    dataset(&d);
    struct loader_options o = plain;
    o.augment = ALL;
    o.batch = batch;
    whole = opened(&d, o, NULL);
    o.nodes = NODES;
    for (o.node = 0; o.node < NODES; o.node++)
        nodes[o.node] = opened(&d, o, NULL);
    for (int i = 0; i < 5; i++) {
        bool test = i > 2;
        int at = 0, step = test ? i - 3 : i;
        struct loader_batch b, part;
        assert_int_equal((test ? loader_test(whole, step, &b, NULL)
                               : loader_train(whole, 4, step, &b, NULL)),
                         0);
        for (int k = 0; k < NODES; k++) {
            assert_int_equal(
                (test ? loader_test(nodes[k], step, &part, NULL)
                      : loader_train(nodes[k], 4, step, &part, NULL)),
                0);
            assert_int_equal(part.total, b.count);
            assert_int_equal(part.spare, !test && b.count == 2 && k == 2);
            if (part.spare || !part.count)
                continue;
            assert_int_equal(part.first, at);
            assert_memory_equal(part.images, b.images + at * IMAGE,
                                (size_t)part.count * IMAGE * sizeof(float));
            assert_memory_equal(part.labels, b.labels + at,
                                (size_t)part.count * sizeof(int));
            at += part.count;
        }
        assert_int_equal(at, b.count);
    }
    struct loader_batch plain_batch;
    assert_int_equal(
        loader_train(nodes[1], LOADER_PLAIN, 0, &plain_batch, NULL), 0);
    assert_int_equal(plain_batch.count, plain_batch.total);
    for (int k = 0; k < NODES; k++)
        loader_free(nodes[k]);
    loader_free(whole);
    dataset_release(&d);
}

static void nodes_divide_batches(void **state)
{
    (void)state;
    nodes_divide(8);
    nodes_divide(2);
}

/* One that goes on alone has whole batches from the next one on, of both parts,
 * whatever was being prepared. */
static void one_node_goes_on_alone(void **state)
{
    (void)state;
    struct dataset d;
    struct loader *node, *whole;
    struct loader_batch b, all;
    put_parts(18, 10);
    dataset(&d);
    struct loader_options o = plain;
    o.augment = ALL;
    whole = opened(&d, o, NULL);
    o.nodes = 3;
    node = opened(&d, o, NULL);
    assert_int_equal(loader_train(node, 4, 0, &b, NULL), 0);
    assert_int_equal(b.count, 2);
    assert_int_equal(loader_test(node, 0, &b, NULL), 0);
    loader_whole(node);
    for (int i = 0; i < 4; i++) {
        bool test = i > 1;
        int step = test ? i - 2 : i + 1;
        assert_int_equal((test ? loader_test(whole, step, &all, NULL)
                               : loader_train(whole, 4, step, &all, NULL)),
                         0);
        assert_int_equal((test ? loader_test(node, step, &b, NULL)
                               : loader_train(node, 4, step, &b, NULL)),
                         0);
        assert_int_equal(b.count, all.count);
        assert_int_equal(b.first, 0);
        assert_false(b.spare);
        assert_memory_equal(b.images, all.images,
                            (size_t)b.count * IMAGE * sizeof(float));
        assert_memory_equal(b.labels, all.labels,
                            (size_t)b.count * sizeof(int));
    }
    loader_free(node);
    loader_free(whole);
    dataset_release(&d);
}

/* However far the workers are ahead, and whatever the other part does. */
static void a_lent_batch_stays(void **state)
{
    (void)state;
    struct dataset d;
    struct loader_batch b, other;
    put_parts(40, 16);
    dataset(&d);
    struct loader_options o = plain;
    o.memory = 0;
    struct loader *l = opened(&d, o, NULL);
    for (int step = 0; step < 5; step++) {
        struct got then = {0}, now = {0};
        assert_int_equal(loader_train(l, 0, step, &b, NULL), 0);
        got_take(&then, &b);
        assert_int_equal(loader_test(l, step % 2, &other, NULL), 0);
        usleep(20000);
        got_take(&now, &b);
        assert_memory_equal(&then, &now, sizeof then);
    }
    loader_free(l);
    dataset_release(&d);
}

/* An epoch is the same with any workers, any cache and any order of asking. */
static void batches_depend_on_nothing_else(void **state)
{
    (void)state;
    static const int asked[][2] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0},
                                   {1, 1}, {0, 2}, {5, 3}, {0, 0}, {2, 1}};
    enum { ASKED = sizeof asked / sizeof *asked };
    static const struct {
        int workers;
        uint64_t memory;
    } rows[] = {{1, 0}, {2, 1 << 24}, {3, 10 * IMAGE}, {9, 1 << 24}};
    struct dataset d;
    struct got *first[ASKED];
    put_parts(30, 4);
    dataset(&d);
    for (int row = 0; row < 4; row++) {
        struct loader_options o = plain;
        o.augment = ALL;
        o.workers = rows[row].workers;
        o.memory = rows[row].memory;
        struct loader *l = opened(&d, o, NULL);
        for (int i = 0; i < ASKED; i++) {
            struct got *g = train(l, asked[i][0], asked[i][1]);
            if (row == 0) {
                first[i] = g;
                continue;
            }
            assert_memory_equal(g, first[i], sizeof *g);
            free(g);
        }
        loader_free(l);
    }
    assert_memory_equal(first[2], first[6], sizeof **first);
    assert_memory_not_equal(first[0], first[4], sizeof **first);
    for (int i = 0; i < ASKED; i++)
        free(first[i]);
    dataset_release(&d);
}

static void assert_has(const struct text *t, const char *part)
{
    if (!strstr(text_string(t), part))
        fail_msg("no '%s' in:\n%s", part, text_string(t));
}

static void unreadable_pictures_are_left_out_and_told(void **state)
{
    (void)state;
    struct dataset d;
    struct text report = TEXT_INIT;
    put_parts(12, 3);
    write_bytes(path_of("train/a/zero.jpg"), "", 0);
    write_bytes(path_of("test/b/te\nxt\xff.png"), "hello", 5);
    struct bytes b = make_quarters(40, 40, (struct jpeg_style){0});
    write_bytes(path_of("train/c/cut.jpg"), b.data, b.size / 2);
    write_bytes(path_of("train/c/good.jpg"), b.data, b.size);
    free(b.data);
    dataset(&d);
    struct loader *l = opened(&d, plain, &report);
    assert_int_equal(d.train_count, 15);
    assert_int_equal(loader_train_count(l), 13);
    assert_int_equal(loader_test_count(l), 3);
    int counts[3];
    loader_class_counts(l, counts);
    assert_int_equal(counts[0], 4);
    assert_int_equal(counts[1] + counts[2], 9);
    assert_int_equal(counts[2], 5);
    assert_has(&logged, "train/a/zero.jpg: is empty (0 bytes)\n");
    assert_has(&logged, "train/c/cut.jpg: is cut short");
    assert_has(&logged, "test/b/te xt?.png: is not a JPEG");
    assert_has(&report, "unreadable: 3\n");
    assert_has(&report, "  train/a/zero.jpg: is empty (0 bytes)\n");
    assert_has(&report, "classes: 3\ntraining pictures: 13\n"
                        "test pictures: 3\n");
    assert_has(&report, "c             5       1           1        22x22  "
                        "      40x40\n");
    assert_has(&report, "fewer than 10 training pictures\n  a: 4\n");
    const struct loader_findings *f = loader_findings(l);
    assert_int_equal(f->unreadable, 3);
    assert_int_equal(f->small_classes, 3);
    assert_int_equal(f->duplicates + f->leaks + f->contradictions, 0);
    loader_free(l);
    dataset_release(&d);
    text_release(&report);
}

static void copies_are_told(void **state)
{
    (void)state;
    struct dataset d;
    struct text report = TEXT_INIT;
    put_parts(30, 6);
    put("train/a/x1.png", 200, 40);
    put("train/a/x2.png", 200, 40);
    put("train/b/y.png", 210, 40);
    put("train/c/y.png", 210, 40);
    put("train/c/z.png", 220, 40);
    put("test/c/z1.png", 220, 40);
    put("test/c/z2.png", 220, 40);
    put("test/c/no.png", 220, 41);
    dataset(&d);
    struct loader *l = opened(&d, plain, &report);
    const struct loader_findings *f = loader_findings(l);
    assert_int_equal(f->duplicates, 4);
    assert_int_equal(f->leaks, 2);
    assert_int_equal(f->contradictions, 1);
    assert_int_equal(f->small_classes, 0);
    assert_has(&report, "  train/a/x1.png = train/a/x2.png\n");
    assert_has(&report,
               "  train/b/y.png = train/c/y.png (of different classes)\n");
    assert_has(&report, "  train/c/z.png = test/c/z1.png = test/c/z2.png "
                        "(in training and test)\n");
    assert_has(&logged, "4 pictures are copies of others; 2 test pictures");
    loader_free(l);
    dataset_release(&d);
    text_release(&report);
}

static void what_is_left_must_do(void **state)
{
    (void)state;
    struct dataset d;
    struct loader *l = NULL;
    struct reason why = REASON_INIT;
    struct text report = TEXT_INIT;
    put_parts(9, 1);
    for (int i = 1; i < 9; i += 3) {
        char path[64];
        snprintf(path, sizeof path, "train/b/%03d.png", i);
        write_bytes(path_of(path), "no", 2);
    }
    dataset(&d);
    assert_int_equal(loader_open(&l, &d, &plain, &report, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'b' has no readable training"));
    assert_null(l);
    assert_has(&report, "unreadable: 3\n");
    put("train/b/001.png", 50, 30);
    write_bytes(path_of("test/a/009.png"), "no", 2);
    dataset_release(&d);
    dataset(&d);
    assert_int_equal(loader_open(&l, &d, &plain, &report, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "no readable test picture"));
    dataset_release(&d);
    text_release(&report);
}

static void a_picture_that_goes_away_is_told(void **state)
{
    (void)state;
    struct dataset d;
    struct reason why = REASON_INIT;
    struct loader_batch b;
    put_parts(16, 3);
    dataset(&d);
    struct loader_options o = plain;
    o.memory = 0;
    struct loader *l = opened(&d, o, NULL);
    unlink(path_of("test/c/017.png"));
    assert_int_equal(loader_test(l, 0, &b, &why), -ENOENT);
    assert_non_null(strstr(why.sentence, "017.png' could be read before"));
    put("test/c/017.png", 18, 30);
    assert_int_equal(loader_test(l, 0, &b, &why), 0);
    assert_int_equal(b.count, 3);
    loader_free(l);
    dataset_release(&d);
}

/* Where the folder holds classes, the test part is drawn among the pictures
 * that can be read, whichever those are. */
static void tests_are_drawn_among_readable_pictures(void **state)
{
    (void)state;
    struct text report = TEXT_INIT;
    struct dataset d;
    for (int bad = 0; bad < 5; bad++) {
        char path[64];
        for (int i = 0; i < 10; i++) {
            snprintf(path, sizeof path, "%c/%d.png", 'a' + i % 2, i / 2);
            put(path, 1 + i, 20);
        }
        snprintf(path, sizeof path, "a/%d.png", bad);
        write_bytes(path_of(path), "no", 2);
        dataset(&d);
        struct loader *l = opened(&d, plain, &report);
        int counts[2], tests[2] = {0};
        loader_class_counts(l, counts);
        for (int i = 0; i < loader_test_count(l); i++)
            tests[loader_test_sample(l, i)->label]++;
        assert_int_equal(counts[0], 3);
        assert_int_equal(counts[1], 4);
        assert_int_equal(tests[0], 1);
        assert_int_equal(tests[1], 1);
        loader_free(l);
        dataset_release(&d);
    }
    text_release(&report);
}

static void all_that_is_unreadable_is_said_at_once(void **state)
{
    (void)state;
    struct text report = TEXT_INIT;
    struct reason why = REASON_INIT;
    struct loader *l = NULL;
    struct dataset d;
    for (int i = 0; i < 20; i++) {
        char path[64];
        snprintf(path, sizeof path, "%c/%d.png", 'a' + i % 4, i / 4);
        put(path, 1 + i, 20);
        if (i % 4 == 1 || (i % 4 == 2 && i > 4))
            write_bytes(path_of(path), "no", 2);
    }
    mkdir(path_of("empty"), 0777);
    struct settings s;
    settings_init(&s);
    char line[300];
    int size = snprintf(line, sizeof line, "dataset = %s\n", place);
    settings_parse(&s, line, (size_t)size, SCOPE_TEMPLATE, "test", NULL);
    assert_int_equal(dataset_open(&d, &s, &why), -EINVAL);
    assert_int_equal(loader_open(&l, &d, &plain, &report, &why), -EINVAL);
    assert_non_null(strstr(why.sentence, "'empty' has no pictures"));
    assert_non_null(strstr(why.sentence, "'b' has no readable training"));
    assert_non_null(strstr(why.sentence, "'c' has one readable picture;"));
    assert_has(&report, "\nfault: the class 'c' has one readable picture;");
    settings_release(&s);
    dataset_release(&d);
    text_release(&report);
}

/* A training that goes on has what it began with. */
static void what_was_kept_is_what_is_used(void **state)
{
    (void)state;
    struct text list = TEXT_INIT, report = TEXT_INIT;
    struct reason why = REASON_INIT;
    struct dataset d;
    struct settings s;
    for (int i = 0; i < 24; i++) {
        char path[64];
        snprintf(path, sizeof path, "%c/%02d.png", 'a' + i % 3, i);
        put(path, 1 + i, 20);
    }
    write_bytes(path_of("a/bad.png"), "no", 2);
    dataset(&d);
    struct loader *l = opened(&d, plain, &report);
    loader_keep(l, &list);
    struct got *first = train(l, 3, 1);
    loader_free(l);
    dataset_release(&d);

    put("a/bad.png", 77, 20); /* it can be read by now */
    put("b/new.png", 78, 20);
    put("new/1.png", 79, 20);
    settings_init(&s);
    char line[300];
    int size = snprintf(line, sizeof line, "dataset = %s\n", place);
    settings_parse(&s, line, (size_t)size, SCOPE_TEMPLATE, "test", NULL);
    assert_int_equal(kept_open(&d, &s, &list, &why), 0);
    assert_int_equal(d.classes, 3);
    l = opened(&d, plain, &report);
    struct got *again = train(l, 3, 1);
    assert_memory_equal(first, again, sizeof *first);
    assert_has(&logged, "not used: 3 pictures that were not there when the "
                        "training began: a/bad.png, b/new.png, new/1.png\n");
    assert_int_equal(loader_findings(l)->changed, 0);
    free(again);
    loader_free(l);
    dataset_release(&d);

    unlink(path_of("a/00.png"));
    put("b/01.png", 99, 20);
    assert_int_equal(kept_open(&d, &s, &list, &why), 0);
    assert_int_equal(loader_open(&l, &d, &plain, &report, &why), -EINVAL);
    assert_non_null(strstr(why.sentence,
                           "the training began with the picture 'a/00.png' "));
    assert_has(&logged, "1 picture is another one than when the training");
    dataset_release(&d);
    text_resize(&list, list.size - 5);
    assert_int_equal(kept_open(&d, &s, &list, &why), -EINVAL);
    dataset_release(&d);
    free(first);
    settings_release(&s);
    text_release(&list);
    text_release(&report);
}

static bool refuse_tick(void *context, int done, int total)
{
    (void)context;
    assert_true(done <= total);
    return false;
}

/* A TIFF whose pages are pictures of one grey each, from `grey` on: behind the
 * pixels of a page stands its table of nine tags, each of 16 bits. */
static void put_pages(const char *path, int grey, int pages)
{
    enum {
        HEAD = 8,
        PIXELS = 20 * 20,
        TAGS = 9,
        PAGE = PIXELS + TAGS * 12 + 6
    };
    uint8_t *file = calloc(1, HEAD + (size_t)pages * PAGE), *link = file + 4;
    memcpy(file, "II*", 3);
    for (int page = 0; page < pages; page++) {
        unsigned at = HEAD + (unsigned)page * PAGE, table = at + PIXELS;
        const unsigned tags[TAGS][2] = {{256, 20}, {257, 20}, {258, 8},
                                        {259, 1},  {262, 1},  {273, at},
                                        {277, 1},  {278, 20}, {279, PIXELS}};
        memset(file + at, grey + page, PIXELS);
        memcpy(link, &table, sizeof table);
        file[table] = TAGS;
        for (int i = 0; i < TAGS; i++) {
            uint16_t tag[6] = {(uint16_t)tags[i][0], 3, 1, 0,
                               (uint16_t)tags[i][1]};
            memcpy(file + table + 2 + i * 12, tag, sizeof tag);
        }
        link = file + table + 2 + TAGS * 12;
    }
    write_bytes(path_of(path), file, HEAD + (size_t)pages * PAGE);
    free(file);
}

/* Two classes of six files each: i.tif has 3 pages, of the greys from 10 i on,
 * and 9.png is a picture. */
static void put_documents(void)
{
    for (int i = 1; i <= 10; i++) {
        char path[64];
        snprintf(path, sizeof path, "%c/%02d.tif", 'a' + i % 2, i);
        put_pages(path, 10 * i, 3);
    }
    put("a/9.png", 1, 20);
    put("b/9.png", 2, 20);
}

static int grey_of(const struct sample *s)
{
    const char *file = strrchr(s->path, '/') + 1;
    return s->page ? 10 * atoi(file) + s->page - 1
                   : 1 + (strstr(s->path, "/b/") != NULL);
}

/* All test pictures are what their names say, and of no file that is in
 * training. */
static void test_part_check(struct loader *l)
{
    struct loader_batch b = {0};
    for (int i = 0; i < loader_test_count(l); i++) {
        const struct sample *s = loader_test_sample(l, i);
        assert_true(i % 8 || loader_test(l, i / 8, &b, NULL) == 0);
        assert_int_equal((int)b.images[i % 8 * IMAGE], grey_of(s));
        for (int k = 0; k < loader_train_count(l); k++)
            assert_string_not_equal(loader_train_sample(l, k)->path, s->path);
    }
}

static void pages_are_pictures(void **state)
{
    (void)state;
    struct text list = TEXT_INIT, report = TEXT_INIT, again = TEXT_INIT;
    struct loader_options o = plain;
    struct settings s;
    struct dataset d;
    char line[300];
    put_documents();
    dataset(&d);
    o.pages = PAGES_ALL;
    o.memory = 20 * IMAGE; /* not all are kept */
    struct loader *l = opened(&d, o, &report);
    int tests = loader_test_count(l);
    assert_int_equal(loader_train_count(l) + tests, 10 * 3 + 2);
    assert_true(tests > 2);
    test_part_check(l);
    assert_has(&report, "pages: 10 files have several, of which 30 are taken");
    assert_has(&report, "\nfiles with more pages: 0\n");
    loader_keep(l, &list);
    struct got *first = train(l, 3, 1);
    loader_free(l);
    dataset_release(&d);

    settings_init(&s);
    int size = snprintf(line, sizeof line, "dataset = %s\n", place);
    settings_parse(&s, line, (size_t)size, SCOPE_TEMPLATE, "test", NULL);
    assert_int_equal(kept_open(&d, &s, &list, NULL), 0);
    l = opened(&d, o, NULL);
    assert_int_equal(loader_findings(l)->changed, 0);
    test_part_check(l);
    loader_keep(l, &again);
    assert_int_equal(again.size, list.size);
    assert_memory_equal(again.data, list.data, list.size);
    struct got *second = train(l, 3, 1);
    assert_memory_equal(first, second, sizeof *first);
    free(first);
    free(second);
    loader_free(l);
    dataset_release(&d);
    settings_release(&s);
    text_release(&list);
    text_release(&again);
    text_release(&report);
}

static void pages_that_are_missing_are_told(void **state)
{
    (void)state;
    struct text report = TEXT_INIT;
    struct loader_options o = plain;
    struct dataset d;
    put_documents();
    write_bytes(path_of("a/bad.tif"), "II*", 3);
    dataset(&d);
    o.pages = (struct page_range){2, 2};
    struct loader *l = opened(&d, o, &report);
    assert_int_equal(loader_train_count(l) + loader_test_count(l), 10);
    assert_int_equal(loader_findings(l)->unreadable, 3);
    assert_has(&report, "  a/9.png: has fewer pages than are wanted: 1, and "
                        "page 2 is the first\n");
    assert_has(&report, "  a/bad.tif: is not a ");
    const struct sample *s = loader_train_sample(l, 0);
    assert_int_equal(s->page, 2);
    assert_string_equal(strrchr(sample_name(s), '#'), "#page=2");
    test_part_check(l);
    loader_free(l);
    dataset_release(&d);
    text_release(&report);
}

static void reading_can_be_stopped(void **state)
{
    (void)state;
    struct dataset d;
    struct loader *l = NULL;
    struct reason why = REASON_INIT;
    struct text report = TEXT_INIT;
    put_parts(3, 3);
    struct bytes b = make_quarters(5000, 5000, (struct jpeg_style){0});
    for (int i = 0; i < 40; i++) {
        char path[64];
        snprintf(path, sizeof path, "train/a/large%d.jpg", i);
        write_bytes(path_of(path), b.data, b.size);
    }
    free(b.data);
    dataset(&d);
    struct loader_options o = plain;
    o.side = 700; /* no smaller scale than a quarter */
    o.tick = refuse_tick;
    assert_int_equal(loader_open(&l, &d, &o, &report, &why), -ECANCELED);
    assert_null(l);
    dataset_release(&d);
    text_release(&report);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_epoch_has_each_picture_once),
        TEST(no_batch_is_of_a_few),
        TEST(a_lonely_picture_sits_out),
        TEST(test_batches_are_what_prediction_reads),
        TEST(a_lent_batch_stays),
        TEST(nodes_divide_batches),
        TEST(one_node_goes_on_alone),
        TEST(batches_depend_on_nothing_else),
        TEST(unreadable_pictures_are_left_out_and_told),
        TEST(copies_are_told),
        TEST(what_is_left_must_do),
        TEST(a_picture_that_goes_away_is_told),
        TEST(tests_are_drawn_among_readable_pictures),
        TEST(all_that_is_unreadable_is_said_at_once),
        TEST(what_was_kept_is_what_is_used),
        TEST(pages_are_pictures),
        TEST(pages_that_are_missing_are_told),
        TEST(reading_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "trainer/training/options.h"

#include "trainer/data/augment.h"
#include "trainer/training/auto.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int make(void **state)
{
    static struct options o;
    options_init(&o);
    *state = &o;
    return 0;
}

static int drop(void **state)
{
    options_release(*state);
    return 0;
}

static void lay(struct options *o, const char *source, unsigned scope,
                const char *text)
{
    struct reason why = REASON_INIT;
    if (settings_parse(&o->settings, text, strlen(text), scope, source, &why))
        fail_msg("%s", why.sentence);
}

static void take(struct options *o)
{
    struct reason why = REASON_INIT;
    if (options_take(o, &why))
        fail_msg("%s", why.sentence);
}

/* A fresh network, or a base that knows the pictures, or less of them. */
enum from { SCRATCH, KNOWN, STRANGE, USELESS };

/* Decide all that says auto, on two threads, for pictures that are not
 * there. */
static void decide(struct options *o, enum from from)
{
    static const struct threads machine = {.use = 2, .why = "two cores"};
    static struct sample pictures[72]; /* which cannot be read */
    static char nowhere[] = "nowhere";
    struct dataset set = {.train = pictures, .train_count = 72, .dir = -1};
    for (int i = 0; i < set.train_count; i++)
        pictures[i].path = nowhere;
    const struct auto_facts facts = {.machine = &machine,
                                     .dataset = &set,
                                     .trained = from != SCRATCH,
                                     .acquaintance =
                                         from == USELESS   ? BASE_USELESS
                                         : from == STRANGE ? BASE_STRANGE
                                                           : BASE_KNOWS};
    auto_decide(o, AUTO_MACHINE, &facts);
    auto_decide(o, AUTO_DATASET, &facts);
    auto_decide(o, AUTO_ADAPTED, &facts);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void defaults(void **state)
{
    struct options *o = *state;
    lay(o, "template", SCOPE_TEMPLATE, "dataset = /data\n");
    take(o);
    assert_int_equal(o->epochs, 0); /* auto */
    assert_int_equal(o->time_limit, 0);
    assert_int_equal(o->iterations, 0);
    assert_int_equal(o->batch, 16);
    assert_int_equal(o->image_size, 0);
    assert_int_equal(o->workers, 0);
    assert_int_equal(o->threads, 0);
    assert_int_equal(o->memory, 0);
    assert_true(isnan(o->learning_rate));
    assert_int_equal(o->augment,
                     AUGMENT_ROTATION | AUGMENT_EXPOSURE | AUGMENT_NOISE);
}

static void a_later_layer_wins(void **state)
{
    struct options *o = *state;
    lay(o, "type", SCOPE_TYPE, "epochs = 5\nbatch_size = 64\nseed = 7\n");
    lay(o, "template", SCOPE_TEMPLATE,
        "dataset = /data\nbatch_size = 32\nepochs =\naugment = noise\n");
    lay(o, "job", SCOPE_JOB, "threads = 3\nnice = 5\nmemory = 2G\n");
    take(o);
    /* an empty value leaves the one of the type */
    assert_int_equal(o->epochs, 5);
    assert_int_equal(o->batch, 32);
    assert_int_equal(o->seed, 7);
    assert_int_equal(o->threads, 3);
    assert_int_equal(o->nice, 5);
    assert_true(o->memory == (uint64_t)2 << 30);
    assert_int_equal(o->augment, AUGMENT_NOISE);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    struct options *o = *state;
    struct reason why = REASON_INIT;
    assert_int_equal(options_take(o, &why), -EINVAL);
    has(why.sentence, "dataset");
}

/* A trained base has its own learning rate, which config explains. */
static void base_is_told(void **state)
{
    struct options *o = *state;
    struct reason why = REASON_INIT;
    struct text config = TEXT_INIT;
    lay(o, "template", SCOPE_TEMPLATE,
        "dataset = /data\nbase = models/a/latest\n");
    assert_int_equal(options_take(o, &why), 0);
    options_note(o, KEY_BASE, "models/a/3", "models/a/3: ResNet-18");
    decide(o, KNOWN);
    assert_true(fabs(o->learning_rate - 0.001) < 1e-9);
    options_config(o, &config);
    has(text_string(&config), "# template models/a/latest: models/a/3: "
                              "ResNet-18\nbase = models/a/3\n");
    has(text_string(&config),
        "for a base that knows such pictures and batches of 16\n"
        "learning_rate = 0.001\n");
    has(text_string(&config), "\nepochs = 45\n");
    text_release(&config);
}

/* What it begins with learns at a fresh network's rate for as long; `rate` is
 * how config explains it. */
static void learns_afresh(struct options *o, enum from from, const char *rate)
{
    struct text config = TEXT_INIT;
    lay(o, "template", SCOPE_TEMPLATE, "dataset = /data\n");
    take(o);
    decide(o, from);
    options_config(o, &config);
    has(text_string(&config), rate);
    has(text_string(&config), "\nepochs = 223\n");
    text_release(&config);
}

static void strangers_are_learnt_afresh(void **state)
{
    learns_afresh(*state, STRANGE,
                  "for a base to which they are strange and batches of 16\n"
                  "learning_rate = 0.0125\n");
}

static void a_base_that_is_left_aside_is_not_said_to_learn(void **state)
{
    learns_afresh(*state, USELESS,
                  "for a fresh network and batches of 16\n"
                  "learning_rate = 0.0125\n");
}

static void config_says_where_from(void **state)
{
    struct options *o = *state;
    lay(o, "type", SCOPE_TYPE, "seed = 7\nprecision = auto\n");
    lay(o, "template", SCOPE_TEMPLATE,
        "type = t\ndataset = /data\nimage_size = auto\n");
    take(o);
    options_decide(o, KEY_IMAGE_SIZE, 64, "the median side is %d", 60);
    decide(o, SCRATCH);
    assert_int_equal(o->image_size, 64);
    assert_int_equal(o->threads, 2);
    struct text config = TEXT_INIT;
    options_config(o, &config);
    const char *s = text_string(&config);
    has(s, "\n# type 't'\nseed = 7\n");
    has(s, "\n# type 't' auto: the processor has ");
    has(s, "\n# template\ndataset = /data\n");
    has(s, "\n# default auto: 72 training pictures from a fresh network: "
           "16056 are seen in all\nepochs = 223\n");
    has(s, "\n# template auto: the median side is 60\nimage_size = 64\n");
    has(s, "\n# default auto: for a fresh network and batches of 16\n"
           "learning_rate = 0.0125\n");
    has(s, "\n# default auto: two cores\n# threads = 2\n");
    text_release(&config);
}

/* Every parameter that may be auto is decided in the end. */
static void nothing_stays_auto(void **state)
{
    struct options *o = *state;
    lay(o, "template", SCOPE_TEMPLATE, "dataset = /data\n");
    take(o);
    for (int key = 0; key < KEY_COUNT; key++)
        if (params[key].scope & (SCOPE_TEMPLATE | SCOPE_JOB) &&
            !param_check(&params[key], "auto", NULL) &&
            strstr(params[key].words ? params[key].words : "", "auto")) {
            struct text line = TEXT_INIT;
            text_printf(&line, "%s = auto\n", params[key].key);
            lay(o, "template", params[key].scope, text_string(&line));
            text_release(&line);
            assert_true(options_undecided(o, (enum key)key));
        }
    decide(o, SCRATCH);
    for (int key = 0; key < KEY_COUNT; key++)
        if ((params[key].scope & (SCOPE_TEMPLATE | SCOPE_JOB)) &&
            options_undecided(o, (enum key)key))
            fail_msg("%s stays auto", params[key].key);
}

static void the_rate_grows_with_the_batch(void **state)
{
    static const struct {
        const char *text;
        double rate;
    } rows[] = {{"batch_size = 1\n", 0.0125 / 16},
                {"batch_size = 32\n", 0.025},
                {"batch_size = 64\n", 0.05},
                {"batch_size = 1024\n", 0.05},
                {"batch_size = 32\nlearning_rate = 0.3\n", 0.3}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct options o;
        options_init(&o);
        lay(&o, "template", SCOPE_TEMPLATE, "dataset = /data\n");
        lay(&o, "template", SCOPE_TEMPLATE, rows[i].text);
        take(&o);
        decide(&o, SCRATCH);
        assert_true(o.learning_rate == rows[i].rate);
        options_release(&o);
    }
}

static void config_is_a_template(void **state)
{
    struct options *o = *state, again;
    struct text first = TEXT_INIT, second = TEXT_INIT;
    lay(o, "template", SCOPE_TEMPLATE,
        "dataset = /data # 1\nlearning_rate = 0.0123\nextensions = png bmp\n");
    take(o);
    options_decide(o, KEY_IMAGE_SIZE, 96, "the pictures");
    decide(o, SCRATCH);
    options_config(o, &first);
    options_init(&again);
    lay(&again, "template", SCOPE_TEMPLATE, text_string(&first));
    take(&again);
    options_decide(&again, KEY_THREADS, 2, "the cores");
    struct text a = TEXT_INIT, b = TEXT_INIT;
    options_identity(o, &a);
    options_identity(&again, &b);
    assert_string_equal(text_string(&a), text_string(&b));
    options_config(&again, &second);
    has(text_string(&second), "dataset = /data # 1\n");
    options_release(&again);
    text_release(&first);
    text_release(&second);
    text_release(&a);
    text_release(&b);
}

static void identity_depends_on_what_matters(void **state)
{
    struct options *o = *state;
    lay(o, "template", SCOPE_TEMPLATE, "dataset = /data\n");
    take(o);
    struct text a = TEXT_INIT, b = TEXT_INIT, c = TEXT_INIT;
    options_identity(o, &a);
    lay(o, "template", SCOPE_TEMPLATE, "description = x\nworkers = 5\n");
    options_identity(o, &b);
    assert_string_equal(text_string(&a), text_string(&b));
    lay(o, "template", SCOPE_TEMPLATE, "seed = 2\n");
    options_identity(o, &c);
    assert_string_not_equal(text_string(&a), text_string(&c));
    text_release(&a);
    text_release(&b);
    text_release(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(a_later_layer_wins),
        TEST(what_cannot_be_trained_is_refused),
        TEST(base_is_told),
        TEST(strangers_are_learnt_afresh),
        TEST(a_base_that_is_left_aside_is_not_said_to_learn),
        TEST(config_says_where_from),
        TEST(nothing_stays_auto),
        TEST(the_rate_grows_with_the_batch),
        TEST(config_is_a_template),
        TEST(identity_depends_on_what_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

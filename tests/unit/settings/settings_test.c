/* settings.h, param.h: texts of `key = value` lines, and what names may be. */
#include "core/settings/settings.h"

#include "core/basic/name.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct settings *s, const char *text, struct reason *why)
{
    return settings_parse(s, text, strlen(text), SCOPE_TEMPLATE, "template",
                          why);
}

/* As a line of the text that the source is. */
static int set(struct settings *s, enum key key, const char *value,
               const char *source)
{
    struct text line = TEXT_INIT;
    text_printf(&line, "%s = %s\n", params[key].key, value);
    int err = settings_parse(s, text_string(&line), line.size,
                             params[key].scope, source, NULL);
    text_release(&line);
    return err;
}

static void takes_the_grammar(void **state)
{
    (void)state;
    struct settings s;
    settings_init(&s);
    assert_int_equal(parse(&s,
                           "\xEF\xBB\xBF# comment\r\n"
                           "epochs=5\r\n"
                           "\t  seed\t =  7 \t\n"
                           "\n   # another\n"
                           "description = a # b = \"c\"\n"
                           "patience =\n"
                           "dataset = /a b/c",
                           NULL),
                     0);
    assert_string_equal(settings_get(&s, KEY_EPOCHS), "5");
    assert_string_equal(settings_get(&s, KEY_SEED), "7");
    assert_string_equal(settings_get(&s, KEY_DESCRIPTION), "a # b = \"c\"");
    assert_string_equal(settings_get(&s, KEY_DATASET), "/a b/c");
    assert_null(s.value[KEY_PATIENCE]);
    assert_string_equal(settings_get(&s, KEY_PATIENCE), "0");
    assert_string_equal(s.source[KEY_SEED], "template");
    assert_true(settings_number(&s, KEY_EPOCHS) == 5);
    assert_true(isnan(settings_number(&s, KEY_IMAGE_SIZE))); /* auto */
    settings_release(&s);
}

static void lays_layers_over_each_other(void **state)
{
    (void)state;
    struct settings s;
    settings_init(&s);
    const char *type = "epochs = 5\nseed = 6\n";
    assert_int_equal(
        settings_parse(&s, type, strlen(type), SCOPE_TYPE, "type", NULL), 0);
    assert_int_equal(parse(&s, "seed = 7\nepochs =\n", NULL), 0);
    assert_string_equal(settings_get(&s, KEY_EPOCHS), "5");
    assert_string_equal(s.source[KEY_EPOCHS], "type");
    assert_string_equal(settings_get(&s, KEY_SEED), "7");
    assert_int_equal(set(&s, KEY_SEED, "8", "argument"), 0);
    assert_string_equal(settings_get(&s, KEY_SEED), "8");
    assert_int_equal(set(&s, KEY_SEED, "x", "argument"), -EINVAL);
    assert_string_equal(settings_get(&s, KEY_SEED), "8");
    settings_release(&s);
}

/* Wrong texts: the place of the fault, and a part of the reason. */
static void refuses_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *sentence;
    } cases[] = {
        {"epoch = 5\n", 1, 1, "did you mean 'epochs'?"},
        {"EPOCHS = 5\n", 1, 1, "did you mean 'epochs'?"},
        {"seed = 1\n\ufeffseed = 1\n", 2, 1, "but U+FEFF is one"},
        {"epo\u200bchs = 1\n", 1, 4, "but U+200B is one"},
        {"epochs\u00a0= 1\n", 1, 7, "but U+00A0 is one"},
        {"colour = red\n", 1, 1, "the keys are type, base"},
        /* a key of machines */
        {"threads = 2\n", 1, 1, "unknown key 'threads'"},
        {"seed = 1\n  epochs = abc\n", 2, 12, "or auto, got 'abc'"},
        {"epochs = 1\nseed = 2\nepochs = 3", 3, 1, "twice"},
        {"# Счёт\ndescription = Счёт\xff\n", 2, 19, "UTF-8, byte 0xff"},
        {"hello\n", 1, 1, "key = value"},
        {" = 5\n", 1, 2, "unknown key ''"},
        {"epochs = 10001", 1, 10, "an integer from 1 to 10000"},
        {"epochs = 1e3", 1, 10, "an integer"},
        {"epochs = 99999999999999999999", 1, 10, "an integer"},
        {"learning_rate = 11", 1, 17, "a number from 1e-07 to 10, or auto"},
        {"augment = rotation+", 1, 11, "rotation, exposure and noise"},
        {"augment = none+noise", 1, 11, "joined by '+', or none"},
        {"augment = noise+noise", 1, 11, "joined by '+'"},
        {"extensions = jpg jpg", 1, 14, "separated by spaces"},
        {"extensions = jp", 1, 14, "separated by spaces"},
        {"precision = f16", 1, 13, "auto, f32 or bf16"},
        {"dataset = relative", 1, 11, "an absolute path"},
        {"type = ../x", 1, 8, "a name of letters"},
        {"base = models/a", 1, 8, "models/TEMPLATE/N"},
        {"base = models/a/0", 1, 8, "models/TEMPLATE/N"},
        {"base = models/../1", 1, 8, "models/TEMPLATE/N"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s;
        struct reason why = REASON_INIT;
        settings_init(&s);
        assert_int_equal(parse(&s, cases[i].text, &why), -EINVAL);
        assert_int_equal(why.code, EINVAL);
        if (!strstr(why.sentence, cases[i].sentence))
            fail_msg("'%s': '%s'", cases[i].text, why.sentence);
        if (why.line != cases[i].line || why.column != cases[i].column)
            fail_msg("'%s': line %d, column %d", cases[i].text, why.line,
                     why.column);
        settings_release(&s);
    }
}

static void points_at_the_fault(void **state)
{
    (void)state;
    struct settings s;
    struct reason why = REASON_INIT;
    settings_init(&s);
    parse(&s, "seed = 1\n  epochs = abc\n", &why);
    assert_string_equal(why.excerpt, "  epochs = abc\n           ^");
    char text[5000] = "description = ";
    memset(text + 14, 'x', 4000);
    memcpy(text + 4014, "\xff", 2);
    assert_int_equal(parse(&s, text, &why), -EINVAL);
    assert_int_equal(why.column, 4015);
    assert_true(strlen(why.excerpt) < sizeof why.excerpt);
    assert_non_null(strchr(why.excerpt, '^'));
    settings_release(&s);
}

static void refuses_nul_and_long_lines(void **state)
{
    (void)state;
    struct settings s;
    struct reason why = REASON_INIT;
    settings_init(&s);
    assert_int_equal(
        settings_parse(&s, "seed = 1\0\n", 10, SCOPE_TEMPLATE, "t", &why),
        -EINVAL);
    assert_non_null(strstr(why.sentence, "NUL"));
    size_t size = 70000;
    char *text = malloc(size);
    memset(text, '#', size);
    assert_int_equal(settings_parse(&s, text, size, SCOPE_TEMPLATE, "t", &why),
                     -EFBIG);
    free(text);
    settings_release(&s);
}

static int no_sevens(void *context, enum key key, const char *value,
                     struct reason *why)
{
    assert_string_equal(context, "context");
    if (key == KEY_SEED && !strcmp(value, "7"))
        return refuse(why, EINVAL, "no sevens");
    return 0;
}

static void asks_the_judge(void **state)
{
    (void)state;
    char context[] = "context";
    struct settings_check check = {
        .scope = SCOPE_TEMPLATE, .judge = no_sevens, .context = context};
    struct reason why = REASON_INIT;
    const char *text = "epochs = 7\nseed =\n";
    assert_int_equal(settings_lines(&check, text, strlen(text), NULL, "", &why),
                     0);
    check = (struct settings_check){
        .scope = SCOPE_TEMPLATE, .judge = no_sevens, .context = context};
    text = "epochs = 7\nseed = 7\n";
    assert_int_equal(settings_lines(&check, text, strlen(text), NULL, "", &why),
                     -EINVAL);
    assert_string_equal(why.sentence, "no sevens");
    assert_string_equal(why.excerpt, "seed = 7\n       ^");
    assert_int_equal(why.line, 2);
    assert_int_equal(why.column, 8);
}

static void sizes(void **state)
{
    (void)state;
    struct settings s;
    settings_init(&s);
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"512", 512},       {"3K", 3 << 10},    {"512M", 512ull << 20},
        {"8G", 8ull << 30}, {"2T", 2ull << 40}, {"none", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(set(&s, KEY_MEMORY, cases[i].text, "machine"), 0);
        assert_true(settings_bytes(&s, KEY_MEMORY) == cases[i].bytes);
    }
    static const char *const bad[] = {
        "0", "8g", "8GB", "-1", "G", "8 G", "99999999999999999999T"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(set(&s, KEY_MEMORY, bad[i], "machine"), -EINVAL);
    settings_release(&s);
}

/* Every default is accepted, and shown by the example. */
static void the_example_is_a_template(void **state)
{
    (void)state;
    struct settings s;
    struct text t = TEXT_INIT;
    settings_init(&s);
    for (int i = 0; i < KEY_COUNT; i++)
        assert_int_equal(param_check(&params[i], params[i].fallback, NULL), 0);
    param_example(&t, SCOPE_TEMPLATE, param_template_head);
    assert_int_equal(parse(&s, text_string(&t), NULL), 0);
    for (int i = 0; i < KEY_COUNT; i++)
        if ((params[i].scope & SCOPE_TEMPLATE) && *params[i].fallback)
            assert_string_equal(s.value[i], params[i].fallback);
    text_release(&t);
    settings_release(&s);
}

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "Счета-2026", "a.b_c-1", "日本語", "e\xcc\x81", "١٢", "0"};
    static const char *const bad[] = {"",         ".a",  "a b", "a/b", "a~",
                                      "#a#",      "a,b", "😀",   "a\n", "a\xff",
                                      "\xc2\xa0", "½",   "€",   "٪"};
    struct reason why = REASON_INIT;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(name_check(good[i], strlen(good[i]), &why), 0);
    assert_int_equal(why.code, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(name_check(bad[i], strlen(bad[i]), &why), -EINVAL);
        assert_int_equal(utf8_valid(why.sentence, strlen(why.sentence)),
                         strlen(why.sentence));
    }
    char longest[257];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(name_check(longest, 255, NULL), 0);
    assert_int_equal(name_check(longest, 256, NULL), -ENAMETOOLONG);
    assert_int_equal(name_check("a\0b", 3, NULL), -EINVAL);
}

/* What host may name: each host becomes one word of a command. */
static void takes_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"gpu7", true},
        {"user@gpu7 gpu8", true},
        {"gpu7 \t ssh://user@gpu8:22", true},
        {"-oProxyCommand=x", false},
        {"gpu7 -oProxyCommand=x", false},
        {"gpu7 a;b", false},
        {"gpu7 $(x) gpu8", false},
        {"'gpu7'", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s;
        struct text t = TEXT_INIT;
        settings_init(&s);
        text_printf(&t, "host = %s\n", cases[i].value);
        int err = settings_parse(&s, text_string(&t), t.size, SCOPE_MACHINE,
                                 "machine", NULL);
        assert_int_equal(err, cases[i].good ? 0 : -EINVAL);
        if (cases[i].good)
            assert_string_equal(settings_get(&s, KEY_HOST), cases[i].value);
        text_release(&t);
        settings_release(&s);
    }
}

/* What the values of a service may be, and what a time is in seconds. */
static void takes_services(void **state)
{
    (void)state;
    static const char *const good[] = {
        "model = a/latest",   "model = models/a/7", "keep = 90s",
        "keep = forever",     "idle = never",       "settle = 0s",
        "when_done = delete", "pages = first",      "pages = 2",
        "pages = 2-7",        "pages = 3-",         "machine = a",
        "machine = a b,c.d",  "machine = a , ab"};
    static const char *const bad[] = {
        "model = a",
        "model = a/0",
        "model = /1",
        "keep = 5",
        "keep = 5w",
        "keep = never",
        "idle = s",
        "settle = -1s",
        "keep = 5mm",
        "ok = 1.5",
        "dataset = /a",
        "pages = 0",
        "pages = 3-2",
        "pages = -2",
        "pages = 1,2",
        "pages = 1-2x",
        "machine = a b a",
        "machine = ,",
        "machine = a /b",
        "machine = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct settings_check check = {.scope = SCOPE_SERVICE};
        if (settings_line(&check, good[i], strlen(good[i]), NULL, "", NULL))
            fail_msg("'%s' is refused", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct settings_check check = {.scope = SCOPE_SERVICE};
        if (!settings_line(&check, bad[i], strlen(bad[i]), NULL, "", NULL))
            fail_msg("'%s' is accepted", bad[i]);
    }
    double seconds = 0;
    assert_true(param_span("2h", &seconds));
    assert_true(seconds == 7200);
    assert_false(param_span("never", &seconds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_grammar),
        cmocka_unit_test(takes_hosts),
        cmocka_unit_test(takes_services),
        cmocka_unit_test(lays_layers_over_each_other),
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(points_at_the_fault),
        cmocka_unit_test(refuses_nul_and_long_lines),
        cmocka_unit_test(asks_the_judge),
        cmocka_unit_test(sizes),
        cmocka_unit_test(the_example_is_a_template),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* language.h: which language is chosen, and that everything is translated. */
#include "core/basic/language.h"
#include "core/process/life.h"
#include "core/settings/settings.h"
#include "core/tree/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is_english_at_first(void **state)
{
    (void)state;
    assert_string_equal(language(), "en");
    assert_string_equal(translate("no"), "no");
    assert_string_equal(translate_many("one", "many", 1), "one");
    assert_string_equal(translate_many("one", "many", 2), "many");
}

static void unknown_names_change_nothing(void **state)
{
    char list[100];
    (void)state;
    assert_true(language_set("ru"));
    assert_false(language_set("xx"));
    assert_false(language_set(""));
    assert_false(language_set("ru_RU"));
    assert_string_equal(language(), "ru");
    assert_string_equal(translate("not in the catalogue"),
                        "not in the catalogue");
    assert_true(language_set("en"));
    assert_string_equal(language(), "en");
    language_list(list, sizeof list, " or ");
    assert_string_equal(list, "en or ru");
}

/* A locale need not be installed. */
static void environment_chooses(void **state)
{
    static const struct {
        const char *all, *messages, *lang, *language, *wanted;
    } cases[] = {
        {"", "", "", "", "en"},
        {"", "", "ru_RU.UTF-8", "", "ru"},
        {"", "", "ru", "", "ru"},
        {"", "", "ru_UA@euro", "", "ru"},
        {"", "ru_RU.UTF-8", "en_US.UTF-8", "", "ru"},
        {"en_US.UTF-8", "ru_RU.UTF-8", "ru_RU.UTF-8", "", "en"},
        {"C", "", "ru_RU.UTF-8", "", "en"},
        {"C.UTF-8", "", "ru_RU.UTF-8", "ru", "en"},
        {"POSIX", "", "ru_RU.UTF-8", "ru", "en"},
        {"", "", "de_DE.UTF-8", "", "en"},
        {"", "", "de_DE.UTF-8", "de:ru", "ru"},
        {"", "", "en_US.UTF-8", "ru_RU:en", "ru"},
        {"", "", "ru_RU.UTF-8", "en", "en"},
        {"", "", "ru_RU.UTF-8", "de", "ru"},
        {"", "", "run", "", "en"},
        {"", "", "a-name-of-a-locale-that-is-long", "", "en"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("LC_ALL", cases[i].all, 1);
        setenv("LC_MESSAGES", cases[i].messages, 1);
        setenv("LANG", cases[i].lang, 1);
        setenv("LANGUAGE", cases[i].language, 1);
        assert_string_equal(language_of_environment(), cases[i].wanted);
    }
}

static void numbers_take_their_form(void **state)
{
    static const struct {
        unsigned long n;
        const char *wanted;
    } cases[] = {
        {0, "ядер"},   {1, "ядро"},   {2, "ядра"},    {4, "ядра"},
        {5, "ядер"},   {11, "ядер"},  {12, "ядер"},   {14, "ядер"},
        {20, "ядер"},  {21, "ядро"},  {22, "ядра"},   {25, "ядер"},
        {101, "ядро"}, {111, "ядер"}, {1002, "ядра"},
    };
    (void)state;
    assert_true(language_set("ru"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_non_null(strstr(
            translate_many("%d physical core", "%d physical cores", cases[i].n),
            cases[i].wanted));
    language_set("en");
}

static void refusals_are_translated(void **state)
{
    struct reason why = REASON_INIT;
    (void)state;
    language_set("ru");
    assert_int_equal(refuse(&why, EINVAL, "the key '%s' is given twice", "x"),
                     -EINVAL);
    assert_string_equal(why.sentence, "ключ «x» указан дважды");
    refuse_errno(&why, ENOENT, "cannot open '%s'", "y");
    assert_string_equal(
        why.sentence, "не удалось открыть «y»: Нет такого файла или каталога");
    reason_prefix(&why, "%s, line %d: ", "job", 3);
    assert_string_equal(why.sentence, "job, строка 3: не удалось открыть «y»: "
                                      "Нет такого файла или каталога");
    language_set("en");
}

/* No sentence of the tables stays English. `make po` collects all others. */
static void tables_are_translated(void **state)
{
    (void)state;
    language_set("ru");
    for (int i = 0; i < KEY_COUNT; i++)
        if (translate(params[i].meaning) == params[i].meaning)
            fail_msg("'%s' is not in the catalogue: N_()", params[i].meaning);
    for (int i = 0; i < TREE_ROWS; i++)
        if (tree_rows[i].help &&
            translate(tree_rows[i].help) == tree_rows[i].help)
            fail_msg("'%s' is not in the catalogue: N_()", tree_rows[i].help);
    for (int i = 0; i < STATUSES; i++)
        assert_string_not_equal(status_name((enum status)i),
                                status_label((enum status)i));
    language_set("en");
}

/* Comments of the example stay comments in every language. */
static void example_is_a_template(void **state)
{
    (void)state;
    for (const struct catalogue *c = catalogues; c->name; c++) {
        struct text example = TEXT_INIT;
        struct settings s;
        struct reason why = REASON_INIT;
        settings_init(&s);
        language_set(c->name);
        param_example(&example, SCOPE_TEMPLATE, param_template_head);
        if (settings_parse(&s, text_string(&example), example.size,
                           SCOPE_TEMPLATE, "template", &why))
            fail_msg("%s: line %d: %s", c->name, why.line, why.sentence);
        settings_release(&s);
        text_release(&example);
    }
    language_set("en");
}

/* The key `lang` of a job knows the same languages as the catalogues. */
static void parameter_has_all(void **state)
{
    (void)state;
    assert_int_equal(param_check(&params[KEY_LANG], "en", NULL), 0);
    for (const struct catalogue *c = catalogues; c->name; c++)
        assert_int_equal(param_check(&params[KEY_LANG], c->name, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_english_at_first),
        cmocka_unit_test(unknown_names_change_nothing),
        cmocka_unit_test(environment_chooses),
        cmocka_unit_test(parameter_has_all),
        cmocka_unit_test(numbers_take_their_form),
        cmocka_unit_test(refusals_are_translated),
        cmocka_unit_test(tables_are_translated),
        cmocka_unit_test(example_is_a_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

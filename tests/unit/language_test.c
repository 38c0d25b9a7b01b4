/* language.h: which language is spoken, and what of it is translated. */
#include "language.h"
#include "param.h"

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

/* Locales that are installed nowhere do as well as others. */
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

/* `lang` of a job has the same languages as the catalogues. */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

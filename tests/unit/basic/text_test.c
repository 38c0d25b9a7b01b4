/* text.h: growable strings, UTF-8, numbers that read the same everywhere. */
#include "core/basic/text.h"

#include "core/basic/reason.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_overwrites(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    assert_string_equal(text_string(&t), "");
    text_puts(&t, "abc");
    text_printf(&t, "%d", 42);
    assert_string_equal(text_string(&t), "abc42");
    text_write(&t, 1, "XY", 2);
    assert_string_equal(text_string(&t), "aXY42");
    text_write(&t, 7, "Z", 1); /* the gap is filled with 0 */
    assert_int_equal(t.size, 8);
    assert_memory_equal(t.data, "aXY42\0\0Z", 9);
    text_resize(&t, 2);
    assert_string_equal(text_string(&t), "aX");
    text_resize(&t, 4);
    assert_memory_equal(t.data, "aX\0\0", 5);
    struct text to = TEXT_INIT;
    text_puts(&to, "old");
    text_move(&to, &t);
    assert_int_equal(to.size, 4);
    assert_null(t.data);
    text_release(&to);
    for (int i = 0; i < 10000; i++)
        text_add(&t, "0123456789", 10);
    assert_int_equal(t.size, 100000);
    assert_memory_equal(t.data + 99990, "0123456789", 11);
    text_release(&t);
}

static void numbers_ignore_the_locale(void **state)
{
    (void)state;
    const char *comma = setlocale(LC_ALL, "de_DE.UTF-8");
    struct text t = TEXT_INIT;
    text_put_double(&t, 0.125, 6);
    text_puts(&t, " ");
    text_put_double(&t, 1e-7, 3);
    assert_string_equal(text_string(&t), "0.125 1e-07");
    double v;
    assert_true(parse_double("2.5", &v));
    assert_true(v == 2.5);
    assert_false(parse_double("2,5", &v));
    if (comma)
        setlocale(LC_ALL, "C");
    text_release(&t);
}

static void numbers_are_whole_strings(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " 1", "1 ", "1x", "0x10", "nan", "inf", "1e999", "--1", "1\n", "-"};
    double v = 7;
    long long n = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(parse_double(bad[i], &v));
        assert_false(parse_int(bad[i], &n));
    }
    assert_false(parse_int("1.5", &n));
    assert_false(parse_int("9223372036854775808", &n));
    assert_true(v == 7 && n == 7);
    assert_true(parse_int("-12", &n) && n == -12);
    assert_true(parse_double("-1.5e3", &v) && v == -1500);
}

static void times(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    text_put_time(&t, 951827696.789);
    text_puts(&t, " ");
    text_put_time(&t, 0.9996); /* rounds into the next second */
    text_puts(&t, " ");
    text_put_duration(&t, 100 * 3600 + 61.4);
    text_puts(&t, " ");
    text_put_duration(&t, -3);
    assert_string_equal(text_string(&t),
                        "2000-02-29T12:34:56.789Z 1970-01-01T00:00:01.000Z "
                        "100:01:01 00:00:00");
    text_release(&t);
}

static void escapes(void **state)
{
    (void)state;
    struct text t = TEXT_INIT;
    text_put_escaped(&t, "<a href=\"x\">&\x01\x1b Счёт\t</a>");
    assert_string_equal(text_string(&t),
                        "&lt;a href=&quot;x&quot;&gt;&amp; Счёт\t&lt;/a&gt;");
    text_release(&t);
}

/* From Markus Kuhn's UTF-8 decoder stress test. */
static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        unsigned code; /* 0 = not valid */
    } cases[] = {
        {"a", 'a'},
        {"\x7f", 0x7f},
        {"\xc2\x80", 0x80},
        {"\xdf\xbf", 0x7ff},
        {"\xe0\xa0\x80", 0x800},
        {"\xed\x9f\xbf", 0xd7ff},
        {"\xee\x80\x80", 0xe000},
        {"\xef\xbf\xbf", 0xffff},
        {"\xf0\x90\x80\x80", 0x10000},
        {"\xf4\x8f\xbf\xbf", 0x10ffff},
        {"\xf4\x90\x80\x80", 0}, /* beyond the last code point */
        {"\x80", 0},             /* a continuation byte alone */
        {"\xc0\xaf", 0},         /* overlong */
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0}, /* surrogate */
        {"\xed\xbf\xbf", 0},
        {"\xc3", 0}, /* cut off */
        {"\xe2\x82", 0},
        {"\xfe", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned code = 0;
        size_t n = strlen(cases[i].bytes);
        size_t length = utf8_decode(cases[i].bytes, n, &code);
        assert_int_equal(length, cases[i].code ? n : 0);
        assert_int_equal(code, cases[i].code);
        assert_int_equal(utf8_valid(cases[i].bytes, n), cases[i].code ? n : 0);
    }
    assert_int_equal(utf8_decode("", 0, NULL), 0);
    assert_int_equal(utf8_valid("ab\xff", 3), 2);
    assert_int_equal(utf8_count("Счёт", strlen("Счёт")), 4);
}

/* Text that others have chosen, as it is shown on a terminal. */
static void printable(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *line, *lines;
    } cases[] = {
        {"", "", ""},
        {"Счета-2026, 5 \u20ac", "Счета-2026, 5 \u20ac",
         "Счета-2026, 5 \u20ac"},
        {"a\x1b[31mb", "a?[31mb", "a?[31mb"},
        {"a\x1b]0;x\a", "a?]0;x?", "a?]0;x?"},
        {"a\tb\r\nc", "a b  c", "a b \nc"},
        {"a\x7f\x01", "a??", "a??"},
        {"a\xc2\x9b"
         "2Jb",
         "a?2Jb", "a?2Jb"}, /* C1: CSI */
        {"a\xc2\x85"
         "b",
         "a b", "a b"},                             /* C1: next line */
        {"b\u202egnp.exe", "bgnp.exe", "bgnp.exe"}, /* right to left */
        {"a\u2066b\u2069\u200b\ufeff", "ab", "ab"},
        {"a\u2028b\u2029c", "a b c", "a b c"},
        {"a\xff\xc3", "a??", "a??"},
        {"\xed\xa0\x80", "???", "???"}, /* a surrogate */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char copy[64];
        struct text t = TEXT_INIT;
        size_t n = strlen(cases[i].bytes);
        text_put_printable(&t, cases[i].bytes, n);
        assert_string_equal(text_string(&t), cases[i].line);
        text_puts(&t, "|");
        text_put_printable_lines(&t, cases[i].bytes, n);
        assert_string_equal(text_string(&t) + strlen(cases[i].line) + 1,
                            cases[i].lines);
        memcpy(copy, cases[i].bytes, n + 1);
        make_printable(copy);
        assert_string_equal(copy, cases[i].line);
        text_release(&t);
    }
    struct text nul = TEXT_INIT;
    text_put_printable(&nul, "a\0b", 3);
    assert_string_equal(text_string(&nul), "a?b");
    text_release(&nul);
}

static void sentences_are_printable(void **state)
{
    (void)state;
    struct reason why = REASON_INIT;
    refuse(&why, EINVAL, "not '%s'",
           "a\xc2\x9b"
           "2J\x1b\u202e\x7f");
    assert_string_equal(why.sentence, "not 'a?2J?"
                                      "?'");
    reason_prefix(&why, "%s: ", "b\n\u2028c");
    assert_string_equal(why.sentence, "b  c: not 'a?2J?"
                                      "?'");
}

static void nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"epochs", "batch_size",
                                        "learning_rate"};
    assert_string_equal(nearest_name("epoch", names, 3), "epochs");
    assert_string_equal(nearest_name("epcohs", names, 3), "epochs");
    assert_string_equal(nearest_name("batchsize", names, 3), "batch_size");
    assert_string_equal(nearest_name("lerning_rat", names, 3), "learning_rate");
    assert_string_equal(nearest_name("EPOCHS", names, 3), "epochs");
    assert_null(nearest_name("colour", names, 3));
    assert_null(nearest_name("", names, 3));
    char long_one[300];
    memset(long_one, 'e', sizeof long_one);
    long_one[299] = 0;
    assert_null(nearest_name(long_one, names, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_overwrites),
        cmocka_unit_test(numbers_ignore_the_locale),
        cmocka_unit_test(numbers_are_whole_strings),
        cmocka_unit_test(times),
        cmocka_unit_test(escapes),
        cmocka_unit_test(utf8),
        cmocka_unit_test(printable),
        cmocka_unit_test(sentences_are_printable),
        cmocka_unit_test(nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

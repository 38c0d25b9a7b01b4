/* What a worker says is not trusted: answer_parse() takes what is an answer,
 * and nothing that is not. told_line.h prints what it parses. */
#include "core/inbox/answer.h"
#include "core/report/told_line.h"
#include "core/settings/picture_mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void takes_an_answer(void **state)
{
    (void)state;
    struct answer a;
    assert_true(answer_parse(
        "request=300 revision=7 bytes=812 sha256=ab type=image/jpeg decode=1.5 "
        "model=model.12 network=2 later=x classes=3:0.75,0:0.25",
        &a));
    assert_int_equal(a.request, 300);
    assert_int_equal(a.revision, 7);
    assert_int_equal(a.bytes, 812);
    assert_string_equal(a.sha256, "ab");
    assert_string_equal(a.type, "image/jpeg");
    assert_string_equal(a.model, "model.12");
    assert_true(a.decode == 1.5 && a.network == 2);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.best[0].class, 3);
    assert_true(a.best[1].confidence == 0.25);
    assert_string_equal(a.code, "");
}

static void takes_pages(void **state)
{
    (void)state;
    struct text many = TEXT_INIT;
    struct answer a;
    assert_true(answer_parse("request=3 revision=1 page=4 pages=2:0.5,1:0.25 "
                             "classes=2:0.3",
                             &a));
    assert_int_equal(a.first_page, 4);
    assert_int_equal(a.pages, 2);
    assert_int_equal(a.page[1].class, 1);
    assert_true(a.page[0].confidence == 0.5 && a.best[0].confidence == 0.3);
    assert_true(answer_parse("request=3 revision=1 page=-4 classes=2:0.3", &a));
    assert_int_equal(a.first_page, 1);
    assert_int_equal(a.pages, 0);
    assert_false(answer_parse("request=3 revision=1 pages=x classes=1:1", &a));
    text_puts(&many, "request=5 revision=1 classes=0:1 pages=0:1");
    for (int i = 0; i < 2 * PAGES_MOST; i++)
        text_puts(&many, ",1:0");
    assert_true(answer_parse(text_string(&many), &a));
    assert_int_equal(a.pages, PAGES_MOST);
    text_release(&many);
}

/* It goes into a page as it is. */
static void takes_a_thumbnail(void **state)
{
    (void)state;
    static const char *const bad[] = {"\"><script>", "AA<AA", "AA\"AA",
                                      "\xC3\xA4"};
    struct text long_one = TEXT_INIT;
    struct answer a;
    assert_true(answer_parse(
        "request=3 revision=1 classes=2:0.3 thumbnail=/9j/4A+=", &a));
    assert_string_equal(a.thumbnail, "/9j/4A+=");
    assert_true(answer_parse("request=3 revision=1 classes=2:0.3", &a));
    assert_string_equal(a.thumbnail, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        text_clear(&long_one);
        text_printf(&long_one, "request=3 revision=1 classes=2:1 thumbnail=%s",
                    bad[i]);
        assert_true(answer_parse(text_string(&long_one), &a));
        assert_string_equal(a.thumbnail, "");
    }
    text_clear(&long_one);
    text_puts(&long_one, "request=3 revision=1 classes=2:1 thumbnail=");
    for (int i = 0; i < JOURNAL_THUMBNAIL_MAX; i++)
        text_puts(&long_one, "A");
    assert_true(answer_parse(text_string(&long_one), &a));
    assert_int_equal(strlen(a.thumbnail), JOURNAL_THUMBNAIL_MAX);
    text_puts(&long_one, "A");
    assert_true(answer_parse(text_string(&long_one), &a));
    assert_string_equal(a.thumbnail, "");
    text_release(&long_one);
}

static void takes_an_error(void **state)
{
    (void)state;
    struct answer a;
    assert_true(
        answer_parse("request=3 revision=1 bytes=0 sha256= code=damaged "
                     "error=is cut short: a = b\x1b[31m",
                     &a));
    assert_string_equal(a.code, "damaged");
    assert_string_equal(a.error, "is cut short: a = b?[31m");
    assert_int_equal(a.count, 0);
}

static void takes_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "request",
        "request=5",
        "revision=1 classes=1:1",
        "request=5 classes=",
        "request=5 classes=1",
        "request=5 classes=-1:0.5",
        "request=5 classes=1:nan",
        "request=5 classes=1:-0.5",
        "request=5 classes=1:7",
        "request=5 classes=99999999999999999999:0.5",
        "nonsense request=5 classes=1:1",
    };
    struct answer a;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (answer_parse(bad[i], &a))
            fail_msg("'%s' is taken", bad[i]);
}

static void bounds_what_it_takes(void **state)
{
    (void)state;
    struct text many = TEXT_INIT;
    struct answer a;
    text_puts(&many, "request=5 revision=1 model=");
    for (int i = 0; i < 500; i++)
        text_puts(&many, "m");
    text_puts(&many, " classes=0:1");
    for (int i = 0; i < 500; i++)
        text_puts(&many, ",1:0");
    assert_true(answer_parse(text_string(&many), &a));
    assert_int_equal(a.count, ANSWER_CLASSES);
    assert_int_equal(strlen(a.model), sizeof a.model - 1);
    text_release(&many);
}

static void prints_what_it_parses(void **state)
{
    (void)state;
    const struct told_line lines[] = {
        {.kind = TOLD_MODEL,
         .name = "model.9",
         .temperature = 1.25,
         .top = 3,
         .pages = {2, 5}},
        {.kind = TOLD_PICTURE, .name = "in.4.8", .request = 4, .revision = 8},
    };
    static const char *const bad[] = {"",
                                      "model a 1",
                                      "model a 0 3",
                                      "model a 1 0",
                                      "picture 1",
                                      "picture 1 2 a b",
                                      "picture x 2 a",
                                      "model a 1 3 4",
                                      "model a 1 3 0-4",
                                      "model a 1 3 4-2",
                                      "model a 1 3 1-2 3",
                                      "stop"};
    struct told_line back;
    for (size_t i = 0; i < 2; i++) {
        struct text t = TEXT_INIT;
        told_line_print(&t, &lines[i]);
        assert_int_equal(t.data[t.size - 1], '\n');
        t.data[t.size - 1] = 0;
        assert_true(told_line_parse(t.data, &back));
        assert_memory_equal(&back, &lines[i], sizeof back);
        text_release(&t);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (told_line_parse(bad[i], &back))
            fail_msg("'%s' is a line", bad[i]);
}

static void knows_pictures(void **state)
{
    (void)state;
    static const char dib[16] = {40, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 1, 0, 24};
    assert_string_equal(picture_mime("\xff\xd8\xff\xe0", 4), "image/jpeg");
    assert_string_equal(picture_mime("\x89PNG\r\n\x1a\n", 8), "image/png");
    assert_string_equal(picture_mime("II*\0", 4), "image/tiff");
    assert_string_equal(picture_mime("BM", 2), "image/bmp");
    assert_string_equal(picture_mime(dib, sizeof dib), "image/bmp");
    assert_string_equal(picture_mime(dib, 15), "");
    assert_string_equal(picture_mime("%PDF-1.7", 8), "application/pdf");
    assert_string_equal(picture_mime("", 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_an_answer),
        cmocka_unit_test(takes_pages),
        cmocka_unit_test(takes_a_thumbnail),
        cmocka_unit_test(takes_an_error),
        cmocka_unit_test(takes_nothing_else),
        cmocka_unit_test(bounds_what_it_takes),
        cmocka_unit_test(prints_what_it_parses),
        cmocka_unit_test(knows_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

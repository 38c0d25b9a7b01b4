/* An evaluation as text: what one program prints, another reads back; what a
 * run directory may hold in its place is refused. */
#include "core/evaluation/evaluation.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sample(struct evaluation *e)
{
    evaluation_init(e);
    e->temperature = 0.75;
    e->milliseconds = 12.5;
    e->complete = true;
    evaluation_add_class(e, "letters", 0.5);
    evaluation_add_class(e, "two words", NAN);
    evaluation_add(e, &(struct evaluated){0, 1, 0, 0.75, 0.25, "a/b c.jpg"});
    evaluation_add(e, &(struct evaluated){0, 0, 1, 1, 0, "a/line\nend.jpg"});
    evaluation_add_thumbnail(e, &(struct thumbnail){1, 3, 4, "QUJD"});
}

static void it_is_read_as_it_was_printed(void **state)
{
    struct evaluation e, back;
    struct text text = TEXT_INIT, again = TEXT_INIT;
    (void)state;
    sample(&e);
    evaluation_print(&text, &e);
    assert_int_equal(
        evaluation_parse(&back, text_string(&text), text.size, NULL), 0);
    assert_int_equal(back.class_count, 2);
    assert_int_equal(back.picture_count, 2);
    assert_int_equal(back.thumbnail_count, 1);
    assert_true(back.complete);
    assert_string_equal(back.classes[1].name, "two words");
    assert_true(isnan(back.classes[1].average_precision));
    assert_string_equal(back.pictures[0].path, "a/b c.jpg");
    assert_string_equal(back.pictures[1].path, "a/line end.jpg");
    evaluation_print(&again, &back);
    assert_string_equal(text_string(&again), text_string(&text));
    evaluation_release(&e);
    evaluation_release(&back);
    text_release(&text);
    text_release(&again);
}

#define BEGIN "evaluation 1\nclass 1 a\nclass - b\n"

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "evaluation 2\nclass 1 a\n",
        "evaluation 1\n",
        "evaluation 1\nclass 1 a\ntemperature nan\n",
        "evaluation 1\nclass 1 a\ntemperature 0\n",
        "evaluation 1\nclass 1.5 a\n",
        "evaluation 1\nclass 1\n",
        "evaluation 1\nclass 1 \n",
        BEGIN "picture 0 1 2 0.5 0.5 x\n",
        BEGIN "picture -1 1 0 0.5 0.5 x\n",
        BEGIN "picture 0 1 0 1.5 0.5 x\n",
        BEGIN "picture 0 1 0 inf 0.5 x\n",
        BEGIN "picture 0 1 0 0.5 0.5\n",
        BEGIN "picture 0 1 0 0.5 0.5 x\nclass 1 c\n",
        BEGIN "thumbnail 0 1 1 QUJD\n",
        BEGIN "picture 0 1 0 0.5 0.5 x\nthumbnail 0 1 1 \"><script>\n",
        BEGIN "picture 0 1 0 0.5 0.5 x\nthumbnail 0 99999 1 QUJD\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct evaluation e;
        struct reason why = REASON_INIT;
        if (evaluation_parse(&e, texts[i], strlen(texts[i]), &why) != -EINVAL)
            fail_msg("it took '%s'", texts[i]);
        assert_true(*why.sentence);
    }
}

static void lines_of_later_versions_are_ignored(void **state)
{
    static const char text[] = BEGIN "weather fine\npicture 0 1 0 0.5 0.5 x\n";
    struct evaluation e;
    (void)state;
    assert_int_equal(evaluation_parse(&e, text, strlen(text), NULL), 0);
    assert_int_equal(e.picture_count, 1);
    assert_false(e.complete);
    evaluation_release(&e);
}

static void more_thumbnails_than_are_shown_are_refused(void **state)
{
    struct text text = TEXT_INIT;
    struct evaluation e;
    (void)state;
    text_puts(&text, BEGIN "picture 0 1 0 0.5 0.5 x\n");
    for (int i = 0; i <= THUMBNAILS_MOST; i++)
        text_puts(&text, "thumbnail 0 1 1 QUJD\n");
    assert_int_equal(evaluation_parse(&e, text_string(&text), text.size, NULL),
                     -EINVAL);
    text_release(&text);
}

static void mistakes_come_by_confidence(void **state)
{
    struct evaluation e;
    int count;
    (void)state;
    evaluation_init(&e);
    evaluation_add_class(&e, "a", 1);
    evaluation_add_class(&e, "b", 1);
    static const double sure[] = {0.5, 0.9, 0.6, 0.9};
    for (int i = 0; i < 4; i++)
        evaluation_add(&e, &(struct evaluated){0, 1, 0, sure[i], 0, "x"});
    evaluation_add(&e, &(struct evaluated){1, 1, 0, 1, 0, "x"});
    int *list = evaluation_mistakes(&e, &count);
    assert_int_equal(count, 4);
    static const int wanted[] = {1, 3, 2, 0};
    assert_memory_equal(list, wanted, sizeof wanted);
    free(list);
    evaluation_release(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_read_as_it_was_printed),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(lines_of_later_versions_are_ignored),
        cmocka_unit_test(more_thumbnails_than_are_shown_are_refused),
        cmocka_unit_test(mistakes_come_by_confidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The reports on an evaluation: their figures, and that no name breaks out of
 * its place. With arguments, a program for tests/peers/reports.py and for
 * people: reports_test EVALUATION FOLDER makes the reports there. */
#include "core/evaluation/card.h"
#include "core/evaluation/csv.h"
#include "core/evaluation/matrix.h"
#include "core/evaluation/reports.h"

#include "core/system/file.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Three classes, the last one without pictures: 2 of 4 are right. */
static void sample(struct evaluation *e)
{
    evaluation_init(e);
    evaluation_add_class(e, "a", 0.75);
    evaluation_add_class(e, "b", 0.5);
    evaluation_add_class(e, "c", NAN);
    evaluation_add(e, &(struct evaluated){0, 0, 1, 0.9, 0.1, "a/1"});
    evaluation_add(e, &(struct evaluated){0, 1, 0, 0.6, 0.3, "a/2"});
    evaluation_add(e, &(struct evaluated){1, 1, 2, 0.5, 0.2, "b/1"});
    evaluation_add(e, &(struct evaluated){1, 2, 1, 0.8, 0.1, "b/2"});
}

static void report_is(enum report_no no, const struct evaluation *e,
                      const char *wanted)
{
    struct text out = TEXT_INIT;
    struct figures f;
    figures_make(&f, e);
    reports[no].put(&out, e, &f);
    assert_string_equal(text_string(&out), wanted);
    figures_release(&f);
    text_release(&out);
}

static void the_figures_are_right(void **state)
{
    struct evaluation e;
    struct figures f;
    (void)state;
    sample(&e);
    figures_make(&f, &e);
    assert_float_equal(f.accuracy, 0.5, 1e-12);
    assert_float_equal(f.average_precision, 0.625, 1e-12);
    assert_float_equal(f.macro_f1, (2.0 / 3 + 0.5 + 0) / 3, 1e-12);
    /* one picture in each of four bins */
    assert_float_equal(f.calibration_error, (0.1 + 0.6 + 0.5 + 0.8) / 4, 1e-12);
    figures_release(&f);
    evaluation_release(&e);
}

static void the_tables_are_right(void **state)
{
    struct evaluation e;
    (void)state;
    sample(&e);
    report_is(REPORT_PREDICTIONS, &e,
              "path,truth,predicted,confidence,second,second_confidence\n"
              "a/1,a,a,0.9,b,0.1\na/2,a,b,0.6,a,0.3\n"
              "b/1,b,b,0.5,c,0.2\nb/2,b,c,0.8,b,0.1\n");
    report_is(REPORT_MISTAKES, &e,
              "path,truth,predicted,confidence,second,second_confidence\n"
              "b/2,b,c,0.8,b,0.1\na/2,a,b,0.6,a,0.3\n");
    report_is(REPORT_CLASSES, &e,
              "class,precision,recall,f1,average_precision,pictures\n"
              "a,1,0.5,0.6666667,0.75,2\nb,0.5,0.5,0.5,0.5,2\nc,0,0,0,,0\n");
    report_is(REPORT_CONFUSION, &e,
              "truth (rows) / predicted (columns),a,b,c\n"
              "a,1,1,0\nb,0,1,1\nc,0,0,0\n");
    evaluation_release(&e);
}

static void thresholds_count_what_is_answered(void **state)
{
    struct evaluation e;
    struct threshold list[THRESHOLDS];
    (void)state;
    sample(&e);
    thresholds_make(list, &e);
    assert_float_equal(list[0].threshold, 0, 0);
    assert_float_equal(list[0].answered, 1, 1e-12);
    assert_float_equal(list[0].right, 0.5, 1e-12);
    assert_float_equal(list[16].threshold, 0.8, 1e-12);
    assert_float_equal(list[16].answered, 0.5, 1e-12);
    assert_float_equal(list[16].right, 0.5, 1e-12);
    assert_true(isnan(list[THRESHOLDS - 1].right));
    for (int i = 1; i < THRESHOLDS; i++)
        assert_true(list[i].threshold > list[i - 1].threshold);
    evaluation_release(&e);
}

/* Wilson (1927), as in Newcombe (1998), table I. */
static void intervals_are_wilsons(void **state)
{
    (void)state;
    struct interval i = interval_of(81.0 / 263, 263);
    assert_float_equal(i.low, 0.2553, 5e-5);
    assert_float_equal(i.high, 0.3662, 5e-5);
    i = interval_of(0, 20);
    assert_float_equal(i.low, 0, 1e-12);
    assert_float_equal(i.high, 0.1611, 5e-5);
    assert_float_equal(interval_of(1, 29).high, 1, 1e-12);
    assert_true(isnan(interval_of(1, 0).low));
}

/* Names */

static void hostile(struct evaluation *e)
{
    evaluation_init(e);
    evaluation_add_class(e, "=1+1", 1);
    evaluation_add_class(e, "<script>alert('x')</script>|`*", 1);
    evaluation_add(
        e, &(struct evaluated){0, 1, 0, 0.9, 0.1, "@a/\"q\",\033[2J.jpg"});
    evaluation_add_thumbnail(e, &(struct thumbnail){0, 3, 4, "QUJD"});
}

static void names_stay_in_their_cells(void **state)
{
    struct evaluation e;
    (void)state;
    hostile(&e);
    report_is(REPORT_CONFUSION, &e,
              "truth (rows) / predicted (columns),'=1+1,"
              "<script>alert('x')</script>|`*\n"
              "'=1+1,0,1\n<script>alert('x')</script>|`*,0,0\n");
    e.pictures[0].path = "-a, \"b\"";
    e.pictures[0].predicted = e.pictures[0].second = 0;
    report_is(REPORT_PREDICTIONS, &e,
              "path,truth,predicted,confidence,second,second_confidence\n"
              "\"'-a, \"\"b\"\"\",'=1+1,'=1+1,0.9,'=1+1,0.1\n");
    evaluation_release(&e);
}

static void cells_are_printable(void **state)
{
    (void)state;
    static const struct {
        const char *said, *cell;
    } cases[] = {
        {"a\033[31m\u202e, b\u200b\x7f", "\"a?[31m, b?\"|"},
        {"two\nlines", "two lines|"},
        {"\u200b=1+1", "'=1+1|"},
        {"latin \xff", "latin ?|"},
        {"", "|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text out = TEXT_INIT;
        csv_text(&out, cases[i].said, '|');
        assert_string_equal(text_string(&out), cases[i].cell);
        text_release(&out);
    }
}

static void names_are_no_markup(void **state)
{
    static const enum report_no drawn[] = {REPORT_CONFUSION_SVG,
                                           REPORT_MISTAKES_HTML, REPORT_CARD};
    struct evaluation e;
    struct figures f;
    (void)state;
    hostile(&e);
    figures_make(&f, &e);
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        struct text out = TEXT_INIT;
        reports[drawn[i]].put(&out, &e, &f);
        assert_null(strstr(text_string(&out), "<script"));
        assert_null(strchr(text_string(&out), 033));
        text_release(&out);
    }
    struct text out = TEXT_INIT;
    markdown_text(&out, "a|b*c_<d>\n`e`[f]");
    assert_string_equal(text_string(&out),
                        "a\\|b\\*c\\_&lt;d\\> \\`e\\`\\[f\\]");
    text_release(&out);
    figures_release(&f);
    evaluation_release(&e);
}

static void a_thumbnail_stands_at_its_picture(void **state)
{
    struct evaluation e;
    struct figures f;
    struct text out = TEXT_INIT;
    (void)state;
    sample(&e);
    evaluation_add_thumbnail(&e, &(struct thumbnail){1, 3, 4, "QUJD"});
    figures_make(&f, &e);
    reports[REPORT_MISTAKES_HTML].put(&out, &e, &f);
    const char *first = strstr(text_string(&out), "b/2");
    const char *image =
        strstr(text_string(&out), "data:image/jpeg;base64,QUJD");
    const char *second = strstr(text_string(&out), "a/2");
    assert_true(first && image && second && first < image && image < second);
    assert_non_null(strstr(text_string(&out), "2 of 4 test pictures"));
    text_release(&out);
    figures_release(&f);
    evaluation_release(&e);
}

/* Sizes */

static void crowd(struct evaluation *e, int classes, int pictures)
{
    evaluation_init(e);
    for (int i = 0; i < classes; i++)
        evaluation_add_class(e, "a class of some name", 0.5);
    for (int i = 0; i < pictures; i++)
        evaluation_add(e, &(struct evaluated){i % classes,
                                              (i + i % 3 / 2) % classes, 0, 0.5,
                                              0.1, "a folder/a file.jpg"});
}

static size_t lines_of(const struct text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->size; i++)
        n += t->data[i] == '\n';
    return n;
}

static void a_thousand_classes_have_their_rows(void **state)
{
    struct evaluation e;
    struct figures f;
    struct text out = TEXT_INIT;
    (void)state;
    crowd(&e, 1000, 3000);
    figures_make(&f, &e);
    reports[REPORT_CONFUSION].put(&out, &e, &f);
    assert_int_equal(lines_of(&out), 1001);
    assert_true(out.size < 4 << 20);
    text_release(&out);
    figures_release(&f);
    evaluation_release(&e);
}

static void no_number_of_classes_makes_a_report_large(void **state)
{
    struct evaluation e;
    struct figures f;
    (void)state;
    crowd(&e, 10000, 100000);
    figures_make(&f, &e);
    for (int i = 0; i < REPORTS; i++) {
        struct text out = TEXT_INIT;
        reports[i].put(&out, &e, &f);
        assert_true(out.size < 16 << 20);
        if (i == REPORT_CONFUSION)
            assert_int_equal(lines_of(&out), MATRIX_MOST + 2);
        if (i == REPORT_CONFUSION_SVG)
            assert_true(out.size < 1 << 20);
        text_release(&out);
    }
    struct matrix m;
    matrix_make(&m, &e, &f, 30);
    assert_int_equal(m.side, 31);
    assert_int_equal(m.classes[30], -1);
    long sum = 0;
    for (int i = 0; i < m.side; i++)
        for (int k = 0; k < m.side; k++)
            sum += matrix_count(&m, i, k);
    assert_int_equal(sum, 100000);
    matrix_release(&m);
    figures_release(&f);
    evaluation_release(&e);
}

static void an_evaluation_without_pictures_has_reports(void **state)
{
    struct evaluation e;
    struct figures f;
    (void)state;
    crowd(&e, 2, 0);
    figures_make(&f, &e);
    for (int i = 0; i < REPORTS; i++) {
        struct text out = TEXT_INIT;
        reports[i].put(&out, &e, &f);
        assert_null(strstr(text_string(&out), "nan"));
        text_release(&out);
    }
    figures_release(&f);
    evaluation_release(&e);
}

/* The program */

static int reports_make(const char *path, const char *folder)
{
    struct text text = TEXT_INIT;
    struct evaluation e;
    struct figures f;
    struct reason why = REASON_INIT;
    int dir = open(folder, O_PATH | O_DIRECTORY), fd = open(path, O_RDONLY);
    int err = descriptor_read(fd, EVALUATION_BYTES, &text);
    if (err == 0)
        err = evaluation_parse(&e, text_string(&text), text.size, &why);
    if (err)
        return fprintf(stderr, "%s\n", why.sentence), 1;
    figures_make(&f, &e);
    for (int i = 0; i < REPORTS && err == 0; i++) {
        struct text out = TEXT_INIT;
        reports[i].put(&out, &e, &f);
        err =
            file_save(dir, reports[i].name, text_string(&out), out.size, &why);
        text_release(&out);
    }
    printf("%.9g %.9g\n", f.macro_f1, f.calibration_error);
    figures_release(&f);
    evaluation_release(&e);
    text_release(&text);
    close(fd);
    close(dir);
    return err != 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures_are_right),
        cmocka_unit_test(the_tables_are_right),
        cmocka_unit_test(thresholds_count_what_is_answered),
        cmocka_unit_test(intervals_are_wilsons),
        cmocka_unit_test(names_stay_in_their_cells),
        cmocka_unit_test(cells_are_printable),
        cmocka_unit_test(names_are_no_markup),
        cmocka_unit_test(a_thumbnail_stands_at_its_picture),
        cmocka_unit_test(a_thousand_classes_have_their_rows),
        cmocka_unit_test(no_number_of_classes_makes_a_report_large),
        cmocka_unit_test(an_evaluation_without_pictures_has_reports),
    };
    if (argc == 3)
        return reports_make(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

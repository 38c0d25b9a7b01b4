/* chart.h: charts of any number of rows, of odd values and odd names.
 *
 * With a folder as argument it leaves samples there, for
 * tests/trainer/chart.sh. */
#include "core/report/chart.h"
#include "core/report/chart_plot.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rows of a usual training. */
static struct metrics_row *training(size_t count, size_t planned)
{
    struct metrics_row *rows = calloc(count + 1, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        double t = (double)(i + 1) / (double)planned;
        rows[i] = (struct metrics_row){
            .time = 1e9 + (double)i,
            .epoch = (double)(i + 1),
            .iteration = 100 * (i + 1),
            .learning_rate = 0.05 * (0.5 + 0.5 * cos(3.14159265 * t)),
            .train_loss = 0.55 + 1.8 * exp(-6 * t),
            .average_precision = 0.95 - 0.5 * exp(-7 * t),
            .accuracy = 0.9 - 0.4 * exp(-7 * t),
            .images_per_second = 412,
        };
    }
    return rows;
}

static struct chart sample(struct metrics_row *rows, size_t count,
                           size_t planned)
{
    struct chart c = {.title = "invoices on local",
                      .status = "running",
                      .status_color = "#1d4ed8",
                      .rows = rows,
                      .count = count,
                      .live = true};
    const struct metrics_row *last = count ? &rows[count - 1] : NULL;
    c.now = (struct progress){.epoch = count,
                              .epochs = planned,
                              .iteration = 100 * count,
                              .iterations = 100 * planned,
                              .learning_rate = last ? last->learning_rate : NAN,
                              .train_loss = last ? last->train_loss : NAN,
                              .images_per_second = last ? 412 : NAN,
                              .eta = last ? 754 : NAN,
                              .average_precision =
                                  last ? last->average_precision : NAN,
                              .accuracy = last ? last->accuracy : NAN,
                              .best_average_precision = last ? 0.9434 : NAN};
    return c;
}

static char *svg(const struct chart *c)
{
    struct text out = TEXT_INIT;
    chart_svg(&out, c);
    return out.data;
}

static char *html(const struct chart *c)
{
    struct text out = TEXT_INIT;
    chart_html(&out, c);
    return out.data;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

/* Counts the points of the line of this class. */
static int points(const char *text, const char *class)
{
    char start[64];
    snprintf(start, sizeof start, "<path class=\"line %s\"", class);
    const char *at = text;
    int most = 0;
    while ((at = strstr(at, start))) {
        int n = 1;
        for (at = strstr(at, " d=\""); *at != '>'; at++)
            n += *at == 'L';
        most = n > most ? n : most; /* the one in the legend is short */
    }
    return most;
}

static void figures_are_in_the_heading(void **state)
{
    (void)state;
    struct metrics_row *rows = training(12, 30);
    struct chart c = sample(rows, 12, 30);
    char *s = svg(&c);
    has(s, "invoices on local");
    has(s, ">running<");
    has(s, ">12 / 30<");
    has(s, ">0.0327<");      /* learning rate */
    has(s, ">0.7133<");      /* train loss */
    has(s, ">0.9196<tspan"); /* average precision */
    has(s, " best 0.9434<");
    has(s, ">87.6<tspan");
    has(s, ">412<tspan");
    has(s, ">00:12:34<");
    has(s, ">Learning rate</text>");
    has(s, ">Train loss</text>");
    has(s, ">Average precision (test)</text>");
    has(s, ">Epoch</text>");
    assert_int_equal(points(s, "rate"), 12);
    assert_int_equal(points(s, "loss"), 12);
    assert_int_equal(points(s, "precision"), 12);
    free(s);
    free(rows);
}

/* A rate that falls to nothing does not make the axis one of small rates. */
static void the_end_of_the_schedule_does_not_fill_the_plot(void **state)
{
    (void)state;
    struct metrics_row *rows = training(12, 12);
    rows[11].learning_rate = 1e-7;
    struct chart c = sample(rows, 12, 12);
    struct chart_plot p = chart_plot_make(&c, &chart_wide);
    assert_true(p.axis[RATE].high / p.axis[RATE].low < 1001);
    free(rows);
}

static void an_empty_chart_has_whole_epochs(void **state)
{
    (void)state;
    struct chart c = sample(NULL, 0, 0);
    char *s = svg(&c);
    int labels = 0;
    for (const char *at = s; (at = strstr(at, "<text class=\"axis\"")); at++)
        labels++;
    assert_int_equal(labels, 2); /* 0 and 1 */
    free(s);
}

static void rows_say_their_values(void **state)
{
    (void)state;
    struct metrics_row *rows = training(12, 30);
    struct chart c = sample(rows, 12, 30);
    char *s = svg(&c);
    has(s, "<title>Epoch 12\nLearning rate: 0.03273\nTrain loss: 0.7133\n"
           "Average precision (test): 0.9196</title>");
    free(s);
    free(rows);
}

/* Without current figures the heading shows the last row and the last
 * evaluation. */
static void rows_alone_are_enough(void **state)
{
    (void)state;
    struct metrics_row *rows = training(12, 12);
    struct chart c = sample(rows, 12, 12);
    memset(&c.now, 0, sizeof c.now);
    c.live = false;
    rows[11].average_precision = rows[11].accuracy = NAN;
    rows[5].average_precision = 0.9912;
    char *s = svg(&c);
    has(s, ">12<");
    has(s, ">0.9492<tspan"); /* from row 11 */
    has(s, " best 0.9912<");
    assert_int_equal(points(s, "precision"), 11);
    free(s);
    free(rows);
}

static void nothing_yet(void **state)
{
    (void)state;
    struct chart c = {
        .title = "", .status = "created", .status_color = "#1d4ed8"};
    char *s = svg(&c);
    has(s, "No epoch is complete yet");
    assert_int_equal(points(s, "loss"), 1); /* the one in the legend */
    free(s);
}

static void one_row_is_a_dot(void **state)
{
    (void)state;
    struct metrics_row *rows = training(1, 30);
    struct chart c = sample(rows, 1, 30);
    char *s = svg(&c);
    has(s, "h0\"/>");
    lacks(s, "nan");
    free(s);
    free(rows);
}

static void many_rows_are_thinned(void **state)
{
    (void)state;
    enum { ROWS = 100000 };
    struct metrics_row *rows = training(ROWS, ROWS);
    struct chart c = sample(rows, ROWS, ROWS);
    rows[70001].train_loss = 2.5; /* a spike that has to stay */
    char *s = svg(&c);
    assert_int_equal(points(s, "loss"), CHART_POINTS);
    assert_true(strlen(s) < 80000);
    has(s, " 122L"); /* the top of the plot, where 2.5 is */
    free(s);
    free(rows);
}

static void odd_values_are_left_out(void **state)
{
    (void)state;
    static const double odd[] = {NAN,    INFINITY, -INFINITY, -1,  0,
                                 1e-320, 1e308,    -1e308,    1e-9};
    enum { ODD = sizeof odd / sizeof *odd };
    for (int i = 0; i < ODD * ODD; i++) {
        struct metrics_row rows[3];
        for (int k = 0; k < 3; k++) {
            double v = odd[k == 1 ? i % ODD : i / ODD];
            rows[k] = (struct metrics_row){v, v, 1, v, v, v, v, v};
        }
        struct chart c = {.title = "t",
                          .status = "failed",
                          .status_color = "#1d4ed8",
                          .rows = rows,
                          .count = 3};
        c.live = i % 2;
        c.now = (struct progress){UINT64_MAX,
                                  UINT64_MAX,
                                  1,
                                  0,
                                  rows[1].epoch,
                                  rows[1].epoch,
                                  rows[1].epoch,
                                  rows[1].epoch,
                                  rows[1].epoch,
                                  rows[1].epoch,
                                  NAN,
                                  NAN,
                                  0};
        char *s = svg(&c);
        char *plot = strstr(s, "<rect class=\"paper\"");
        lacks(plot, "nan");
        lacks(plot, "inf");
        assert_true(strlen(s) < 12000);
        free(s);
    }
}

static void odd_names_are_cleaned(void **state)
{
    (void)state;
    static const char title[] = "<b>&\"\x01\xFF\xED\xA0\x80 \xEF\xBF\xBF Счета";
    struct chart c = {
        .title = title, .status = "<ok>", .status_color = "#1d4ed8"};
    char *s = svg(&c);
    has(s, "&lt;b&gt;&amp;&quot;\uFFFD");
    has(s, "Счета");
    has(s, ">&lt;ok&gt;<");
    lacks(s, "<b>");
    lacks(s, "\x01");
    lacks(s, "\xFF");
    lacks(s, "\xEF\xBF\xBF");
    free(s);
}

static void long_names_are_cut(void **state)
{
    (void)state;
    char title[3000] = "";
    for (int i = 0; i < 700; i++)
        strcat(title, "Щ&"); /* three bytes, six when escaped */
    struct chart c = {
        .title = title, .status = "stopped", .status_color = "#1d4ed8"};
    char *s = svg(&c);
    has(s, "Щ&amp;\u2026</text>");
    has(s, "Щ&amp;\u2026: stopped</title>");
    assert_true(strlen(s) < 14000);
    free(s);
}

static void the_epoch_of_the_model_is_marked(void **state)
{
    (void)state;
    struct metrics_row *rows = training(12, 30);
    struct chart c = sample(rows, 12, 30);
    c.now.best_epoch = 0;
    char *none = svg(&c);
    lacks(none, "<circle");
    c.now.best_epoch = 9;
    char *marked = svg(&c);
    has(marked, "<circle class=\"best precision\"");
    has(marked, ">model: epoch 9<");
    free(none);
    free(marked);
    free(rows);
}

static void page_renews_itself_and_says_why(void **state)
{
    (void)state;
    struct metrics_row *rows = training(2, 30);
    struct chart c = sample(rows, 2, 30);
    char *live = html(&c);
    has(live, "http-equiv=\"refresh\" content=\"2\"");
    has(live, "<svg ");
    has(live, "class=\"narrow\" width=\"390\"");
    lacks(live, "<?xml");
    c.live = false;
    c.note = "cannot read <the> dataset";
    char *ended = html(&c);
    has(ended, "http-equiv=\"refresh\" content=\"10\"");
    has(ended, "cannot read &lt;the&gt; dataset");
    free(live);
    free(ended);
    free(rows);
}

/* A locale with a decimal comma changes nothing. */
static void locales_do_not_count(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "ru_RU.UTF-8"))
        skip(); /* this machine has no such locale */
    struct metrics_row *rows = training(12, 30);
    struct chart c = sample(rows, 12, 30);
    char *comma = svg(&c);
    setlocale(LC_ALL, "C");
    char *point = svg(&c);
    assert_string_equal(comma, point);
    free(comma);
    free(point);
    free(rows);
}

static void leave(const char *folder, const char *name, const struct chart *c)
{
    static void (*const print[])(struct text *, const struct chart *) = {
        chart_svg, chart_html};
    for (int i = 0; i < 2; i++) {
        struct text out = TEXT_INIT;
        char path[4096];
        print[i](&out, c);
        snprintf(path, sizeof path, "%s/%s.%s", folder, name,
                 i ? "html" : "svg");
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(out.data, 1, out.size, f) != out.size || fclose(f))
            exit(1);
        text_release(&out);
    }
}

static int leave_samples(const char *folder)
{
    static const size_t counts[] = {0, 1, 2, 12, 300, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t n = counts[i], planned = n < 15 ? 30 : n;
        struct metrics_row *rows = training(n, planned);
        struct chart c = sample(rows, n, planned);
        char name[32];
        snprintf(name, sizeof name, "rows-%zu", n);
        if (n >= 300) {
            c.live = false;
            c.status = "succeeded";
        }
        leave(folder, name, &c);
        free(rows);
    }
    struct metrics_row odd = {0, NAN, 0, INFINITY, -1, 7, NAN, NAN};
    leave(folder, "odd",
          &(struct chart){.title = "<Счета> & \"\x01\xFF\xEF\xBF\xBE\x7F ]]>",
                          .status = "a<b",
                          .status_color = "#1d4ed8",
                          .rows = &odd,
                          .count = 1});
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_in_the_heading),
        cmocka_unit_test(the_end_of_the_schedule_does_not_fill_the_plot),
        cmocka_unit_test(an_empty_chart_has_whole_epochs),
        cmocka_unit_test(rows_say_their_values),
        cmocka_unit_test(rows_alone_are_enough),
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(one_row_is_a_dot),
        cmocka_unit_test(many_rows_are_thinned),
        cmocka_unit_test(odd_values_are_left_out),
        cmocka_unit_test(odd_names_are_cleaned),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(the_epoch_of_the_model_is_marked),
        cmocka_unit_test(page_renews_itself_and_says_why),
        cmocka_unit_test(locales_do_not_count),
    };
    if (argc > 1)
        return leave_samples(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a daemon and a far host say to each other: lines that are read as they
 * were written, and whatever else a hostile side may say. */
#include "core/far/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_round(void **state)
{
    struct far_line line = {.verb = FAR_read,
                            .run = UINT64_MAX,
                            .a = 1,
                            .b = 2,
                            .size = FAR_BYTES,
                            .name = "model.onnx"};
    struct far_line out;
    struct text text = TEXT_INIT;
    (void)state;
    far_request_print(&text, &line);
    assert_true(text.size < FAR_LINE);
    text_resize(&text, text.size - 1);
    assert_true(far_request_parse(text_string(&text), &out));
    assert_int_equal(out.verb, FAR_read);
    assert_true(out.run == UINT64_MAX && out.a == 1 && out.b == 2);
    assert_string_equal(out.name, "model.onnx");
    text_clear(&text);
    far_answer_print(&text, &line);
    text_resize(&text, text.size - 1);
    assert_true(far_answer_parse(text_string(&text), &out));
    assert_true(out.code == 0 && out.a == 1 && out.size == FAR_BYTES);
    text_release(&text);
}

static void test_hostile(void **state)
{
    static const char *const requests[] = {
        "",
        "read",
        "read 1 2 3 4",
        "read 1 2 3 4 ../journal",
        "read 1 2 3 4 .hidden",
        "read 1 2 3 4 a b",
        "read 1 2 3 999999999 a",
        "nothing 1 2 3 4 -",
        "read x 2 3 4 -",
        "read 1 2 3 4 a/b",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1 2 3 4 -",
    };
    static const char *const answers[] = {
        "",         "0",           "0 0 0",          "0 0 0 9999999",
        "-1 0 0 0", "99999 0 0 0", "0 0 0 0 behind", "x 0 0 0",
    };
    struct far_line out;
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_false(far_request_parse(requests[i], &out));
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_false(far_answer_parse(answers[i], &out));
    assert_true(far_request_parse("list 0 0 0 0 -", &out));
    assert_string_equal(out.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

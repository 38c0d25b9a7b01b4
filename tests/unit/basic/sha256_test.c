/* sha256.h: the sums of the standard's examples, in pieces of any size. */
#include "core/basic/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void sum(const char *data, size_t size, size_t piece,
                char hex[SHA256_HEX])
{
    struct sha256 s;
    sha256_init(&s);
    for (size_t at = 0; at < size; at += piece)
        sha256_add(&s, data + at, size - at < piece ? size - at : piece);
    sha256_end(&s, hex);
}

static void knows_the_examples(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8"
             "55"},
        {"abc",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[SHA256_HEX];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t piece = 1; piece < 70; piece += 17) {
            sum(rows[i].text, strlen(rows[i].text), piece, hex);
            assert_string_equal(hex, rows[i].hex);
        }
}

static void takes_much(void **state)
{
    (void)state;
    static char million[1000000];
    char hex[SHA256_HEX];
    memset(million, 'a', sizeof million);
    for (size_t piece = 63; piece < 5000; piece *= 3) {
        sum(million, sizeof million, piece, hex);
        assert_string_equal(
            hex,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_examples),
        cmocka_unit_test(takes_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

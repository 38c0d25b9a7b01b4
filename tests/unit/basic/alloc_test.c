/* alloc.h: memory that is always there, arrays that grow. */
#include "core/basic/alloc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void gives_something_for_nothing(void **state)
{
    (void)state;
    void *some[] = {xmalloc(0), xcalloc(0, 8), xcalloc(8, 0), xrealloc(NULL, 0),
                    xreallocarray(NULL, 0, 8)};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        assert_non_null(some[i]);
        free(some[i]);
    }
    char *emptied = xreallocarray(xstrdup("text"), 4, 0);
    assert_non_null(emptied);
    free(emptied);
}

static void copies_and_prints(void **state)
{
    (void)state;
    char *whole = xstrdup("whole"), *part = xstrndup("part of it", 4);
    char *made = xstrfmt("%s/%d", whole, 7);
    assert_string_equal(part, "part");
    assert_string_equal(made, "whole/7");
    free(whole);
    free(part);
    free(made);
}

static void grows_seldom(void **state)
{
    (void)state;
    int *list = NULL;
    size_t room = 0, grown = 0;
    for (size_t n = 0; n < 10000; n++) {
        size_t before = room;
        ALLOC_GROW(list, n + 1, room);
        assert_true(room > n);
        grown += room != before;
        list[n] = (int)n;
    }
    for (int n = 0; n < 10000; n++)
        assert_int_equal(list[n], n);
    assert_true(grown < 20);
    ALLOC_GROW(list, (size_t)1000000, room); /* far more than half */
    assert_int_equal(room, 1000000);
    free(list);
}

/* In a child, without a core file: the signal that it died of. */
static int death_of(void (*ask)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        ask();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void ask_too_much(void)
{
    free(xreallocarray(NULL, SIZE_MAX / 2, 4)); /* the product overflows */
}

static void ask_little(void)
{
    free(xcalloc(8, 8));
}

/* The sanitizers' own allocators report such a request, and end the program
 * before xreallocarray() could. */
static void aborts_without_memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    assert_int_equal(death_of(ask_too_much), SIGABRT);
    assert_int_equal(death_of(ask_little), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_something_for_nothing),
        cmocka_unit_test(copies_and_prints),
        cmocka_unit_test(grows_seldom),
        cmocka_unit_test(aborts_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

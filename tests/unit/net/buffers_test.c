/* buffers.h: what is taken never overlaps, and what is given back is used
 * again, whatever its size was. */
#include "trainer/net/buffers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { KIB = 1 << 10, MIB = 1 << 20, TENSORS = 40, ROUNDS = 3000 };

static struct buffers buffers; /* too large for a stack */

static int release(void **state)
{
    (void)state;
    buffers_release(&buffers);
    return 0;
}

static void one_user_after_the_other(void **state)
{
    (void)state;
    void *a = buffers_take(&buffers, 5 * KIB);
    buffers_share(&buffers, a);
    assert_int_equal(buffers_users(&buffers, a), 2);
    buffers_give(&buffers, a);
    assert_ptr_not_equal(buffers_take(&buffers, 5 * KIB), a);
    buffers_give(&buffers, a);
    assert_int_equal(buffers_users(&buffers, a), 0);
    assert_ptr_equal(buffers_take(&buffers, 5 * KIB), a);
}

static void is_aligned_and_zeroed(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40 * MIB; size = size * 3 + 1) {
        const char *p = buffers_take(&buffers, size);
        assert_int_equal((uintptr_t)p % 64, 0);
        assert_int_equal(p[0], 0);
        assert_memory_equal(p, p + 1, size - 1);
    }
}

static void neighbours_become_one(void **state)
{
    (void)state;
    char *part[8];
    for (int i = 0; i < 8; i++)
        part[i] = buffers_take(&buffers, MIB);
    for (int i = 0; i < 8; i++)
        buffers_give(&buffers, part[i * 3 % 8]);
    assert_ptr_equal(buffers_take(&buffers, 8 * MIB), part[0]);
    buffers_give_all(&buffers);
    assert_ptr_equal(buffers_take(&buffers, 4 * MIB), part[0]);
}

static void the_smallest_that_fits_is_taken(void **state)
{
    (void)state;
    char *large = buffers_take(&buffers, 3 * MIB);
    buffers_take(&buffers, KIB);
    char *small = buffers_take(&buffers, MIB);
    buffers_take(&buffers, KIB);
    buffers_give(&buffers, large);
    buffers_give(&buffers, small);
    assert_ptr_equal(buffers_take(&buffers, MIB), small);
    assert_ptr_equal(buffers_take(&buffers, MIB), large);
    assert_ptr_equal(buffers_take(&buffers, 2 * MIB), large + MIB);
}

static void what_is_larger_than_a_chunk_has_its_own(void **state)
{
    (void)state;
    size_t size = (size_t)200 * MIB;
    char *large = buffers_take(&buffers, size);
    assert_non_null(large);
    large[size - 1] = 1;
    buffers_give(&buffers, large);
    assert_ptr_equal(buffers_take(&buffers, size), large);
}

/* The sanitizers' own allocators end a program that asks for so much. */
static void what_cannot_be_had_is_refused(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    assert_null(buffers_take(&buffers, SIZE_MAX / 4));
}

static uint32_t next(uint32_t *random)
{
    return *random = *random * 1664525u + 1013904223u;
}

static void nothing_overlaps(void **state)
{
    (void)state;
    unsigned char *taken[TENSORS] = {NULL};
    size_t size[TENSORS];
    uint32_t random = 1;
    for (int round = 0; round < ROUNDS; round++) {
        int i = (int)(next(&random) >> 8) % TENSORS;
        if (taken[i]) { /* nobody else has written there */
            assert_int_equal(taken[i][0], i);
            assert_memory_equal(taken[i], taken[i] + 1, size[i] - 1);
            buffers_give(&buffers, taken[i]);
            taken[i] = NULL;
            continue;
        }
        size[i] = (next(&random) >> 8) % (200 * KIB) + 1;
        taken[i] = buffers_take(&buffers, size[i]);
        assert_non_null(taken[i]);
        memset(taken[i], i, size[i]);
    }
    assert_int_equal(buffers.chunks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_user_after_the_other, release),
        cmocka_unit_test_teardown(is_aligned_and_zeroed, release),
        cmocka_unit_test_teardown(neighbours_become_one, release),
        cmocka_unit_test_teardown(the_smallest_that_fits_is_taken, release),
        cmocka_unit_test_teardown(what_is_larger_than_a_chunk_has_its_own,
                                  release),
        cmocka_unit_test_teardown(what_cannot_be_had_is_refused, release),
        cmocka_unit_test_teardown(nothing_overlaps, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

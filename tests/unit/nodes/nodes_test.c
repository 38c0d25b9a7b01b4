/* not under: thread (it is all OpenMP)
 *
 * nodes.h and wire.h: sums that go on while the caller does, in more slots than
 * there are, as f32 and as bf16. A thread stands for primo-nodes, and for
 * another rank that has the same values. */
#include "trainer/nodes/nodes.h"
#include "trainer/nodes/wire.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* wire.h */

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void bf16_is_the_nearest(void **state)
{
    (void)state;
    /* Each second value lies in the middle between two, and goes to the even
     * one. */
    for (uint32_t high = 0x3f00; high < 0x4100; high++)
        for (uint32_t low = 0; low < 0x10000; low += 0x1000) {
            uint32_t up = low > 0x8000 || (low == 0x8000 && (high & 1));
            assert_int_equal(wire_round(float_of(high << 16 | low)), high + up);
        }
}

static void bf16_keeps_signs_and_what_is_no_number(void **state)
{
    (void)state;
    assert_int_equal(wire_round(0.0f), 0);
    assert_int_equal(wire_round(-0.0f), 0x8000);
    assert_int_equal(wire_round(-1.5f), 0xbfc0);
    assert_true(wire_value(wire_round(INFINITY)) == INFINITY);
    assert_true(wire_value(wire_round(-INFINITY)) == -INFINITY);
    assert_true(wire_value(wire_round(float_of(0x7f7fffff))) == INFINITY);
    const uint32_t none[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff,
                             0xffffffff};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_true(isnan(wire_value(wire_round(float_of(none[i])))));
    for (uint32_t half = 0; half < 0x10000; half++)
        if (!isnan(wire_value((uint16_t)half)))
            assert_int_equal(wire_round(wire_value((uint16_t)half)), half);
}

/* nodes.h */

/* primo-nodes as it is at the other end of the socket. */
struct other {
    int socket;
    char *memory;
    int under_way, most; /* sums */
    int sums, halves, waits;
    bool strange; /* something was asked for that must not be */
    pthread_t thread;
};

static char *slot_of(struct other *o, uint32_t slot)
{
    return o->memory + NODES_HEAD + NODES_WINDOW + (size_t)slot * NODES_SLOT;
}

static void add(struct other *o, const struct nodes_request *r)
{
    float *whole = (float *)slot_of(o, r->slot);
    uint16_t *halves = (uint16_t *)slot_of(o, r->slot);
    bool bf16 = r->verb == NODES_SUM_BF16;
    for (size_t i = 0; bf16 && i < r->size / sizeof *halves; i++)
        halves[i] = wire_round(2 * wire_value(halves[i]));
    for (size_t i = 0; !bf16 && i < r->size / sizeof *whole; i++)
        whole[i] *= 2;
}

static void *other_run(void *context)
{
    struct other *o = context;
    struct nodes_request r;
    while (read(o->socket, &r, sizeof r) == sizeof r) {
        if (r.verb == NODES_WAIT) {
            o->waits++;
            o->strange |= o->under_way < 1;
            o->under_way--;
            o->strange |= write(o->socket, &r, sizeof r) != sizeof r;
            continue;
        }
        o->strange |= r.verb != NODES_SUM && r.verb != NODES_SUM_BF16;
        o->strange |= r.slot >= NODES_SLOTS || r.size > NODES_SLOT ||
                      r.slot != (uint32_t)o->sums % NODES_SLOTS;
        if (o->strange)
            break;
        add(o, &r);
        o->sums++;
        o->halves += r.verb == NODES_SUM_BF16;
        if (++o->under_way > o->most)
            o->most = o->under_way;
    }
    close(o->socket);
    return NULL;
}

static struct nodes *join(struct other *o)
{
    struct reason why = REASON_INIT;
    struct nodes *n;
    char said[32];
    int ends[2], memory = memfd_create("nodes_test", 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_int_equal(ftruncate(memory, NODES_MEMORY), 0);
    *o = (struct other){.socket = ends[0]};
    o->memory =
        mmap(NULL, NODES_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    assert_true(o->memory != MAP_FAILED);
    ((struct nodes_head *)o->memory)->count = 2;
    snprintf(said, sizeof said, "%d %d", ends[1], memory);
    setenv(NODES_ENVIRONMENT, said, 1);
    if (nodes_open(&n, &why))
        fail_msg("nodes_open: %s", why.sentence);
    assert_int_equal(pthread_create(&o->thread, NULL, other_run, o), 0);
    return n;
}

static void part(struct other *o, struct nodes *n)
{
    shutdown(o->socket, SHUT_RDWR);
    pthread_join(o->thread, NULL);
    nodes_free(n);
    munmap(o->memory, NODES_MEMORY);
    assert_false(o->strange);
    assert_int_equal(o->under_way, 0);
    assert_int_equal(o->waits, o->sums);
    assert_true(o->most <= NODES_SLOTS);
}

enum { SLOT_VALUES = NODES_SLOT / sizeof(float) };

static float value_at(size_t i, int seed)
{
    return (float)((i * 2654435761u + (unsigned)seed) % 100003) * 0.001f - 50;
}

static float *values_make(size_t count, int seed)
{
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = value_at(i, seed);
    return values;
}

/* Three quarters of each slot in each sum, but for the last ones. */
static void sums_go_on_in_all_slots(void **state)
{
    enum { SUMS = NODES_SLOTS + 5 };
    struct other o;
    struct nodes *n = join(&o);
    size_t count = SLOT_VALUES / 4 * 3;
    float *values[SUMS];
    (void)state;
    for (int k = 0; k < SUMS; k++) {
        values[k] = values_make(count, k);
        nodes_sum_begin(n, values[k], count, 0.5f, k % 3 == 1);
    }
    nodes_sum_end(n);
    for (int k = 0; k < SUMS; k++) {
        for (size_t i = 0; i < count; i++) {
            float was = value_at(i, k);
            float sum = k % 3 == 1
                            ? wire_value(wire_round(
                                  2 * wire_value(wire_round(0.5f * was))))
                            : was;
            if (values[k][i] != sum)
                fail_msg("sum %d, value %zu: %g, expected %g", k, i,
                         (double)values[k][i], (double)sum);
        }
        free(values[k]);
    }
    part(&o, n);
    assert_int_equal(o.sums, SUMS);
    assert_int_equal(o.halves, SUMS / 3);
    assert_int_equal(o.most, NODES_SLOTS);
}

static void a_large_sum_has_parts(void **state)
{
    struct other o;
    struct nodes *n = join(&o);
    size_t count = 2 * (size_t)SLOT_VALUES + 1;
    float *values = values_make(count, 7);
    (void)state;
    nodes_sum(n, values, count, 1);
    for (size_t i = 0; i < count; i++)
        assert_true(values[i] == 2 * value_at(i, 7));
    nodes_sum(n, values, 0, 1);
    nodes_sum_end(n);
    free(values);
    part(&o, n);
    assert_int_equal(o.sums, 3);
    assert_int_equal(o.halves, 0);
}

static void who_is_alone_has_the_sum(void **state)
{
    float value = 3;
    (void)state;
    nodes_sum_begin(NULL, &value, 1, 1, true);
    nodes_sum_end(NULL);
    assert_true(value == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_is_the_nearest),
        cmocka_unit_test(bf16_keeps_signs_and_what_is_no_number),
        cmocka_unit_test(sums_go_on_in_all_slots),
        cmocka_unit_test(a_large_sum_has_parts),
        cmocka_unit_test(who_is_alone_has_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "trainer/nodes/nodes.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"
#include "trainer/nodes/wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    GATHER_MOST = NODES_WINDOW / NODES_MOST,
    SLOT_VALUES = NODES_SLOT / sizeof(float),
};

/* A sum that was begun: what its slot is for. */
struct begun {
    float *values;
    size_t count;
    bool bf16;
};

struct nodes {
    int socket;
    struct nodes_head *head; /* mapped, with all else behind it */
    char *window, *slots;
    struct begun sums[NODES_SLOTS]; /* sum i is in slot i % NODES_SLOTS */
    uint64_t begun, ended;          /* sums, since this process began */
    bool apart;
    double waited;
};

/* Life cycle */

static int memory_map(struct nodes *n, int memory)
{
    void *at =
        mmap(NULL, NODES_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (at == MAP_FAILED)
        return -errno;
    n->head = at;
    n->window = (char *)at + NODES_HEAD;
    n->slots = n->window + NODES_WINDOW;
    return 0;
}

int nodes_open(struct nodes **out, struct reason *why)
{
    const char *said = getenv(NODES_ENVIRONMENT);
    int memory;
    *out = NULL;
    if (!said)
        return 0;
    struct nodes *n = xcalloc(1, sizeof *n);
    int err = sscanf(said, "%d %d", &n->socket, &memory) == 2
                  ? memory_map(n, memory)
                  : -EINVAL;
    if (err == 0 && (n->head->count < 1 || n->head->count > NODES_MOST ||
                     n->head->rank >= n->head->count))
        err = -EINVAL;
    if (err) {
        nodes_free(n);
        return refuse_errno(why, -err, "no primo-nodes is behind %s = '%s'",
                            NODES_ENVIRONMENT, said);
    }
    fcntl(n->socket, F_SETFD, FD_CLOEXEC);
    fcntl(memory, F_SETFD, FD_CLOEXEC);
    *out = n;
    return 0;
}

void nodes_free(struct nodes *n)
{
    if (n && n->head)
        munmap(n->head, NODES_MEMORY);
    free(n);
}

/* Read */

int nodes_rank(const struct nodes *n)
{
    return n ? (int)n->head->rank : 0;
}

int nodes_count(const struct nodes *n)
{
    return n && !n->apart ? (int)n->head->count : 1;
}

bool nodes_lead(const struct nodes *n)
{
    return nodes_rank(n) == 0;
}

const char *nodes_name(const struct nodes *n, int rank)
{
    return n ? n->head->name[rank] : "";
}

bool nodes_lost(const struct nodes *n)
{
    struct pollfd one = {.fd = n ? n->socket : -1, .events = POLLRDHUP};
    return n && poll(&one, 1, 0) > 0 &&
           (one.revents & (POLLHUP | POLLRDHUP | POLLERR));
}

bool nodes_loss(const struct nodes *n, struct text *out)
{
    const struct nodes_head *h = n->head;
    uint32_t rank = h->lost < h->count ? h->lost : 0;
    const char *name = h->name[rank];
    switch ((enum nodes_loss)h->loss) {
    case NODES_SILENT:
        text_printf(out, _("host '%s' has said nothing for %d seconds"), name,
                    h->number);
        break;
    case NODES_KILLED:
        text_printf(out, _("the trainer on host '%s' was ended by signal %d"),
                    name, h->number);
        break;
    case NODES_EXITED:
        text_printf(out, _("the trainer on host '%s' has ended with status %d"),
                    name, h->number);
        break;
    case NODES_STOPPED:
        text_printf(out,
                    _("the trainer on host '%s' has stood still for %d "
                      "seconds"),
                    name, h->number);
        break;
    case NODES_REFUSED:
        text_printf(out, _("host '%s': "), name);
        text_put_printable(out, h->said, strnlen(h->said, sizeof h->said));
        break;
    case NODES_DIFFER:
        text_puts(out, _("the trainers of the hosts have lost step"));
        break;
    default:
        text_puts(out, _("primo-nodes, which connects the hosts, has ended"));
    }
    return h->loss == NODES_REFUSED;
}

double nodes_waited(const struct nodes *n)
{
    return n ? n->waited : 0;
}

/* Change */

void nodes_rest(void)
{
    for (;;)
        pause();
}

static bool say(const struct nodes *n, const struct nodes_request *r)
{
    ssize_t sent;
    do
        sent = write(n->socket, r, sizeof *r);
    while (sent < 0 && errno == EINTR);
    return sent == sizeof *r;
}

/* Has a request answered. */
static void ask(struct nodes *n, struct nodes_request r)
{
    double began = monotonic_now();
    ssize_t got;
    bool said = say(n, &r);
    do
        got = said ? read(n->socket, &r, sizeof r) : 0;
    while (got < 0 && errno == EINTR);
    if (got != sizeof r)
        nodes_rest();
    n->waited += monotonic_now() - began;
}

/* Sums */

static void *slot_of(const struct nodes *n, uint64_t sum)
{
    return n->slots + sum % NODES_SLOTS * NODES_SLOT;
}

static void put_f32(float *to, const float *from, size_t count, float factor)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] = factor * from[i];
}

static void put_bf16(uint16_t *to, const float *from, size_t count,
                     float factor)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] = wire_round(factor * from[i]);
}

static void take_bf16(float *to, const uint16_t *from, size_t count)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] = wire_value(from[i]);
}

/* Waits for the sum that was begun first, and takes it. */
static void sum_end(struct nodes *n)
{
    const struct begun *s = &n->sums[n->ended % NODES_SLOTS];
    const void *slot = slot_of(n, n->ended);
    uint32_t number = (uint32_t)(n->ended % NODES_SLOTS);
    ask(n, (struct nodes_request){.verb = NODES_WAIT, .slot = number});
    if (s->bf16)
        take_bf16(s->values, slot, s->count);
    else
        put_f32(s->values, slot, s->count, 1);
    n->ended++;
}

static void sum_begin(struct nodes *n, const struct begun *sum, float factor)
{
    if (n->begun - n->ended == NODES_SLOTS)
        sum_end(n);
    uint64_t i = n->begun++;
    size_t each = sum->bf16 ? sizeof(uint16_t) : sizeof(float);
    const struct nodes_request r = {.verb =
                                        sum->bf16 ? NODES_SUM_BF16 : NODES_SUM,
                                    .size = (uint32_t)(sum->count * each),
                                    .slot = (uint32_t)(i % NODES_SLOTS)};
    n->sums[r.slot] = *sum;
    if (sum->bf16)
        put_bf16(slot_of(n, i), sum->values, sum->count, factor);
    else
        put_f32(slot_of(n, i), sum->values, sum->count, factor);
    if (!say(n, &r))
        nodes_rest();
}

void nodes_sum_begin(struct nodes *n, float *values, size_t count, float factor,
                     bool bf16)
{
    struct begun part = {.bf16 = bf16};
    for (size_t i = 0; nodes_count(n) > 1 && i < count; i += part.count) {
        part.values = values + i;
        part.count = count - i < SLOT_VALUES ? count - i : SLOT_VALUES;
        sum_begin(n, &part, factor);
    }
}

void nodes_sum_end(struct nodes *n)
{
    while (n && n->ended < n->begun)
        sum_end(n);
}

void nodes_sum(struct nodes *n, float *values, size_t count, float factor)
{
    nodes_sum_begin(n, values, count, factor, false);
    nodes_sum_end(n);
}

void nodes_share(struct nodes *n, void *data, size_t size)
{
    char *at = data;
    for (size_t i = 0, part; nodes_count(n) > 1 && i < size; i += part) {
        part = size - i < NODES_WINDOW ? size - i : NODES_WINDOW;
        if (nodes_lead(n))
            memcpy(n->window, at + i, part);
        ask(n, (struct nodes_request){NODES_SHARE, (uint32_t)part, 0});
        if (!nodes_lead(n))
            memcpy(at + i, n->window, part);
    }
}

void nodes_gather(struct nodes *n, const void *mine, size_t size, void *all)
{
    if (nodes_count(n) == 1) {
        memcpy(all, mine, size);
        return;
    }
    assert(size <= GATHER_MOST);
    memcpy(n->window + (size_t)nodes_rank(n) * size, mine, size);
    ask(n, (struct nodes_request){NODES_GATHER, (uint32_t)size, 0});
    memcpy(all, n->window, (size_t)nodes_count(n) * size);
}

void nodes_part(struct nodes *n)
{
    if (nodes_count(n) < 2)
        return;
    ask(n, (struct nodes_request){.verb = NODES_PART});
    n->apart = true;
}

void nodes_fail(struct nodes *n, const char *sentence)
{
    size_t size = strnlen(sentence, NODES_SAID - 1);
    if (!n)
        return;
    memcpy(n->window, sentence, size);
    say(n, &(struct nodes_request){NODES_FAILED, (uint32_t)size, 0});
}

#include "trainer/nodes/nodes.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/basic/language.h"

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

enum { GATHER_MOST = NODES_WINDOW / NODES_MOST };

struct nodes {
    int socket;
    struct nodes_head *head; /* mapped, with the window behind it */
    char *window;
    double waited;
};

/* Life cycle */

static int memory_map(struct nodes *n, int memory)
{
    void *at = mmap(NULL, NODES_HEAD + NODES_WINDOW, PROT_READ | PROT_WRITE,
                    MAP_SHARED, memory, 0);
    if (at == MAP_FAILED)
        return -errno;
    n->head = at;
    n->window = (char *)at + NODES_HEAD;
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
        munmap(n->head, NODES_HEAD + NODES_WINDOW);
    free(n);
}

/* Read */

int nodes_rank(const struct nodes *n)
{
    return n ? (int)n->head->rank : 0;
}

int nodes_count(const struct nodes *n)
{
    return n ? (int)n->head->count : 1;
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

/* Has a request answered. */
static void ask(struct nodes *n, enum nodes_verb verb, size_t size)
{
    struct nodes_request r = {(uint32_t)verb, (uint32_t)size};
    double began = monotonic_now();
    ssize_t sent, got;
    do
        sent = write(n->socket, &r, sizeof r);
    while (sent < 0 && errno == EINTR);
    do
        got = sent == sizeof r ? read(n->socket, &r, sizeof r) : 0;
    while (got < 0 && errno == EINTR);
    if (got != sizeof r)
        nodes_rest();
    n->waited += monotonic_now() - began;
}

static void values_put(float *to, const float *from, size_t count, float factor)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        to[i] = factor * from[i];
}

void nodes_sum(struct nodes *n, float *values, size_t count, float factor)
{
    size_t most = NODES_WINDOW / sizeof *values, part;
    for (size_t i = 0; nodes_count(n) > 1 && i < count; i += part) {
        part = count - i < most ? count - i : most;
        values_put((float *)n->window, values + i, part, factor);
        ask(n, NODES_SUM, part * sizeof *values);
        values_put(values + i, (const float *)n->window, part, 1);
    }
}

void nodes_share(struct nodes *n, void *data, size_t size)
{
    char *at = data;
    for (size_t i = 0, part; nodes_count(n) > 1 && i < size; i += part) {
        part = size - i < NODES_WINDOW ? size - i : NODES_WINDOW;
        if (nodes_lead(n))
            memcpy(n->window, at + i, part);
        ask(n, NODES_SHARE, part);
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
    ask(n, NODES_GATHER, size);
    memcpy(all, n->window, (size_t)nodes_count(n) * size);
}

void nodes_fail(struct nodes *n, const char *sentence)
{
    size_t size = strnlen(sentence, NODES_SAID - 1);
    if (!n)
        return;
    memcpy(n->window, sentence, size);
    struct nodes_request r = {NODES_FAILED, (uint32_t)size};
    if (write(n->socket, &r, sizeof r) < 0)
        return; /* they are lost, and will know why */
}

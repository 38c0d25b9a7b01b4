#include "trainer/training/together.h"

#include "core/basic/clock.h"
#include "core/basic/language.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    CHANNELS_PADDED = 64, /* more than a layout adds to channels */
    /* Gradients that are summed at a time, at least: a smaller sum takes as
     * long, because of what the network needs for a message. */
    SUM_LEAST = 1 << 18,
    UPDATES_FIRST = 2, /* are not timed: memory is new, and slow */
    UPDATES_TIMED = 8,
};

static void tell_alone(const struct training *t)
{
    const struct nodes *n = t->run->nodes;
    writer_fact(t->run->writer, "hosts", _("1 (%s), alone from update %llu on"),
                nodes_name(n, 0), (unsigned long long)t->at.alone);
}

void together_tell(const struct training *t)
{
    const struct nodes *n = t->run->nodes;
    struct text names = TEXT_INIT;
    if (t->at.alone && n)
        tell_alone(t);
    for (int i = 0; i < nodes_count(n); i++)
        text_printf(&names, "%s%s", i ? ", " : "", nodes_name(n, i));
    if (nodes_count(n) > 1)
        writer_fact(t->run->writer, "hosts", "%d (%s)", nodes_count(n),
                    text_string(&names));
    if (nodes_count(n) > 1)
        writer_log(t->run->writer,
                   "%d hosts train together, each with a part of each batch of "
                   "%d, and gradients travel as %s: %s",
                   nodes_count(n), t->options->batch,
                   t->options->wire_bf16 ? "bf16" : "f32", text_string(&names));
    text_release(&names);
}

int together_state(struct training *t, struct reason *why)
{
    struct nodes *n = t->run->nodes;
    struct tensor *tensors;
    int count;
    if (nodes_count(n) < 2)
        return 0;
    int err = net_export(t->net, true, &tensors, &count, why);
    if (err)
        return err;
    for (int i = 0; i < count; i++)
        nodes_share(n, tensors[i].data,
                    tensor_count(&tensors[i]) * sizeof(float));
    if (!nodes_lead(n))
        err = net_import(t->net, tensors, count, why);
    free(tensors);
    return err;
}

/* Timing */

int together_begin(struct training *t, struct reason *why)
{
    struct loader_batch b;
    int err = 0;
    if (nodes_count(t->run->nodes) < 2)
        return 0;
    /* The first time is not that of the others: memory is new, and slow. */
    for (int i = 0; i < 2 && err == 0; i++) {
        err = loader_train(t->material.loader, LOADER_PLAIN, 0, &b, why);
        double began = monotonic_now();
        if (err == 0)
            err = net_gradients(t->net, b.images, b.labels, b.count,
                                RECIPE_SMOOTHING, why);
        t->times.alone = monotonic_now() - began;
    }
    return err;
}

/* An update alone would take as long as one together, but for the gradients. */
static void times_tell(struct training *t)
{
    struct together_times *m = &t->times;
    int nodes = nodes_count(t->run->nodes);
    double update = m->update / UPDATES_TIMED;
    double alone = update - m->gradients / UPDATES_TIMED + m->alone;
    double faster = alone / update, waited = m->waited / m->update;
    m->slower = faster < 1;
    writer_fact(t->run->writer, "efficiency", "%.2f", faster / nodes);
    writer_fact(t->run->writer, "communication", "%.2f", waited);
    writer_log(t->run->writer,
               faster > 1 ? N_("%d hosts take %.2f s an update, one alone "
                               "would take %.2f s; %.0f %% of the time is "
                               "communication")
                          : N_("%d hosts take %.2f s an update, one alone "
                               "would take %.2f s: nodes = 1 is faster; "
                               "%.0f %% of the time is communication"),
               nodes, update, alone, 100 * waited);
}

void together_time(struct training *t, double seconds)
{
    struct together_times *m = &t->times;
    if (nodes_count(t->run->nodes) < 2 ||
        m->updates == UPDATES_FIRST + UPDATES_TIMED)
        return;
    if (m->updates++ == UPDATES_FIRST - 1)
        m->update = m->gradients = m->waited = 0;
    else
        m->update += seconds;
    if (m->updates == UPDATES_FIRST + UPDATES_TIMED)
        times_tell(t);
}

/* Parting */

bool together_parted(const struct rundir *run)
{
    if (run->from.at.alone)
        nodes_part(run->nodes);
    return run->from.at.alone && !nodes_lead(run->nodes);
}

/* What was timed of updates was with the others. */
static void alone_begin(struct training *t)
{
    control_lock(t->run->control);
    t->at.alone = t->at.iteration;
    t->at.update_seconds = NAN;
    t->pace.measured = 0;
    training_save(t);
    control_unlock(t->run->control);
    loader_whole(t->material.loader);
    tell_alone(t);
    writer_log(t->run->writer,
               "host '%s' goes on alone from update %llu on, with whole "
               "batches; a model depends on when that happens",
               nodes_name(t->run->nodes, 0), (unsigned long long)t->at.alone);
}

void together_part(struct training *t)
{
    if (!t->part)
        return;
    t->part = false;
    nodes_part(t->run->nodes);
    if (nodes_lead(t->run->nodes))
        alone_begin(t);
    else
        t->parted = true;
}

/* Batches */

static void gather(void *context, const void *mine, size_t size, void *all)
{
    nodes_gather(context, mine, size, all);
}

/* Begins to sum what has been computed and not been sent. */
static void computed_send(struct training *t)
{
    struct together_computed *c = &t->computed;
    const struct net_arena a = net_arena(t->net);
    nodes_sum_begin(t->run->nodes, a.gradient + c->first, c->last - c->first,
                    t->join.share > 0 ? 1 : 0, t->options->wire_bf16);
    c->last = c->first;
}

/* While the rest of the gradients is computed, these are summed. */
static void computed(void *context, size_t first, size_t last)
{
    struct training *t = context;
    struct together_computed *c = &t->computed;
    if (t->join.nodes < 2)
        return;
    if (last != c->first) {
        computed_send(t);
        c->last = last;
    }
    c->first = first;
    if (c->last - c->first >= SUM_LEAST)
        computed_send(t);
}

int together_open(struct training *t, struct reason *why)
{
    int nodes = nodes_count(t->run->nodes), most = 0;
    for (int i = 0; i < t->network->layers; i++)
        if (t->network->layer[i].out > most)
            most = t->network->layer[i].out;
    size_t room = norm_join_room(most + CHANNELS_PADDED) * ((size_t)nodes + 1);
    if (nodes < 2)
        return 0;
    free(t->join.room);
    t->join = (struct norm_join){.gather = gather,
                                 .context = t->run->nodes,
                                 .room = malloc(room * sizeof(float))};
    t->listener = (struct net_listener){computed, t};
    return t->join.room ? 0
                        : refuse(why, ENOMEM, "no memory for %d hosts", nodes);
}

/* What a node says of its part. */
struct told {
    double loss; /* its share of the batch's */
    uint64_t wish;
    uint64_t part;
};

/* Whether rank 0 wants to go on alone. */
static bool parts(const struct training *t)
{
    const char *stay = getenv("PRIMOFS_STAY_TOGETHER");
    return t->times.slower && !(stay && *stay);
}

static void told_exchange(struct training *t, int total)
{
    struct told mine = {.wish = t->wish, .part = parts(t)}, all[NODES_MOST];
    double loss = 0;
    if (t->join.share > 0)
        mine.loss = (double)t->join.share * (double)net_loss(t->net);
    nodes_gather(t->run->nodes, &mine, sizeof mine, all);
    for (int i = 0; i < nodes_count(t->run->nodes); i++)
        loss += all[i].loss;
    net_complete(t->net, total, (float)loss);
    t->wish = all[0].wish;
    t->part = all[0].part;
}

int together_gradients(struct training *t, const struct loader_batch *b,
                       struct reason *why)
{
    int nodes = nodes_count(t->run->nodes);
    double began = monotonic_now(), waited = nodes_waited(t->run->nodes);
    t->join.nodes = nodes;
    t->join.share = b->spare ? 0 : (float)b->count / (float)b->total;
    t->computed = (struct together_computed){0};
    int err = net_gradients(t->net, b->images, b->labels, b->count,
                            RECIPE_SMOOTHING, why);
    t->join.nodes = 0; /* what else is computed is not divided */
    if (err || nodes < 2)
        return err;
    computed_send(t);
    nodes_sum_end(t->run->nodes);
    told_exchange(t, b->total);
    t->times.gradients += monotonic_now() - began;
    t->times.waited += nodes_waited(t->run->nodes) - waited;
    return 0;
}

void together_scores(struct training *t)
{
    size_t n = (size_t)loader_test_count(t->material.loader) *
               (size_t)t->material.dataset.classes;
    nodes_sum(t->run->nodes, t->scores, n, 1);
}

/* Comparing */

struct sums {
    uint32_t identity, weights;
};

static struct sums sums_of(const struct training *t)
{
    const struct net_arena a = net_arena(t->net);
    const char *identity = text_string(&t->identity);
    return (struct sums){
        (uint32_t)crc32_z(0, (const Bytef *)identity, strlen(identity)),
        (uint32_t)crc32_z(0, (const Bytef *)a.value, a.size * sizeof *a.value)};
}

static int refuse_other(const struct nodes *n, int node, bool identity,
                        struct reason *why)
{
    return refuse(why, EINVAL,
                  identity
                      ? N_("host '%s' has other pictures than '%s': the data "
                           "set must be the same on all hosts that train "
                           "together")
                      : N_("host '%s' comes to other weights than '%s': hosts "
                           "that train together need processors of the same "
                           "kind"),
                  nodes_name(n, node), nodes_name(n, 0));
}

int together_check(struct training *t, struct reason *why)
{
    struct nodes *n = t->run->nodes;
    struct sums mine, all[NODES_MOST];
    if (nodes_count(n) < 2)
        return 0;
    mine = sums_of(t);
    nodes_gather(n, &mine, sizeof mine, all);
    for (int i = 1; i < nodes_count(n); i++) {
        if (!memcmp(&all[i], &all[0], sizeof *all))
            continue;
        if (!nodes_lead(n))
            nodes_rest();
        return refuse_other(n, i, all[i].identity != all[0].identity, why);
    }
    return 0;
}

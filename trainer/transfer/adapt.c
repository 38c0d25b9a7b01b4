#include "trainer/transfer/adapt.h"

#include "trainer/transfer/head_fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FOLDS = 3,
    /* So many pictures tell how to blend, and so many the head is fitted to,
     * more where there are many classes. */
    BLEND_PICTURES = 512,
    HEAD_PICTURES = 1024,
    HEAD_PICTURES_CLASS = 8,
};

/* Shares are judged with the ridge RIDGE_UNKNOWN, which is none of the others.
 */
static const double shares[] = {0, 0.5, 1}, ridges[] = {1, 0.1, 0.03};
enum {
    SHARES = sizeof shares / sizeof *shares,
    RIDGES = sizeof ridges / sizeof *ridges,
};
/* What a base is worth, by the loss of the new head alone, as a share of what
 * guessing has. Where it is larger than the first, for up to FEW pictures a
 * class, the base knows nothing that is worth keeping: the more pictures there
 * are, the less a base has to know, as they can teach it. Where it is larger
 * than the second, the base is nearly guessing, unless there are so few
 * pictures a class that any would. From measurements (docs/measurements.md). */
#define STRANGE       0.3
#define USELESS       0.7
#define EACH_LEAST    5.
#define FEW           50.
#define SHARE_UNKNOWN 0.5
#define RIDGE_UNKNOWN 0.3

struct adapting {
    struct net *net;
    struct loader *loader;
    const struct adapt_options *options;
    struct head_samples samples;
    float *x;
    int *labels;
    int most;     /* samples there is room for */
    int step;     /* the next batch that is to be taken */
    double share; /* of the blend that the samples were taken with */
};

static int adapting_open(struct adapting *g, struct reason *why)
{
    int classes = g->options->classes, few = loader_train_count(g->loader);
    int pictures = HEAD_PICTURES_CLASS * classes;
    pictures = pictures < HEAD_PICTURES ? HEAD_PICTURES : pictures;
    g->most = pictures < few ? pictures : few;
    size_t features = (size_t)net_features(g->net);
    g->x = malloc((size_t)g->most * features * sizeof *g->x);
    g->labels = malloc((size_t)g->most * sizeof *g->labels);
    g->samples = (struct head_samples){
        .features = (int)features,
        .classes = classes,
        .x = g->x,
        .labels = g->labels,
        .class_weights = g->options->class_weights,
    };
    return g->x && g->labels ? 0
                             : refuse(why, ENOMEM,
                                      "no memory for the features of %d "
                                      "pictures",
                                      g->most);
}

static void adapting_release(struct adapting *g)
{
    free(g->x);
    free(g->labels);
}

/* Pictures */

static int statistics_measure(struct adapting *g, int pictures,
                              struct reason *why)
{
    int err = 0, steps = loader_train_steps(g->loader);
    for (int step = 0, n = 0; err == 0 && step < steps && n < pictures;
         step++) {
        struct loader_batch b;
        err = loader_train(g->loader, LOADER_PLAIN, step, &b, why);
        if (err == 0)
            err = net_measure(g->net, b.images, b.count, why);
        n += b.count;
    }
    return err;
}

/* Takes as samples what the network sees of the pictures from g->step on, up to
 * `pictures` in all. */
static int samples_add(struct adapting *g, int pictures, struct reason *why)
{
    struct head_samples *s = &g->samples;
    int steps = loader_train_steps(g->loader);
    pictures = pictures < g->most ? pictures : g->most;
    for (; g->step < steps; g->step++) {
        struct loader_batch b;
        int err = loader_train(g->loader, LOADER_PLAIN, g->step, &b, why);
        if (err)
            return err;
        if (s->count + b.count > pictures)
            return 0;
        err = net_see(g->net, b.images, b.count,
                      g->x + (size_t)s->count * (size_t)s->features, why);
        if (err)
            return err;
        memcpy(g->labels + s->count, b.labels, (size_t)b.count * sizeof(int));
        s->count += b.count;
    }
    return 0;
}

/* Sets the blend, and takes samples that choices are judged by. */
static int samples_take(struct adapting *g, double share, struct reason *why)
{
    g->samples.count = g->step = 0;
    g->share = share;
    int err = net_blend_statistics(g->net, share, why);
    return err ? err : samples_add(g, BLEND_PICTURES, why);
}

/* Whether each class has at least two pictures among the samples. */
static bool samples_can_judge(const struct adapting *g)
{
    bool good = true;
    int *count = calloc((size_t)g->samples.classes, sizeof *count);
    for (int i = 0; count && i < g->samples.count; i++)
        count[g->labels[i]]++;
    for (int c = 0; count && c < g->samples.classes; c++)
        good &= count[c] >= 2;
    free(count);
    return good && count;
}

/* Choices */

static int share_try(struct adapting *g, double share, double *loss,
                     struct reason *why)
{
    int err = samples_take(g, share, why);
    if (err == 0 && !samples_can_judge(g))
        *loss = NAN;
    else if (err == 0)
        err = head_validate(&g->samples, (double[]){RIDGE_UNKNOWN}, 1, FOLDS,
                            loss, why);
    return err;
}

static int share_choose(struct adapting *g, struct adaptation *a,
                        struct reason *why)
{
    int err = 0;
    for (int i = 0; i < SHARES && err == 0; i++) {
        double loss = NAN;
        err = share_try(g, shares[i], &loss, why);
        if (isnan(a->loss) ? !isnan(loss) : loss < a->loss) {
            a->loss = loss;
            a->share = shares[i];
        }
    }
    return err || a->share == g->share ? err : samples_take(g, a->share, why);
}

static int ridge_choose(struct adapting *g, struct adaptation *a,
                        struct reason *why)
{
    double losses[RIDGES];
    if (isnan(a->loss))
        return 0;
    int err = head_validate(&g->samples, ridges, RIDGES, FOLDS, losses, why);
    for (int i = 0; i < RIDGES && err == 0; i++) {
        if (losses[i] < a->loss) {
            a->loss = losses[i];
            a->ridge = ridges[i];
        }
    }
    return err;
}

/* The head */

static double samples_square(const struct head_samples *s)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)s->count * (size_t)s->features; i++)
        sum += (double)s->x[i] * s->x[i];
    return sum / s->count;
}

struct fitted {
    const struct network *network;
    const float *weight, *bias;
};

static int head_give(void *context, const struct tensor *t, struct reason *why)
{
    const struct fitted *f = context;
    (void)why;
    if (!network_is_head(f->network, t->name))
        return 0;
    memcpy(t->data, t->rank == 2 ? f->weight : f->bias,
           tensor_count(t) * sizeof(float));
    return 1;
}

static int head_set(struct adapting *g, const struct adaptation *a,
                    struct reason *why)
{
    const struct head_samples *s = &g->samples;
    size_t weights = (size_t)s->classes * (size_t)s->features;
    float *weight = malloc((weights + (size_t)s->classes) * sizeof *weight);
    if (!weight)
        return refuse(why, ENOMEM, "no memory for the head");
    struct fitted f = {net_network(g->net), weight, weight + weights};
    int err = head_fit(s, a->ridge, g->options->smoothing, weight,
                       weight + weights, why);
    if (err == 0)
        err = net_fill(g->net, head_give, &f, why);
    free(weight);
    return err;
}

/* The head is fitted to the pictures as they are. As augmentation turns and
 * fades them, it would lose far more than the further samples bring: what is to
 * be learnt from these, the training of all weights learns. */
static int head_make(struct adapting *g, struct adaptation *a,
                     struct reason *why)
{
    int err = samples_add(g, g->most, why); /* the rest of them */
    if (err)
        return err;
    a->square = samples_square(&g->samples);
    a->pictures = g->samples.count;
    return head_set(g, a, why);
}

static enum acquaintance acquaintance_find(const struct adapting *g,
                                           double loss)
{
    double classes = g->options->classes;
    double each = loader_train_count(g->loader) / classes;
    double share = loss / log(classes);
    if (share > USELESS && each >= EACH_LEAST)
        return BASE_USELESS;
    return share > STRANGE / sqrt(fmax(each / FEW, 1)) ? BASE_STRANGE
                                                       : BASE_KNOWS;
}

int adapt(struct adaptation *a, struct net *net, struct loader *loader,
          const struct adapt_options *o, struct reason *why)
{
    struct adapting g = {.net = net, .loader = loader, .options = o};
    *a = (struct adaptation){
        .share = SHARE_UNKNOWN, .ridge = RIDGE_UNKNOWN, .loss = NAN};
    int err = adapting_open(&g, why);
    if (err == 0)
        err = statistics_measure(&g, BLEND_PICTURES, why);
    if (err == 0)
        err = share_choose(&g, a, why);
    if (err == 0)
        err = ridge_choose(&g, a, why);
    if (err == 0)
        err = head_make(&g, a, why);
    a->acquaintance = acquaintance_find(&g, a->loss);
    adapting_release(&g);
    return err;
}

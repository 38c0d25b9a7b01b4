#include "trainer/training/auto.h"

#include "core/basic/language.h"
#include "trainer/net/net.h"
#include "trainer/pictures/picture.h"

#include <math.h>
#include <stdlib.h>

/* The mean gradient of more pictures has less noise and allows a larger step:
 * the rate of a fresh network grows with the batch size, up to where trainings
 * begin to diverge. */
#define RATE_FRESH       0.0125
#define RATE_FRESH_BATCH 16
#define RATE_FRESH_MOST  0.05

/* How many pictures a data set needs to be learnt, each time it is seen
 * counted: of a set that is ten times as large, each picture needs to be seen
 * less often, as others like it are seen, too. From measurements
 * (docs/measurements.md). */
#define SEEN_SET   72 /* of a set of so many pictures */
#define SEEN_POWER 0.6

/* How networks learn, by what they begin with. */
static const struct beginning {
    double seen; /* pictures, of a set of SEEN_SET */
    double rate; /* as a fraction of a fresh network's */
    const char *seen_why, *rate_why;
} beginnings[] = {
    /* Larger steps would destroy what a base has learnt. */
    [BASE_KNOWS] = {3200, 0.08,
                    N_("%d training pictures of kinds that the base knows: "
                       "%.0f are seen in all"),
                    N_("for a base that knows such pictures and batches of "
                       "%d")},
    [BASE_STRANGE] = {16000, 1,
                      N_("%d training pictures, strange to the base: %.0f are "
                         "seen in all"),
                      N_("for a base to which they are strange and batches of "
                         "%d")},
    [BASE_USELESS] = {16000, 1,
                      N_("%d training pictures from a fresh network: %.0f are "
                         "seen in all"),
                      N_("for a fresh network and batches of %d")},
};

enum {
    SIDE_SAMPLES = 64, /* pictures that are measured for image_size = auto */
    SIDE_MIN = 32,
    SIDE_MAX = 224,
    SIDE_STEP = 32,
    EPOCHS_LEAST = 4,
};

static void threads_decide(struct options *o, const struct auto_facts *facts)
{
    options_decide(o, KEY_THREADS, facts->machine->use, "%s",
                   facts->machine->why);
}

static void workers_decide(struct options *o, const struct auto_facts *facts)
{
    (void)facts;
    options_decide(o, KEY_WORKERS, o->threads, N_("as many as threads"));
}

static void precision_decide(struct options *o, const struct auto_facts *facts)
{
    (void)facts;
    o->bf16 = net_bf16_fast();
    options_note(o, KEY_PRECISION, o->bf16 ? "bf16" : "f32",
                 o->bf16 ? N_("the processor has it in hardware")
                         : N_("the processor has no bf16 in hardware"));
}

static const struct beginning *beginning_of(const struct auto_facts *facts)
{
    return &beginnings[facts->trained ? facts->acquaintance : BASE_USELESS];
}

static void epochs_decide(struct options *o, const struct auto_facts *facts)
{
    const struct beginning *b = beginning_of(facts);
    double n = fmax(facts->dataset->train_count, 1);
    double seen = b->seen * pow(n / SEEN_SET, SEEN_POWER);
    double epochs = fmax(ceil(seen / n), EPOCHS_LEAST);
    if (o->iterations) /* which take the place of epochs */
        return;
    options_decide(o, KEY_EPOCHS, (int)epochs, b->seen_why,
                   facts->dataset->train_count, n * epochs);
}

static void rate_decide(struct options *o, const struct auto_facts *facts)
{
    const struct beginning *b = beginning_of(facts);
    struct text t = TEXT_INIT;
    o->learning_rate =
        fmin(RATE_FRESH * o->batch / RATE_FRESH_BATCH, RATE_FRESH_MOST) *
        b->rate;
    text_put_double(&t, o->learning_rate, 6);
    options_note(o, KEY_LEARNING_RATE, text_string(&t), b->rate_why, o->batch);
    text_release(&t);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The side of a square with the area of the picture, at most SIDE_MAX, by what
 * its header says; 0 = it has none that can be read. */
static double picture_side(const struct dataset *d, const struct sample *s)
{
    struct picture p = PICTURE_INIT;
    if (picture_read_within(&p, d->dir, s->path, s->page, PICTURE_MEASURE,
                            NULL) < 0)
        return 0;
    double side = sqrt((double)p.full_width * p.full_height);
    picture_release(&p);
    return side < SIDE_MAX ? side : SIDE_MAX;
}

/* A base knows things at the size that it has seen them at: larger pictures
 * take longer, and serve worse. */
static int side_most(const struct auto_facts *facts)
{
    int most = facts->trained ? facts->base_side / SIDE_STEP * SIDE_STEP : 0;
    return most >= SIDE_MIN && most < SIDE_MAX ? most : SIDE_MAX;
}

static void image_size_decide(struct options *o, const struct auto_facts *facts)
{
    const struct dataset *d = facts->dataset;
    double sides[SIDE_SAMPLES];
    int looked = 0, n = 0;
    int most = d->train_count < SIDE_SAMPLES ? d->train_count : SIDE_SAMPLES;
    for (; looked < most; looked++) {
        long at = (long)looked * d->train_count / most;
        double side = picture_side(d, &d->train[at]);
        if (side > 0)
            sides[n++] = side;
    }
    qsort(sides, (size_t)n, sizeof *sides, compare_doubles);
    double median = n ? sides[n / 2] : SIDE_MIN;
    int size = (int)lround(median / SIDE_STEP) * SIDE_STEP;
    int largest = side_most(facts);
    size = size < SIDE_MIN ? SIDE_MIN : size > largest ? largest : size;
    options_decide(o, KEY_IMAGE_SIZE, size,
                   "of %d training pictures the median side is %.0f%s, in "
                   "steps of %d from %d to %d%s",
                   n, median, median < SIDE_MAX ? "" : _(" or more"), SIDE_STEP,
                   SIDE_MIN, largest,
                   largest < SIDE_MAX ? _(", the side of the base") : "");
}

static const struct {
    enum key key;
    enum auto_stage stage;
    void (*decide)(struct options *o, const struct auto_facts *facts);
} rows[] = {
    {KEY_THREADS, AUTO_MACHINE, threads_decide},
    {KEY_WORKERS, AUTO_MACHINE, workers_decide}, /* after the threads */
    {KEY_PRECISION, AUTO_MACHINE, precision_decide},
    {KEY_EPOCHS, AUTO_ADAPTED, epochs_decide},
    {KEY_LEARNING_RATE, AUTO_ADAPTED, rate_decide},
    {KEY_IMAGE_SIZE, AUTO_DATASET, image_size_decide},
};

void auto_decide(struct options *o, enum auto_stage stage,
                 const struct auto_facts *facts)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].stage == stage && options_undecided(o, rows[i].key))
            rows[i].decide(o, facts);
}

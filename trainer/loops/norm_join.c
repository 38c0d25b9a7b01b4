/*
 * Batch normalisation of a batch of which several nodes have parts.
 *
 * Each node says what it has found of its part: on the way forward the means
 * and variances of all channels, on the way back what would be subtracted if
 * the batch were its own. The mean of the latter, weighed by the nodes' shares
 * of the batch, is what is to be subtracted, since gradients are those of the
 * whole batch's loss. All nodes compute with the same numbers in the same
 * order.
 *
 * Reference: norm_test.c divides a batch and compares it with the whole.
 */
#include "trainer/loops/norm_inside.h"

#include <math.h>
#include <string.h>

size_t norm_join_room(int channels)
{
    return 1 + 2 * (size_t)channels;
}

/* What a node says: its share, and two numbers of each channel. */
static void gather(const struct norm *q, const float *first,
                   const float *second)
{
    const struct norm_join *j = q->join;
    size_t channels = (size_t)q->channels, each = norm_join_room(q->channels);
    float *mine = j->room + (size_t)j->nodes * each;

    mine[0] = j->share;
    memcpy(mine + 1, first, channels * sizeof *mine);
    memcpy(mine + 1 + channels, second, channels * sizeof *mine);
    j->gather(j->context, mine, each * sizeof *mine, j->room);
}

static double share_of(const struct norm *q, int node)
{
    return (double)q->join->room[(size_t)node * norm_join_room(q->channels)];
}

/* One of the two numbers that a node has said of a channel. */
static double said(const struct norm *q, int node, int which, int channel)
{
    size_t at = (size_t)node * norm_join_room(q->channels);
    return (double)q->join
        ->room[at + 1 + (size_t)which * (size_t)q->channels + (size_t)channel];
}

/* The mean over the nodes. What a node says that has no share is nothing, even
 * where it is no number. */
static double mean_said(const struct norm *q, int which, int channel)
{
    double sum = 0;

    for (int i = 0; i < q->join->nodes; i++)
        if (share_of(q, i) > 0)
            sum += share_of(q, i) * said(q, i, which, channel);
    return sum;
}

/* The variance of a mixture is that within its parts, and that between their
 * means. */
void norm_join_moments(const struct norm *q)
{
    gather(q, q->mean, q->variance);
    for (int k = 0; k < q->channels; k++) {
        double mean = mean_said(q, 0, k), variance = mean_said(q, 1, k);
        for (int i = 0; i < q->join->nodes; i++) {
            double off = said(q, i, 0, k) - mean;
            if (share_of(q, i) > 0)
                variance += share_of(q, i) * off * off;
        }
        q->mean[k] = (float)mean;
        q->variance[k] = (float)variance;
        *coefficient(q, 0, k) =
            q->gamma[k] / sqrtf(q->variance[k] + q->epsilon);
    }
}

void norm_join_slopes(const struct norm *q)
{
    gather(q, coefficient(q, 1, 0), coefficient(q, 2, 0));
    for (int k = 0; k < q->channels; k++) {
        *coefficient(q, 1, k) = (float)mean_said(q, 0, k);
        *coefficient(q, 2, k) = (float)mean_said(q, 1, k);
    }
}

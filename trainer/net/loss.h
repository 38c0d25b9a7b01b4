/*
 * Cross-entropy of a softmax with smoothed labels, as PyTorch's
 * CrossEntropyLoss(label_smoothing): the target is 1 - smoothing at the label
 * and smoothing / classes everywhere. Rows are [classes]; nothing is kept.
 * Classes may weigh more or less; unlike PyTorch's, the mean is over the rows,
 * not over their weights, so that a batch without rare classes counts less.
 */
#ifndef PRIMO_LOSS_H
#define PRIMO_LOSS_H

struct loss {
    int classes;
    float smoothing;
    const float *weights; /* [classes]; NULL = all weigh 1 */
};

/* Mean loss over n rows, in nats; not finite where logits are not. Writes the
 * gradient of the mean by the logits, [n, classes] (may be `logits`). */
float loss_gradient(const struct loss *loss, const float *logits,
                    const int *labels, int n, float *gradient);
/* probabilities [n, classes] (may be `logits`). */
void loss_softmax(const float *logits, int n, int classes,
                  float *probabilities);

#endif

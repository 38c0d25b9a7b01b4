/*
 * The cross-entropy of a softmax with smoothed labels, as in PyTorch's
 * CrossEntropyLoss(label_smoothing): the target is smoothing / classes for each
 * class, plus 1 - smoothing for the label. Rows are [classes]; no state is
 * kept. Classes may have weights. Unlike PyTorch's, the mean is taken over the
 * rows, not over their weights, so that a batch without rare classes counts
 * less.
 */
#ifndef PRIMO_LOSS_H
#define PRIMO_LOSS_H

struct loss {
    int classes;
    float smoothing;
    const float *weights; /* [classes]; NULL = all weigh 1 */
};

/* Returns the mean loss over n rows, in nats, which is not finite if a logit is
 * not. Writes the gradient of the mean with respect to the logits, [n,
 * classes]; it may overwrite `logits`. */
float loss_gradient(const struct loss *loss, const float *logits,
                    const int *labels, int n, float *gradient);
/* Writes probabilities [n, classes], which may overwrite `logits`. */
void loss_softmax(const float *logits, int n, int classes,
                  float *probabilities);

#endif

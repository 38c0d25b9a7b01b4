/*
 * Cross-entropy of a softmax with smoothed labels, as PyTorch's
 * CrossEntropyLoss(label_smoothing): the target is 1 - smoothing at the label
 * and smoothing / classes everywhere. Rows are [classes]; nothing is kept.
 */
#ifndef PRIMO_LOSS_H
#define PRIMO_LOSS_H

/* Mean loss over n rows, in nats; not finite where logits are not. Writes the
 * gradient of the mean by the logits, [n, classes] (may be `logits`). */
float loss_gradient(const float *logits, const int *labels, int n, int classes,
                    float smoothing, float *gradient);
/* probabilities [n, classes] (may be `logits`). */
void loss_softmax(const float *logits, int n, int classes,
                  float *probabilities);

#endif

"""Average precision and accuracy of random scores, many of them equal, beside
scikit-learn's: average-precision.py PROGRAM FOLDER."""
import subprocess
import sys
import warnings

import numpy
from sklearn.metrics import accuracy_score, average_precision_score

program, folder = sys.argv[1:]
random = numpy.random.default_rng(1)


def ours(scores, labels):
    path = folder + "/scores"
    with open(path, "wb") as f:
        numpy.array(scores.shape, "<i4").tofile(f)
        scores.astype("<f4").tofile(f)
        labels.astype("<i4").tofile(f)
    out = subprocess.run([program, path], check=True, capture_output=True)
    return [float(v) for v in out.stdout.split()]


def theirs(scores, labels):
    present = [k for k in range(scores.shape[1]) if (labels == k).any()]
    each = [average_precision_score(labels == k, scores[:, k])
            for k in present]
    return numpy.mean(each), accuracy_score(labels, scores.argmax(1))


def softmax(x):
    e = numpy.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


worst = 0.0
cases = 0
for n in (1, 2, 3, 17, 200, 2000):
    for classes in (2, 3, 10, 40):
        labels = random.integers(0, classes, n)
        logits = random.normal(size=(n, classes))
        logits[numpy.arange(n), labels] += 1
        for scores in (
            softmax(logits),
            softmax(20 * logits),  # saturated: zeros and ones
            random.integers(0, 3, (n, classes)) / 2,  # nearly all equal
            random.integers(0, 50, (n, classes)) / 49,
            numpy.zeros((n, classes)),
        ):
            scores = scores.astype("f4")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                want = theirs(scores, labels)
            got = ours(scores, labels)
            worst = max(worst, *numpy.abs(numpy.subtract(got, want)))
            cases += 1
print(f"{cases} cases, largest difference {worst:.3g}")
sys.exit(not worst <= 1e-6)

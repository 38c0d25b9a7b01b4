"""The reports on random evaluations beside scikit-learn's figures, and the
temperature beside scipy's: reports.py REPORTS TEMPERATURE FOLDER."""
import csv
import os
import subprocess
import sys
import warnings

import numpy
from scipy.optimize import minimize_scalar
from sklearn.metrics import (accuracy_score, average_precision_score,
                             confusion_matrix, f1_score,
                             precision_recall_fscore_support)

reports, temperature, folder = sys.argv[1:]
random = numpy.random.default_rng(1)
worst = 0.0


def same(what, got, want, bound=2e-6):
    global worst
    got, want = numpy.asarray(got, float), numpy.asarray(want, float)
    assert got.shape == want.shape, (what, got.shape, want.shape)
    far = numpy.abs(got - want).max() if got.size else 0
    worst = max(worst, far)
    assert far <= bound, (what, far)


def rows(name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as f:
        return list(csv.reader(f))


def fit(scores, labels):
    path = folder + "/scores"
    with open(path, "wb") as f:
        numpy.array(scores.shape, "<i4").tofile(f)
        scores.astype("<f4").tofile(f)
        labels.astype("<i4").tofile(f)
    return float(subprocess.run([temperature, path], check=True,
                                capture_output=True).stdout)


def best_temperature(scores, labels):
    log = numpy.log(numpy.maximum(scores.astype("f4"), 1e-30).astype("f8"))

    def loss(t):
        z = log / t
        z -= z.max(1, keepdims=True)
        p = numpy.exp(z)
        p /= p.sum(1, keepdims=True)
        return -numpy.log(p[numpy.arange(len(labels)), labels]).mean()

    return minimize_scalar(loss, bounds=(0.05, 20), method="bounded",
                           options={"xatol": 1e-9}).x


def evaluation(scores, labels):
    """Written by hand; average precisions are scikit-learn's own."""
    n, classes = scores.shape
    order = numpy.argsort(-scores, 1, kind="stable")
    with open(folder + "/evaluation", "w", encoding="utf-8") as f:
        f.write("evaluation 1\ncomplete\n")
        for k in range(classes):
            has = (labels == k).any()
            ap = average_precision_score(labels == k, scores[:, k]) if has else 0
            f.write(f"class {f'{ap:.7g}' if has else '-'} c{k}\n")
        for i in range(n):
            p, s = order[i, :2]
            f.write(f"picture {labels[i]} {p} {s} {scores[i, p]:.7g} "
                    f"{scores[i, s]:.7g} x/{i}, \"{i}\".jpg\n")


def check(scores, labels):
    evaluation(scores, labels)
    out = subprocess.run([reports, folder + "/evaluation", folder], check=True,
                         capture_output=True, text=True).stdout
    macro, calibration = map(float, out.split())
    n, classes = scores.shape
    # All is to follow from predictions.csv, so that is read for it.
    seen = rows("predictions.csv")[1:]
    assert [r[0] for r in seen] == [f"x/{i}, \"{i}\".jpg" for i in range(n)]
    truth = numpy.array([int(r[1][1:]) for r in seen])
    predicted = numpy.array([int(r[2][1:]) for r in seen])
    sure = numpy.array([float(r[3]) for r in seen])
    assert (truth == labels).all() and (predicted == scores.argmax(1)).all()
    every = range(classes)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=every, zero_division=0)
    table = rows("classes.csv")[1:]
    for column, want in ((1, precision), (2, recall), (3, f1), (5, support)):
        same("classes.csv", [r[column] for r in table], want)
    same("macro F1", macro, f1_score(truth, predicted, average="macro"))
    table = rows("confusion.csv")
    assert table[0][1:] == [f"c{k}" for k in every]
    same("confusion.csv", [r[1:] for r in table[1:]],
         confusion_matrix(truth, predicted, labels=every), 0)
    for least, answered, right in rows("thresholds.csv")[1:]:
        kept = sure >= float(least)
        same("answered", float(answered), kept.mean())
        if kept.any():
            same("right", float(right),
                 accuracy_score(truth[kept], predicted[kept]))
        else:
            assert right == ""
    bins = numpy.ceil(sure * 15).astype(int)
    error = sum(abs((predicted == truth)[bins == b].sum() -
                    sure[bins == b].sum()) for b in set(bins)) / n
    same("calibration error", calibration, error)
    mistakes = rows("mistakes.csv")[1:]
    assert len(mistakes) == (truth != predicted).sum()
    certain = [float(r[3]) for r in mistakes]
    assert certain == sorted(certain, reverse=True)


cases = 0
for n in (2, 17, 200, 2000):
    for classes in (2, 3, 10, 40):
        labels = random.integers(0, classes, n)
        for sharp in (0.3, 1, 4):
            logits = random.normal(size=(n, classes))
            logits[numpy.arange(n), labels] += 1
            e = numpy.exp(sharp * (logits - logits.max(1, keepdims=True)))
            scores = (e / e.sum(1, keepdims=True)).astype("f4")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                check(scores, labels)
            if n >= 200:
                got, want = fit(scores, labels), best_temperature(scores, labels)
                assert abs(got / want - 1) < 1e-4, (got, want)
            cases += 1
print(f"{cases} cases, largest difference {worst:.3g}")

"""Compare single layers of the trainer with PyTorch's.

usage: layers.py LAYERS DIR f32|bf16…

Each layer runs forward and back on odd sizes. PyTorch computes the same in
double precision from the same numbers (rounded to bf16 where it is bf16), so
what may differ is how sums are taken and, in bf16, one rounding of each
result, and of what was summed up.
"""
import os
import subprocess
import sys

import torch
from torch.nn import functional as F

from gradients import read, write

# Relative to the largest value of a tensor, for sums in f32; and what a
# rounding to bf16 may change, relative to each value.
SUMS, ROUNDING = 5e-6, 2 ** -8

# n, in, out, side, kernel, stride, padding
CONVOLUTIONS = [
    (3, 3, 64, 37, 7, 2, 3),
    (2, 3, 64, 32, 7, 2, 3),
    (5, 64, 64, 9, 3, 1, 1),
    (3, 64, 128, 13, 3, 2, 1),
    (3, 64, 128, 13, 1, 2, 0),
    (1, 128, 128, 7, 3, 1, 1),
    (7, 128, 256, 5, 3, 2, 1),
    (2, 256, 256, 3, 3, 1, 1),
    (3, 256, 512, 3, 3, 2, 1),
    (3, 256, 512, 2, 1, 2, 0),
    (5, 512, 512, 1, 3, 1, 1),
    (17, 512, 512, 2, 3, 1, 1),
]
# n, channels, side
SIDES = [(1, 64, 7), (3, 64, 13), (5, 128, 3), (2, 256, 25), (9, 512, 1)]
# n, classes, smoothing
LOSSES = [(1, 2, 0.0), (5, 3, 0.1), (33, 101, 0.2), (16, 1000, 1.0)]


class Case:
    """One run of a layer: its inputs, our results, distances from theirs."""

    def __init__(self, program, folder, precision):
        self.run = [program, precision, folder]
        self.folder, self.bf16 = folder, precision == "bf16"
        self.inputs, self.bad = {}, []

    def number(self, name, *shape, scale=1.0, shift=0.0, exact=False):
        """A random input, as the layer sees it, in double precision."""
        x = torch.randn(*shape) * scale + shift
        if self.bf16 and not exact:
            x = x.bfloat16().float()
        self.inputs[name] = x
        return x.double()

    def compute(self, kind, *numbers):
        write(f"{self.folder}/in", self.inputs)
        subprocess.run(self.run + [kind] + [str(n) for n in numbers],
                       check=True)
        self.ours = read(f"{self.folder}/out")

    def same(self, name, theirs, roundings=0, inner=0):
        """In bf16, `roundings` of each value, and `inner` of its largest: of
        what was summed up."""
        ours = self.ours[name].double().reshape(theirs.shape)
        theirs = theirs.detach()
        bound = theirs.abs().max() * SUMS
        if self.bf16:
            bound = bound + ROUNDING * (theirs.abs() * roundings +
                                        theirs.abs().max() * inner)
        over = ((ours - theirs).abs() / (bound + 1e-12)).max().item()
        if not over <= 1:  # NaN, too
            self.bad.append(f"{name}: {over:.2g} times the bound")


def convolution(case, n, c_in, c_out, side, kernel, stride, padding):
    x = case.number("x", n, c_in, side, side).requires_grad_()
    w = case.number("w", c_out, c_in, kernel, kernel,
                    scale=(c_in * kernel ** 2) ** -0.5).requires_grad_()
    y = F.conv2d(x, w, stride=stride, padding=padding)
    b = case.number("b", c_out, exact=True)
    add = case.number("add", *y.shape)
    dy = case.number("dy", *y.shape)
    case.compute("convolution", n, c_in, c_out, side, kernel, stride, padding)
    y.backward(dy)
    case.same("y", y.detach(), 1)
    case.same("infer", (y.detach() + b.view(1, -1, 1, 1) + add).relu(), 1)
    case.same("dw", w.grad)
    if "own dw" in case.ours:
        case.same("own dw", w.grad)
    if c_in != 3:
        case.same("dx", x.grad, 1)


def normalised(case, n, channels, side):
    x = case.number("x", n, channels, side, side, scale=2, shift=1)
    gamma = case.number("gamma", channels, exact=True).requires_grad_()
    beta = case.number("beta", channels, exact=True).requires_grad_()
    x.requires_grad_()
    y = F.batch_norm(x, None, None, gamma, beta, training=True)
    return x, gamma, beta, y


def gradient(case, name, y):
    """A gradient of relu(y), but none where a rounding decides on the slope."""
    d = case.number(name, *y.shape) * (y.detach().abs() > 0.05)
    case.inputs[name] = d.float()
    return d


def same_gradients(case, x, gamma, beta):
    case.same("dx", x.grad, 1, 1)
    case.same("dgamma", gamma.grad, 0, 1)
    case.same("dbeta", beta.grad, 0, 1)


def normalisation(case, n, channels, side, relu, add, more):
    x, gamma, beta, y = normalised(case, n, channels, side)
    if add:
        shortcut = case.number("add", *y.shape).requires_grad_()
        y = y + shortcut
    d = gradient(case, "dy", y)
    if more:
        d = d + gradient(case, "more", y)
    case.compute("normalisation", n, channels, side, int(relu))
    y = y.relu() if relu else y
    y.backward(d)
    case.same("y", y, 1)
    case.same("mean", x.mean((0, 2, 3)))
    case.same("variance", x.var((0, 2, 3), unbiased=False))
    same_gradients(case, x, gamma, beta)
    if add:
        case.same("dadd", shortcut.grad, 1)


def stem(case, n, channels, side):
    x, gamma, beta, y = normalised(case, n, channels, side)
    y = F.max_pool2d(y.relu(), 3, 2, 1)
    d = gradient(case, "dy", y)
    case.compute("stem", n, channels, side)
    y.backward(d)
    case.same("y", y, 1)
    same_gradients(case, x, gamma, beta)


def mean(case, n, channels, side):
    x = case.number("x", n, channels, side, side).requires_grad_()
    dy = case.number("dy", n, channels, 1, 1)
    case.compute("mean", n, channels, side)
    y = F.adaptive_avg_pool2d(x, 1)
    y.backward(dy)
    case.same("y", y, 1)
    case.same("dx", x.grad, 1)


def head(case, n, c_in, c_out):
    """In f32 always."""
    x = case.number("x", n, c_in, exact=True).requires_grad_()
    w = case.number("w", c_out, c_in, exact=True).requires_grad_()
    b = case.number("b", c_out, exact=True).requires_grad_()
    dy = case.number("dy", n, c_out, exact=True)
    case.compute("head", n, c_in, c_out)
    y = F.linear(x, w, b)
    y.backward(dy)
    case.same("y", y)
    for name, of in (("dx", x), ("dw", w), ("db", b)):
        case.same(name, of.grad)


def loss(case, n, classes, smoothing, weighted):
    x = case.number("x", n, classes, scale=3, exact=True).requires_grad_()
    labels = torch.randint(0, classes, (n,))
    case.inputs["labels"] = labels.float()
    each = F.cross_entropy(x, labels, reduction="none",
                           label_smoothing=smoothing)
    if weighted:
        weights = case.number("weights", classes, exact=True).abs()
        case.inputs["weights"] = weights.float()
        each = each * weights[labels]
    case.compute("loss", n, classes, round(smoothing * 1000))
    each.mean().backward()
    case.same("loss", each.mean().view(1))
    case.same("dx", x.grad)
    case.same("p", x.softmax(1))


def optimiser(case, count, rate, momentum, decay, steps):
    value = case.number("value", count, exact=True).requires_grad_()
    average = value.detach().clone()
    sgd = torch.optim.SGD([value], rate, momentum, weight_decay=decay,
                          nesterov=momentum > 0)
    for k in range(steps):
        value.grad = case.number(f"gradient.{k}", count, exact=True)
        sgd.step()
        average += 0.25 * (value.detach() - average)
    case.compute("optimiser", *(round(v * 1e6)
                                for v in (rate, momentum, decay)), steps)
    case.same("value", value)
    case.same("average", average)
    if momentum:
        case.same("momentum", sgd.state[value]["momentum_buffer"])


def cases():
    for shape in CONVOLUTIONS:
        yield convolution, shape
    for shape in SIDES:
        for relu, add, more in ((0, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)):
            yield normalisation, shape + (relu, add, more)
        yield mean, shape
    for shape in ((1, 64, 16), (3, 64, 25), (2, 64, 49), (5, 64, 19)):
        yield stem, shape
    for shape in ((1, 512, 2), (5, 512, 3), (17, 512, 101)):
        yield head, shape
    for shape in LOSSES:
        yield loss, shape + (False,)
        yield loss, shape + (True,)
    for rule in ((0.1, 0.9, 5e-4, 4), (0.05, 0.5, 0.1, 3), (0.1, 0, 0, 2)):
        yield optimiser, (50021,) + rule


def main():
    program, folder = os.path.realpath(sys.argv[1]), sys.argv[2]
    torch.manual_seed(1)
    failed = 0
    for precision in sys.argv[3:]:
        for layer, numbers in cases():
            case = Case(program, folder, precision)
            layer(case, *numbers)
            if case.bad:
                print(precision, layer.__name__, numbers, *case.bad, sep="; ")
                failed += 1
    sys.exit(f"{failed} layers differ" if failed else 0)


main()

#!/usr/bin/env python3
"""PyTorch's training of the same network on the same pictures.

pytorch.py DATASET METRICS.csv [--side 32] [--batch 64] [--epochs 12] [--seed 1]
           [--threads N] [--precision f32|bf16] [--augment SET] [--workers N]
           [--rate RATE] [--plain] [--base FILE.safetensors]

DATASET has train/ and test/ with class folders. The recipe is primo-train's:
ResNet-18 from scratch, pictures resized to the side and normalised, SGD with
Nesterov momentum 0.9, weight decay 5e-4, label smoothing 0.1, a linear warm-up
over a twentieth of the updates, then the peak, and half a cosine to zero in the
last three tenths; one of each block's two ways begins at nothing, and an average
of the weights is evaluated; channels_last. --plain leaves out the last two,
which scripts seldom have. SET
is none or any of rotation+exposure+noise, as primo-train has them. With --base
the network but for its head is that file's, and all of it learns at RATE: plain
fine-tuning, whose rate the caller has to look for.

Without --workers all pictures are decoded once and kept, which no data loader
does by itself; with it they come from an ImageFolder through a DataLoader of N
processes, as in PyTorch's own examples. Rows are written as primo-train's
metrics.csv.
"""
import argparse
import copy
import csv
import datetime
import json
import math
import os
import time

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torchvision import datasets, transforms
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

MOMENTUM, DECAY, SMOOTHING, MEMORY_PART = 0.9, 5e-4, 0.1, 30
HOLD = 0.7
TYPES = {"F32": torch.float32, "BF16": torch.bfloat16}
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def augmentations(names):
    """Of PIL pictures, and of tensors."""
    of_pictures, of_tensors = [], []
    if "rotation" in names:
        of_pictures.append(transforms.RandomChoice([
            transforms.RandomRotation((a - 10, a + 10), transforms.
                                      InterpolationMode.BILINEAR)
            for a in (0, 90, 180, 270)]))
    if "exposure" in names:
        of_pictures.append(transforms.ColorJitter(brightness=0.3,
                                                  contrast=0.3))
    if "noise" in names:
        of_tensors.append(lambda x: (x + torch.randn_like(x) *
                                     torch.rand(()) * (12 / 255)).clamp(0, 1))
    return of_pictures, of_tensors


def folder(path, side, names=()):
    """An ImageFolder of pictures as the network takes them."""
    of_pictures, of_tensors = augmentations(names)
    return datasets.ImageFolder(path, transforms.Compose(
        [transforms.Resize((side, side))] + of_pictures +
        [transforms.ToTensor()] + of_tensors +
        [transforms.Normalize(MEAN, DEVIATION)]))


class Kept:
    """Batches of pictures that are all in memory."""

    def __init__(self, path, side, batch, shuffle):
        files = datasets.ImageFolder(path, transforms.Compose(
            [transforms.Resize((side, side)), transforms.PILToTensor()]))
        self.pixels = torch.stack([x for x, _ in files])
        self.labels = torch.tensor(files.targets)
        self.batch, self.shuffle = batch, shuffle
        self.mean = torch.tensor(MEAN).view(1, 3, 1, 1)
        self.deviation = torch.tensor(DEVIATION).view(1, 3, 1, 1)

    def __len__(self):
        return math.ceil(len(self.labels) / self.batch)

    def __iter__(self):
        n = len(self.labels)
        order = torch.randperm(n) if self.shuffle else torch.arange(n)
        for batch in order.split(self.batch):
            x = (self.pixels[batch].float() / 255 - self.mean) / self.deviation
            yield x, self.labels[batch]


def loaders(args):
    parts = [os.path.join(args.dataset, p) for p in ("train", "test")]
    names = args.augment.split("+")
    if args.workers is None:
        assert names == ["none"], "pictures that are kept are not augmented"
        return [Kept(p, args.side, args.batch, p == parts[0]) for p in parts]
    return [torch.utils.data.DataLoader(
        folder(p, args.side, names if p == parts[0] else ()), args.batch,
        shuffle=p == parts[0], num_workers=args.workers,
        persistent_workers=args.workers > 0) for p in parts]


def begin_at_nothing(model):
    """The scale of what a block adds last is 0."""
    for block in model.modules():
        if isinstance(block, BasicBlock):
            norm = block.downsample[1] if block.downsample else block.bn2
            torch.nn.init.zeros_(norm.weight)


def base_take(model, path):
    """All but the head of a file of weights."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    own = model.state_dict()
    for name, t in header.items():
        if name in own and t["dtype"] in TYPES and name[:3] != "fc.":
            part = bytearray(data[t["data_offsets"][0]:t["data_offsets"][1]])
            own[name].copy_(torch.frombuffer(part, dtype=TYPES[t["dtype"]])
                            .reshape(t["shape"]))


def rate(peak, update, updates):
    warmup = max(1, updates // 20)
    if update < warmup:
        return peak * (update + 1) / warmup
    done = max((update - warmup) / (updates - warmup) - HOLD, 0) / (1 - HOLD)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


class Average:
    """Of a model's weights, with a fading memory of a part of all updates."""

    def __init__(self, model, updates):
        self.model = copy.deepcopy(model)
        self.memory, self.updates = updates / MEMORY_PART, 0
        self.each = max(1, min(8, int(self.memory / 4)))

    def take(self, model):
        self.updates += 1
        if self.updates % self.each:
            return
        share = max(1 - math.exp(-self.each / self.memory),
                    self.each / self.updates)
        with torch.no_grad():
            for mine, its in zip(self.model.state_dict().values(),
                                 model.state_dict().values()):
                if mine.is_floating_point():
                    mine.lerp_(its, share)


def cast(args):
    return torch.autocast("cpu", torch.bfloat16,
                          enabled=args.precision == "bf16")


def train_epoch(args, model, average, optimizer, batches, first, updates):
    """Losses, pictures, seconds."""
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    losses, pictures, start = [], 0, time.time()
    for images, labels in batches:
        update = first + len(losses)
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = rate(args.rate, update, updates)
        images = images.contiguous(memory_format=torch.channels_last)
        with cast(args):
            loss = loss_of(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if average:
            average.take(model)
        losses.append(loss.item())
        pictures += len(labels)
    return losses, pictures, time.time() - start


def evaluate(args, model, batches):
    """Average precision, accuracy."""
    model.eval()
    scores, truth = [], []
    with torch.inference_mode(), cast(args):
        for images, labels in batches:
            images = images.contiguous(memory_format=torch.channels_last)
            scores.append(model(images).float().softmax(1))
            truth.append(labels)
    scores, truth = torch.cat(scores).numpy(), torch.cat(truth).numpy()
    hot = np.eye(scores.shape[1])[truth]
    return (average_precision_score(hot, scores, average="macro"),
            float((scores.argmax(1) == truth).mean()))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("metrics")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--augment", default="none")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--base")
    args = parser.parse_args()
    if args.rate is None:
        args.rate = min(0.0125 * args.batch / 16, 0.05)
    return args


def main():
    args = arguments()
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    train, test = loaders(args)
    classes = len(os.listdir(os.path.join(args.dataset, "train")))
    model = resnet18(num_classes=classes)
    if args.base:
        base_take(model, args.base)
    elif not args.plain:
        begin_at_nothing(model)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.rate, nesterov=True,
                                momentum=MOMENTUM, weight_decay=DECAY)
    with open(args.metrics, "w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow("time,epoch,iteration,learning_rate,train_loss,"
                      "average_precision,accuracy,images_per_second".split(","))
        done, updates = 0, args.epochs * len(train)
        average = None if args.plain else Average(model, updates)
        for epoch in range(args.epochs):
            losses, pictures, seconds = train_epoch(
                args, model, average, optimizer, train, done, updates)
            precision, accuracy = evaluate(
                args, average.model if average else model, test)
            done += len(losses)
            rows.writerow([datetime.datetime.utcnow().isoformat() + "Z",
                           epoch + 1, done,
                           rate(args.rate, done - 1, updates),
                           np.mean(losses), precision, accuracy,
                           pictures / seconds])
            file.flush()


if __name__ == "__main__":
    main()

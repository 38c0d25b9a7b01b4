#!/usr/bin/env python3
"""PyTorch's training of the same network on the same pictures.

pytorch.py DATASET METRICS.csv [--seed N] [--epochs N] [--threads N]

DATASET has train/ and test/ with class folders. The recipe is primo-train's:
ResNet-18 from scratch, pictures resized to 32 x 32 and normalised, no
augmentation, SGD with Nesterov momentum 0.9, weight decay 5e-4, label
smoothing 0.1, a linear warm-up over a twentieth of the updates, then a cosine
to zero. Rows are written as primo-train's metrics.csv.
"""
import argparse
import csv
import datetime
import math
import os
import time

import numpy as np
import torch
from PIL import Image
from sklearn.metrics import average_precision_score
from torchvision.models import resnet18

SIDE, BATCH, PEAK, MOMENTUM, DECAY, SMOOTHING = 32, 64, 0.05, 0.9, 5e-4, 0.1


def read_part(folder):
    """All pictures of a part as a uint8 tensor [n, 3, side, side]."""
    pictures, labels = [], []
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            picture = Image.open(os.path.join(folder, name, file))
            picture = picture.convert("RGB")
            if picture.size != (SIDE, SIDE):
                picture = picture.resize((SIDE, SIDE), Image.BILINEAR)
            pictures.append(np.asarray(picture))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return pixels.contiguous(), torch.tensor(labels)


def normalised(pixels):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (pixels.float() / 255 - mean) / deviation


def rate(update, updates):
    warmup = max(1, updates // 20)
    if update < warmup:
        return PEAK * (update + 1) / warmup
    done = (update - warmup) / (updates - warmup)
    return PEAK * 0.5 * (1 + math.cos(math.pi * done))


def train_epoch(model, optimizer, train, first, updates):
    pixels, labels = train
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    order, losses, start = torch.randperm(len(labels)), [], time.time()
    model.train()
    for i in range(0, len(order), BATCH):
        for group in optimizer.param_groups:
            group["lr"] = rate(first + len(losses), updates)
        batch = order[i:i + BATCH]
        loss = loss_of(model(normalised(pixels[batch])), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, len(order) / (time.time() - start)


def evaluate(model, test):
    pixels, labels = test
    model.eval()
    with torch.no_grad():
        scores = torch.cat([model(normalised(p)).softmax(1)
                            for p in pixels.split(BATCH)]).numpy()
    labels = labels.numpy()
    truth = np.eye(scores.shape[1])[labels]
    return (average_precision_score(truth, scores, average="macro"),
            float((scores.argmax(1) == labels).mean()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("metrics")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    train = read_part(os.path.join(args.dataset, "train"))
    test = read_part(os.path.join(args.dataset, "test"))
    model = resnet18(num_classes=int(train[1].max()) + 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK, nesterov=True,
                                momentum=MOMENTUM, weight_decay=DECAY)
    steps = math.ceil(len(train[1]) / BATCH)
    with open(args.metrics, "w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow("time,epoch,iteration,learning_rate,train_loss,"
                      "average_precision,accuracy,images_per_second".split(","))
        for epoch in range(args.epochs):
            updates = args.epochs * steps
            losses, speed = train_epoch(model, optimizer, train, epoch * steps,
                                        updates)
            precision, accuracy = evaluate(model, test)
            done = (epoch + 1) * steps
            rows.writerow([datetime.datetime.utcnow().isoformat() + "Z",
                           epoch + 1, done, rate(done - 1, updates),
                           np.mean(losses), precision, accuracy, speed])
            file.flush()


if __name__ == "__main__":
    main()

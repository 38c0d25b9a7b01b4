#!/usr/bin/env python3
"""A base model by PyTorch, as other people make them.

base.py DATASET FILE.safetensors [--network resnet18] [--input torchvision]
        [--side 32] [--batch 32] [--epochs 5] [--rate 0.05]

Trains torchvision's network on the class folders of DATASET/train and writes its
weights. --input says what is done to pictures of 0 to 255: `torchvision` takes
ImageNet's mean off and divides by its deviation, `unit` makes them 0 to 1,
`signed` -1 to 1, and `bytes` leaves them.
"""
import argparse
import json

import torch
import torchvision.models
from torchvision import datasets, transforms

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INPUTS = {
    "torchvision": lambda x: transforms.functional.normalize(
        x / 255, MEAN, DEVIATION),
    "unit": lambda x: x / 255,
    "signed": lambda x: x / 127.5 - 1,
    "bytes": lambda x: x,
}


def write(path, tensors):
    header, at = {}, 0
    for name, t in tensors.items():
        size = t.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(t.shape),
                        "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for t in tensors.values():
            file.write(t.contiguous().numpy().tobytes())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("file")
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--input", choices=INPUTS, default="torchvision")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(1)
    files = datasets.ImageFolder(
        args.dataset + "/train", transforms.Compose(
            [transforms.Resize((args.side, args.side)),
             transforms.PILToTensor()]))
    pictures = torch.stack([x for x, _ in files])
    labels = torch.tensor(files.targets)
    model = getattr(torchvision.models, args.network)(
        num_classes=len(files.classes))
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), args.rate, momentum=0.9,
                                nesterov=True, weight_decay=5e-4)
    batches = -(-len(labels) // args.batch)
    falling = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.rate, total_steps=args.epochs * batches)
    loss_of = torch.nn.CrossEntropyLoss()
    for _ in range(args.epochs):
        for batch in torch.randperm(len(labels)).split(args.batch):
            if len(batch) > 1:
                images = INPUTS[args.input](pictures[batch].float())
                loss = loss_of(model(images), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            falling.step()
        print("loss %.3f" % loss.item(), flush=True)
    write(args.file, {name: t for name, t in model.state_dict().items()
                      if t.is_floating_point()})


main()

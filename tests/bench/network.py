"""Takes the steps of network.c with PyTorch, in channels_last:
network.py train|predict f32|bf16 SIDE BATCH STEPS [NETWORK]"""
import os
import sys
import time

import torch
import torchvision

use, precision = sys.argv[1:3]
side, batch, steps = map(int, sys.argv[3:6])
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
torch.manual_seed(1)
name = sys.argv[6] if len(sys.argv) > 6 else "resnet18"
net = getattr(torchvision.models, name)(weights=None, num_classes=10)
net = net.to(memory_format=torch.channels_last).train(use == "train")
sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True,
                      weight_decay=5e-4)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
images = torch.randint(0, 256, (batch, 3, side, side)).float()
labels = torch.arange(batch) % 10
mean = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
deviation = torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1)


def forward():
    x = (images - mean) / deviation
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        return net(x.contiguous(memory_format=torch.channels_last))


def train():
    sgd.zero_grad(set_to_none=True)
    logits = forward()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = loss_of(logits, labels)
    loss.backward()
    sgd.step()


def predict():
    with torch.inference_mode():
        forward().float().softmax(1)


seconds = []
for _ in range(steps + 1):
    began = time.perf_counter()
    train() if use == "train" else predict()
    seconds.append(time.perf_counter() - began)
print("%.2f" % (batch / sorted(seconds[1:])[steps // 2]))

"""The same steps as net_speed.c under PyTorch: net_speed.py SIDE BATCH STEPS
prints images a second of the median step, channels_last, f32."""
import os
import sys
import time

import torch
import torchvision

side, batch, steps = map(int, sys.argv[1:4])
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
torch.manual_seed(1)
net = torchvision.models.resnet18(weights=None, num_classes=10)
net = net.to(memory_format=torch.channels_last).train()
sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True,
                      weight_decay=5e-4)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
images = torch.randint(0, 256, (batch, 3, side, side)).float()
labels = torch.arange(batch) % 10
mean = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
deviation = torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1)
seconds = []
for _ in range(steps + 1):
    began = time.perf_counter()
    x = (images - mean) / deviation
    sgd.zero_grad(set_to_none=True)
    loss = loss_of(net(x.contiguous(memory_format=torch.channels_last)), labels)
    loss.backward()
    sgd.step()
    seconds.append(time.perf_counter() - began)
print("%.1f" % (batch / sorted(seconds[1:])[steps // 2]))

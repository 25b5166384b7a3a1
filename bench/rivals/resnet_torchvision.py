"""The PyTorch side of bench/resnet.bench.ts: answers `train N`, `infer N` with seconds for N steps or passes.

Arguments: architecture, picture side, batch. One input channel, ten classes, SGD with momentum, everything trained.
"""
import sys
import time

import torch
import torchvision

name, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(2)
torch.manual_seed(0)
model = getattr(torchvision.models, name)(weights=None, num_classes=10)
model.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
criterion = torch.nn.CrossEntropyLoss()
x = torch.randn(batch, 1, side, side)
y = torch.arange(batch) % 10


def train():
    model.train()
    optimizer.zero_grad(set_to_none=True)
    criterion(model(x), y).backward()
    optimizer.step()


def infer():
    model.eval()
    with torch.inference_mode():
        model(x)


print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    what, n = line.split()
    step = {"train": train, "infer": infer}[what]
    begin = time.perf_counter()
    for _ in range(int(n)):
        step()
    print(time.perf_counter() - begin, flush=True)

"""The PyTorch side of bench/training.bench.ts: answers `train N` with the seconds of N training steps (forward,
backward, SGD with momentum, two threads) and `memory` with the peak of its resident memory in MiB.

Argument: the case, as in bench/stepCases.ts. One input channel, ten classes.
"""
import sys
import time

import torch
import torchvision
from torch import nn

torch.set_num_threads(2)
torch.manual_seed(0)


def resnet(name):
    model = getattr(torchvision.models, name)(weights=None, num_classes=10)
    model.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    return model


def mobilenet():
    def unit(inputs, outputs, kernel, stride, groups=1):
        return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)]
    layers, width = unit(1, 32, 3, 2), 32
    for stride, filters in [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024),
                            (1, 1024)]:
        layers += unit(width, width, 3, stride, width) + unit(width, filters, 1, 1)
        width = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class Transformer(nn.Module):
    def __init__(self, layers=4, width=384, heads=6):
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, 'gelu', batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width))
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.encoder(x[:, 0].transpose(1, 2)).mean(1))


class Cnn(nn.Module):
    """The compact CNN: 5×5/2, then three times pooling and 3×3; the mean and the maximum of the last maps."""

    def __init__(self):
        super().__init__()
        layers, width = [nn.ZeroPad2d((2, 6, 2, 1)), nn.Conv2d(1, 24, 5, 2, bias=False), nn.BatchNorm2d(24),
                         nn.ReLU(inplace=True)], 24
        for filters in (48, 96, 192):
            layers += [nn.MaxPool2d(2), nn.Conv2d(width, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters),
                       nn.ReLU(inplace=True)]
            width = filters
        self.maps = nn.Sequential(*layers)
        self.fc = nn.Sequential(nn.Dropout(0.2), nn.Linear(width, 10))

    def forward(self, x):
        maps = self.maps(x - x.mean((1, 2, 3), keepdim=True))
        return self.fc(maps.mean((2, 3)) + maps.amax((2, 3)))


cases = {
    'resnet50': (lambda: resnet('resnet50'), 8, (224, 224)),
    'resnet50-frozen-norm': (lambda: resnet('resnet50'), 8, (224, 224)),
    'resnet18': (lambda: resnet('resnet18'), 16, (128, 128)),
    'mobilenet': (mobilenet, 32, (96, 64)),
    'transformer': (Transformer, 16, (384, 200)),
    'cnn': (Cnn, 32, (64, 173)),
}
make, batch, picture = cases[sys.argv[1]]
model = make()
model.train()
if sys.argv[1].endswith('frozen-norm'):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
criterion = nn.CrossEntropyLoss()
x = torch.randn(batch, 1, *picture)
y = torch.arange(batch) % 10

print('ready', torch.__version__, flush=True)
for line in sys.stdin:
    if line.startswith('memory'):
        with open('/proc/self/status') as status:
            print(next(int(row.split()[1]) / 1024 for row in status if row.startswith('VmHWM')), flush=True)
        continue
    begin = time.perf_counter()
    for _ in range(int(line.split()[1])):
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x), y).backward()
        optimizer.step()
    print(time.perf_counter() - begin, flush=True)

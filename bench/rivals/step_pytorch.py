"""The PyTorch side of bench/training.bench.ts and bench/whisper.bench.ts: answers `train N` with the seconds of N training
steps (forward, backward, SGD with momentum, two threads), `forward N` with those of N passes of inference, and `memory`
with the peak of its resident memory in MiB.

Argument: the case, as in bench/stepCases.ts. One input channel, ten classes. Where a network can be written in several
ways, and in inference (plain, traced and frozen, optimize_for_inference), the fastest is taken by a short trial.
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


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.v, self.out = (nn.Linear(width, width) for _ in range(3))
        self.k = nn.Linear(width, width, bias=False)

    def forward(self, x):
        n, time, width = x.shape
        split = lambda y: y.view(n, time, self.heads, -1).transpose(1, 2)
        q, k, v = split(self.q(x) * (width // self.heads) ** -0.5), split(self.k(x)), split(self.v(x))
        mixed = torch.softmax(q @ k.transpose(2, 3), -1) @ v
        return self.out(mixed.transpose(1, 2).reshape(n, time, width))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))


class Whisper(nn.Module):
    """Whisper-tiny's encoder under Hugging Face's head; `fused`: with PyTorch's own transformer layers, which join the
    three projections and in inference run as one fused kernel each."""

    def __init__(self, fused, width=384, layers=4, heads=6, mels=80):
        super().__init__()
        self.conv1 = nn.Conv1d(mels, width, 3, 1, 1)
        self.conv2 = nn.Conv1d(width, width, 3, 2, 1)
        self.positions = nn.Parameter(torch.randn(1500, width), requires_grad=False)
        if fused:
            layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, 'gelu', batch_first=True, norm_first=True)
            self.layers = nn.TransformerEncoder(layer, layers)
        else:
            self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.projector, self.classifier = nn.Linear(width, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = nn.functional.gelu(self.conv1(x[:, 0]))
        x = nn.functional.gelu(self.conv2(x)).transpose(1, 2)
        x = self.norm(self.layers(x + self.positions[:x.shape[1]]))
        return self.classifier(self.projector(x).mean(1))


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


def whisper():
    return [Whisper(False), Whisper(True)]


# What makes the network (or a list of equal ones, written differently), the batch, the picture.
cases = {
    'resnet50': (lambda: resnet('resnet50'), 8, (224, 224)),
    'resnet50-frozen-norm': (lambda: resnet('resnet50'), 8, (224, 224)),
    'resnet18': (lambda: resnet('resnet18'), 16, (128, 128)),
    'mobilenet': (mobilenet, 32, (96, 64)),
    'transformer': (Transformer, 16, (384, 200)),
    'whisper-tiny': (whisper, 8, (80, 400)),
    'whisper-tiny-full': (whisper, 2, (80, 3000)),
    'whisper-tiny-one': (whisper, 1, (80, 400)),
    'cnn': (Cnn, 32, (64, 173)),
}
make, batch, picture = cases[sys.argv[1]]
made = make()
models = made if isinstance(made, list) else [made]
x = torch.randn(batch, 1, *picture)
y = torch.arange(batch) % 10
criterion = nn.CrossEntropyLoss()


def fastest(ways):
    """The way that is fastest the second time."""
    times = []
    for way in ways:
        way()
        begin = time.perf_counter()
        way()
        times.append((time.perf_counter() - begin, way))
    return min(times, key=lambda pair: pair[0])[1]


def training(model):
    model.train()
    if sys.argv[1].endswith('frozen-norm'):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.001, momentum=0.9)

    def step():
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x), y).backward()
        optimizer.step()

    return step


def inference():
    for model in models:
        model.eval()
        for parameter in model.parameters():
            parameter.grad = None
        with torch.inference_mode():
            traced = torch.jit.trace(model, x)
            for run in (model, torch.jit.freeze(traced), torch.jit.optimize_for_inference(traced)):
                def way(run=run):
                    with torch.inference_mode():
                        return run(x)
                # The first calls of TorchScript compile.
                way()
                yield way


work = {}
print('ready', torch.__version__, flush=True)
for line in sys.stdin:
    if line.startswith('memory'):
        with open('/proc/self/status') as status:
            print(next(int(row.split()[1]) / 1024 for row in status if row.startswith('VmHWM')), flush=True)
        continue
    what, count = line.split()
    if what not in work:
        ways = list(inference()) if what == 'forward' else [training(model) for model in models]
        work[what] = fastest(ways) if len(ways) > 1 else ways[0]
    begin = time.perf_counter()
    for _ in range(int(count)):
        work[what]()
    print(time.perf_counter() - begin, flush=True)

"""The PyTorch side of bench/embeddings.bench.ts: OpenL3's network without its front end, in inference.

Arguments: input representation, embedding size. Prints the settings it took, then answers `embed N` with the seconds of N
batches, `batch` with its batch size and `cpu` with the seconds of processor time it has had. Two threads, or THREADS;
denormal numbers are flushed to zero. Of the ways to run it (plain, channels last, frozen TorchScript with batch
normalisation folded in, that with optimize_for_inference's oneDNN layout; batches of 1, 4 and 8) the fastest is taken,
by a short trial of each.
"""
import os
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(os.environ.get('THREADS', 2)))
torch.manual_seed(0)
torch.set_flush_denormal(True)

PICTURES = {'linear': (257, 197), 'mel128': (128, 199), 'mel256': (256, 199)}
POOLING = {'linear': {6144: (8, 8), 512: (32, 24)}, 'mel128': {6144: (4, 8), 512: (16, 24)},
           'mel256': {6144: (8, 8), 512: (32, 24)}}
input_repr, size = sys.argv[1], int(sys.argv[2])


class Openl3(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inner = [nn.BatchNorm2d(1, 1e-3)], 1
        for width in (64, 128, 256):
            for _ in range(2):
                layers += [nn.Conv2d(inner, width, 3, padding=1), nn.BatchNorm2d(width, 1e-3), nn.ReLU(inplace=True)]
                inner = width
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Conv2d(256, 512, 3, padding=1), nn.BatchNorm2d(512, 1e-3), nn.ReLU(inplace=True),
                   nn.Conv2d(512, 512, 3, padding=1), nn.MaxPool2d(POOLING[input_repr][size])]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).permute(0, 2, 3, 1).flatten(1)


model = Openl3().eval()
for module in model.modules():
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)


def ways(batch):
    x = -80 * torch.rand(batch, 1, *PICTURES[input_repr])
    last = x.contiguous(memory_format=torch.channels_last)
    frozen = torch.jit.freeze(torch.jit.trace(model, x))
    yield 'plain', model, x
    yield 'frozen', frozen, x
    yield 'optimize_for_inference', torch.jit.optimize_for_inference(torch.jit.trace(model, x)), x
    model.to(memory_format=torch.channels_last)
    yield 'channels last', model, last
    yield 'channels last, frozen', torch.jit.freeze(torch.jit.trace(model, last)), last
    model.to(memory_format=torch.contiguous_format)


def seconds(run, x, n):
    started = time.perf_counter()
    for _ in range(n):
        run(x)
    return time.perf_counter() - started


with torch.inference_mode():
    best = None
    for batch in (1, 4, 8):
        for name, run, x in ways(batch):
            # The first calls of TorchScript compile.
            seconds(run, x, 2)
            rate = batch / seconds(run, x, 1)
            if best is None or rate > best[0]:
                best = (rate, name, batch, run, x)
    _, name, batch, run, x = best
    # The layout belongs to the model: the trial may have left another one.
    model.to(memory_format=torch.channels_last if name == 'channels last' else torch.contiguous_format)
    print(f'PyTorch {torch.__version__}: {name}, batches of {batch}', flush=True)
    for line in sys.stdin:
        request, _, count = line.strip().partition(' ')
        answers = {'batch': lambda: batch, 'cpu': time.process_time, 'embed': lambda: seconds(run, x, int(count))}
        print(answers[request](), flush=True)

"""The rival of the approach `cnn`: a compact PyTorch CNN on the same clips, with wall time.

    OPENBLAS_CORETYPE=SkylakeX MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=20000000000 \
        /usr/bin/python3 bench/rivals/cnn_pytorch.py urbansound8k PATH --train 1 --test 2 --augment
    … /usr/bin/python3 bench/rivals/cnn_pytorch.py esc10 PATH

UrbanSound8K: 4 s, log-mel 64×173, widths 24 48 96 192 (221k parameters), 40 epochs. ESC-10: 5 s, 64×216, widths
16 32 64 128 (99k parameters), 30 epochs, five official folds. Four times convolution 3×3, batch norm, ReLU, max
pooling 2×2; then the mean over what is left, dropout and a linear layer. AdamW with a one-cycle schedule, mixup,
SpecAugment and circular time shift with --augment. The scores are those of the last epoch: nothing is chosen on the
test side. Needs PyTorch, torchaudio and soundfile (Debian's packages were used: 1.13, 0.13). The environment
variables above let Debian's OpenBLAS use AVX-512 and keep freed memory; leave OPENBLAS_CORETYPE out elsewhere.
"""
import argparse
import csv
import json
import os
import pathlib
import time

import numpy as np
import soundfile
import torch
import torchaudio
from torch import nn

RATE = 22050


def urbansound8k(root, folds):
    with open(root / 'metadata' / 'UrbanSound8K.csv') as f:
        rows = [r for r in csv.DictReader(f) if int(r['fold']) in folds]
    return [(root / 'audio' / f"fold{r['fold']}" / r['slice_file_name'], int(r['classID']), int(r['fold']))
            for r in rows]


def esc10(root):
    with open(root / 'meta' / 'esc50.csv') as f:
        rows = [r for r in csv.DictReader(f) if r['esc10'] == 'True']
    classes = sorted({int(r['target']) for r in rows})
    return [(root / 'audio' / r['filename'], classes.index(int(r['target'])), int(r['fold'])) for r in rows]


def find_audio(path):
    """The subsets in circulation keep the table's names but may hold another format."""
    if path.exists():
        return path
    return next(p for p in (path.with_suffix(s) for s in ('.ogg', '.flac', '.wav')) if p.exists())


def features(clips, seconds):
    """Log-mel pictures in decibels, [clips, 1, 64, frames]; clips are cropped or padded with zeros at the end."""
    mel = torchaudio.transforms.MelSpectrogram(RATE, n_fft=2048, hop_length=512, n_mels=64, norm='slaney',
                                               mel_scale='slaney')
    to_db = torchaudio.transforms.AmplitudeToDB('power', top_db=80)
    length = round(seconds * RATE)
    pictures = []
    for path, _, _ in clips:
        samples, rate = soundfile.read(find_audio(path), dtype='float32', always_2d=True)
        wave = torch.from_numpy(samples.mean(1))
        if rate != RATE:
            wave = torchaudio.functional.resample(wave, rate, RATE)
        wave = nn.functional.pad(wave[:length], (0, max(0, length - len(wave))))
        pictures.append(to_db(mel(wave)))
    return torch.stack(pictures)[:, None]


def cnn(widths, classes, dropout):
    layers, channels = [], 1
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
                   nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout),
                         nn.Linear(channels, classes))


def augment(x, y, rng):
    """Circular time shift, two masks in frequency and two in time per clip, mixup over the batch."""
    n, _, bands, frames = x.shape
    x = x.clone()
    for i in range(n):
        x[i] = torch.roll(x[i], int(rng.integers(frames)), -1)
        for _ in range(2):
            width = int(rng.integers(9))
            start = int(rng.integers(bands - width + 1))
            x[i, :, start:start + width] = 0
            width = int(rng.integers(25))
            start = int(rng.integers(frames - width + 1))
            x[i, :, :, start:start + width] = 0
    share = float(rng.beta(0.2, 0.2))
    order = torch.from_numpy(rng.permutation(n))
    return share * x + (1 - share) * x[order], share * y + (1 - share) * y[order]


def train(x, y, args, widths, classes, epochs, seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = cnn(widths, classes, args.dropout)
    # Fine on this PyTorch: oneDNN picks its own layout; channels_last was slower at these sizes.
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    steps = epochs * -(-len(x) // args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=steps)
    targets = nn.functional.one_hot(y, classes).float()
    for _ in range(epochs):
        model.train()
        for chosen in torch.from_numpy(rng.permutation(len(x))).split(args.batch):
            bx, by = x[chosen], targets[chosen]
            if args.augment:
                bx, by = augment(bx, by, rng)
            loss = nn.functional.cross_entropy(model(bx), by)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def macro_f1(truth, predicted, classes):
    scores = []
    for k in range(classes):
        hits = ((truth == k) & (predicted == k)).sum().item()
        total = (truth == k).sum().item() + (predicted == k).sum().item()
        scores.append(2 * hits / total if total else 0.0)
    return sum(scores) / classes


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('dataset', choices=['urbansound8k', 'esc10'])
    p.add_argument('path', type=pathlib.Path)
    p.add_argument('--train', type=int, nargs='+', default=[1], help='UrbanSound8K folds (default 1)')
    p.add_argument('--test', type=int, nargs='+', default=[2], help='UrbanSound8K folds (default 2)')
    p.add_argument('--epochs', type=int, help='default 40 for urbansound8k, 30 for esc10')
    p.add_argument('--augment', action='store_true', help='mixup, SpecAugment and time shift')
    p.add_argument('--batch', type=int, default=32)
    p.add_argument('--lr', type=float, default=3e-3, help='peak of the one-cycle schedule')
    p.add_argument('--weight-decay', type=float, default=0.01)
    p.add_argument('--dropout', type=float, default=0.2)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--threads', type=int, default=2)
    args = p.parse_args()
    torch.set_num_threads(args.threads)

    us8k = args.dataset == 'urbansound8k'
    widths, epochs, seconds = ((24, 48, 96, 192), 40, 4) if us8k else ((16, 32, 64, 128), 30, 5)
    epochs = args.epochs or epochs
    clips = urbansound8k(args.path, {*args.train, *args.test}) if us8k else esc10(args.path)
    rounds = [(set(args.train), set(args.test))] if us8k else [({1, 2, 3, 4, 5} - {k}, {k}) for k in range(1, 6)]
    started = time.perf_counter()
    x = features(clips, seconds)
    extraction = time.perf_counter() - started
    y = torch.tensor([label for _, label, _ in clips])
    folds = torch.tensor([fold for _, _, fold in clips])
    truths, guesses, accuracies, seconds_training = [], [], [], 0.0
    for train_folds, test_folds in rounds:
        in_train = torch.tensor([int(f) in train_folds for f in folds])
        in_test = torch.tensor([int(f) in test_folds for f in folds])
        mean, deviation = x[in_train].mean(), x[in_train].std()
        started = time.perf_counter()
        model = train((x[in_train] - mean) / deviation, y[in_train], args, widths, 10, epochs, args.seed)
        seconds_training += time.perf_counter() - started
        with torch.no_grad():
            logits = torch.cat([model(b) for b in ((x[in_test] - mean) / deviation).split(64)])
        truths.append(y[in_test])
        guesses.append(logits.argmax(1))
        accuracies.append((truths[-1] == guesses[-1]).float().mean().item())
    truth, predicted = torch.cat(truths), torch.cat(guesses)
    print(json.dumps({
        'dataset': args.dataset, 'parameters': sum(q.numel() for q in model.parameters()), 'epochs': epochs,
        'augment': args.augment, 'seed': args.seed, 'threads': args.threads, 'torch': torch.__version__,
        'environment': {k: os.environ.get(k) for k in ('OPENBLAS_CORETYPE', 'MALLOC_MMAP_MAX_')},
        'accuracy': round((truth == predicted).float().mean().item(), 4),
        'macro_f1': round(macro_f1(truth, predicted, 10), 4),
        'accuracies': [round(a, 4) for a in accuracies],
        'extraction_seconds': round(extraction, 1), 'training_seconds': round(seconds_training, 1),
    }))


if __name__ == '__main__':
    main()

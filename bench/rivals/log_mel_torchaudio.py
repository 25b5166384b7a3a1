"""The rival of bench/logMel.bench.ts: torchaudio's log-mel on float32 clips in a raw file. Reads commands from
standard input, one a line: THREADS BATCH FIRST COUNT; answers with the seconds of processor time it took."""
import os
import sys
import time

# Debian's OpenBLAS does not know newer processors; freed memory is kept, as a long-running program would.
assert os.environ.get("OPENBLAS_CORETYPE") and os.environ.get("MALLOC_MMAP_MAX_"), "start me from the benchmark"

import numpy as np
import torch
import torchaudio

path, length = sys.argv[1], int(sys.argv[2])
clips = torch.from_numpy(np.fromfile(path, dtype=np.float32)).reshape(-1, 1, length)
mel = torchaudio.transforms.MelSpectrogram(22050, n_fft=2048, hop_length=512, n_mels=128, norm="slaney", mel_scale="slaney")
decibels = torchaudio.transforms.AmplitudeToDB("power", top_db=80)

print(f"torchaudio {torchaudio.__version__}, torch {torch.__version__}", flush=True)
with torch.inference_mode():
    for line in sys.stdin:
        threads, batch, first, count = map(int, line.split())
        torch.set_num_threads(threads)
        start = time.process_time()
        for i in range(first, first + count, batch):
            result = decibels(mel(clips[i:min(i + batch, first + count)]))
        print(time.process_time() - start, flush=True)

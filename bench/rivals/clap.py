"""The rival of bench/clap.bench.ts: the same encoder in PyTorch at the published size, random weights, a window of 10 s at
a time, the median of five runs.

    OPENBLAS_CORETYPE=SkylakeX MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=20000000000 /usr/bin/python3 bench/rivals/clap.py

Needs PyTorch (Debian's 1.13 was used, with libopenblas0-pthread)."""
import os
import pathlib
import statistics
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "fixtures"))
from clapModel import Audio, Clap  # noqa: E402

torch.set_num_threads(os.cpu_count() or 1)
audio = {
    "spec_size": 256, "num_mel_bins": 64, "patch_size": 4, "patch_stride": [4, 4], "patch_embeds_hidden_size": 96,
    "depths": [2, 2, 6, 2], "num_attention_heads": [4, 8, 16, 32], "window_size": 8, "mlp_ratio": 4.0, "hidden_size": 768,
    "layer_norm_eps": 1e-5, "projection_dim": 512,
}
text = {
    "vocab_size": 10, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 16,
    "max_position_embeddings": 16, "type_vocab_size": 1, "layer_norm_eps": 1e-12, "pad_token_id": 1,
}
encoder = Audio(Clap(audio, text).eval())
with torch.inference_mode():
    for n in (1, 8):
        pictures = torch.randn(n, 1, 1001, 64)
        times = []
        for _ in range(6):
            start = time.perf_counter()
            encoder(pictures)
            times.append(time.perf_counter() - start)
        print(f"audio encoder, {n} at a time: {1000 * statistics.median(times[1:]) / n:.0f} ms a window of 10 s")

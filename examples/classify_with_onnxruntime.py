"""Runs a model that `earshot train` wrote with Python's ONNX Runtime: nothing of Earshot is needed.

    pip install onnxruntime numpy
    python examples/classify_with_onnxruntime.py runs/cnn/model.onnx clip.wav

The model takes the waveform itself; the front end, the network and the softmax are inside. Classes and sample rate
are in the model's metadata.
"""

import json
import sys
import wave

import numpy as np
import onnxruntime


def read_wav16(path: str) -> tuple[np.ndarray, int]:
    """Mono samples in [-1, 1) (the mean of the channels) of a 16-bit PCM WAV file, and its sample rate."""
    with wave.open(path, "rb") as file:
        if file.getsampwidth() != 2:
            raise SystemExit("This program reads 16-bit PCM only.")
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        frames = data.reshape(-1, file.getnchannels()).mean(axis=1) / 32768
        return frames.astype(np.float32), file.getframerate()


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("Usage: python classify_with_onnxruntime.py MODEL.onnx CLIP.wav")
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    classes = json.loads(metadata["classes"])
    sample_rate = int(metadata["sample_rate"])
    samples, rate = read_wav16(sys.argv[2])
    if rate != sample_rate:
        raise SystemExit(f"{sys.argv[2]} has {rate} Hz, the model takes {sample_rate} Hz: convert it first.")
    probabilities, embedding = session.run(["probabilities", "embedding"], {"waveform": samples[np.newaxis]})
    for i in np.argsort(-probabilities[0])[:3]:
        print(f"{classes[i]} {probabilities[0, i]:.6f}")
    print(f"embedding: {embedding.shape[-1]} numbers")


if __name__ == "__main__":
    main()

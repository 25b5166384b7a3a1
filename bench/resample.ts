/**
 * @file Speed and quality of the resampler, pair by pair: `npx tsx bench/resample.ts`. Where /usr/bin/python3 with
 * torchaudio is found, its resampler at the same design (Kaiser, same length of filter) is timed beside it.
 */
import { spawnSync } from 'node:child_process';
import { prepareResampler, runResampler } from '../src/audio/resample.ts';

const pairs = [
  [44100, 22050],
  [48000, 22050],
  [96000, 22050],
  [192000, 22050],
  [11024, 22050],
  [22050, 16000],
  [44100, 48000],
  [22050, 48000],
];
const dB = (ratio: number) => (20 * Math.log10(ratio)).toFixed(1);
const middle = (samples: Float32Array) => samples.subarray(samples.length >> 2, 3 * (samples.length >> 2));
const largest = (samples: Float32Array) =>
  samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function sine(frequency: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: rate * seconds }, (_, n) =>
    Math.sin((2 * Math.PI * frequency * n) / rate),
  );
}

function milliseconds(work: () => void): number {
  work();
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    work();
    return performance.now() - started;
  });
  return Math.min(...times);
}

/** Torchaudio, one thread, best of five, seconds of sound in a second; null without it. */
function torchaudio(from: number, to: number): number | null {
  const script = `
import time, torch, torchaudio
torch.set_num_threads(1)
x = torch.rand(1, ${from * 10}) - 0.5
r = torchaudio.transforms.Resample(${from}, ${to}, lowpass_filter_width=88, rolloff=0.95,
    resampling_method="kaiser_window", beta=14.47)
r(x)
best = 1e9
for _ in range(5):
    t = time.perf_counter(); r(x); best = min(best, time.perf_counter() - t)
print(10 / best)`;
  const { stdout, status } = spawnSync('/usr/bin/python3', ['-c', script], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : null;
}

for (const [from, to] of pairs) {
  const nyquist = Math.min(from, to) / 2;
  const wasm = prepareResampler(from, to);
  const plain = prepareResampler(from, to, true);
  const tenSeconds = sine(440, from, 10);
  const speed = 10_000 / milliseconds(() => runResampler(wasm, tenSeconds));
  const plainSpeed = 1000 / milliseconds(() => runResampler(plain, tenSeconds.subarray(0, from)));
  let error = 0;
  let alias = 0;
  for (let i = 1; i <= 18; i++) {
    const frequency = (0.9 * nyquist * i) / 18;
    const output = runResampler(wasm, sine(frequency, from, 1));
    const exact = sine(frequency, to, 1);
    error = Math.max(error, largest(middle(output.map((value, n) => value - (exact[n] ?? 0)))));
    const above = nyquist * 1.0001 + ((from / 2 - nyquist) * 0.9998 * (i - 1)) / 17;
    if (to < from) alias = Math.max(alias, largest(middle(runResampler(wasm, sine(above, from, 1)))));
  }
  const rival = torchaudio(from, to);
  console.log(
    `${from} → ${to}: ${speed.toFixed(0)} × real time (TypeScript ${plainSpeed.toFixed(0)} ×, torchaudio ${rival?.toFixed(0) ?? '–'} ×), ` +
      `pass-band error ${dB(error)} dB, ${to < from ? `aliases ${dB(alias)} dB` : 'no aliases possible'}, ` +
      `table ${(wasm.filter.table.byteLength / 1024).toFixed(0)} KiB`,
  );
}

/** @file Changes the sample rate: polyphase, Kaiser-windowed sinc, zero phase. Figures in docs/audio.md. */
import { ParameterError } from '../core/errors.ts';
import { designResampleFilter, type ResampleFilter } from './resampleFilter.ts';
import { createPlainKernel, createWasmKernel, type ResampleKernel } from './resampleKernel.ts';

/** Input or output samples worked on at a time; bounds the memory beside the two arrays. */
const BLOCK = 16384;
/** Pairs of rates whose filters are kept (at most 4 MiB each). */
const KEPT_FILTERS = 8;

interface Prepared {
  filter: ResampleFilter;
  kernel: ResampleKernel;
  /** Outputs per block. */
  outputs: number;
}

/** Builds filter and working memory for a pair of rates; `plain` asks for TypeScript in place of WebAssembly. */
export function prepareResampler(fromRate: number, toRate: number, plain = false): Prepared {
  const filter = designResampleFilter(fromRate, toRate);
  const { phases, stride, taps } = filter;
  const outputs = Math.max(1, Math.min(BLOCK, Math.floor((BLOCK * phases) / stride)));
  const inputLength = Math.ceil((outputs * stride) / phases) + 1 + taps;
  const wasm = plain ? null : createWasmKernel(filter, inputLength, outputs);
  return { filter, kernel: wasm ?? createPlainKernel(filter, inputLength, outputs), outputs };
}

const prepared = new Map<string, Prepared>();

function cachedResampler(fromRate: number, toRate: number): Prepared {
  const key = `${fromRate}/${toRate}`;
  const entry = prepared.get(key) ?? prepareResampler(fromRate, toRate);
  prepared.delete(key);
  prepared.set(key, entry);
  if (prepared.size > KEPT_FILTERS) {
    const [oldest] = prepared.keys();
    prepared.delete(oldest);
  }
  return entry;
}

/**
 * Resamples one channel from `fromRate` to `toRate` (positive integers, hertz; any ratio up to 1024). Zero phase
 * delay: output n is the sound at time n / toRate, and there are ceil(length · toRate / fromRate) outputs, so the
 * duration is kept. Beyond both ends the sound is taken to be silent. Flat to 0.9 of the lower Nyquist frequency,
 * −6 dB at 0.95; what lies above the lower Nyquist frequency is suppressed by more than 120 dB. Equal rates
 * return a copy.
 * @throws ParameterError for rates that are not positive integers or too far apart.
 */
export function resample(samples: Float32Array, fromRate: number, toRate: number): Float32Array {
  if (fromRate === toRate && Number.isSafeInteger(fromRate) && fromRate > 0) return samples.slice();
  return runResampler(cachedResampler(fromRate, toRate), samples);
}

/** Runs a prepared resampler over a whole recording, block by block. */
export function runResampler({ filter, kernel, outputs }: Prepared, samples: Float32Array): Float32Array {
  const { phases, stride, lead, taps } = filter;
  const length = Math.ceil((samples.length * phases) / stride);
  if (length > 2 ** 31) {
    throw new ParameterError(
      `Resampling ${samples.length} samples would give ${length}, more than an array holds.`,
      {
        hint: 'Cut the recording into parts.',
      },
    );
  }
  const result = new Float32Array(length);
  let position = 0;
  let phase = 0;
  for (let done = 0; done < length; done += outputs) {
    const count = Math.min(outputs, length - done);
    const ahead = (count - 1) * stride + phase;
    fillInput(kernel.input, samples, position - lead, Math.floor(ahead / phases) + taps);
    kernel.run(count, phase);
    result.set(count === outputs ? kernel.output : kernel.output.subarray(0, count), done);
    const next = count * stride + phase;
    position += Math.floor(next / phases);
    phase = next % phases;
  }
  return result;
}

/** Copies `count` samples from `start` on; what lies outside the recording is 0. */
function fillInput(input: Float32Array, samples: Float32Array, start: number, count: number): void {
  const from = Math.max(0, Math.min(samples.length, start));
  const to = Math.max(from, Math.min(samples.length, start + count));
  const before = Math.min(count, from - start);
  input.fill(0, 0, before);
  input.set(samples.subarray(from, to), before);
  input.fill(0, before + to - from, count);
}

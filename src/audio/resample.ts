/** @file Changes the sample rate: polyphase, Kaiser-windowed sinc, zero phase. Figures in docs/audio.md. */
import { ParameterError } from '../core/errors.ts';
import { joinSamples } from './audioData.ts';
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
export function runResampler(resampler: Prepared, samples: Float32Array): Float32Array {
  const { phases, stride } = resampler.filter;
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
  const cursor: Cursor = { position: 0, phase: 0 };
  for (let done = 0; done < length; done += resampler.outputs) {
    const count = Math.min(resampler.outputs, length - done);
    result.set(runBlock(resampler, samples, 0, cursor, count), done);
  }
  return result;
}

/** Where the next output lies in the input: at sample `position` + `phase` / phases. */
interface Cursor {
  position: number;
  phase: number;
}

/**
 * Computes the next `count` outputs and moves `cursor` on. `samples` holds the input from sample `start` on. The result
 * is valid until the next call.
 */
function runBlock(
  { filter, kernel }: Prepared,
  samples: Float32Array,
  start: number,
  cursor: Cursor,
  count: number,
): Float32Array {
  const { phases, stride, lead, taps } = filter;
  const ahead = (count - 1) * stride + cursor.phase;
  fillInput(kernel.input, samples, cursor.position - lead - start, Math.floor(ahead / phases) + taps);
  kernel.run(count, cursor.phase);
  const next = count * stride + cursor.phase;
  cursor.position += Math.floor(next / phases);
  cursor.phase = next % phases;
  return kernel.output.subarray(0, count);
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

/**
 * `resample` for a recording that comes in pieces: all that `push` returns and what `flush` returns at the end, in a
 * row, are the samples that it gives, to the bit. Between two calls it keeps as much input as the filter reaches back
 * over, and less than one block that is not complete.
 */
export class StreamingResampler {
  private readonly resampler: Prepared | null;
  private readonly cursor: Cursor = { position: 0, phase: 0 };
  /** Input from sample `start` on. */
  private input = new Float32Array(0);
  private start = 0;
  private outputs = 0;

  /** @throws ParameterError as `resample` does. */
  constructor(fromRate: number, toRate: number) {
    const same = fromRate === toRate && Number.isSafeInteger(fromRate) && fromRate > 0;
    this.resampler = same ? null : cachedResampler(fromRate, toRate);
  }

  /** The outputs that need no later input. */
  push(samples: Float32Array): Float32Array {
    if (this.resampler === null) return samples.slice();
    const { filter, outputs } = this.resampler;
    this.append(samples);
    // The last output of a block reaches this far beyond its first one's position.
    const reach = Math.ceil((outputs * filter.stride) / filter.phases) + filter.taps;
    const blocks: Float32Array[] = [];
    while (this.cursor.position - filter.lead + reach <= this.start + this.input.length) {
      blocks.push(this.run(this.resampler, outputs));
    }
    this.forget(this.cursor.position - filter.lead);
    return joinSamples(blocks);
  }

  /** The rest, once all input has come. */
  flush(): Float32Array {
    if (this.resampler === null) return new Float32Array(0);
    const { filter, outputs } = this.resampler;
    const length = Math.ceil(((this.start + this.input.length) * filter.phases) / filter.stride);
    const blocks: Float32Array[] = [];
    while (this.outputs < length) {
      blocks.push(this.run(this.resampler, Math.min(outputs, length - this.outputs)));
    }
    return joinSamples(blocks);
  }

  private run(resampler: Prepared, count: number): Float32Array {
    this.outputs += count;
    return runBlock(resampler, this.input, this.start, this.cursor, count).slice();
  }

  private append(samples: Float32Array): void {
    const joined = new Float32Array(this.input.length + samples.length);
    joined.set(this.input);
    joined.set(samples, this.input.length);
    this.input = joined;
  }

  private forget(before: number): void {
    const count = Math.min(this.input.length, before - this.start);
    if (count <= 0) return;
    this.input = this.input.slice(count);
    this.start += count;
  }
}

/**
 * @file Drives the WebAssembly log-mel kernel (written by tools/wasm/fftWat.ts): lays out its tables once per spec,
 * then takes the signal through it in stretches of frames.
 */
import type { BandSpec } from './bands.ts';
import { radices } from './fft.ts';
import { logMelKernelBase64 } from './logMelKernel.generated.ts';
import { readPadded } from './padding.ts';
import { frameCount } from './stft.ts';
import { centredWindow } from './window.ts';

/** Decibels of shape [bands, nFrames]. */
export type DecibelKernel = (samples: Float32Array) => Float32Array;

type Step = (...args: number[]) => void;

/** Most frames, and about the most samples, taken in one stretch: bounds the memory whatever the recording's length. */
const stretchFrames = 256;
const stretchSamples = 262144;
/** Bytes of one complex float64 value of the two frames that go together. */
const complexBytes = 32;
/** Blocks up to this size are taken through all remaining passes while they are in the first-level cache. */
const cachedBytes = 16384;

/** What is used of the WebAssembly API; the compiler's library of types for Node alone does not declare it. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: unknown };
  Memory: new (size: { initial: number }) => { buffer: ArrayBuffer };
}
const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

let compiled: object | null | undefined;

/** The compiled module, or null where WebAssembly SIMD is not to be had (or may not be compiled synchronously). */
function kernelModule(): object | null {
  if (compiled === undefined) {
    try {
      compiled = new webAssembly.Module(Uint8Array.from(atob(logMelKernelBase64), (c) => c.charCodeAt(0)));
    } catch {
      compiled = null;
    }
  }
  return compiled;
}

/**
 * A kernel for `spec`, or null where it cannot serve: no WebAssembly SIMD, an odd nFft or one with a prime factor
 * above 5, a hop beyond 262144 samples. It has memory of its own: one call at a time.
 */
export function createDecibelKernel(spec: BandSpec): DecibelKernel | null {
  const half = spec.nFft / 2;
  const factors = Number.isInteger(half) ? radices(half).sort((a, b) => a - b) : [7];
  if (factors.some((r) => r > 5) || spec.hopLength > stretchSamples) return null;
  const module = kernelModule();
  return module === null ? null : instantiate(module, spec, factors);
}

/** Hands out byte offsets, aligned for vectors. */
class Layout {
  size = 0;
  take(bytes: number): number {
    const at = this.size;
    this.size += Math.ceil(bytes / 16) * 16;
    return at;
  }
}

interface Pass {
  run: Step;
  radix: number;
  length: number;
  table: number;
}

function instantiate(module: object, spec: BandSpec, factors: number[]): DecibelKernel {
  const { nFft, hopLength, filters } = spec;
  const half = nFft / 2;
  const nBins = half + 1;
  const nBands = filters.length;
  const paddedLength = (weights: Float32Array) => Math.ceil(weights.length / 4) * 4;
  const stretch = Math.min(stretchFrames, 4 * Math.ceil(stretchSamples / (4 * hopLength)));
  const sampleCount = (stretch + 3) * hopLength + nFft;

  const layout = new Layout();
  const at = {
    data: layout.take(half * complexBytes),
    bins: layout.take((nBins + 3) * 16),
    window: layout.take(nFft * 8),
    order: layout.take((half >> 1) * 16),
    turn: layout.take((half >> 1) * 16),
    filters: layout.take(nBands * 8),
    weights: layout.take(filters.reduce((sum, f) => sum + paddedLength(f.weights), 0) * 4),
    out: layout.take(nBands * stretch * 4),
    samples: layout.take(sampleCount * 4),
  };
  const tables: number[] = [];
  for (let i = 0, length = half; i < factors.length; length /= factors[i++]) {
    tables.push(layout.take((length / factors[i]) * (factors[i] - 1) * 16));
  }
  const memory = new webAssembly.Memory({ initial: Math.ceil(layout.size / 65536) });
  const steps = new webAssembly.Instance(module, { host: { memory } }).exports as unknown as Record<
    string,
    Step
  >;
  const scalars = (offset: number, length: number) => new Float64Array(memory.buffer, offset, length);

  // The factor ½ belongs to the splitting of even and odd samples in the `power` step.
  scalars(at.window, nFft).set(centredWindow('hann', spec.winLength, nFft).map((w) => w / 2));
  const passes: Pass[] = [];
  for (let i = 0, length = half; i < factors.length; length /= factors[i++]) {
    const radix = factors[i];
    const last = length === radix;
    const table = scalars(tables[i], (length / radix) * (radix - 1) * 2);
    for (let p = 0, o = 0; p < length / radix; p++) {
      for (let j = 1; j < radix; j++) {
        table[o++] = Math.cos((2 * Math.PI * p * j) / length);
        table[o++] = -Math.sin((2 * Math.PI * p * j) / length);
      }
    }
    passes.push({ run: steps[`${last ? 'last' : 'pass'}${radix}`], radix, length, table: tables[i] });
  }
  const order = new Int32Array(memory.buffer, at.order, (half >> 1) * 4);
  const turn = scalars(at.turn, (half >> 1) * 2);
  for (let k = 1; k <= half >> 1; k++) {
    order.set(
      [position(k, half, factors), position(half - k, half, factors)].map((p) => p * complexBytes),
      4 * k - 4,
    );
    order.set([k * 16, (half - k) * 16], 4 * k - 2);
    turn.set([Math.cos((2 * Math.PI * k) / nFft), -Math.sin((2 * Math.PI * k) / nFft)], 2 * k - 2);
  }
  const filterTable = new Int32Array(memory.buffer, at.filters, nBands * 2);
  const weightTable = new Float32Array(memory.buffer, at.weights);
  let weightCount = 0;
  for (let m = 0; m < nBands; m++) {
    const { start, weights } = filters[m];
    weightTable.set(weights, weightCount);
    weightCount += paddedLength(weights);
    filterTable.set([start * 16, at.weights + weightCount * 4], 2 * m);
  }

  const transform = (data: number, index: number): void => {
    const pass = passes[index];
    const bytes = pass.length * complexBytes;
    if (bytes > cachedBytes && index + 1 < passes.length) {
      pass.run(data, data + bytes, bytes / pass.radix, pass.table);
      for (let i = 0; i < pass.radix; i++) transform(data + (i * bytes) / pass.radix, index + 1);
      return;
    }
    for (let i = index; i < passes.length; i++) {
      const { run, radix, length, table } = passes[i];
      run(data, data + bytes, (length * complexBytes) / radix, table);
    }
  };
  const load = steps['load'];
  const power = steps['power'];
  const windowEnd = at.window + nFft * 8;
  const orderEnd = at.order + (half >> 1) * 16;
  const hopBytes = hopLength * 4;
  const scale = (spec.power === 2 ? 10 : 20) * Math.LOG10E * Math.LN2;

  const group = (samples: number, out: number, outStride: number) => {
    for (let lane = 0; lane < 4; lane += 2) {
      load(samples + lane * hopBytes, hopBytes, at.window, windowEnd, at.data);
      if (passes.length > 0) transform(at.data, 0);
      const bins = at.bins + lane * 4;
      power(at.data, at.order, orderEnd, at.turn, bins, bins + half * 16);
    }
    if (spec.power === 1) steps['magnitude'](at.bins, at.bins + nBins * 16);
    steps['melDecibels'](
      at.bins,
      at.filters,
      at.filters + nBands * 8,
      at.weights,
      out,
      outStride,
      spec.amin,
      scale,
    );
  };

  const sampleView = new Float32Array(memory.buffer, at.samples, sampleCount);
  const outView = new Float32Array(memory.buffer, at.out, nBands * stretch);
  const before = spec.center ? nFft >> 1 : 0;
  return (samples) => {
    const nFrames = frameCount(samples.length, spec);
    const result = new Float32Array(nBands * nFrames);
    for (let first = 0; first < nFrames; first += stretch) {
      const count = Math.min(stretch, nFrames - first);
      const columns = Math.ceil(count / 4) * 4;
      const needed = (count - 1) * hopLength + nFft;
      readPadded(sampleView, 0, samples, first * hopLength - before, needed, spec.padMode);
      sampleView.fill(0, needed);
      for (let t = 0; t < columns; t += 4) group(at.samples + t * hopBytes, at.out + t * 4, columns * 4);
      for (let m = 0; m < nBands; m++) {
        result.set(outView.subarray(m * columns, m * columns + count), m * nFrames + first);
      }
    }
    return result;
  };
}

/** Where the in-place passes leave output k: its digits to the bases of the passes, first digit most significant. */
function position(k: number, length: number, factors: number[]): number {
  let at = 0;
  for (const radix of factors) {
    length /= radix;
    at += (k % radix) * length;
    k = Math.floor(k / radix);
  }
  return at;
}

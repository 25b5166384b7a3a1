/**
 * @file The log-mel front end as ONNX nodes, so that a model file takes waveforms. The DFT of n = n1·n2 points is two
 * matrix products (Cooley and Tukey 1965): over the slow index, then, turn factors included, over the fast one; the
 * mel matrix takes the outputs in the order in which they come. ONNX's own STFT and DFT operators are slow and, in
 * ONNX Runtime, not accurate enough at lengths such as 400.
 */
import { ShapeError } from '../core/errors.ts';
import { float32, int64, type Tensor, tensor } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { areSingleBins, type BandSpec, logMelBands } from './bands.ts';
import { checkLogMelSpec, type LogMelSpec } from './logMelSpec.ts';
import { reflectIndex } from './padding.ts';
import { frameCount } from './stft.ts';
import { centredWindow } from './window.ts';

/**
 * Appends the nodes of `spec` to `g`; they compute what {@link logMel} computes, in float32, for every clip of the
 * batch (topDb counts from each clip's own maximum).
 * @param waveform float32, shape [N, samples]; both may be names. At run time samples must be ≥ 1, and ≥ nFft where
 *   spec.center is false
 * @returns decibels, shape [N, nMels, nFrames]
 * @throws {ShapeError} unless `waveform` is float32 of rank 2
 * @throws {ParameterError} for a spec out of range, or a known number of samples that gives no frame
 */
export function logMelNodes(g: GraphBuilder, waveform: Value, spec: LogMelSpec): Value {
  checkLogMelSpec(spec);
  if (waveform.dtype !== 'float32' || waveform.shape.length !== 2) {
    throw new ShapeError(
      `logMelNodes takes a float32 waveform of shape [N, samples], got ${waveform.dtype} [${waveform.shape.join(', ')}].`,
    );
  }
  const decibels = bandDecibelNodes(g, waveform, logMelBands(spec));
  if (spec.topDb === null) return decibels;
  const largest = g.op('ReduceMax', [decibels, g.ints([1, 2])], { keepdims: 1 });
  return g.op('Max', [decibels, g.op('Sub', [largest, g.scalar(spec.topDb)])]);
}

/**
 * Appends decibels in bands.
 * @param waveform float32, shape [N, samples]; both may be names
 * @returns shape [N, bands, nFrames]
 */
export function bandDecibelNodes(g: GraphBuilder, waveform: Value, spec: BandSpec): Value {
  const plan = factorDft(spec);
  const frames = frameNodes(g, waveform, spec);
  const windowed = windowNodes(g, frames, spec, plan);
  return decibelNodes(g, spectrumNodes(g, windowed, spec, plan), spec);
}

/** Cuts [N, samples] into [N, nFrames, nFft]. */
function frameNodes(g: GraphBuilder, waveform: Value, spec: BandSpec): Value {
  const { nFft, hopLength } = spec;
  const half = spec.center ? nFft >> 1 : 0;
  const samples = waveform.shape[1];
  const padded = half === 0 ? waveform : padNodes(g, waveform, half, spec.padMode);
  // Frames are made of rows as long as divide both hop and frame: whole rows move at the speed of memory.
  const row = greatestDivisor(hopLength, nFft);
  const perFrame = nFft / row;
  const perHop = hopLength / row;
  const within = int64([1, perFrame], range(perFrame));
  let length: Value;
  let indices: Value;
  if (typeof samples === 'number') {
    const count = frameCount(samples, spec);
    length = g.ints([(count - 1) * hopLength + nFft]);
    indices = g.constant(
      int64(
        [count, perFrame],
        range(count * perFrame).map((i) => Math.floor(i / perFrame) * perHop + (i % perFrame)),
      ),
      'frame_rows',
    );
  } else {
    const whole = g.op('Add', [sampleCount(g, waveform), g.ints([2 * half - nFft])]);
    const steps = g.op('Div', [whole, g.ints([hopLength])]);
    length = g.op('Add', [g.op('Mul', [steps, g.ints([hopLength])]), g.ints([nFft])]);
    const count = scalarOf(g, g.op('Add', [steps, g.ints([1])]));
    const frames = g.op('Range', [scalarInt(g, 0), count, scalarInt(g, 1)]);
    const starts = g.op('Mul', [g.op('Unsqueeze', [frames, g.ints([1])]), g.ints([perHop])]);
    indices = g.op('Add', [starts, g.constant(within, 'rows_within')]);
  }
  const exact = g.op('Slice', [padded, g.ints([0]), length, g.ints([1])]);
  const rows = g.op('Reshape', [exact, g.ints([0, -1, row])]);
  const gathered = g.op('Gather', [rows, indices], { axis: 1 });
  return g.op('Reshape', [gathered, g.ints([0, 0, nFft])]);
}

/** `half` samples of padding on both sides of [N, samples], by spec.padMode. */
function padNodes(g: GraphBuilder, waveform: Value, half: number, mode: BandSpec['padMode']): Value {
  if (mode === 'constant') return g.op('Pad', [waveform, g.ints([0, half, 0, half])]);
  // By Gather and not Pad's own reflect mode, which is undefined for clips shorter than the padding.
  const samples = waveform.shape[1];
  let sides: [Value, Value];
  if (typeof samples === 'number') {
    const side = (from: number) =>
      g.constant(
        int64(
          [half],
          range(half).map((i) => reflectIndex(from + i, samples)),
        ),
        'reflected',
      );
    sides = [side(-half), side(samples)];
  } else {
    const count = sampleCount(g, waveform);
    const period = g.op('Max', [g.op('Mul', [g.op('Sub', [count, g.ints([1])]), g.ints([2])]), g.ints([1])]);
    const reflect = (at: Value) => {
      const folded = g.op('Mod', [at, period]);
      return g.op('Min', [folded, g.op('Sub', [period, folded])]);
    };
    const before = g.constant(
      int64(
        [half],
        range(half).map((i) => i - half),
      ),
      'before',
    );
    const after = g.op('Add', [g.constant(int64([half], range(half)), 'after'), count]);
    sides = [reflect(before), reflect(after)];
  }
  const [left, right] = sides.map((at) => g.op('Gather', [waveform, at], { axis: 1 }));
  return g.op('Concat', [left!, waveform, right!], { axis: 1 });
}

/** Where the two products leave each bin, and their sizes. */
interface DftPlan {
  /** Points of the first (slow) and second (fast) product; slow·fast = nFft. */
  slow: number;
  fast: number;
  /** Outputs kept of the first product: the rest are their conjugates. */
  kept: number;
  /** Outputs of the second product for each of those. */
  columns: number;
  /** 2: the second product takes real and imaginary parts; 1: there is no first product. */
  parts: 1 | 2;
}

/** The factors of nFft with the fewest multiplications. */
function factorDft({ nFft }: BandSpec): DftPlan {
  let best: DftPlan = { slow: 1, fast: nFft, kept: 1, columns: (nFft >> 1) + 1, parts: 1 };
  const cost = (p: DftPlan) =>
    (p.parts === 2 ? 2 * p.kept * nFft : 0) + p.kept * p.parts * p.fast * 2 * p.columns;
  for (let slow = 2; slow < nFft; slow++) {
    if (nFft % slow !== 0) continue;
    const fast = nFft / slow;
    const plan: DftPlan = { slow, fast, kept: (slow >> 1) + 1, columns: fast, parts: 2 };
    if (cost(plan) < cost(best)) best = plan;
  }
  return best;
}

/** [N, F, nFft] → [N, F, slow, fast], windowed. */
function windowNodes(g: GraphBuilder, frames: Value, spec: BandSpec, { slow, fast }: DftPlan): Value {
  const window = centredWindow('hann', spec.winLength, spec.nFft);
  // 11 and 1 are ONNX's numbers of float64 and float32.
  const exact = spec.nodePrecision === 'float64' ? g.op('Cast', [frames], { to: 11 }) : frames;
  const folded = g.op('Reshape', [exact, g.ints([0, 0, slow, fast])]);
  return g.op('Mul', [folded, g.constant(inPrecision(spec, [slow, fast], window), 'window')]);
}

/** [N, F, slow, fast] → band sums [N, bands, F]. */
function spectrumNodes(g: GraphBuilder, windowed: Value, spec: BandSpec, plan: DftPlan): Value {
  const { kept, parts, fast } = plan;
  const first = parts === 1 ? windowed : g.op('MatMul', [slowMatrix(g, spec, plan), windowed]);
  const rows = g.op('Reshape', [first, g.ints([0, 0, kept, parts * fast])]);
  const byOutput = g.op('Transpose', [rows], { perm: [2, 0, 1, 3] });
  const spectrum = g.op('MatMul', [byOutput, fastMatrix(g, spec, plan)]);
  const exact = g.op('Mul', [spectrum, spectrum]);
  // Squares are sums of nothing that cancels: float32 holds them.
  const squares = spec.nodePrecision === 'float64' ? g.op('Cast', [exact], { to: 1 }) : exact;
  const inOrder = (x: Value) => g.op('Transpose', [x], { perm: [1, 2, 0, 3] });
  const bands = bandSums(g, inOrder(squares), spec, plan);
  return g.op('Transpose', [bands], { perm: [0, 2, 1] });
}

/** Squares [N, F, kept, 2·columns], real parts before imaginary ones → band sums [N, F, bands]. */
function bandSums(g: GraphBuilder, squares: Value, spec: BandSpec, plan: DftPlan): Value {
  const { kept, columns } = plan;
  const picked = areSingleBins(spec.filters);
  if (spec.power === 2 && !picked) {
    // The band matrix adds real and imaginary squares: it holds each bin's weights twice.
    const energies = g.op('Reshape', [squares, g.ints([0, 0, kept * 2 * columns])]);
    return g.op('MatMul', [energies, bandMatrix(g, spec, plan, 2)]);
  }
  const pairs = g.op('Reshape', [squares, g.ints([0, 0, kept, 2, columns])]);
  const power = g.op('ReduceSum', [pairs, g.ints([3])], { keepdims: 0 });
  const flat = g.op('Reshape', [power, g.ints([0, 0, kept * columns])]);
  const energies = spec.power === 1 ? g.op('Sqrt', [flat]) : flat;
  if (!picked) return g.op('MatMul', [energies, bandMatrix(g, spec, plan, 1)]);
  const positions = spec.filters.map(({ start }) => positionOf(start, spec.nFft, plan, 1));
  return g.op('Gather', [energies, g.constant(int64([positions.length], positions), 'bins')], { axis: 2 });
}

/** Where the second product leaves a bin, in rows of `copies` times the columns. */
function positionOf(bin: number, nFft: number, { slow, kept, columns }: DftPlan, copies: number): number {
  // A bin whose first-product output was not kept is the conjugate of bin nFft − bin, whose output was.
  const k = bin % slow < kept ? bin : nFft - bin;
  return (k % slow) * copies * columns + Math.floor(k / slow);
}

/** [kept·2, slow]: cosine and minus sine rows of each kept output of the first product. */
function slowMatrix(g: GraphBuilder, spec: BandSpec, { slow, kept }: DftPlan): Value {
  const data = new Float64Array(kept * 2 * slow);
  for (let k = 0; k < kept; k++) {
    for (let n = 0; n < slow; n++) {
      const angle = (2 * Math.PI * ((k * n) % slow)) / slow;
      data[2 * k * slow + n] = Math.cos(angle);
      data[(2 * k + 1) * slow + n] = -Math.sin(angle);
    }
  }
  return g.constant(inPrecision(spec, [kept * 2, slow], data), 'dft_slow');
}

/** [kept, 1, parts·fast, 2·columns]: for each output k1 of the first product, the bins k1 + slow·k2, re then im. */
function fastMatrix(g: GraphBuilder, spec: BandSpec, { slow, fast, kept, columns, parts }: DftPlan): Value {
  const { nFft } = spec;
  const data = new Float64Array(kept * parts * fast * 2 * columns);
  const width = 2 * columns;
  for (let k1 = 0; k1 < kept; k1++) {
    for (let n = 0; n < fast; n++) {
      const real = (k1 * parts * fast + n) * width;
      const imaginary = (k1 * parts * fast + fast + n) * width;
      for (let k2 = 0; k2 < columns; k2++) {
        const angle = (2 * Math.PI * ((n * (k1 + slow * k2)) % nFft)) / nFft;
        data[real + k2] = Math.cos(angle);
        data[real + columns + k2] = -Math.sin(angle);
        if (parts === 1) continue;
        data[imaginary + k2] = Math.sin(angle);
        data[imaginary + columns + k2] = Math.cos(angle);
      }
    }
  }
  return g.constant(inPrecision(spec, [kept, 1, parts * fast, width], data), 'dft_fast');
}

/**
 * [positions, bands]: weights at the position of each bin, `copies` times behind one another; positions that repeat a
 * bin weigh nothing.
 */
function bandMatrix(g: GraphBuilder, { nFft, filters }: BandSpec, plan: DftPlan, copies: 1 | 2): Value {
  const { kept, columns } = plan;
  const rows = kept * copies * columns;
  const data = new Float32Array(rows * filters.length);
  filters.forEach(({ start, weights }, m) => {
    weights.forEach((weight, i) => {
      const position = positionOf(start + i, nFft, plan, copies);
      for (let c = 0; c < copies; c++) data[(position + c * columns) * filters.length + m] = weight;
    });
  });
  return g.constant(float32([rows, filters.length], data), 'band_filters');
}

function decibelNodes(g: GraphBuilder, bands: Value, spec: BandSpec): Value {
  const factor = (spec.power === 2 ? 10 : 20) * Math.LOG10E;
  const logarithm = g.op('Log', [g.op('Max', [bands, g.scalar(spec.amin)])]);
  return g.op('Mul', [logarithm, g.scalar(factor)]);
}

/** Numbers of the transform, in what it is done in. */
function inPrecision({ nodePrecision }: BandSpec, dims: number[], data: Float64Array): Tensor {
  return nodePrecision === 'float64' ? tensor('float64', dims, data) : float32(dims, data);
}

/** The number of samples at run time, shape [1]. */
function sampleCount(g: GraphBuilder, waveform: Value): Value {
  return g.op('Shape', [waveform], { start: 1, end: 2 });
}

function scalarInt(g: GraphBuilder, value: number): Value {
  return g.constant(int64([], [value]));
}

function scalarOf(g: GraphBuilder, vector: Value): Value {
  return g.op('Squeeze', [vector, g.ints([0])]);
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

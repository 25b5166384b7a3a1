/**
 * @file A clip in 82 numbers, for classifiers that take a vector: 20 MFCC and their slopes, each by mean and deviation
 * over the frames, and the zero-crossing rate by the same. A fast function and ONNX nodes.
 */
import { ShapeError } from '../core/errors.ts';
import { float32, int64 } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { delta, derivativeWeights } from './delta.ts';
import { logMelNodes } from './logMelNodes.ts';
import { logMelSpec } from './logMelSpec.ts';
import { dctWeights, mfcc } from './mfcc.ts';
import { zeroCrossingRate } from './temporal.ts';

const nMfcc = 20;
/** Frames that a slope is taken over; beyond the ends the first and last frame are repeated (torchaudio's `compute_deltas`). */
const deltaWidth = 5;
const zeroLevel = 1e-10;

/** What decides the numbers: 22.05 kHz, frames of 2048 samples every 512, 128 mels, decibels within 80 of the loudest. */
export const mfcc82Spec = logMelSpec({
  sampleRate: 22050,
  nFft: 2048,
  hopLength: 512,
  nMels: 128,
  topDb: 80,
});

/** Length of the vector: 20 means and 20 deviations of the MFCC, the same of their slopes, two of the rate. */
export const mfcc82Length = 4 * nMfcc + 2;

/**
 * The 82 numbers of a clip, in this order: means of the 20 MFCC, their deviations (population, over frames); means of
 * their slopes by frame, deviations of these; mean and deviation of the share of samples at which the sign changes.
 * @param samples mono at 22,050 Hz, at least one
 * @throws {ParameterError} for no samples
 */
export function mfcc82(samples: Float32Array): Float32Array {
  const cepstra = mfcc(samples, { ...mfcc82Spec, nMfcc });
  const { nFrames } = cepstra;
  const slopes = delta(cepstra.data, { nFrames, width: deltaWidth, mode: 'nearest' });
  const crossings = zeroCrossingRate(samples, {
    frameLength: mfcc82Spec.nFft,
    hopLength: mfcc82Spec.hopLength,
    threshold: zeroLevel,
  });
  const out = new Float32Array(mfcc82Length);
  [cepstra.data, slopes].forEach((rows, block) => {
    for (let k = 0; k < nMfcc; k++) {
      const { mean, deviation } = overFrames(rows.subarray(k * nFrames, (k + 1) * nFrames));
      out[2 * block * nMfcc + k] = mean;
      out[(2 * block + 1) * nMfcc + k] = deviation;
    }
  });
  const rate = overFrames(crossings);
  out.set([rate.mean, rate.deviation], 4 * nMfcc);
  return out;
}

function overFrames(values: Float32Array): { mean: number; deviation: number } {
  let sum = 0;
  for (const v of values) sum += v;
  const mean = sum / values.length;
  let squares = 0;
  for (const v of values) squares += (v - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

/**
 * Appends nodes that compute {@link mfcc82} for every clip of a batch, in float32.
 * @param waveform float32, shape [N, samples] at 22,050 Hz; both may be names, at run time samples must be ≥ 1
 * @returns [N, 82]
 * @throws {ShapeError} unless `waveform` is float32 of rank 2
 */
export function mfcc82Nodes(g: GraphBuilder, waveform: Value): Value {
  if (waveform.dtype !== 'float32' || waveform.shape.length !== 2) {
    throw new ShapeError(
      `mfcc82Nodes takes a float32 waveform of shape [N, samples], got ${waveform.dtype} [${waveform.shape.join(', ')}].`,
    );
  }
  const { nMels } = mfcc82Spec;
  const decibels = logMelNodes(g, waveform, mfcc82Spec);
  const transform = new Float32Array(nMfcc * nMels);
  for (let k = 0; k < nMfcc; k++) transform.set(dctWeights(k, nMels), k * nMels);
  const cepstra = g.op('MatMul', [g.constant(float32([nMfcc, nMels], transform), 'dct'), decibels]);

  const half = (deltaWidth - 1) / 2;
  const ends = g.constant(int64([6], [0, 0, half, 0, 0, half]), 'delta_ends');
  const extended = g.op('Pad', [cepstra, ends], { mode: 'edge' });
  const weights = Float32Array.from(
    { length: nMfcc * deltaWidth },
    (_, i) => derivativeWeights(deltaWidth, 1)[i % deltaWidth],
  );
  const slopes = g.op('Conv', [extended, g.constant(float32([nMfcc, 1, deltaWidth], weights), 'delta')], {
    group: nMfcc,
    kernel_shape: [deltaWidth],
  });
  return g.op(
    'Concat',
    [...momentNodes(g, cepstra), ...momentNodes(g, slopes), ...momentNodes(g, crossingNodes(g, waveform))],
    { axis: 1 },
  );
}

/** [N, rows, frames] → mean and population deviation, [N, rows] each. */
function momentNodes(g: GraphBuilder, values: Value): Value[] {
  const frames = g.ints([2]);
  const mean = g.op('ReduceMean', [values, frames], { keepdims: 1 });
  const centred = g.op('Sub', [values, mean]);
  const variance = g.op('ReduceMean', [g.op('Mul', [centred, centred]), frames], { keepdims: 0 });
  return [g.op('Squeeze', [mean, frames]), g.op('Sqrt', [variance])];
}

/** The zero-crossing rate, [N, 1, frames]: the mean of "the sign changes here" over the steps within each frame. */
function crossingNodes(g: GraphBuilder, waveform: Value): Value {
  const { nFft, hopLength } = mfcc82Spec;
  const half = nFft >> 1;
  const below = g.op('Cast', [g.op('Less', [waveform, g.scalar(-zeroLevel)])], { to: 1 });
  // The edge sample is repeated, so beyond the ends the sign does not change.
  const ends = g.constant(int64([4], [0, half, 0, half]), 'crossing_ends');
  const negative = g.op('Pad', [below, ends], { mode: 'edge' });
  const axis = g.ints([1]);
  const later = g.op('Slice', [negative, g.ints([1]), g.ints([2 ** 31 - 1]), axis]);
  const earlier = g.op('Slice', [negative, g.ints([0]), g.ints([-1]), axis]);
  const changes = g.op('Unsqueeze', [g.op('Abs', [g.op('Sub', [later, earlier])]), axis]);
  const mean = g.op('AveragePool', [changes], { kernel_shape: [nFft - 1], strides: [hopLength] });
  return g.op('Mul', [mean, g.scalar((nFft - 1) / nFft)]);
}

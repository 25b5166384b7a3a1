/**
 * @file YAMNet's front end as ONNX nodes. Frame and hop share rows of 80 samples, so frames are gathered in whole rows;
 * the transform of 400 samples to the bins that the mel filters use is one matrix product per part.
 */
import { ShapeError } from '../../core/errors.ts';
import { float32, int64 } from '../../core/tensor.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { windowFunction } from '../window.ts';
import { yamnetFrame, yamnetFrames, yamnetLogOffset, yamnetMelFilters, yamnetPatch } from './yamnetSpec.ts';

const row = 80;

/**
 * Appends nodes that compute what {@link yamnetLogMel} computes, in float32.
 * @param waveform float32, shape [N, samples] at 16 kHz; both may be names, samples ≥ 1 at run time
 * @returns shape [N, 64, nFrames]
 * @throws {ShapeError} unless `waveform` is float32 of rank 2
 */
export function yamnetLogMelNodes(g: GraphBuilder, waveform: Value): Value {
  if (waveform.dtype !== 'float32' || waveform.shape.length !== 2) {
    throw new ShapeError(
      `YAMNet's front end takes a float32 waveform of shape [N, samples], got ${waveform.dtype} [${waveform.shape.join(', ')}].`,
    );
  }
  const { winLength, nFft } = yamnetFrame;
  const frames = frameNodes(g, waveform);
  const window = windowFunction('hann', winLength);
  const bins = usedBins();
  const part = (of: (angle: number) => number, name: string) => {
    const data = new Float32Array(winLength * bins.length);
    for (let n = 0; n < winLength; n++) {
      bins.forEach((k, b) => {
        data[n * bins.length + b] = window[n] * of((2 * Math.PI * ((k * n) % nFft)) / nFft);
      });
    }
    return g.op('MatMul', [frames, g.constant(float32([winLength, bins.length], data), name)]);
  };
  const real = part(Math.cos, 'yamnet_cosines');
  const imaginary = part(Math.sin, 'yamnet_sines');
  const power = g.op('Add', [g.op('Mul', [real, real]), g.op('Mul', [imaginary, imaginary])]);
  const mel = g.op('MatMul', [g.op('Sqrt', [power]), melMatrix(g, bins)]);
  const logarithm = g.op('Log', [g.op('Add', [mel, g.scalar(yamnetLogOffset)])]);
  return g.op('Transpose', [logarithm], { perm: [0, 2, 1] });
}

/** [N, samples] → [N, nFrames, 400]. */
function frameNodes(g: GraphBuilder, waveform: Value): Value {
  const { winLength, hopLength } = yamnetFrame;
  const perFrame = winLength / row;
  const perHop = hopLength / row;
  const samples = waveform.shape[1];
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  let padded = waveform;
  let indices: Value;
  let length: Value;
  if (typeof samples === 'number') {
    const missing = yamnetPatch.samples - samples;
    if (missing > 0) padded = g.op('Pad', [waveform, g.ints([0, missing]), g.scalar(0), g.ints([1])]);
    const count = yamnetFrames(samples);
    length = g.ints([(count - 1) * hopLength + winLength]);
    const rows = range(count * perFrame).map((i) => Math.floor(i / perFrame) * perHop + (i % perFrame));
    indices = g.constant(int64([count, perFrame], rows), 'frame_rows');
  } else {
    const given = g.op('Shape', [waveform], { start: 1, end: 2 });
    const missing = g.op('Max', [g.op('Sub', [g.ints([yamnetPatch.samples]), given]), g.ints([0])]);
    padded = g.op('Pad', [
      waveform,
      g.op('Concat', [g.ints([0]), missing], { axis: 0 }),
      g.scalar(0),
      g.ints([1]),
    ]);
    const whole = g.op('Sub', [g.op('Add', [given, missing]), g.ints([winLength])]);
    const steps = g.op('Div', [whole, g.ints([hopLength])]);
    length = g.op('Add', [g.op('Mul', [steps, g.ints([hopLength])]), g.ints([winLength])]);
    const count = g.op('Squeeze', [g.op('Add', [steps, g.ints([1])]), g.ints([0])]);
    const zero = g.constant(int64([], [0]));
    const frames = g.op('Range', [zero, count, g.constant(int64([], [1]))]);
    const starts = g.op('Mul', [g.op('Unsqueeze', [frames, g.ints([1])]), g.ints([perHop])]);
    indices = g.op('Add', [starts, g.constant(int64([1, perFrame], range(perFrame)), 'rows_within')]);
  }
  const exact = g.op('Slice', [padded, g.ints([0]), length, g.ints([1])]);
  const rows = g.op('Reshape', [exact, g.ints([0, -1, row])]);
  return g.op('Reshape', [g.op('Gather', [rows, indices], { axis: 1 }), g.ints([0, 0, winLength])]);
}

/** Bins that some filter weighs. */
function usedBins(): number[] {
  const filters = yamnetMelFilters();
  return Array.from({ length: filters[0].length }, (_, k) => k).filter((k) =>
    filters.some((filter) => filter[k] !== 0),
  );
}

function melMatrix(g: GraphBuilder, bins: readonly number[]): Value {
  const filters = yamnetMelFilters();
  const data = bins.flatMap((k) => filters.map((filter) => filter[k]));
  return g.constant(float32([bins.length, filters.length], data), 'yamnet_mel_filters');
}

/** @file Standardises log-mel pictures per mel band, by numbers taken from the training side only. */
import { float32, ParameterError } from '../core/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';

/** Mean and standard deviation per mel band, in the feature's unit (dB). */
export interface BandStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/**
 * Mean and deviation of every band over all frames of all pictures (row-major [nMels, nFrames]), in float64.
 * @throws {ParameterError} if there are no pictures or their size is not a multiple of nMels
 */
export function bandStatistics(pictures: Iterable<Float32Array>, nMels: number): BandStatistics {
  const sum = new Float64Array(nMels);
  const square = new Float64Array(nMels);
  let frames = 0;
  // Shifted by the first value: decibels far from zero would otherwise cancel.
  let shift: number | null = null;
  for (const data of pictures) {
    const nFrames = data.length / nMels;
    if (!Number.isInteger(nFrames)) {
      throw new ParameterError(`A picture of ${data.length} values does not have ${nMels} mel bands.`);
    }
    shift ??= data[0] ?? 0;
    for (let m = 0; m < nMels; m++) {
      let s = 0;
      let q = 0;
      for (let i = m * nFrames; i < (m + 1) * nFrames; i++) {
        const v = data[i] - shift;
        s += v;
        q += v * v;
      }
      sum[m] += s;
      square[m] += q;
    }
    frames += nFrames;
  }
  if (frames === 0) throw new ParameterError('Statistics need at least one picture with at least one frame.');
  const mean = Array.from(sum, (s) => s / frames + shift!);
  // A band that never changes (or hardly) is left unscaled rather than blown up.
  const deviation = Array.from(square, (q, m) => {
    const variance = Math.max(0, q / frames - (sum[m] / frames) ** 2);
    return variance > 1e-6 ? Math.sqrt(variance) : 1;
  });
  return { mean: mean.map(Math.fround), deviation: deviation.map(Math.fround) };
}

/**
 * Appends (x − mean) / deviation for x [N, 1, nMels, nFrames]: the same nodes in training and in the artefact. Without
 * statistics (null) x stays as it is.
 */
export function standardizeNodes(g: GraphBuilder, x: Value, statistics: BandStatistics | null): Value {
  if (statistics === null) return x;
  const shape = [1, 1, statistics.mean.length, 1];
  const mean = g.initializer('features.mean', float32(shape, statistics.mean));
  const deviation = g.initializer('features.deviation', float32(shape, statistics.deviation));
  return g.op('Div', [g.op('Sub', [x, mean]), deviation]);
}

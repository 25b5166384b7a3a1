/** @file Whisper's log-mel of a waveform, computed with the fast kernel. */
import { applyTopDb, kernelFor } from '../logMel.ts';
import type { LogMel } from '../logMelSpec.ts';
import {
  type WhisperSpec,
  whisperBands,
  whisperDynamicRange,
  whisperFrames,
  whisperSamples,
} from './whisperSpec.ts';

/**
 * (log10(mel power) + 4) / 4, kept within 2 of the clip's largest value. Transformed in float64.
 * @param samples mono at 16 kHz, full scale ±1. In the full context followed by zeros or cut to 480,000; in a clip's own
 *   followed by zeros to 400, if it is shorter. A sample that is not finite makes its frames NaN
 * @returns data of shape [nMels, nFrames], row-major
 */
export function whisperLogMel(samples: Float32Array, spec: WhisperSpec): LogMel {
  const nFrames = whisperFrames(samples.length, spec);
  const length = whisperSamples(samples.length, spec);
  let heard = samples.subarray(0, length);
  if (heard.length < length) {
    heard = new Float32Array(length);
    heard.set(samples);
  }
  const decibels = kernelFor(spec.kind, () => whisperBands(spec))(heard);
  const data = withoutLastFrame(decibels, spec.nMels, nFrames);
  applyTopDb(data, whisperDynamicRange);
  for (let i = 0; i < data.length; i++) data[i] = data[i] / 40 + 1;
  return { data, nMels: spec.nMels, nFrames };
}

/** The last frame, centred on the end, is dropped, and does not count for the loudest value. */
function withoutLastFrame(data: Float32Array, rows: number, frames: number): Float32Array {
  const kept = new Float32Array(rows * frames);
  const all = data.length / rows;
  for (let m = 0; m < rows; m++) kept.set(data.subarray(m * all, m * all + frames), m * frames);
  return kept;
}

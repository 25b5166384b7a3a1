/** @file Log-mel spectrogram of a waveform, quickly: the WebAssembly kernel where it serves, else plain TypeScript. */
import { type BandSpec, logMelBands } from './bands.ts';
import { createDecibelKernel, type DecibelKernel } from './logMelKernel.ts';
import { plainDecibels } from './logMelPlain.ts';
import { checkLogMelSpec, type LogMel, type LogMelSpec, logMelFrames } from './logMelSpec.ts';

/** Kernels are kept for the last few specs: their tables cost more than a clip. */
const kept = new Map<string, DecibelKernel>();
const keptAtMost = 6;

/**
 * Log-mel decibels of a mono waveform: transformed in float64, so that bins far below the loudest keep their value,
 * returned in float32. The kernel takes every even nFft made of 2, 3 and 5; other lengths are right but slower.
 * @param samples shape [n], n ≥ 1, at spec.sampleRate; a sample that is not finite makes its frames NaN
 * @returns data of shape [nMels, nFrames]
 * @throws {ParameterError} for a spec out of range, an empty signal, or an uncentred one shorter than nFft
 * @example
 * const { data, nMels, nFrames } = logMel(samples, logMelSpec({ sampleRate: 22050 }));
 */
export function logMel(samples: Float32Array, spec: LogMelSpec): LogMel {
  const data = kernelFor(JSON.stringify(spec), () => {
    checkLogMelSpec(spec);
    return logMelBands(spec);
  })(samples);
  if (spec.topDb !== null) applyTopDb(data, spec.topDb);
  return { data, nMels: spec.nMels, nFrames: logMelFrames(samples.length, spec) };
}

/**
 * The kernel of a spec, made when it is first asked for.
 * @param key tells the spec from every other
 * @param bands makes it
 */
export function kernelFor(key: string, bands: () => BandSpec): DecibelKernel {
  let kernel = kept.get(key);
  if (kernel === undefined) {
    const spec = bands();
    kernel = createDecibelKernel(spec) ?? ((samples) => plainDecibels(samples, spec));
    if (kept.size >= keptAtMost) kept.delete(kept.keys().next().value!);
    kept.set(key, kernel);
  }
  return kernel;
}

/** Raises everything to at least (maximum − topDb), in place; NaN is left as it is. */
export function applyTopDb(decibels: Float32Array, topDb: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < decibels.length; i++) if (decibels[i] > largest) largest = decibels[i];
  const floor = Math.fround(largest - topDb);
  for (let i = 0; i < decibels.length; i++) if (decibels[i] < floor) decibels[i] = floor;
}

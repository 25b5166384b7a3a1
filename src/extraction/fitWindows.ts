/** @file Cuts or fills a clip to windows of one length. */
import { ParameterError } from '../core/index.ts';
import { wholeCopies } from '../features/index.ts';
import type { ClipPipeline } from './clipPipeline.ts';

/**
 * Windows of exactly `windowSamples` samples.
 * - A shorter clip gives one: repeated from its start (`repeat`), as whole copies followed by zeros (`copies`), followed by
 *   zeros (`zero`), or itself (`none`, and `mask`, for what fills it must be told from it later: {@link filledWindow}).
 * - A clip of that length gives itself.
 * - A longer clip gives windows `windowSamples · (1 − overlap)` apart, the last one moved back to end with the clip:
 *   every sample is in at least one window.
 *
 * Windows that need no filling are views of `samples`, not copies.
 * @param samples shape [n], n ≥ 1
 * @param overlap in [0, 1)
 * @throws {ParameterError} for an empty clip or options out of range.
 */
export function fitWindows(
  samples: Float32Array,
  windowSamples: number,
  { pad, overlap }: Pick<ClipPipeline, 'pad' | 'overlap'>,
): Float32Array[] {
  const n = samples.length;
  if (n === 0) throw new ParameterError('A clip without samples cannot be cut into windows.');
  if (!Number.isInteger(windowSamples) || windowSamples < 1) {
    throw new ParameterError(`A window needs a whole number of samples ≥ 1, got ${windowSamples}.`);
  }
  if (!(overlap >= 0 && overlap < 1))
    throw new ParameterError(`The overlap must lie in [0, 1), got ${overlap}.`);
  if (n < windowSamples) {
    if (pad === 'none' || pad === 'mask') return [samples];
    if (pad === 'copies') return [wholeCopies(samples, windowSamples)];
    const window = filledWindow(samples, windowSamples);
    if (pad === 'repeat') {
      // Doubling what is there copies whole periods each time.
      for (let filled = n; filled < windowSamples; filled *= 2) {
        window.copyWithin(filled, 0, Math.min(filled, windowSamples - filled));
      }
    }
    return [window];
  }
  return windowStarts(n, windowSamples, overlap).map((start) =>
    samples.subarray(start, start + windowSamples),
  );
}

/** Samples followed by as many zeros as a window lacks; the samples themselves where it lacks none. */
export function filledWindow(samples: Float32Array, windowSamples: number): Float32Array {
  if (samples.length >= windowSamples) return samples;
  const window = new Float32Array(windowSamples);
  window.set(samples);
  return window;
}

/** First samples of the windows that {@link fitWindows} cuts from a clip of `n` samples; one at 0 if it is filled up. */
export function windowStarts(n: number, windowSamples: number, overlap: number): number[] {
  const hop = Math.max(1, Math.round(windowSamples * (1 - overlap)));
  const starts: number[] = [];
  for (let start = 0; start + windowSamples < n; start += hop) starts.push(start);
  return [...starts, Math.max(0, n - windowSamples)];
}

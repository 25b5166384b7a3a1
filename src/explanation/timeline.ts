/** @file Saliency of windows put together over a recording, and read off at any time and frequency. */
import type { FrontEndAxes } from '../features/index.ts';
import type { Grid } from './saliency.ts';

/** What one window's picture says. */
export interface WindowSaliency {
  readonly grid: Grid;
  /** Where the window begins in the recording, in seconds; negative where silence leads. */
  readonly start: number;
}

/** Saliency over a whole recording: frame t lies at t · stepSeconds. */
export interface RecordingSaliency {
  readonly grid: Grid;
  readonly stepSeconds: number;
  /** The middle of each band in Hz, ascending. */
  readonly hertz: Float64Array;
}

/**
 * The mean over the windows that cover a frame of the recording; 0 where none does.
 * @param seconds length of the recording
 * @param options.repeats whether windows that reach beyond its end repeat it from its start; else what is there is dropped
 */
export function recordingSaliency(
  windows: readonly WindowSaliency[],
  axes: FrontEndAxes,
  seconds: number,
  options: { readonly repeats: boolean },
): RecordingSaliency {
  const { hertz, firstSeconds, stepSeconds } = axes;
  const bands = hertz.length;
  const frames = Math.max(1, Math.ceil(seconds / stepSeconds - 1e-9));
  const sum = new Float64Array(bands * frames);
  const count = new Uint32Array(frames);
  for (const { grid, start } of windows) {
    for (let t = 0; t < grid.frames; t++) {
      let at = start + firstSeconds + t * stepSeconds;
      if (at >= seconds && options.repeats) at %= seconds;
      const frame = Math.round(at / stepSeconds);
      if (frame < 0 || frame >= frames) continue;
      count[frame]++;
      for (let b = 0; b < bands; b++) sum[b * frames + frame] += grid.data[b * grid.frames + t];
    }
  }
  const data = Float32Array.from(sum, (value, i) => (count[i % frames] > 0 ? value / count[i % frames] : 0));
  return { grid: { data, bands, frames }, stepSeconds, hertz };
}

/**
 * The saliency of the bins of a transform at a time: linear between the bands' middles and between frames, 0 at
 * frequencies that no band hears.
 * @param frequencies of the bins in Hz
 * @returns a function that writes one value per bin for a time in seconds
 */
export function saliencyOfBins(
  { grid, stepSeconds, hertz }: RecordingSaliency,
  frequencies: Float64Array,
): (seconds: number, out: Float64Array) => void {
  const { data, bands, frames } = grid;
  const places = Array.from(frequencies, (f) => bandPlace(hertz, f));
  return (seconds, out) => {
    const at = Math.min(frames - 1, Math.max(0, seconds / stepSeconds));
    const t0 = Math.floor(at);
    const t1 = Math.min(t0 + 1, frames - 1);
    const late = at - t0;
    places.forEach((place, k) => {
      if (place === null) {
        out[k] = 0;
        return;
      }
      const b0 = Math.floor(place);
      const high = place - b0;
      const value = (b: number) => data[b * frames + t0] * (1 - late) + data[b * frames + t1] * late;
      out[k] = value(b0) * (1 - high) + (high > 0 ? value(Math.min(b0 + 1, bands - 1)) * high : 0);
    });
  };
}

/** A frequency as a place among bands, 0 … bands − 1; null beyond the outer bands' edges. */
function bandPlace(hertz: Float64Array, f: number): number | null {
  const last = hertz.length - 1;
  if (last === 0) return 0;
  if (f < hertz[0]) return f >= 2 * hertz[0] - hertz[1] ? 0 : null;
  if (f > hertz[last]) return f <= 2 * hertz[last] - hertz[last - 1] ? last : null;
  let high = 1;
  while (hertz[high] < f) high++;
  const span = hertz[high] - hertz[high - 1];
  return high - 1 + (span > 0 ? (f - hertz[high - 1]) / span : 0);
}

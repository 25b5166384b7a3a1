/** @file From gradients to saliency: how much each place of a picture speaks for a class. */
import { ShapeError } from '../core/errors.ts';

/** Numbers over a picture, row-major [bands, frames]. */
export interface Grid {
  readonly data: Float32Array;
  readonly bands: number;
  readonly frames: number;
}

/**
 * Grad-CAM (Selvaraju et al. 2017, equations 1 and 2): channels of the map weighted by the mean of their gradient, summed,
 * negative sums to 0.
 * @param map and its gradient of the class's score, row-major [channels, height, width]
 * @returns row-major [height, width]
 * @throws {ShapeError} where the numbers do not fit the sizes
 */
export function gradCam(
  map: Float32Array,
  gradient: Float32Array,
  [channels, height, width]: readonly [number, number, number],
): Float32Array {
  const size = height * width;
  if (map.length !== channels * size || gradient.length !== map.length) {
    throw new ShapeError(
      `A map of ${channels} × ${height} × ${width} has ${channels * size} numbers; got ${map.length} and ${gradient.length}.`,
    );
  }
  const cam = new Float64Array(size);
  for (let c = 0; c < channels; c++) {
    let weight = 0;
    for (let i = 0; i < size; i++) weight += gradient[c * size + i];
    weight /= size;
    for (let i = 0; i < size; i++) cam[i] += weight * map[c * size + i];
  }
  return Float32Array.from(cam, (value) => Math.max(value, 0));
}

/** A grid at another size: bilinear between the middles of its cells, the edges held (PyTorch's align_corners=False). */
export function resizeGrid({ data, bands, frames }: Grid, toBands: number, toFrames: number): Grid {
  const rows = stops(bands, toBands);
  const columns = stops(frames, toFrames);
  const out = new Float32Array(toBands * toFrames);
  rows.forEach(([b0, b1, fb], b) => {
    columns.forEach(([t0, t1, ft], t) => {
      const low = data[b0 * frames + t0] * (1 - ft) + data[b0 * frames + t1] * ft;
      const high = data[b1 * frames + t0] * (1 - ft) + data[b1 * frames + t1] * ft;
      out[b * toFrames + t] = low * (1 - fb) + high * fb;
    });
  });
  return { data: out, bands: toBands, frames: toFrames };
}

function stops(from: number, to: number): [number, number, number][] {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    return [low, Math.min(low + 1, from - 1), at - low];
  });
}

/** Gaussian smoothing along both axes, the edges held; deviations in cells, 0 for none. */
export function smoothGrid(grid: Grid, deviations: { bands: number; frames: number }): Grid {
  const { bands, frames } = grid;
  const data = Float32Array.from(grid.data);
  const along = (count: number, step: number, lines: number[], deviation: number) => {
    if (deviation <= 0) return;
    const reach = Math.ceil(3 * deviation);
    const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) =>
      Math.exp(-0.5 * ((i - reach) / deviation) ** 2),
    );
    const total = kernel.reduce((a, b) => a + b, 0);
    const line = new Float64Array(count);
    for (const start of lines) {
      for (let i = 0; i < count; i++) line[i] = data[start + i * step];
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          sum += kernel[k + reach] * line[Math.min(count - 1, Math.max(0, i + k))];
        }
        data[start + i * step] = sum / total;
      }
    }
  };
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  along(
    frames,
    1,
    range(bands).map((b) => b * frames),
    deviations.frames,
  );
  along(bands, frames, range(frames), deviations.bands);
  return { data, bands, frames };
}

/** Positive values divided by the largest of them, negative ones 0; zeros where there are none. */
export function positiveShare({ data, bands, frames }: Grid): Grid {
  let most = 0;
  for (const value of data) if (value > most) most = value;
  return { data: data.map((value) => (most > 0 ? Math.max(0, value) / most : 0)), bands, frames };
}

/** The value that the `share` of cells with the largest values reach: those at or above it are the most salient. */
export function salientThreshold(data: Float32Array, share: number): number {
  const sorted = Float32Array.from(data).sort();
  return sorted[Math.max(0, sorted.length - Math.max(1, Math.round(share * sorted.length)))];
}

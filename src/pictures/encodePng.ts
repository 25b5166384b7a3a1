/** @file PNG files from pixels (PNG specification, third edition: RGB or RGBA, 8 bits, filtered by row). */
import { deflateSync } from 'node:zlib';
import { crc32 } from '../core/crc32.ts';
import { ParameterError, ShapeError } from '../core/errors.ts';

export interface Pixels {
  /** Pixels, integers from 1 to 32767. */
  readonly width: number;
  readonly height: number;
  /** Rows from the top, 3 (RGB) or 4 (RGBA) bytes a pixel. */
  readonly data: Uint8Array;
}

/**
 * A PNG file. The same pixels give the same bytes on the same version of Node.
 * @throws {ParameterError} for a size out of range
 * @throws {ShapeError} when `data` is neither RGB nor RGBA of that size
 */
export function encodePng({ width, height, data }: Pixels): Uint8Array {
  for (const [name, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 1 || value > 32767) {
      throw new ParameterError(`A picture's ${name} must be an integer from 1 to 32767, got ${value}.`);
    }
  }
  const channels = data.length / (width * height);
  if (channels !== 3 && channels !== 4) {
    throw new ShapeError(
      `A picture of ${width} × ${height} pixels needs ${3 * width * height} bytes (RGB) or ${4 * width * height} (RGBA), got ${data.length}.`,
    );
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 3 ? 2 : 6, 0, 0, 0], 8);
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filterRows(data, width * channels, height, channels), { level: 9 })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)), data.length + 8);
  return out;
}

/** Each row preceded by the filter (none, left, up, mean, Paeth) whose residues have the least absolute sum. */
function filterRows(data: Uint8Array, stride: number, height: number, bpp: number): Uint8Array {
  const out = new Uint8Array((stride + 1) * height);
  const trial = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    const row = y * stride;
    let best = Number.POSITIVE_INFINITY;
    for (let filter = 0; filter < 5; filter++) {
      let sum = 0;
      for (let x = 0; x < stride; x++) {
        const left = x >= bpp ? data[row + x - bpp] : 0;
        const up = y > 0 ? data[row + x - stride] : 0;
        const corner = x >= bpp && y > 0 ? data[row + x - stride - bpp] : 0;
        const value = (data[row + x] - predict(filter, left, up, corner)) & 255;
        trial[x] = value;
        sum += value < 128 ? value : 256 - value;
      }
      if (sum < best) {
        best = sum;
        out[y * (stride + 1)] = filter;
        out.set(trial, y * (stride + 1) + 1);
      }
    }
  }
  return out;
}

function predict(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

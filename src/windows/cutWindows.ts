/** @file Cutting: the windows of a whole recording, and the same windows of one that comes in blocks. */
import { ParameterError } from '../core/errors.ts';
import { wholeCopies } from './wholeCopies.ts';
import { type Windowing, windowCount, windowStart } from './windowing.ts';

/**
 * The windows of a recording. A recording of exactly a window's length gives itself. Windows that need no filling are views
 * of `samples`, not copies.
 * @param samples shape [n], n ≥ 1
 * @throws {ParameterError} for a recording without samples
 */
export function cutWindows(samples: Float32Array, windowing: Windowing): Float32Array[] {
  const whole: Stretch = { data: samples, offset: 0, total: samples.length };
  return Array.from({ length: requireSound(samples.length, windowing) }, (_, i) => cut(whole, i, windowing));
}

/** Window `i` of a recording: what {@link cutWindows} has at that place. */
export function cutWindow(samples: Float32Array, i: number, windowing: Windowing): Float32Array {
  const count = requireSound(samples.length, windowing);
  if (!(Number.isInteger(i) && i >= 0 && i < count))
    throw new ParameterError(`There are windows 0 to ${count - 1}, got ${i}.`);
  return cut({ data: samples, offset: 0, total: samples.length }, i, windowing);
}

/** Samples followed by as many zeros as a window lacks; the samples themselves where it lacks none. */
export function filledWindow(samples: Float32Array, windowSamples: number): Float32Array {
  if (samples.length >= windowSamples) return samples;
  const window = new Float32Array(windowSamples);
  window.set(samples);
  return window;
}

/**
 * Cuts a recording while it comes in: the windows of {@link cutWindows} to the bit, in the memory of two windows.
 * @example
 * const cutter = new WindowCutter(windowing);
 * for await (const block of sound.blocks()) for (const window of cutter.push(block)) score(window);
 * for (const window of cutter.flush()) score(window);
 */
export class WindowCutter {
  /** The last samples, those of the next window among them. */
  private readonly buffer: Float32Array;
  /** Samples in the buffer, and the place of its first one in the recording. */
  private held = 0;
  private offset = 0;
  private next = 0;
  private total = 0;

  constructor(private readonly windowing: Windowing) {
    this.buffer = new Float32Array(2 * windowing.samples);
  }

  /** Samples that came in so far. */
  get samples(): number {
    return this.total;
  }

  /** Windows given out so far. */
  get windows(): number {
    return this.next;
  }

  /** Takes a block of any length, and yields the windows that are complete with it. Iterate it to its end. */
  *push(block: Float32Array): Generator<Float32Array, void, void> {
    const { samples, hopSamples, leading } = this.windowing;
    for (let at = 0; at < block.length; ) {
      at += this.take(block.subarray(at));
      // What is complete needs no filling, and no later sample moves it: a tolerance is less than a hop.
      while (this.next * hopSamples + samples <= leading + this.total) yield this.cutNext();
    }
  }

  /** Ends the recording, and yields what is left of it. @throws {ParameterError} where not one sample came in */
  *flush(): Generator<Float32Array, void, void> {
    const count = requireSound(this.total, this.windowing);
    while (this.next < count) yield this.cutNext();
  }

  private cutNext(): Float32Array {
    const data = this.buffer.subarray(0, this.held);
    const window = cut({ data, offset: this.offset, total: this.total }, this.next++, this.windowing);
    // The buffer is written to again.
    return window.buffer === this.buffer.buffer ? window.slice() : window;
  }

  /** Takes as many samples as there is room for; at least one. */
  private take(block: Float32Array): number {
    const { buffer } = this;
    const { samples } = this.windowing;
    if (this.held === buffer.length) {
      // A window that is yet to come, moved back or not, begins among the last samples.
      buffer.copyWithin(0, this.held - samples, this.held);
      this.offset += this.held - samples;
      this.held = samples;
    }
    const n = Math.min(block.length, buffer.length - this.held);
    buffer.set(block.subarray(0, n), this.held);
    this.held += n;
    this.total += n;
    return n;
  }
}

/** A stretch of a recording: `data` are its samples from `offset` on, of `total`. */
interface Stretch {
  readonly data: Float32Array;
  readonly offset: number;
  readonly total: number;
}

function requireSound(n: number, windowing: Windowing): number {
  if (n === 0) throw new ParameterError('A recording without samples cannot be cut into windows.');
  return windowCount(n, windowing);
}

/** Window `i`, from a stretch that holds all of it that is sound. */
function cut({ data, offset, total }: Stretch, i: number, windowing: Windowing): Float32Array {
  const { samples, leading, end, pad } = windowing;
  const first = windowStart(i, total, windowing);
  const short = end === 'short' || (total + leading < samples && (pad === 'none' || pad === 'mask'));
  const length = short ? Math.min(samples, total - first) : samples;
  const from = first - offset;
  if (from >= 0 && from + length <= data.length) return data.subarray(from, from + length);
  const window = new Float32Array(length);
  const own = data.subarray(Math.max(0, from), Math.max(0, from + length));
  if (own.length > 0) window.set(own, Math.max(0, -from));
  if (length === samples && total + leading < samples) fill(window, leading, total, pad);
  return window;
}

/** Fills a window behind the `total` samples that are in it from `leading` on. */
function fill(window: Float32Array, leading: number, total: number, pad: Windowing['pad']): void {
  if (pad === 'copies') {
    window.set(wholeCopies(window.slice(leading, leading + total), window.length - leading), leading);
  } else if (pad === 'repeat') {
    // Doubling what is there copies whole periods each time.
    for (let filled = total; leading + filled < window.length; filled *= 2) {
      window.copyWithin(leading + filled, leading, Math.min(leading + filled, window.length - filled));
    }
  }
}

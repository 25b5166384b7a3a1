/** @file The log-mel of a recording of any length in flat memory: the largest values of the frames that share a column. */
import { joined } from '../core/tensor.ts';
import { applyTopDb, logMel } from './logMel.ts';
import { checkLogMelSpec, type LogMel, type LogMelSpec, logMelFrames } from './logMelSpec.ts';
import { readPadded } from './padding.ts';

/** Samples that are transformed at a time. */
const stretchSamples = 2 ** 19;
/** Values of all columns. */
const mostValues = 2 ** 21;

/** What a stream of samples came to. */
export interface ColumnLogMel extends LogMel {
  /** Frames in a column (in the last one there may be fewer). */
  readonly framesPerColumn: number;
  /** Frames in all. */
  readonly frames: number;
}

/**
 * Takes a recording block by block, and gives the columns of {@link logMel}'s frames that neighbours share, by their largest
 * value. How many frames share one doubles as the recording grows.
 */
export class LogMelMaxima {
  private readonly frameSpec: LogMelSpec;
  private readonly padding: number;
  private readonly stretch: number;
  /** [columns, nMels] */
  private readonly columns: Float32Array;
  private readonly mostColumns: number;
  private perColumn = 1;
  private frames = 0;
  private total = 0;
  private waiting: Float32Array[] = [];
  private waitingSamples = 0;
  private begun = false;
  /** Samples to leave out before the next frame: a hop may be longer than a frame. */
  private skip = 0;
  /** The last samples, which padding mirrors. */
  private tail = new Float32Array(0);

  /**
   * @param columns kept at most, even
   * @throws {ParameterError} for a spec out of range
   */
  constructor(
    private readonly spec: LogMelSpec,
    columns = Math.max(2, 2 * Math.floor(mostValues / spec.nMels / 2)),
  ) {
    checkLogMelSpec(spec);
    this.frameSpec = { ...spec, center: false, topDb: null };
    this.padding = spec.center ? spec.nFft >> 1 : 0;
    this.stretch = Math.max(stretchSamples, 4 * spec.nFft);
    this.mostColumns = columns;
    this.columns = new Float32Array(columns * spec.nMels);
  }

  /** @param block mono samples at the spec's rate, of any length */
  push(block: Float32Array): void {
    if (block.length === 0) return;
    this.total += block.length;
    this.remember(block);
    this.wait(block);
    while (this.waitingSamples >= this.stretch) this.transform(Number.POSITIVE_INFINITY);
  }

  /** @throws {ParameterError} for an empty signal, or an uncentred one shorter than a frame */
  finish(): ColumnLogMel {
    const { spec, padding } = this;
    const frames = logMelFrames(this.total, spec);
    if (padding > 0) {
      // All there is, or enough of its end to mirror.
      const end = new Float32Array(padding);
      readPadded(end, 0, this.tail, this.tail.length, padding, spec.padMode);
      this.wait(end);
    }
    while (this.frames < frames) this.transform(frames);
    const nFrames = Math.ceil(frames / this.perColumn);
    const data = new Float32Array(spec.nMels * nFrames);
    for (let c = 0; c < nFrames; c++)
      for (let m = 0; m < spec.nMels; m++) data[m * nFrames + c] = this.columns[c * spec.nMels + m];
    if (spec.topDb !== null) applyTopDb(data, spec.topDb);
    return { data, nMels: spec.nMels, nFrames, framesPerColumn: this.perColumn, frames };
  }

  private wait(samples: Float32Array): void {
    const left = Math.min(this.skip, samples.length);
    this.skip -= left;
    this.waiting.push(samples.subarray(left));
    this.waitingSamples += samples.length - left;
  }

  private remember(block: Float32Array): void {
    const most = this.padding + 1;
    const all = block.length >= most ? block : joined([this.tail, block]);
    this.tail = all.slice(Math.max(0, all.length - most));
  }

  /** Transforms what waits, up to frame `most` of the recording. */
  private transform(most: number): void {
    const { spec, padding } = this;
    let samples = joined(this.waiting);
    if (!this.begun && padding > 0) {
      const start = new Float32Array(padding);
      // What waits holds the end's padding too where the recording is short.
      readPadded(start, 0, samples.subarray(0, this.total), -padding, padding, spec.padMode);
      samples = joined([start, samples]);
    }
    this.begun = true;
    const whole = Math.floor((samples.length - spec.nFft) / spec.hopLength) + 1;
    const n = Math.min(whole, most - this.frames);
    const { data } = logMel(samples.subarray(0, (n - 1) * spec.hopLength + spec.nFft), this.frameSpec);
    for (let t = 0; t < n; t++) this.take(data, t, n);
    const used = n * spec.hopLength;
    this.skip = Math.max(0, used - samples.length);
    const rest = samples.slice(Math.min(used, samples.length));
    this.waiting = [rest];
    this.waitingSamples = rest.length;
  }

  /** Frame `t` of `n`. */
  private take(data: Float32Array, t: number, n: number): void {
    const { nMels } = this.spec;
    if (this.frames === this.mostColumns * this.perColumn) this.halve();
    const first = this.frames % this.perColumn === 0;
    const at = Math.floor(this.frames / this.perColumn) * nMels;
    for (let m = 0; m < nMels; m++) {
      const value = data[m * n + t];
      // What is not a number stays so.
      this.columns[at + m] = first ? value : Math.max(value, this.columns[at + m]);
    }
    this.frames++;
  }

  private halve(): void {
    const { columns, mostColumns } = this;
    const { nMels } = this.spec;
    for (let c = 0; c < mostColumns / 2; c++) {
      for (let m = 0; m < nMels; m++) {
        const [a, b] = [columns[2 * c * nMels + m], columns[(2 * c + 1) * nMels + m]];
        columns[c * nMels + m] = Math.max(a, b);
      }
    }
    this.perColumn *= 2;
  }
}

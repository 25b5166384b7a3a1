/** @file What decides whether there is anything to hear in a recording, measured while it is decoded. */
import { toMono } from './audioData.ts';

/** A signal whose excursion from its mean stays below this (−80 dB of full scale) counts as silent. */
export const silencePeak = 1e-4;

/** A mean beyond this share of full scale (−40 dB) counts as a DC offset. */
export const notableDcOffset = 0.01;

/** What was measured of a recording; plain data. */
export interface SoundFacts {
  /** Samples per channel, as decoded. */
  readonly samples: number;
  /** Hertz, as decoded. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Mean of the samples mixed down to mono; 1 is full scale. */
  readonly dcOffset: number;
  /** Largest excursion of the mix from its mean. */
  readonly peak: number;
  /** The same of the channel where it is largest. */
  readonly channelPeak: number;
  /** Largest size of any sample of any channel; infinite where a sample is not a number. */
  readonly loudest: number;
}

/** Measures a recording block by block. */
export class SoundMeter {
  private readonly channels: Range[] = [];
  private readonly mix = new Range();

  /** Takes the next samples, channel by channel. */
  readonly observe = (block: readonly Float32Array[]): void => {
    for (const [c, samples] of block.entries()) {
      this.channels[c] ??= new Range();
      this.channels[c].add(samples);
    }
    if (block.length > 1) this.mix.add(toMono({ channelData: [...block] }));
  };

  /** What was measured so far. @param sampleRate hertz */
  facts(sampleRate: number): SoundFacts {
    const { channels } = this;
    const mix = channels.length === 1 ? channels[0] : this.mix;
    return {
      samples: mix.samples,
      sampleRate,
      channels: channels.length,
      dcOffset: mix.mean,
      peak: mix.excursion,
      channelPeak: Math.max(0, ...channels.map(({ excursion }) => excursion)),
      loudest: Math.max(0, ...channels.map(({ size }) => size)),
    };
  }
}

/** Mean and extremes of samples. */
class Range {
  samples = 0;
  private sum = 0;
  private low = Number.POSITIVE_INFINITY;
  private high = Number.NEGATIVE_INFINITY;

  add(block: Float32Array): void {
    let { sum, low, high } = this;
    for (let i = 0; i < block.length; i++) {
      const x = block[i];
      sum += x;
      if (x < low) low = x;
      if (x > high) high = x;
    }
    this.sum = sum;
    this.low = low;
    this.high = high;
    this.samples += block.length;
  }

  get mean(): number {
    return this.samples === 0 ? 0 : this.sum / this.samples;
  }

  /** Largest distance from the mean. */
  get excursion(): number {
    if (this.samples === 0) return 0;
    const { mean } = this;
    return Number.isFinite(mean) ? Math.max(this.high - mean, mean - this.low) : Number.POSITIVE_INFINITY;
  }

  /** Largest size; a sum of finite float32 samples is finite, so that any other sample shows in it. */
  get size(): number {
    if (this.samples === 0) return 0;
    return Number.isFinite(this.sum)
      ? Math.max(Math.abs(this.low), Math.abs(this.high))
      : Number.POSITIVE_INFINITY;
  }
}

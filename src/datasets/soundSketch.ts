/**
 * @file A few numbers by which a sound is recognised in another file: a hash of its samples for lossless copies, and its
 * spectrum for those that were encoded with loss, which are then compared sample by sample.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { isSilent, openSound, resample, SoundMeter, toMono } from '../audio/index.ts';
import { readRecord, sha256, writeJson } from '../files/index.ts';

/** Seconds that a sketch is made of. */
export const heardSeconds = 4;
/** Hz at which sounds are compared: what makes them recognisable, and no codec takes it away. */
const rate = 8000;
/** Bands of equal width up to half the rate, samples of a block that their energies are taken of, and most blocks. */
const bands = 24;
const block = 256;
const mostBlocks = 48;
/** Seconds by which a decoder may begin earlier or later than another. */
const mostShift = 0.15;
/** Seconds that are compared: the loudest of one recording, with what lies around their place in the other. */
const compared = 0.5;
/** Recordings whose beginnings are held: one is compared with several others in a row. */
const held = 256;

const sketchSchema = z.object({
  /** Of the file, Hz. */
  rate: z.number(),
  /** Length of the recording. */
  seconds: z.number(),
  /** Of the first seconds, mono, at 16 bits. */
  samples: z.string(),
  /** Decibels by band, of the first seconds; null where it was not asked for. */
  spectrum: z.array(z.number()).length(bands).nullable(),
});

export type SoundSketch = z.infer<typeof sketchSchema>;

const memorySchema = z.object({
  version: z.literal(1),
  /** By the hash of the file; null for what is silent or cannot be decoded. */
  sketches: z.record(z.string(), sketchSchema.nullable()),
  /** Of two contents that were compared, by both hashes. */
  correlations: z.record(z.string(), z.number()),
});

/** Sketches with a memory on disk, by content. */
export class SoundSketches {
  private changed = false;

  private constructor(
    private readonly file: string | null,
    private readonly known: Map<string, SoundSketch | null>,
    private readonly correlations: Map<string, number>,
  ) {}

  static async open(cacheDir: string | null): Promise<SoundSketches> {
    if (cacheDir === null) return new SoundSketches(null, new Map(), new Map());
    const file = join(cacheDir, 'sound-sketches.json');
    const about = { what: 'a memory of sketches of sounds' };
    // Damaged, or another version's: it is only a memory, so it is built anew.
    const stored = await readRecord(file, memorySchema, about).catch(() => null);
    const { sketches = {}, correlations = {} } = stored ?? {};
    return new SoundSketches(file, new Map(Object.entries(sketches)), new Map(Object.entries(correlations)));
  }

  /** The sketch of a file, with its spectrum if that is wanted; null if it is silent or cannot be decoded. */
  async of(path: string, hash: string, withSpectrum: boolean): Promise<SoundSketch | null> {
    const known = this.known.get(hash);
    if (known === null || (known !== undefined && (known.spectrum !== null || !withSpectrum))) return known;
    const sketch = await sketchOf(path, withSpectrum).catch(() => null);
    this.known.set(hash, sketch);
    this.changed = true;
    return sketch;
  }

  /** A correlation that is remembered by the contents of both files. */
  async correlation(a: string, b: string, compare: () => Promise<number>): Promise<number> {
    const key = [a, b].sort().join(' ');
    const known = this.correlations.get(key);
    if (known !== undefined) return known;
    const correlation = await compare();
    this.correlations.set(key, correlation);
    this.changed = true;
    return correlation;
  }

  async save(): Promise<void> {
    if (this.file === null || !this.changed) return;
    const [sketches, correlations] = [Object.fromEntries(this.known), Object.fromEntries(this.correlations)];
    // A cache that cannot be written loses only the memory.
    await writeJson(this.file, { version: 1, sketches, correlations }).catch(() => {});
  }
}

async function sketchOf(path: string, withSpectrum: boolean): Promise<SoundSketch | null> {
  const { mono, sampleRate, frames } = await beginning(path, true);
  const meter = new SoundMeter();
  meter.observe([mono]);
  if (mono.length === 0 || isSilent(meter.facts(sampleRate))) return null;
  return {
    rate: sampleRate,
    seconds: frames / sampleRate,
    samples: sha256(quantised(mono)).slice(0, 32),
    spectrum: withSpectrum ? spectrumOf(resample(mono, sampleRate, rate)) : null,
  };
}

/**
 * The first seconds of a recording as mono.
 * @param counted whether its frames are counted where its headers do not tell them; else they may be too few
 */
async function beginning(
  path: string,
  counted = false,
): Promise<{ mono: Float32Array; sampleRate: number; frames: number }> {
  const sound = await openSound(path);
  try {
    const { sampleRate, frames } = sound;
    const mono = new Float32Array(Math.round(heardSeconds * sampleRate));
    let [at, seen] = [0, 0];
    for await (const channelData of sound.blocks()) {
      const part = toMono({ channelData });
      mono.set(part.subarray(0, mono.length - at), at);
      at += Math.min(part.length, mono.length - at);
      seen += part.length;
      if (at === mono.length && (frames !== null || !counted)) break;
    }
    return { mono: mono.subarray(0, at), sampleRate, frames: frames ?? seen };
  } finally {
    await sound.close();
  }
}

/**
 * Decibels by band: mean energies of blocks under a Hann window, by Goertzel's recursion at the band's centre, which is
 * coarse and quick.
 */
function spectrumOf(samples: Float32Array): number[] {
  const window = Float64Array.from(
    { length: block },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / block),
  );
  const energy = new Float64Array(bands);
  const blocks = Math.max(1, Math.min(mostBlocks, Math.floor(samples.length / block)));
  for (let k = 0; k < blocks; k++) {
    const from = Math.floor((k * Math.max(0, samples.length - block)) / Math.max(1, blocks - 1));
    for (let b = 0; b < bands; b++) {
      const turn = 2 * Math.cos((Math.PI * (b + 0.5)) / bands);
      let [s1, s2] = [0, 0];
      for (let i = 0; i < block && from + i < samples.length; i++) {
        const s0 = window[i] * samples[from + i] + turn * s1 - s2;
        s2 = s1;
        s1 = s0;
      }
      energy[b] = energy[b] + s1 * s1 + s2 * s2 - turn * s1 * s2;
    }
  }
  // What lies 60 dB below the loudest band is what codecs leave out.
  const floor = Math.max(...energy) * 1e-6;
  return Array.from(energy, (e) => Number((10 * Math.log10(Math.max(e, floor, 1e-12) / blocks)).toFixed(2)));
}

/** Root mean square difference of two spectra, in decibels; infinite where one is not known. */
export function spectralDistance({ spectrum: a }: SoundSketch, { spectrum: b }: SoundSketch): number {
  if (a === null || b === null) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < bands; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum / bands);
}

/** Compares the beginnings of recordings, sample by sample. */
export class Beginnings {
  private readonly known = new Map<string, Promise<Float64Array>>();

  /**
   * Largest correlation of the loudest part of one recording with what lies around that place in the other, within the
   * shifts that decoders make; in [0, 1].
   */
  async correlation(a: string, b: string): Promise<number> {
    const [x, y] = [await this.read(a), await this.read(b)];
    const n = Math.min(x.length, y.length, compared * rate);
    const start = loudest(x, n);
    const reach = Math.round(mostShift * rate);
    let xx = 0;
    for (let i = 0; i < n; i++) xx += x[start + i] ** 2;
    let best = 0;
    for (let shift = -reach; shift <= reach; shift++) {
      const from = Math.max(0, -start - shift);
      const to = Math.min(n, y.length - start - shift);
      // What lies beyond the ends counts as nothing, so that a short overlap cannot agree by chance.
      let [xy, yy] = [0, 0];
      for (let i = from; i < to; i++) {
        const q = y[start + i + shift];
        xy += x[start + i] * q;
        yy += q * q;
      }
      if (xx * yy > 0) best = Math.max(best, xy / Math.sqrt(xx * yy));
    }
    return best;
  }

  private read(path: string): Promise<Float64Array> {
    const known = this.known.get(path);
    if (known !== undefined) return known;
    const [oldest] = this.known.keys();
    if (this.known.size >= held && oldest !== undefined) this.known.delete(oldest);
    const samples = emphasised(path);
    this.known.set(path, samples);
    return samples;
  }
}

/** Where the `n` samples with the most energy begin. */
function loudest(x: Float64Array, n: number): number {
  let energy = 0;
  for (let i = 0; i < n; i++) energy += x[i] ** 2;
  let best = { start: 0, energy };
  for (let start = 1; start + n <= x.length; start++) {
    energy += x[start + n - 1] ** 2 - x[start - 1] ** 2;
    if (energy > best.energy) best = { start, energy };
  }
  return best.start;
}

async function emphasised(path: string): Promise<Float64Array> {
  const { mono, sampleRate } = await beginning(path);
  const samples = resample(mono, sampleRate, rate);
  return Float64Array.from(samples, (x, i) => x - 0.95 * (i === 0 ? 0 : samples[i - 1]));
}

/** SHA-256 of all samples, mono, at 16 bits: whether two recordings that begin alike are alike throughout. */
export async function wholeSamples(path: string): Promise<string> {
  const hash = createHash('sha256');
  const sound = await openSound(path);
  try {
    for await (const channelData of sound.blocks()) hash.update(quantised(toMono({ channelData })));
  } finally {
    await sound.close();
  }
  return hash.digest('hex');
}

function quantised(mono: Float32Array): Uint8Array {
  const samples = new Int16Array(mono.length);
  for (let i = 0; i < mono.length; i++) samples[i] = Math.round(Math.max(-1, Math.min(1, mono[i])) * 32767);
  return new Uint8Array(samples.buffer);
}

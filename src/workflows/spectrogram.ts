/** @file A recording as a spectrogram picture on disk. */
import { basename, extname } from 'node:path';
import {
  hasSoundAt,
  openSound,
  openUsableSound,
  soundLength,
  soundRemarks,
  type UsableSound,
} from '../audio/index.ts';
import { joined, ParameterError } from '../core/index.ts';
import { soundSeconds } from '../extraction/index.ts';
import { type LogMel, LogMelMaxima, type LogMelSpec, logMel, logMelSpec } from '../features/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { type SpectrogramPictureOptions, spectrogramPicture } from '../pictures/index.ts';

export interface SpectrogramWorkflowOptions {
  /** Sound file. */
  file: string;
  /** Where the picture goes; `.png` or `.svg`. */
  out: string;
  /** Front end; what is left out is chosen for the recording's rate (see {@link pictureSpec}). */
  spec?: Partial<LogMelSpec>;
  /** The part to draw, in seconds. Default all. */
  fromSeconds?: number;
  toSeconds?: number;
  picture?: Omit<SpectrogramPictureOptions, 'startSeconds' | 'seconds'>;
  /** Samples that are held; of a longer recording neighbouring frames share columns, by their largest value. Default 2²⁴. */
  held?: number;
}

/** Six minutes at 44,100 Hz. */
const heldSamples = 2 ** 24;

export interface SpectrogramOutcome {
  out: string;
  /** Length of what was drawn. */
  seconds: number;
  channels: number;
  /** The recording's own rate; the spec has the one drawn at. */
  sampleRate: number;
  nFrames: number;
  spec: LogMelSpec;
  warnings: string[];
}

/**
 * A log-mel front end that looks right at any rate: frames of 80 to 160 ms (a power of two samples), a quarter of
 * that apart, so that even the lowest of 128 mel bands has a bin of its own.
 */
export function pictureSpec(sampleRate: number, spec: Partial<LogMelSpec> = {}): LogMelSpec {
  const rate = spec.sampleRate ?? sampleRate;
  const nFft = spec.nFft ?? 2 ** Math.ceil(Math.log2(0.08 * rate));
  return logMelSpec({ ...spec, sampleRate: rate, nFft });
}

/**
 * Draws `file` (mixed down to mono) as a log-mel spectrogram and writes the picture. Of a part nothing else is decoded,
 * where the format lets one seek.
 * @throws {DecodeError} when the file holds no sound
 * @throws {ParameterError} on a part outside the recording, a name that is neither .png nor .svg, or a front end
 *   out of range
 */
export async function spectrogram(options: SpectrogramWorkflowOptions): Promise<SpectrogramOutcome> {
  const extension = extname(options.out).toLowerCase();
  if (extension !== '.png' && extension !== '.svg') {
    throw new ParameterError(`The picture's name must end in .png or .svg, got '${options.out}'.`);
  }
  const from = options.fromSeconds ?? 0;
  const { rate, channels } = await headerOf(options.file);
  const spec = pictureSpec(rate, options.spec);
  const part = await openPart(options.file, from, options.toSeconds, rate, spec.sampleRate);
  const { features, shown, frames } = await heard(part, spec, options.held ?? heldSamples);
  const seconds = soundSeconds(part.facts());
  const picture = spectrogramPicture(features, shown, {
    title: basename(options.file),
    ...options.picture,
    startSeconds: from,
    seconds,
  });
  await writeFileAtomic(options.out, extension === '.png' ? picture.png : picture.svg);
  return {
    out: options.out,
    ...{ seconds, channels, sampleRate: rate },
    nFrames: frames,
    spec,
    warnings: [...part.warnings, ...soundRemarks(part.facts()).map(({ message }) => message)],
  };
}

async function headerOf(file: string): Promise<{ rate: number; channels: number }> {
  const { sampleRate, channels, close } = await openSound(file);
  await close();
  return { rate: sampleRate, channels };
}

/** The frames of a sound, which is closed then; of a long one the largest values of neighbours, with the hop of those. */
async function heard(
  sound: UsableSound,
  spec: LogMelSpec,
  most: number,
): Promise<{ features: LogMel; shown: LogMelSpec; frames: number }> {
  const held: Float32Array[] = [];
  let samples = 0;
  let long: LogMelMaxima | null = null;
  try {
    for await (const block of sound.blocks()) {
      samples += block.length;
      if (long !== null) {
        long.push(block);
        continue;
      }
      held.push(block);
      if (samples <= most) continue;
      long = new LogMelMaxima(spec);
      for (const early of held.splice(0)) long.push(early);
    }
  } finally {
    await sound.close();
  }
  if (long === null) {
    const features = logMel(joined(held), spec);
    return { features, shown: spec, frames: features.nFrames };
  }
  const features = long.finish();
  const shown = { ...spec, hopLength: spec.hopLength * features.framesPerColumn };
  return { features, shown, frames: features.frames };
}

/** The part to draw, opened; it holds at least one sample. @throws {ParameterError} for one outside the recording */
async function openPart(
  file: string,
  from: number,
  asked: number | undefined,
  rate: number,
  sampleRate: number,
): Promise<UsableSound> {
  if (from >= 0 && !((asked ?? Number.POSITIVE_INFINITY) <= from)) {
    const to = asked === undefined ? {} : { to: Math.max(asked, from + 1 / rate) };
    // A recording without a single sample is refused in words of its own.
    if (from === 0 || (await hasSoundAt(file, from))) {
      return openUsableSound(file, { from, ...to, sampleRate });
    }
  }
  const length = await soundLength(file);
  throw new ParameterError(
    `There is nothing to draw from ${from} s to ${asked ?? length} s: the recording lasts ${length.toFixed(3)} s.`,
  );
}

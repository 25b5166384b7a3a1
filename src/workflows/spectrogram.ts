/** @file A recording as a spectrogram picture on disk. */
import { basename, extname } from 'node:path';
import { readAudio, resample, toMono } from '../audio/index.ts';
import { ParameterError } from '../core/index.ts';
import { type LogMelSpec, logMel, logMelSpec } from '../features/index.ts';
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
  picture?: Omit<SpectrogramPictureOptions, 'startSeconds'>;
}

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
 * Draws `file` (mixed down to mono) as a log-mel spectrogram and writes the picture.
 * @throws {DecodeError} when the file holds no sound
 * @throws {ParameterError} on a part outside the recording, a name that is neither .png nor .svg, or a front end
 *   out of range
 */
export async function spectrogram(options: SpectrogramWorkflowOptions): Promise<SpectrogramOutcome> {
  const extension = extname(options.out).toLowerCase();
  if (extension !== '.png' && extension !== '.svg') {
    throw new ParameterError(`The picture's name must end in .png or .svg, got '${options.out}'.`);
  }
  const audio = await readAudio(options.file);
  const { sampleRate } = audio;
  const spec = pictureSpec(sampleRate, options.spec);
  const whole = toMono(audio);
  const length = whole.length / sampleRate;
  const from = options.fromSeconds ?? 0;
  const to = Math.min(options.toSeconds ?? length, length);
  if (!(from >= 0 && from < to)) {
    throw new ParameterError(
      `There is nothing to draw from ${from} s to ${options.toSeconds ?? length} s: the recording lasts ${length.toFixed(3)} s.`,
    );
  }
  const part = whole.subarray(
    Math.round(from * sampleRate),
    Math.max(Math.round(from * sampleRate) + 1, Math.round(to * sampleRate)),
  );
  const samples = spec.sampleRate === sampleRate ? part : resample(part, sampleRate, spec.sampleRate);
  const features = logMel(samples, spec);
  const picture = spectrogramPicture(features, spec, {
    title: basename(options.file),
    ...options.picture,
    startSeconds: from,
  });
  await writeFileAtomic(options.out, extension === '.png' ? picture.png : picture.svg);
  return {
    out: options.out,
    seconds: part.length / sampleRate,
    channels: audio.channelData.length,
    sampleRate,
    nFrames: features.nFrames,
    spec,
    warnings: audio.warnings,
  };
}

/** @file From a sound file to the network's input, as data: everything that decides the numbers. */
import { createHash } from 'node:crypto';
import { ParameterError } from '../core/index.ts';
import { checkFrontEnd, type FrontEndSpec, frontEndFrames } from '../features/index.ts';
import { type Filling, overlappingWindows, type Windowing } from '../windows/index.ts';

/** Decode → mean of channels → resample → windows of one length → front end. */
export interface ClipPipeline {
  /** Hz; the front end's too. */
  readonly sampleRate: number;
  /** Length of a window, > 0. */
  readonly windowSeconds: number;
  /** How a clip shorter than a window is filled. */
  readonly pad: Filling;
  /** Share of a window that the next one repeats, in [0, {@link largestOverlap}]; for clips longer than a window. */
  readonly overlap: number;
  /** Share of a window by which a clip may be longer without a second window for it, in [0, 1); absent: 0. */
  readonly tolerance?: number;
  /** Null where the model takes waveforms and has its front end inside. */
  readonly frontEnd: FrontEndSpec | null;
}

/** A share nearer to 1 would cut a recording into a window per sample. */
export const largestOverlap = 0.99;

/** A pipeline that ends in pictures. */
export interface PicturePipeline extends ClipPipeline {
  readonly pad: Exclude<Filling, 'none'>;
  readonly frontEnd: FrontEndSpec;
}

/** Samples in a window. */
export function windowSamplesOf(pipeline: Pick<ClipPipeline, 'sampleRate' | 'windowSeconds'>): number {
  return Math.round(pipeline.windowSeconds * pipeline.sampleRate);
}

/** How the pipeline cuts. @throws {ParameterError} for a field out of range */
export function pipelineWindowing(pipeline: ClipPipeline): Windowing {
  return overlappingWindows({ ...pipeline, samples: windowSamplesOf(pipeline) });
}

/**
 * Frames of a window's picture in which the recording itself is heard, the last one in part: at least one. What lies
 * behind them comes of zeros alone.
 * @param samples of the window that are the recording's own, ≥ 1
 * @param nFrames of the whole picture
 */
export function ownFrames(samples: number, windowSamples: number, nFrames: number): number {
  return Math.ceil((Math.min(samples, windowSamples) * nFrames) / windowSamples);
}

/** Checks a pipeline. @throws {ParameterError} naming the field out of range. */
export function checkClipPipeline(pipeline: ClipPipeline): void {
  const { sampleRate, windowSeconds, pad, overlap, tolerance = 0, frontEnd } = pipeline;
  if (!(sampleRate > 0))
    throw new ParameterError(`The pipeline's sampleRate must be positive, got ${sampleRate}.`);
  if (!(windowSeconds > 0 && windowSeconds <= 3600) || windowSamplesOf(pipeline) < 1) {
    throw new ParameterError(
      `The pipeline's windowSeconds must be above 0 and at most 3600, got ${windowSeconds}.`,
    );
  }
  const pads =
    frontEnd === null ? ['repeat', 'copies', 'zero', 'none'] : ['repeat', 'copies', 'zero', 'mask'];
  if (!pads.includes(pad)) {
    throw new ParameterError(`The pipeline's pad must be one of ${pads.join(', ')}, got '${pad}'.`);
  }
  if (!(overlap >= 0 && overlap <= largestOverlap)) {
    throw new ParameterError(`The pipeline's overlap must lie in [0, ${largestOverlap}], got ${overlap}.`);
  }
  if (!(tolerance >= 0 && tolerance < 1)) {
    throw new ParameterError(`The pipeline's tolerance must lie in [0, 1), got ${tolerance}.`);
  }
  if (frontEnd === null) return;
  checkFrontEnd(frontEnd);
  if (frontEnd.sampleRate !== sampleRate) {
    throw new ParameterError(
      `The front end expects ${frontEnd.sampleRate} Hz, but the pipeline resamples to ${sampleRate} Hz.`,
      { hint: 'Give both the same sample rate.' },
    );
  }
  const frames = frontEndFrames(windowSamplesOf(pipeline), frontEnd);
  if (!(frames >= 1)) {
    throw new ParameterError(
      `A window of ${windowSamplesOf(pipeline)} samples holds no frame of the front end '${frontEnd.kind}'.`,
      { hint: 'Use longer windows.' },
    );
  }
}

/** JSON with the keys of every object in order, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

/** SHA-256 over texts, each ended by a zero byte. */
export function digest(...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text).update('\0');
  return hash.digest('hex');
}

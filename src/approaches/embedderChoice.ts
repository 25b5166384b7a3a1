/** @file What a user may say of an embedder, which of it applies, and how recordings are cut where nothing is said. */
import { basename } from 'node:path';
import { UsageError } from '../core/index.ts';
import type { Windowing } from '../embeddings/browser.ts';
import { type FrontEndSpec, frontEndByName, type WhisperContext } from '../features/index.ts';
import type { PictureLayout } from '../networks/index.ts';
import { overlappingWindows, usualTolerance } from '../windows/index.ts';
import type { InputChoices, PictureSize } from './inputChoices.ts';

/** What a user may say of an embedder. Which of it applies is the network's to decide. */
export interface EmbedderChoice extends InputChoices {
  /** A name of the table, or the path of an ONNX model. */
  readonly network: string;
  /** The tensor of an ONNX model that is the embedding. */
  readonly embedding?: string;
  readonly layout?: PictureLayout;
  readonly pictureSize?: PictureSize;
  /** A name of the table of front ends, or one that the network knows. */
  readonly frontEnd?: string;
  readonly sampleRate?: number;
  readonly nMels?: number;
  readonly windowSeconds?: number;
  readonly hopSeconds?: number;
  readonly center?: boolean;
  /** Path of a weights file, or `random`. */
  readonly weights?: string;
  readonly inputRepr?: 'linear' | 'mel128' | 'mel256';
  readonly contentType?: 'music' | 'env';
  readonly embeddingSize?: number;
  /** Whether Whisper's encoder hears windows alone (`clip`, the default) or followed by silence up to 30 s (`full`). */
  readonly context?: WhisperContext;
  /** One vector per window (`mean`, the default), or one for every position of Whisper's encoder (`none`). */
  readonly pool?: 'mean' | 'none';
}

export type EmbedderOption = Exclude<keyof EmbedderChoice, 'network'>;

/** The options as the command line spells them. */
const flags: { readonly [K in EmbedderOption]: string } = {
  embedding: '--embedding',
  layout: '--picture-layout',
  pictureSize: '--picture-size',
  pictureScaling: '--picture-scaling',
  pictureRange: '--picture-range',
  pictureMean: '--picture-mean',
  pictureDeviation: '--picture-deviation',
  frontEnd: '--front-end',
  sampleRate: '--sample-rate',
  nMels: '--n-mels',
  windowSeconds: '--window-seconds',
  hopSeconds: '--hop-size',
  center: '--center',
  weights: '--weights',
  inputRepr: '--input-repr',
  contentType: '--content-type',
  embeddingSize: '--embedding-size',
  context: '--context',
  pool: '--pool',
};

/** @throws {UsageError} for an option that is set and does not apply to the network */
export function checkOptions(choice: EmbedderChoice, allowed: readonly EmbedderOption[]): void {
  const wrong = (Object.keys(flags) as EmbedderOption[]).find(
    (name) => choice[name] !== undefined && !allowed.includes(name),
  );
  if (wrong === undefined) return;
  throw new UsageError(`${flags[wrong]} does not apply to the network ${basename(choice.network)}.`, {
    hint: `What can be set there: ${allowed.map((name) => flags[name]).join(', ')}.`,
  });
}

/**
 * How recordings are cut for a front end where the network does not say otherwise. Where it fills up with zeros, so is
 * the end; where it repeats short recordings, the last window is moved back instead.
 */
export function usualWindowing(spec: FrontEndSpec, windowSeconds?: number): Windowing {
  const { window } = frontEndByName(spec.kind);
  const { sampleRate } = spec;
  const samples = Math.round((windowSeconds ?? window.seconds ?? 1) * sampleRate);
  const { overlap, pad } = window;
  // Networks that take zeros behind the end came with a way of cutting, in which there is no tolerance.
  if (pad === 'zero') return { ...overlappingWindows({ sampleRate, samples, overlap, pad }), end: 'zeros' };
  return overlappingWindows({ sampleRate, samples, overlap, pad, tolerance: usualTolerance });
}

/**
 * @file Whisper's log-mel as data (openai/whisper `audio.py`, Hugging Face's WhisperFeatureExtractor): 25 ms every 10 ms,
 * power in Slaney's mel bands from 0 to 8 kHz, decimal logarithms, kept within 8 of the clip's loudest value, (x + 4) / 4.
 */
import { ParameterError } from '../../core/errors.ts';
import { type BandSpec, melBands } from '../bands.ts';
import type { FrontEndAxes } from '../frontEndAxes.ts';
import { melFilterBank } from '../mel.ts';

/** With 80 bands up to large-v2, with 128 from large-v3 on. */
export const whisperFrontEnds = { whisper: 80, 'whisper-128': 128 } as const;
export type WhisperFrontEndName = keyof typeof whisperFrontEnds;

/**
 * How much the network hears: `full`, 30 s as published, shorter clips followed by silence and longer ones cut; or `clip`,
 * the clip as long as it is.
 */
export type WhisperContext = 'full' | 'clip';
export const whisperContexts: readonly WhisperContext[] = ['full', 'clip'];

export interface WhisperSpec {
  readonly kind: WhisperFrontEndName;
  readonly version: 1;
  readonly sampleRate: 16000;
  readonly nMels: 80 | 128;
  readonly context: WhisperContext;
}

/** Samples per second, of a frame, and from one frame to the next. */
export const whisperFrame = { sampleRate: 16000, nFft: 400, hopLength: 160 } as const;

/** Samples of the full context: 30 s, 3,000 frames. */
export const whisperFullSamples = 480_000;

/** A shorter clip is followed by zeros up to here, one frame: fewer samples would be mirrored more than once. */
export const whisperLeastSamples = 400;

/** Decibels below the clip's loudest value at which values are kept: 8 in decimal logarithms of power. */
export const whisperDynamicRange = 80;

/** The spec of that name. @throws {ParameterError} for a name or a context that there is not */
export function whisperSpec(kind: WhisperFrontEndName, context: WhisperContext = 'clip'): WhisperSpec {
  const spec = { kind, version: 1, sampleRate: 16000, nMels: whisperFrontEnds[kind], context } as const;
  checkWhisperSpec(spec);
  return spec;
}

/** Checks a spec, which may come from a file. @throws {ParameterError} where it is none of these */
export function checkWhisperSpec(spec: {
  readonly kind: string;
  readonly version: number;
  readonly sampleRate: number;
  readonly nMels: number;
  readonly context: string;
}): void {
  const { kind, version, sampleRate, nMels, context } = spec;
  if (!Object.hasOwn(whisperFrontEnds, kind) || version !== 1) {
    throw new ParameterError(
      `Expected a front end of kind "whisper" or "whisper-128", version 1; got "${kind}", version ${version}.`,
    );
  }
  const bands = whisperFrontEnds[kind as WhisperFrontEndName];
  if (sampleRate !== whisperFrame.sampleRate || nMels !== bands) {
    throw new ParameterError(
      `The front end ${kind} takes 16000 Hz and gives ${bands} mel bands; got ${sampleRate} Hz and ${nMels} bands.`,
      { hint: "Leave these settings out: Whisper's weights know no others." },
    );
  }
  if (!whisperContexts.includes(context as WhisperContext)) {
    throw new ParameterError(`There is no context '${context}' of ${kind}.`, {
      hint: `There are ${whisperContexts.join(' and ')}.`,
    });
  }
}

/** Samples that are analysed, zeros included, of a clip of `samples`. */
export function whisperSamples(samples: number, { context }: WhisperSpec): number {
  return context === 'full' ? whisperFullSamples : Math.max(samples, whisperLeastSamples);
}

/** Frames that so many samples give: one for every 160, two at least. */
export function whisperFrames(samples: number, spec: WhisperSpec): number {
  return Math.floor(whisperSamples(samples, spec) / whisperFrame.hopLength);
}

/** Decibels of power in mel bands, a frame more than is kept. */
export function whisperBands({ nMels }: WhisperSpec): BandSpec {
  const { sampleRate, nFft, hopLength } = whisperFrame;
  return {
    ...{ nFft, winLength: nFft, hopLength, center: true, padMode: 'reflect', power: 2, amin: 1e-10 },
    // In float32, noise from the transform would be heard 80 dB below the loudest band.
    nodePrecision: 'float64',
    filters: melBands({ sampleRate, nFft, nMels, fMin: 0, fMax: sampleRate / 2 }),
  };
}

/** The peak of each mel filter, and the middle of each frame. */
export function whisperAxes({ nMels }: WhisperSpec): FrontEndAxes {
  const { sampleRate, nFft, hopLength } = whisperFrame;
  return {
    hertz: melFilterBank({ sampleRate, nFft, nMels }).edges.slice(1, -1),
    firstSeconds: 0,
    stepSeconds: hopLength / sampleRate,
  };
}

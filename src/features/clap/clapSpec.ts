/**
 * @file CLAP's front end as data (the unfused HTSAT models of LAION and Hugging Face): 10 s at 48 kHz, 64 mel bands. It
 * has nothing to choose but whether samples go through 16 bits. Sources: LAION-AI/CLAP (`training/data.py`,
 * `open_clip/htsat.py`) and the feature extractor of transformers.
 */
import { ParameterError } from '../../core/errors.ts';
import { type BandSpec, melBands } from '../bands.ts';
import type { FrontEndAxes } from '../frontEndAxes.ts';
import { melFilterBank } from '../mel.ts';

export interface ClapSpec {
  readonly kind: 'clap';
  readonly version: 1;
  /** Hz. */
  readonly sampleRate: number;
  /** Mel bands. */
  readonly nMels: number;
  /**
   * Whether samples are rounded to 16 bits on the way (towards zero, clipped at full scale), as LAION's own code has it;
   * Hugging Face's has not.
   */
  readonly int16: boolean;
}

export const clapSpec: ClapSpec = { kind: 'clap', version: 1, sampleRate: 48000, nMels: 64, int16: false };

/** What the network hears at a time. */
export const clapWindow = { samples: 480000, frames: 1001 } as const;

/** Frames of 1,024 samples, centred, and where their mel bands lie. */
const frame = { nFft: 1024, hopLength: 480 } as const;
const bands = { fMin: 50, fMax: 14000, melScale: 'slaney', melNorm: 'slaney' } as const;

/** Full scale of the 16-bit samples. */
export const clapFullScale = 32767;

/** Checks a spec, for instance one read from a file. @throws {ParameterError} for any other than CLAP's */
export function checkClapSpec(spec: ClapSpec): void {
  const { version, sampleRate, nMels } = clapSpec;
  if (spec.version !== version || spec.sampleRate !== sampleRate || spec.nMels !== nMels) {
    throw new ParameterError(
      `The front end clap, version ${version}, takes ${sampleRate} Hz and gives ${nMels} mel bands; got version ${spec.version}, ${spec.sampleRate} Hz and ${spec.nMels} bands.`,
      { hint: 'Leave these settings out: its weights know no others.' },
    );
  }
}

/**
 * Frames of a window.
 * @param samples at most a window's; fewer are filled up
 * @throws {ParameterError} for none, or more than a window
 */
export function clapFrames(samples: number): number {
  if (!(samples >= 1 && samples <= clapWindow.samples)) {
    throw new ParameterError(
      `The front end clap takes windows of 1 to ${clapWindow.samples} samples (10 s), got ${samples} samples.`,
      { hint: 'Cut the recording into windows, or one piece out of it, first.' },
    );
  }
  return clapWindow.frames;
}

/** Decibels in mel bands of a window that has been filled up. The floor is absolute, at −100 dB. */
export function clapBands(): BandSpec {
  const { sampleRate, nMels } = clapSpec;
  const { nFft, hopLength } = frame;
  return {
    ...{ nFft, winLength: nFft, hopLength },
    center: true,
    padMode: 'reflect',
    power: 2,
    amin: 1e-10,
    // What is quiet beside something loud keeps its value in the original: it computes in float64.
    nodePrecision: 'float64',
    filters: melBands({ sampleRate, nFft, nMels, ...bands }),
  };
}

/** The peak of each mel filter, and the middle of each frame. */
export function clapAxes({ sampleRate, nMels }: ClapSpec): FrontEndAxes {
  const { nFft, hopLength } = frame;
  return {
    hertz: melFilterBank({ sampleRate, nFft, nMels, ...bands }).edges.slice(1, -1),
    firstSeconds: 0,
    stepSeconds: hopLength / sampleRate,
  };
}

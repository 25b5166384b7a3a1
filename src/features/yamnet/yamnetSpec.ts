/**
 * @file YAMNet's front end as data (Plakal and Ellis, tensorflow/models `audioset/yamnet`, `params.py` and
 * `features.py`). It has nothing to choose: the published weights were trained on exactly these numbers.
 */
import { ParameterError } from '../../core/errors.ts';
import type { FrontEndAxes } from '../frontEndAxes.ts';
import { hzToMel, melToHz } from '../mel.ts';

export interface YamnetSpec {
  readonly kind: 'yamnet';
  readonly version: 1;
  readonly sampleRate: 16000;
  readonly nMels: 64;
}

export const yamnetSpec: YamnetSpec = { kind: 'yamnet', version: 1, sampleRate: 16000, nMels: 64 };

/** Samples of a frame (25 ms), of the transform it is padded to with zeros, and from one frame to the next (10 ms). */
export const yamnetFrame = { winLength: 400, nFft: 512, hopLength: 160 } as const;

/** The mel bands: triangles of unit height, linear in HTK mel, in Hz. */
export const yamnetBands = { nMels: 64, fMin: 125, fMax: 7500 } as const;

/** Added to each mel magnitude before the natural logarithm. */
export const yamnetLogOffset = 0.001;

/** Frames of a patch, and the samples they need: the fewest that the front end works on. */
export const yamnetPatch = { frames: 96, samples: 15600, hopSamples: 7680 } as const;

/**
 * The spec, if it is one: it may have been read from a file, or put together from what a user set.
 * @throws {ParameterError} where it is not of this front end
 */
export function checkYamnetSpec(spec: {
  kind: string;
  version: number;
  sampleRate: number;
  nMels: number;
}): YamnetSpec {
  const { kind, version, sampleRate, nMels } = spec;
  if (kind !== 'yamnet' || version !== 1) {
    throw new ParameterError(
      `Expected a front end of kind "yamnet", version 1; got "${kind}", version ${version}.`,
    );
  }
  if (sampleRate !== 16000 || nMels !== 64) {
    throw new ParameterError(
      `YAMNet's front end takes 16000 Hz and gives 64 mel bands; got ${sampleRate} Hz and ${nMels} bands.`,
      { hint: 'Leave these settings out: its weights know no others.' },
    );
  }
  return yamnetSpec;
}

/** Frames that `samples` samples give: those that fit, and never fewer than a patch. */
export function yamnetFrames(samples: number): number {
  if (!(samples >= 1)) throw new ParameterError('Cannot analyse an empty signal: it has no samples.');
  const { winLength, hopLength } = yamnetFrame;
  return 1 + Math.floor((Math.max(samples, yamnetPatch.samples) - winLength) / hopLength);
}

/**
 * Mel weights [nMels][nBins]: the lower of both slopes of a triangle whose corners lie evenly in HTK mel, at each bin's
 * own mel value. Linear in mel, not in hertz as in `melFilterBank`; the bin at 0 Hz weighs nothing.
 */
export function yamnetMelFilters(): Float64Array[] {
  const { nFft } = yamnetFrame;
  const { nMels, fMin, fMax } = yamnetBands;
  const mel = (hz: number) => 1127 * Math.log(1 + hz / 700);
  const low = mel(fMin);
  const step = (mel(fMax) - low) / (nMels + 1);
  return Array.from({ length: nMels }, (_, m) =>
    Float64Array.from({ length: (nFft >> 1) + 1 }, (_, k) => {
      if (k === 0) return 0;
      const position = (mel((k * yamnetSpec.sampleRate) / nFft) - low) / step - m;
      return Math.max(0, Math.min(position, 2 - position));
    }),
  );
}

/** The peak of each triangle, and the middle of each frame. */
export function yamnetAxes(): FrontEndAxes {
  const { nMels, fMin, fMax } = yamnetBands;
  const mel = (hz: number) => hzToMel(hz, 'htk');
  const step = (mel(fMax) - mel(fMin)) / (nMels + 1);
  return {
    hertz: Float64Array.from({ length: nMels }, (_, m) => melToHz(mel(fMin) + (m + 1) * step, 'htk')),
    firstSeconds: yamnetFrame.winLength / 2 / yamnetSpec.sampleRate,
    stepSeconds: yamnetFrame.hopLength / yamnetSpec.sampleRate,
  };
}

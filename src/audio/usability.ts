/**
 * @file When a recording is of no use, and what is worth saying of one that is: the one list that training, classification,
 * embedding, inspection, explanation and hypotheses go by, so that all of them say and count the same.
 *
 * | recording | what becomes of it |
 * |---|---|
 * | cannot be read or decoded | refused, by the decoder's error |
 * | holds no samples | refused |
 * | holds absurd values, or values that are not numbers | used: decoders put zeros in their place, with a warning; a recording in memory is refused |
 * | silent | used, with a remark; where nothing can be measured of silence, refused in the same words |
 * | cancels out when mixed down | the same |
 * | shorter than a window | used and filled, with a remark; of the clips of a dataset one remark that counts them |
 */
import { DecodeError } from '../core/errors.ts';
import { LARGEST_SAMPLE } from './cleanSamples.ts';
import { type SoundFacts, silencePeak } from './soundMeter.ts';

export type SoundRemarkKind = 'silent' | 'cancelled';

/** Something worth telling of a recording that can be used nevertheless. */
export interface SoundRemark {
  readonly kind: SoundRemarkKind;
  /** A whole sentence, without the recording's name. */
  readonly message: string;
}

/**
 * Refuses a recording that is of no use.
 * @param name what to call it in the message: its path
 * @throws {DecodeError} naming it, what is wrong, and what to do
 */
export function requireUsableSound({ samples, sampleRate, loudest }: SoundFacts, name: string): void {
  if (samples === 0) {
    throw new DecodeError(`${name} holds no sound: 0 samples at ${sampleRate} Hz.`, {
      hint: 'Remove the file, or record it again.',
    });
  }
  if (loudest <= LARGEST_SAMPLE) return;
  const values = Number.isFinite(loudest)
    ? `samples as large as ${loudest.toExponential(1)}, where full scale is 1`
    : 'samples that are not numbers';
  throw new DecodeError(`${name} holds ${values}.`, {
    hint: 'The file is damaged, or its number format is not the one that its header names: write it again from its source, or remove it.',
  });
}

/** Whether nothing but (perhaps) a constant is in a recording's mono mix. */
export function isSilent({ peak }: Pick<SoundFacts, 'peak'>): boolean {
  return !(peak > silencePeak);
}

/** What is worth saying of a recording that was not refused; at most one remark. */
export function soundRemarks(facts: SoundFacts): SoundRemark[] {
  if (!isSilent(facts)) return [];
  // Well above what a quiet channel would leave of itself.
  if (facts.channelPeak > 10 * silencePeak) {
    return [
      {
        kind: 'cancelled',
        message: 'Its channels cancel out when they are mixed down to mono: nothing but a constant is left.',
      },
    ];
  }
  return [{ kind: 'silent', message: 'It is silent: nothing but a constant is in it.' }];
}

/**
 * What is worth saying where many clips are heard and some are shorter than a window, in one sentence; null where none is.
 * @param windowSeconds length of a window
 * @param filling what becomes of the rest of the window, such as 'the rest is filled up'
 */
export function shortClipsRemark(
  short: number,
  clips: number,
  windowSeconds: number,
  filling: string,
): string | null {
  if (short === 0) return null;
  const last = clips === 1 ? 'clip lasts' : 'clips last';
  return `${short} of ${clips} ${last} less than a window of ${windowSeconds.toFixed(3)} s: ${filling}.`;
}

/**
 * What is worth saying of a recording shorter than a window, with what fills the window; null for any other.
 * @param samples of the recording and of a window, at one rate in hertz
 */
export function shortRemark(
  samples: number,
  windowSamples: number,
  sampleRate: number,
  filled = true,
): string | null {
  if (samples >= windowSamples) return null;
  const [has, needs] = [samples / sampleRate, windowSamples / sampleRate];
  return `It lasts ${has.toFixed(3)} s, less than a window of ${needs.toFixed(3)} s${filled ? ': the rest is filled up' : ''}.`;
}

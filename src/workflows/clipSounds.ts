/** @file Clips as sounds inside a report: made smaller, and as many as the page may hold. */
import { encodeWav, resample } from '../audio/index.ts';
import { CancelledError } from '../core/index.ts';
import { type Clip, readSpan } from '../datasets/index.ts';
import type { Sound } from '../evaluation/index.ts';
import type { WorkflowHooks } from './hooks.ts';

/** Sounds of a report: mono, 16 bits, at most this rate (Hz) and this long. */
const heard = { sampleRate: 16_000, seconds: 6 } as const;

/** What the sounds of a report may take together unless the user says otherwise, in millions of bytes. */
export const usualSoundMegabytes = 8;

export interface ClipSounds {
  /** By the clip's id. */
  readonly sounds: ReadonlyMap<string, Sound>;
  /** A sentence: how many of how many can be heard, how they were made smaller, and why not all are there. */
  readonly remark: string;
}

/**
 * Reads clips in the order given and keeps them as `data:` addresses until `megabytes` are full. A clip that cannot be
 * read is left out.
 * @param megabytes at most so many millions of characters in the page; 0 for none
 */
export async function clipSounds(
  clips: readonly Clip[],
  megabytes: number,
  hooks: WorkflowHooks,
): Promise<ClipSounds> {
  const sounds = new Map<string, Sound>();
  const limit = megabytes * 1e6;
  let used = 0;
  let full = false;
  let shortened = 0;
  for (const clip of clips) {
    if (hooks.signal?.aborted) throw new CancelledError('The report was stopped while it collected sounds.');
    const sound = limit > 0 ? await soundOf(clip) : null;
    if (sound === null) continue;
    if (used + sound.uri.length > limit) {
      full = true;
      break;
    }
    used += sound.uri.length;
    if (sound.shortened) shortened++;
    sounds.set(clip.id, { uri: sound.uri, seconds: sound.seconds });
    hooks.onProgress?.({
      task: 'Collecting sounds for the report',
      done: Math.min(used, limit),
      total: limit,
      unit: 'bytes',
    });
  }
  const made = `mono, 16 bits, at most ${heard.sampleRate / 1000} kHz${shortened === 0 ? '' : `, the first ${heard.seconds} s`}`;
  const remark =
    sounds.size === 0
      ? 'No clip can be heard in this page.'
      : `${sounds.size} of ${clips.length} clips can be heard in this page (${made}; ${(used / 1e6).toFixed(1)} MB in all)${
          full ? `; more would make the page larger than the ${megabytes} MB of sound it may hold.` : '.'
        }`;
  return { sounds, remark };
}

async function soundOf(clip: Clip): Promise<(Sound & { readonly shortened: boolean }) | null> {
  try {
    const { seconds } = heard;
    const { samples: mono, sampleRate: rate, more } = await readSpan(clip, { seconds });
    const sampleRate = Math.min(rate, heard.sampleRate);
    const samples = resample(mono, rate, sampleRate);
    const wav = encodeWav({ sampleRate, channelData: [samples] });
    return {
      uri: `data:audio/wav;base64,${Buffer.from(wav).toString('base64')}`,
      seconds: samples.length / sampleRate,
      shortened: more,
    };
  } catch {
    // Clips that cannot be read are reported where they are used; here they are only not heard.
    return null;
  }
}

/** @file How much of a test side is cut from recordings that the training side knows. */
import { type Clip, groupBy } from './dataset.ts';

export interface Leak {
  /** Groups on both sides, in order of appearance on the test side. */
  readonly sharedGroups: readonly string[];
  /** Test clips whose group is also in training. */
  readonly leakedClips: number;
  readonly testClips: number;
  /** `leakedClips / testClips`, in [0, 1]; 0 for an empty test side. */
  readonly share: number;
  /**
   * Test clips that overlap in time with a training clip of their recording: the same sound, heard twice. Null where
   * the metadata does not say where clips lie.
   */
  readonly overlappingClips: number | null;
}

/** Measures the leak of a split by group. */
export function measureLeak(train: readonly Clip[], test: readonly Clip[]): Leak {
  const known = groupBy(train, (clip) => clip.group);
  const shared = new Set<string>();
  let leakedClips = 0;
  let overlapping: number | null = 0;
  for (const clip of test) {
    const siblings = known.get(clip.group);
    if (siblings === undefined) continue;
    leakedClips++;
    shared.add(clip.group);
    const found = overlaps(clip, siblings);
    if (found === null) overlapping = null;
    else if (overlapping !== null && found) overlapping++;
  }
  return {
    sharedGroups: [...shared],
    leakedClips,
    testClips: test.length,
    share: test.length === 0 ? 0 : leakedClips / test.length,
    overlappingClips: overlapping,
  };
}

/** Whether a clip shares a stretch of its recording with one of others; null where one's place is not known. */
function overlaps({ source }: Clip, others: readonly Clip[]): boolean | null {
  if (source === undefined || others.some((other) => other.source === undefined)) return null;
  return others.some(
    (other) =>
      source.startSeconds < other.source!.endSeconds && other.source!.startSeconds < source.endSeconds,
  );
}

/** A sentence that tells the leak and what it means for the score; null where there is none. */
export function leakSentence(leak: Leak): string | null {
  if (leak.leakedClips === 0) return null;
  const percent = (100 * leak.share).toFixed(1);
  const groups = leak.sharedGroups.length;
  const overlapping = leak.overlappingClips
    ? `, and ${leak.overlappingClips} overlap in time with a training clip`
    : '';
  return (
    `${percent} % of the test clips (${leak.leakedClips} of ${leak.testClips}) come from a recording that is also in ` +
    `training (${groups} ${groups === 1 ? 'recording' : 'recordings'})${overlapping}: the score tells in part how well known ` +
    'recordings are recognised again, not how well new ones are classified.'
  );
}

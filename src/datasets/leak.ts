/** @file How much of a test side is cut from recordings that the training side knows. */
import type { Clip } from './dataset.ts';

export interface Leak {
  /** Groups on both sides, in order of appearance on the test side. */
  readonly sharedGroups: readonly string[];
  /** Test clips whose group is also in training. */
  readonly leakedClips: number;
  readonly testClips: number;
  /** `leakedClips / testClips`, in [0, 1]; 0 for an empty test side. */
  readonly share: number;
}

/** Measures the leak of a split by group. */
export function measureLeak(train: readonly Clip[], test: readonly Clip[]): Leak {
  const known = new Set(train.map((clip) => clip.group));
  const shared = new Set<string>();
  let leakedClips = 0;
  for (const { group } of test) {
    if (!known.has(group)) continue;
    leakedClips++;
    shared.add(group);
  }
  return {
    sharedGroups: [...shared],
    leakedClips,
    testClips: test.length,
    share: test.length === 0 ? 0 : leakedClips / test.length,
  };
}

/** A sentence that tells the leak and what it means for the score; null where there is none. */
export function leakSentence(leak: Leak): string | null {
  if (leak.leakedClips === 0) return null;
  const percent = (100 * leak.share).toFixed(1);
  const groups = leak.sharedGroups.length;
  return (
    `${percent} % of the test clips (${leak.leakedClips} of ${leak.testClips}) come from a recording that is also in ` +
    `training (${groups} ${groups === 1 ? 'recording' : 'recordings'}): the score tells in part how well known ` +
    'recordings are recognised again, not how well new ones are classified.'
  );
}

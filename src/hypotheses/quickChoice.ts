/** @file The clips of an answer in about a minute: fewer of each recording, and of many recordings some. */
import { Random } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';

/** Clips of a recording: more of the same recording says little that is new. */
const clipsPerRecording = 3;
/** Recordings in all, shared evenly among the classes. */
const mostRecordings = 400;

/**
 * At most three clips of each recording, spread over it, of at most 400 recordings, drawn by class.
 * @returns in the order given
 */
export function quickChoice(clips: readonly Clip[], seed: number): Clip[] {
  const byClass = new Map<string, Map<string, Clip[]>>();
  for (const clip of clips) {
    const recordings = byClass.get(clip.label) ?? new Map<string, Clip[]>();
    byClass.set(clip.label, recordings);
    recordings.set(clip.group, [...(recordings.get(clip.group) ?? []), clip]);
  }
  const each = Math.max(2, Math.floor(mostRecordings / byClass.size));
  const chosen = new Set<Clip>();
  for (const [label, recordings] of byClass) {
    const names = new Random(`${seed}/${label}`).shuffle([...recordings.keys()].sort()).slice(0, each);
    for (const name of names) {
      const list = recordings.get(name)!;
      const count = Math.min(clipsPerRecording, list.length);
      for (let i = 0; i < count; i++) chosen.add(list[Math.floor(((i + 0.5) * list.length) / count)]);
    }
  }
  return clips.filter((clip) => chosen.has(clip));
}

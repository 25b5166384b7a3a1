/**
 * @file Divides clips into parts without ever dividing a group, keeping each class's shares near the wanted ones.
 *
 * Greedy, like longest-processing-time scheduling: groups from large to small (ties in seeded order) each go to the
 * part that lacks their classes most. For groups of one class, a part's count of a class is less than one group of
 * that class (its largest) away from its share when there are two parts, and the excess is so for any number.
 */
import { Random } from '../core/index.ts';
import { type Clip, compareText, groupBy } from './dataset.ts';

interface Group {
  readonly clips: readonly Clip[];
  /** Clips per class: index and number, for the classes it has. Most groups have one class of perhaps hundreds. */
  readonly counts: readonly (readonly [classIndex: number, clips: number])[];
}

/**
 * @param shares positive, summing to 1: the wanted share of each part
 * @returns for each part its clips, in the order of `clips`
 */
export function divideByGroup(
  clips: readonly Clip[],
  shares: readonly number[],
  seed: number | string,
): Clip[][] {
  const { groups, classTotals } = gather(clips, seed);
  const filled = shares.map(() => new Float64Array(classTotals.length));
  const parts: Clip[][] = shares.map(() => []);
  const sizes = shares.map(() => 0);
  for (const group of groups) {
    let best = 0;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let part = 0; part < shares.length; part++) {
      // Growth of Σ_classes (count − wanted)² / total when the group joins this part, constant terms dropped.
      let cost = 0;
      for (const [c, n] of group.counts) {
        cost += (2 * n * (filled[part]![c]! - shares[part]! * classTotals[c]!)) / classTotals[c]!;
      }
      // Equal need: the part that is emptier for its share.
      const better = cost < bestCost - 1e-9;
      const tied = !better && cost <= bestCost + 1e-9;
      if (better || (tied && sizes[part]! / shares[part]! < sizes[best]! / shares[best]!)) {
        best = part;
        bestCost = better ? cost : bestCost;
      }
    }
    for (const [c, n] of group.counts) filled[best]![c]! += n;
    for (const clip of group.clips) parts[best]!.push(clip);
    sizes[best] += group.clips.length;
  }
  return inOrder(clips, parts);
}

/**
 * Sets aside part of the clips by group. A class with two or more groups is on both sides; one with a single group
 * stays in `kept` (it can be learnt but not tested) and is named in `untested`.
 * @param fraction wanted share of `aside`, in (0, 1)
 */
export function setAsideByGroup(
  clips: readonly Clip[],
  fraction: number,
  seed: number | string,
): { kept: Clip[]; aside: Clip[]; untested: string[] } {
  const byClass = groupBy(clips, (clip) => clip.label);
  const groupsOfClass = new Map(
    [...byClass].map(([label, list]) => [label, new Set(list.map((clip) => clip.group))]),
  );
  // A group that is all a class has cannot be set aside, nor can whatever else was cut from it.
  const pinned = new Set<string>();
  const untested: string[] = [];
  for (const [label, groups] of groupsOfClass) {
    if (groups.size > 1) continue;
    untested.push(label);
    pinned.add([...groups][0]!);
  }
  const free = clips.filter((clip) => !pinned.has(clip.group));
  const [keptFree, asideFree] = divideByGroup(free, [1 - fraction, fraction], seed) as [Clip[], Clip[]];
  const kept = new Set([...keptFree, ...clips.filter((clip) => pinned.has(clip.group))]);
  const aside = new Set(asideFree);
  const move = (from: Set<Clip>, to: Set<Clip>, group: string) => {
    for (const clip of [...from]) {
      if (clip.group !== group) continue;
      from.delete(clip);
      to.add(clip);
    }
  };
  // With few groups the greedy choice may leave a class out of one side: its smallest group goes over, unless that
  // would take some other class's last group from the side that gives.
  for (const [label, groups] of [...groupsOfClass].sort(([a], [b]) => compareText(a, b))) {
    if (groups.size < 2) continue;
    for (const [from, to] of [
      [kept, aside],
      [aside, kept],
    ] as const) {
      if ([...to].some((clip) => clip.label === label)) continue;
      const candidates = [...groupBy(from, (clip) => clip.group)]
        .filter(
          ([group, list]) =>
            groups.has(group) &&
            !pinned.has(group) &&
            list.every((clip) => hasAnother(from, clip.label, group)),
        )
        .sort(([a, x], [b, y]) => x.length - y.length || compareText(a, b));
      if (candidates.length > 0) move(from, to, candidates[0]![0]);
    }
  }
  for (const label of groupsOfClass.keys()) {
    if (!untested.includes(label) && ![...aside].some((clip) => clip.label === label)) untested.push(label);
  }
  return {
    kept: clips.filter((clip) => kept.has(clip)),
    aside: clips.filter((clip) => aside.has(clip)),
    untested: untested.sort(compareText),
  };
}

function hasAnother(side: Iterable<Clip>, label: string, group: string): boolean {
  for (const clip of side) if (clip.label === label && clip.group !== group) return true;
  return false;
}

function gather(
  clips: readonly Clip[],
  seed: number | string,
): { groups: Group[]; classTotals: Float64Array } {
  const labels = new Map(
    [...new Set(clips.map((clip) => clip.label))].sort(compareText).map((label, i) => [label, i]),
  );
  const classTotals = new Float64Array(labels.size);
  for (const clip of clips) classTotals[labels.get(clip.label)!]!++;
  // By name first, so that the seed alone decides and not the order in which clips were listed.
  const named = [...groupBy(clips, (clip) => clip.group)].sort(([a], [b]) => compareText(a, b));
  const groups = new Random(seed).shuffle(named).map(([, list]): Group => {
    const counts = [...groupBy(list, (clip) => labels.get(clip.label)!)].map(
      ([c, mine]) => [c, mine.length] as const,
    );
    return { clips: list, counts };
  });
  return { groups: groups.sort((a, b) => b.clips.length - a.clips.length), classTotals };
}

function inOrder(clips: readonly Clip[], parts: readonly Clip[][]): Clip[][] {
  const place = new Map(clips.map((clip, i) => [clip, i]));
  return parts.map((part) => part.sort((a, b) => place.get(a)! - place.get(b)!));
}

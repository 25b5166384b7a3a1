/** @file Divides clips into parts by {@link groupedParts}, and sets parts aside so that no class is lost. */
import { groupedParts } from '../statistics/index.ts';
import { type Clip, compareText, groupBy } from './dataset.ts';

/**
 * @param shares positive, summing to 1: the wanted share of each part
 * @returns for each part its clips, in the order of `clips`
 */
export function divideByGroup(
  clips: readonly Clip[],
  shares: readonly number[],
  seed: number | string,
): Clip[][] {
  const part = groupedParts(
    clips.map((clip) => clip.label),
    clips.map((clip) => clip.group),
    shares,
    seed,
  );
  return shares.map((_, p) => clips.filter((_clip, i) => part[i] === p));
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
    pinned.add([...groups][0]);
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
  // would take some other class's last group from the side that gives. What is set aside gives all the same: a class
  // that cannot be tested is named, one that cannot be learnt would be tested in vain.
  for (const [label, groups] of [...groupsOfClass].sort(([a], [b]) => compareText(a, b))) {
    if (groups.size < 2) continue;
    for (const [from, to] of [
      [kept, aside],
      [aside, kept],
    ] as const) {
      if ([...to].some((clip) => clip.label === label)) continue;
      const own = [...groupBy(from, (clip) => clip.group)]
        .filter(([group]) => groups.has(group) && !pinned.has(group))
        .sort(([a, x], [b, y]) => x.length - y.length || compareText(a, b));
      const spare = own.find(([group, list]) => list.every((clip) => hasAnother(from, clip.label, group)));
      const given = spare ?? (to === kept ? own[0] : undefined);
      if (given !== undefined) move(from, to, given[0]);
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

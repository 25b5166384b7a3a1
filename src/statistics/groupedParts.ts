/**
 * @file Divides items into parts without ever dividing a group, keeping each class's shares near the wanted ones.
 *
 * Greedy, like longest-processing-time scheduling: groups from large to small (ties in seeded order) each go to the
 * part that lacks their classes most. For groups of one class, a part's count of a class is less than one group of
 * that class (its largest) away from its share when there are two parts, and the excess is so for any number.
 */
import { Random } from '../core/index.ts';

interface Group {
  readonly items: readonly number[];
  /** Items per class: index and number, for the classes it has. Most groups have one class of perhaps hundreds. */
  readonly counts: readonly (readonly [classIndex: number, items: number])[];
}

/**
 * The part of each item.
 * @param labels the class of each item
 * @param groups what each item was cut from; items of one group stay together
 * @param shares positive, summing to 1: the wanted share of each part
 * @param seed decides between equal choices; the order of the groups' names does not
 */
export function groupedParts(
  labels: readonly string[],
  groups: readonly string[],
  shares: readonly number[],
  seed: number | string,
): Int32Array {
  const { list, classTotals } = gather(labels, groups, seed);
  const filled = shares.map(() => new Float64Array(classTotals.length));
  const parts = new Int32Array(labels.length);
  const sizes = shares.map(() => 0);
  for (const group of list) {
    let best = 0;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let part = 0; part < shares.length; part++) {
      // Growth of Σ_classes (count − wanted)² / total when the group joins this part, constant terms dropped.
      let cost = 0;
      for (const [c, n] of group.counts) {
        cost += (2 * n * (filled[part][c] - shares[part] * classTotals[c])) / classTotals[c];
      }
      // Equal need: the part that is emptier for its share.
      const better = cost < bestCost - 1e-9;
      const tied = !better && cost <= bestCost + 1e-9;
      if (better || (tied && sizes[part] / shares[part] < sizes[best] / shares[best])) {
        best = part;
        bestCost = better ? cost : bestCost;
      }
    }
    for (const [c, n] of group.counts) filled[best][c] += n;
    for (const item of group.items) parts[item] = best;
    sizes[best] += group.items.length;
  }
  return parts;
}

function gather(
  labels: readonly string[],
  groups: readonly string[],
  seed: number | string,
): { list: Group[]; classTotals: Float64Array } {
  const classes = new Map([...new Set(labels)].sort(compareText).map((label, i) => [label, i]));
  const classTotals = new Float64Array(classes.size);
  for (const label of labels) classTotals[classes.get(label)!]++;
  const members = new Map<string, number[]>();
  groups.forEach((group, item) => {
    const items = members.get(group);
    if (items) items.push(item);
    else members.set(group, [item]);
  });
  // By name first, so that the seed alone decides and not the order in which items were listed.
  const named = [...members].sort(([a], [b]) => compareText(a, b));
  const list = new Random(seed).shuffle(named).map(([, items]): Group => {
    const counts = new Map<number, number>();
    for (const item of items) {
      const c = classes.get(labels[item])!;
      counts.set(c, (counts.get(c) ?? 0) + 1);
    }
    return { items, counts: [...counts] };
  });
  return { list: list.sort((a, b) => b.items.length - a.items.length), classTotals };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

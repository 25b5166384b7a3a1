/** @file Where a forward pass is cut for activation checkpointing: few values across each cut, parts of like size. */
import { sizeOf } from '../core/tensor.ts';
import { intAttribute, isStatic, type Node, type Value } from '../onnx/index.ts';

/** Their results are other views of their operands' memory. */
const views = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

/** How many budgets are tried between the largest node and the whole. */
const budgets = 48;

interface Sizes {
  /** Bytes that a node's results take, as far as the backward pass may read them. */
  readonly own: readonly number[];
  /** Values by the places between which they live: made by node `from`, last read by node `to`. */
  readonly spans: readonly { readonly from: number; readonly to: number; readonly bytes: number }[];
  /** Bytes that live across the cut before each node; infinite where there must be no cut. */
  readonly across: readonly number[];
}

/**
 * Cuts `nodes` into consecutive segments such that what is kept, which is what crosses cuts and one whole segment, is
 * as little as a search finds: for each of several budgets a segment grows until it is beyond the budget and is cut
 * where the fewest bytes cross. With equal layers that comes to √n segments of √n layers.
 * @param dependent names of the values whose nodes have gradients
 * @param find the type of a value by its name
 * @returns at least one segment; the last is never computed again
 */
export function planSegments(
  nodes: readonly Node[],
  dependent: ReadonlySet<string>,
  find: (name: string) => Value | undefined,
): (readonly Node[])[] {
  const sizes = measure(nodes, dependent, find);
  const whole = sizes.own.reduce((sum, bytes) => sum + bytes, 0);
  const smallest = Math.max(1, ...sizes.own);
  let best: number[] = [];
  let least = whole;
  for (let k = 0; k < budgets; k++) {
    const cuts = cutsFor(sizes, smallest * (whole / smallest) ** (k / budgets));
    const bytes = memoryOf(sizes, cuts);
    if (bytes < least) {
      least = bytes;
      best = cuts;
    }
  }
  return [0, ...best].map((start, i) => nodes.slice(start, best[i]));
}

function measure(
  nodes: readonly Node[],
  dependent: ReadonlySet<string>,
  find: (name: string) => Value | undefined,
): Sizes {
  const bytesOf = (name: string): number => {
    const value = find(name);
    if (value === undefined || !isStatic(value.shape)) return 0;
    return sizeOf(value.shape) * (/64$/.test(value.dtype) ? 8 : value.dtype === 'bool' ? 1 : 4);
  };
  const made = new Map<string, number>();
  const lastRead = new Map<string, number>();
  const forbidden = new Set<number>();
  nodes.forEach((node, i) => {
    for (const name of node.inputs) if (made.has(name)) lastRead.set(name, i);
    for (const name of node.outputs) made.set(name, i);
    // Batch normalisation overwrites these: whoever computes it again makes them again.
    if (node.opType === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) === 1) {
      for (const name of node.inputs.slice(3))
        for (let k = (made.get(name) ?? i) + 1; k <= i; k++) forbidden.add(k);
    }
  });
  const read = new Set(
    nodes.filter((node) => node.outputs.some((name) => dependent.has(name))).flatMap((node) => node.inputs),
  );
  const own = nodes.map((node) =>
    views.has(node.opType)
      ? 0
      : node.outputs.reduce(
          (sum, name) => sum + (dependent.has(name) || read.has(name) ? bytesOf(name) : 0),
          0,
        ),
  );
  const spans = [...lastRead].map(([name, to]) => ({ from: made.get(name)!, to, bytes: bytesOf(name) }));
  const change = new Array<number>(nodes.length + 1).fill(0);
  for (const { from, to, bytes } of spans) {
    change[from + 1] += bytes;
    change[to + 1] -= bytes;
  }
  let live = 0;
  const across = nodes.map((_, i) => {
    live += change[i];
    return forbidden.has(i) ? Number.POSITIVE_INFINITY : live;
  });
  return { own, spans, across };
}

/** Cuts (before which node) for one budget. */
function cutsFor({ own, across }: Sizes, budget: number): number[] {
  const cuts: number[] = [];
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < own.length; i++) {
    bytes += own[i];
    if (bytes <= budget) continue;
    // Not too early, so that segments do not get many and short.
    let best = -1;
    let before = 0;
    for (let k = start + 1; k <= i; k++) {
      before += own[k - 1];
      if (before < budget / 3) continue;
      if (across[k] < Number.POSITIVE_INFINITY && (best < 0 || across[k] <= across[best])) best = k;
    }
    if (best < 0) continue;
    cuts.push(best);
    start = best;
    bytes = own.slice(best, i + 1).reduce((sum, b) => sum + b, 0);
  }
  return cuts;
}

/** Bytes kept: everything that crosses a cut, and the largest segment. */
function memoryOf({ own, spans }: Sizes, cuts: readonly number[]): number {
  const segment = new Array<number>(own.length).fill(0);
  for (const cut of cuts) for (let i = cut; i < own.length; i++) segment[i]++;
  const inside = new Array<number>(cuts.length + 1).fill(0);
  own.forEach((bytes, i) => {
    inside[segment[i]] += bytes;
  });
  const kept = spans.reduce((sum, s) => sum + (segment[s.from] === segment[s.to] ? 0 : s.bytes), 0);
  return kept + Math.max(...inside);
}

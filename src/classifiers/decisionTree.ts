/**
 * @file A classification tree by Gini impurity (CART; Breiman, Friedman, Olshen and Stone 1984), grown depth first with
 * the best split over a random choice of features at each node, as in scikit-learn's `DecisionTreeClassifier`.
 */
import type { Random } from '../core/index.ts';

/** The nodes of a tree, the root first. A leaf has feature −1. */
export interface Tree {
  readonly features: Int32Array;
  /** A row goes left if its feature is ≤ this. */
  readonly thresholds: Float32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** Share of the classes in each node, [nodes, classes]. */
  readonly shares: Float64Array;
  /** Longest way from the root to a leaf, in splits. */
  readonly depth: number;
}

export interface TreeProblem {
  /** Features by column: column j is at j·rows. */
  readonly byColumn: Float32Array;
  /** For each column, each row's rank among its values; equal values have equal ranks. */
  readonly ranks: Int32Array;
  readonly rows: number;
  readonly columns: number;
  readonly positions: Int32Array;
  readonly classes: number;
  /** Weight of each row, 0 for rows left out. */
  readonly weights: Float64Array;
  /** Features tried at each node; constant ones do not count. */
  readonly maxFeatures: number;
  readonly maxDepth: number;
  readonly minSamplesLeaf: number;
  readonly random: Random;
}

/** Values that differ by less are not told apart (scikit-learn's FEATURE_THRESHOLD). */
const leastDifference = 1e-7;

interface Split {
  readonly feature: number;
  readonly threshold: number;
}

export function growTree(problem: TreeProblem): Tree {
  const { byColumn, rows, classes, positions, weights, maxDepth } = problem;
  const features: number[] = [];
  const thresholds: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const shares: number[] = [];
  let deepest = 0;
  const samples = Int32Array.from(weights.keys()).filter((i) => weights[i] > 0);
  const scratch = new Int32Array(samples.length);
  const splitter = new Splitter(problem, samples);

  interface Waiting {
    readonly from: number;
    readonly to: number;
    readonly depth: number;
    readonly parent: number;
    readonly isLeft: boolean;
  }
  const waiting: Waiting[] = [{ from: 0, to: samples.length, depth: 0, parent: -1, isLeft: false }];
  const counts = new Float64Array(classes);
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const { from, to, depth, parent, isLeft } = node;
    const id = features.length;
    if (parent >= 0) (isLeft ? left : right)[parent] = id;
    counts.fill(0);
    for (let s = from; s < to; s++) counts[positions[samples[s]]] += weights[samples[s]];
    const total = counts.reduce((a, b) => a + b, 0);
    for (const c of counts) shares.push(c / total);
    const pure = counts.some((c) => c >= total * (1 - 1e-12));
    const split = pure || depth >= maxDepth ? null : splitter.best(from, to, counts);
    features.push(split?.feature ?? -1);
    thresholds.push(split?.threshold ?? 0);
    left.push(-1);
    right.push(-1);
    deepest = Math.max(deepest, depth);
    if (split === null) continue;
    const column = split.feature * rows;
    let middle = from;
    let rest = 0;
    for (let s = from; s < to; s++) {
      const i = samples[s];
      if (byColumn[column + i] <= split.threshold) samples[middle++] = i;
      else scratch[rest++] = i;
    }
    samples.set(scratch.subarray(0, rest), middle);
    waiting.push({ from: middle, to, depth: depth + 1, parent: id, isLeft: false });
    waiting.push({ from, to: middle, depth: depth + 1, parent: id, isLeft: true });
  }
  return {
    features: Int32Array.from(features),
    thresholds: Float32Array.from(thresholds),
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    shares: Float64Array.from(shares),
    depth: deepest,
  };
}

/** Finds the best split of a stretch of samples. */
class Splitter {
  private readonly order: Int32Array;
  /** Rank and row of each sample in one number: sorted by rank, and the row is still there. */
  private readonly keys: Uint32Array | Float64Array;
  /** What a rank counts in a key: a power of two above the number of rows. */
  private readonly span: number;
  private readonly leftCounts: Float64Array;

  constructor(
    private readonly problem: TreeProblem,
    private readonly samples: Int32Array,
  ) {
    this.order = Int32Array.from({ length: problem.columns }, (_, j) => j);
    this.span = 2 ** Math.ceil(Math.log2(problem.rows + 1));
    this.keys = this.span <= 2 ** 16 ? new Uint32Array(samples.length) : new Float64Array(samples.length);
    this.leftCounts = new Float64Array(problem.classes);
  }

  /** @param counts weight of each class in the stretch */
  best(from: number, to: number, counts: Float64Array): Split | null {
    const { columns, maxFeatures, random } = this.problem;
    const { order } = this;
    let best: Split | null = null;
    let bestGain = Number.NEGATIVE_INFINITY;
    for (let tried = 0, drawn = 0; drawn < columns && tried < maxFeatures; drawn++) {
      const at = drawn + random.integer(columns - drawn);
      const feature = order[at];
      order[at] = order[drawn];
      order[drawn] = feature;
      const found = this.along(feature, from, to, counts, bestGain);
      if (found === 'constant') continue;
      tried++;
      if (found === null) continue;
      best = { feature, threshold: found.threshold };
      bestGain = found.gain;
    }
    return best;
  }

  /** The best split along one feature that beats `atLeast`. */
  private along(
    feature: number,
    from: number,
    to: number,
    counts: Float64Array,
    atLeast: number,
  ): { gain: number; threshold: number } | 'constant' | null {
    const { byColumn, ranks, rows, positions, weights, minSamplesLeaf, classes } = this.problem;
    const { samples, leftCounts } = this;
    const column = feature * rows;
    const { span } = this;
    const keys = this.keys.subarray(0, to - from);
    for (let s = from; s < to; s++) keys[s - from] = ranks[column + samples[s]] * span + samples[s];
    sortNumbers(keys);
    const whole = keys instanceof Uint32Array;
    const row = (s: number) => (whole ? keys[s] & (span - 1) : keys[s] - Math.floor(keys[s] / span) * span);
    const value = (s: number) => byColumn[column + row(s)];
    const n = keys.length;
    if (value(n - 1) <= value(0) + leastDifference) return 'constant';
    leftCounts.fill(0);
    let [leftWeight, leftSquares, rightWeight, rightSquares] = [0, 0, 0, 0];
    for (let c = 0; c < classes; c++) {
      rightWeight += counts[c];
      rightSquares += counts[c] ** 2;
    }
    let bestGain = atLeast;
    let bestAt = -1;
    for (let s = 0; s < n - 1; s++) {
      const i = row(s);
      const c = positions[i];
      const w = weights[i];
      const inLeft = leftCounts[c];
      const inRight = counts[c] - inLeft;
      leftSquares += w * (2 * inLeft + w);
      rightSquares += w * (w - 2 * inRight);
      leftCounts[c] = inLeft + w;
      leftWeight += w;
      rightWeight -= w;
      if (s + 1 < minSamplesLeaf || n - s - 1 < minSamplesLeaf) continue;
      // Σ share² weighted by size on both sides: the larger, the purer.
      const gain = leftSquares / leftWeight + rightSquares / rightWeight;
      if (gain > bestGain && value(s + 1) > byColumn[column + i] + leastDifference) {
        bestGain = gain;
        bestAt = s;
      }
    }
    if (bestAt < 0) return null;
    const [low, high] = [value(bestAt), value(bestAt + 1)];
    const middle = Math.fround(low / 2 + high / 2);
    return { gain: bestGain, threshold: middle >= high ? low : middle };
  }
}

/** Most nodes of a tree are small, and for those a call of the platform's sort costs more than the sorting. */
function sortNumbers(values: Uint32Array | Float64Array): void {
  if (values.length > 40) {
    values.sort();
    return;
  }
  for (let i = 1; i < values.length; i++) {
    const value = values[i];
    let at = i;
    for (; at > 0 && values[at - 1] > value; at--) values[at] = values[at - 1];
    values[at] = value;
  }
}

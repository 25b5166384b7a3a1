/** @file Random forests (Breiman 2001): scikit-learn's `RandomForestClassifier`. */
import { ParameterError, Random, tensor } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import {
  type ClassifierState,
  type ProbabilisticClassifier,
  type ProbabilityNodes,
  ScoringClassifier,
} from './classifier.ts';
import { growTree, type Tree } from './decisionTree.ts';
import { type Matrix, type Matrix64, zeros } from './matrix.ts';
import { type ClassWeights, requireInteger, trainingLabels, weightsPerClass } from './trainingLabels.ts';

export interface RandomForestOptions<L extends Label = Label> {
  /** Default 100. */
  readonly trees?: number;
  /** Features tried at each split, 1 … columns; default `sqrt`: the root of the number of columns, rounded down. */
  readonly maxFeatures?: number | 'sqrt';
  /** Whether each tree sees a sample drawn with replacement, or all rows. Default true. */
  readonly bootstrap?: boolean;
  /** Splits from root to leaf at most; default no limit. */
  readonly maxDepth?: number;
  /** Rows that a leaf must have. Default 1. */
  readonly minSamplesLeaf?: number;
  readonly classWeights?: ClassWeights<L>;
  /** Default 0. Tree t depends on the seed and t alone. */
  readonly seed?: number | string;
}

export interface RandomForestState<L extends Label = Label> extends ClassifierState {
  readonly classes: readonly L[];
  readonly columns: number;
  readonly trees: readonly Tree[];
}

/** Fitted by {@link fitRandomForest}. Scores are probabilities: the mean over the trees of the shares in the leaf. */
export class RandomForest<L extends Label = Label>
  extends ScoringClassifier<L>
  implements ProbabilisticClassifier<L>
{
  constructor(readonly state: RandomForestState<L>) {
    super();
  }

  get classes(): readonly L[] {
    return this.state.classes;
  }

  get columns(): number {
    return this.state.columns;
  }

  protected scores(x: Matrix): Matrix64 {
    const { trees } = this.state;
    const k = this.classes.length;
    const out = zeros(x.rows, k);
    // Thresholds are float32, and so is what is compared with them, as in scikit-learn.
    const data = x.data instanceof Float32Array ? x.data : Float32Array.from(x.data);
    for (const { features, thresholds, left, right, shares } of trees) {
      for (let i = 0; i < x.rows; i++) {
        let node = 0;
        while (features[node] >= 0) {
          const goesLeft = data[i * x.columns + features[node]] <= thresholds[node];
          node = goesLeft ? left[node] : right[node];
        }
        for (let c = 0; c < k; c++) out.data[i * k + c] += shares[node * k + c] / trees.length;
      }
    }
    return out;
  }

  predictProbabilities(x: Matrix): Matrix64 {
    return this.decisionFunction(x);
  }

  /** All trees at once: each step takes every tree one split down, and leaves lead to themselves. */
  appendTo(g: GraphBuilder, x: Value): ProbabilityNodes {
    const { trees } = this.state;
    const k = this.classes.length;
    const nodes = trees.reduce((sum, tree) => sum + tree.features.length, 0);
    const features = new Int32Array(nodes);
    const thresholds = new Float32Array(nodes);
    const left = new Int32Array(nodes);
    const right = new Int32Array(nodes);
    const shares = new Float32Array(nodes * k);
    const roots = new Int32Array(trees.length);
    let at = 0;
    trees.forEach((tree, t) => {
      roots[t] = at;
      for (let node = 0; node < tree.features.length; node++) {
        const leaf = tree.features[node] < 0;
        features[at + node] = Math.max(0, tree.features[node]);
        thresholds[at + node] = tree.thresholds[node];
        left[at + node] = at + (leaf ? node : tree.left[node]);
        right[at + node] = at + (leaf ? node : tree.right[node]);
      }
      shares.set(tree.shares, at * k);
      at += tree.features.length;
    });
    const whole = (dims: readonly number[], data: Int32Array) =>
      g.constant(tensor('int32', dims, data), 'classifier_trees');
    const real = (dims: readonly number[], data: Float32Array) =>
      g.constant(tensor('float32', dims, data), 'classifier_trees');
    const atRoots = (from: Int32Array) => Int32Array.from(roots, (r) => from[r]);
    const T = trees.length;
    // The first split of each tree: the same for every row, so no indices per row are needed yet.
    const first = g.op('LessOrEqual', [
      g.op('Gather', [x, whole([T], atRoots(features))], { axis: 1 }),
      real(
        [T],
        Float32Array.from(roots, (r) => thresholds[r]),
      ),
    ]);
    let node = g.op('Where', [first, whole([T], atRoots(left)), whole([T], atRoots(right))]);
    const tables = {
      features: whole([nodes], features),
      thresholds: real([nodes], thresholds),
      left: whole([nodes], left),
      right: whole([nodes], right),
    };
    const look = (table: Value) => g.op('Gather', [table, node], { axis: 0 });
    const depth = Math.max(...trees.map((tree) => tree.depth));
    for (let step = 1; step < depth; step++) {
      const values = g.op('GatherElements', [x, look(tables.features)], { axis: 1 });
      const goesLeft = g.op('LessOrEqual', [values, look(tables.thresholds)]);
      node = g.op('Where', [goesLeft, look(tables.left), look(tables.right)]);
    }
    const votes = g.op('Gather', [real([nodes, k], shares), node], { axis: 0 });
    const scores = g.op('ReduceMean', [votes, g.ints([1])], { keepdims: 0 });
    return { scores, probabilities: scores };
  }
}

/**
 * Grows a forest. Features need no scaling; they are taken as float32.
 * @throws {ParameterError} for options out of range, fewer than two classes, or data that is not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function fitRandomForest<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: RandomForestOptions<L> = {},
): RandomForest<L> {
  const { trees = 100, bootstrap = true, maxDepth, minSamplesLeaf = 1, seed = 0 } = options;
  const known = trainingLabels(x, labels);
  const { rows, columns } = x;
  const { maxFeatures = 'sqrt' } = options;
  const tried = maxFeatures === 'sqrt' ? Math.floor(Math.sqrt(columns)) : maxFeatures;
  for (const [name, value] of Object.entries({
    trees,
    minSamplesLeaf,
    maxFeatures: tried,
    maxDepth: maxDepth ?? 1,
  })) {
    requireInteger(value, name);
  }
  if (tried > columns) {
    throw new ParameterError(`maxFeatures is ${tried}, but the data has only ${columns} columns.`);
  }
  const perClass = weightsPerClass(known, options.classWeights);
  const { byColumn, ranks } = columnsOf(x);
  const grown = Array.from({ length: trees }, (_, t) => {
    const random = new Random(`${seed}/tree ${t}`);
    const weights = treeWeights(random, known.positions, perClass, bootstrap);
    return growTree({
      byColumn,
      ranks,
      rows,
      columns,
      positions: known.positions,
      classes: known.classes.length,
      weights,
      maxFeatures: tried,
      maxDepth: maxDepth ?? Number.POSITIVE_INFINITY,
      minSamplesLeaf,
      random,
    });
  });
  return new RandomForest<L>({ kind: 'random-forest', classes: known.classes, columns, trees: grown });
}

/** How much each row counts in a tree: how often it was drawn, times the weight of its class. */
function treeWeights(
  random: Random,
  positions: Int32Array,
  perClass: Float64Array,
  bootstrap: boolean,
): Float64Array {
  const rows = positions.length;
  for (;;) {
    const weights = new Float64Array(rows).fill(bootstrap ? 0 : 1);
    if (bootstrap) for (let draw = 0; draw < rows; draw++) weights[random.integer(rows)] += 1;
    for (let i = 0; i < rows; i++) weights[i] *= perClass[positions[i]];
    // A draw of rows that all weigh nothing is drawn again.
    if (weights.some((weight) => weight > 0)) return weights;
  }
}

/** The features by column, and each value's rank in its column. */
function columnsOf({ data, rows, columns }: Matrix): { byColumn: Float32Array; ranks: Int32Array } {
  const byColumn = new Float32Array(data.length);
  const ranks = new Int32Array(data.length);
  for (let j = 0; j < columns; j++) {
    const column = byColumn.subarray(j * rows, (j + 1) * rows);
    for (let i = 0; i < rows; i++) column[i] = data[i * columns + j];
    const order = Int32Array.from({ length: rows }, (_, i) => i).sort((a, b) => column[a] - column[b]);
    let rank = 0;
    order.forEach((i, place) => {
      if (place > 0 && column[i] > column[order[place - 1]]) rank = place;
      ranks[j * rows + i] = rank;
    });
  }
  return { byColumn, ranks };
}

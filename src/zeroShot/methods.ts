/**
 * @file The zero-shot models. Each learns in two stages: from clips of seen classes alone, and then from the class
 * vectors. What the first stage says of a row does not depend on the vectors, so trying other vectors (settings, the
 * shuffled control) costs little.
 */
import { fitLogisticRegression } from '../classifiers/logisticRegression.ts';
import { checkMatrix, type Matrix, type Matrix64, zeros } from '../classifiers/matrix.ts';
import { tensor } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { fitAle } from './ale.ts';
import type { FitRows } from './fitRows.ts';
import { product, solvePositiveDefinite, toMatrix64, transposed } from './linearAlgebra.ts';

/** The two settings of a model. */
export interface ZeroShotSettings {
  /** Of the stage that learns from clips. */
  readonly clips: number;
  /** Of the stage that takes the class vectors. */
  readonly vectors: number;
}

export interface ZeroShotMethod {
  readonly name: ZeroShotMethodName;
  /** One line for help texts and reports. */
  readonly description: string;
  /** The name of each setting, and the values that are tried, the most regular first. */
  readonly settings: {
    readonly clips: { readonly name: string; readonly grid: readonly number[] };
    readonly vectors: { readonly name: string; readonly grid: readonly number[] };
  };
  /** Whether other class vectors cost next to nothing once clips have been learnt from. */
  readonly cheapVectors: boolean;
  /** The first stage. @param seed of whatever is drawn */
  learn(rows: FitRows, clips: number, seed: number): LearntRows;
}

/** What the first stage made. Class vectors are rows; those of seen classes in the order of the fit's classes. */
export interface LearntRows {
  /**
   * Takes rows to be scored, [rows, columns], scaled as those of the fit.
   * @returns the scores of candidates by their vectors, [rows, candidates]; the largest wins
   */
  scorer(x: Matrix): Scorer;
  /** The same as nodes. @param x float32 [N, columns] @returns float32 [N, candidates] */
  nodes(g: GraphBuilder, x: Value, seen: Matrix64, candidates: Matrix64, setting: number): Value;
}

export type Scorer = (seen: Matrix64, candidates: Matrix64, setting: number) => Matrix64;

export type ZeroShotMethodName = 'eszsl' | 'attribute-regression' | 'conse' | 'ale';

/** Scores that are linear in the row: responses X·B + b per seen class, then a map [seen, candidates] and an offset. */
function linear(
  coefficients: Matrix64,
  offsets: Float64Array,
  map: (seen: Matrix64, candidates: Matrix64, setting: number) => { map: Matrix64; offset: Float64Array },
): LearntRows {
  const responses = (x: Matrix) => {
    checkMatrix(x, 'data', coefficients.rows);
    return addToRows(product(toMatrix64(x), coefficients), offsets);
  };
  return {
    scorer(x) {
      const known = responses(x);
      return (seen, candidates, setting) => {
        const chosen = map(seen, candidates, setting);
        return addToRows(product(known, chosen.map), chosen.offset);
      };
    },
    nodes(g, x, seen, candidates, setting) {
      const chosen = map(seen, candidates, setting);
      const weights = product(coefficients, chosen.map);
      const bias = addToRows(
        product({ data: offsets, rows: 1, columns: offsets.length }, chosen.map),
        chosen.offset,
      );
      return g.op('Gemm', [
        x,
        constantOf(g, weights, 'compatibility'),
        g.constant(tensor('float32', [bias.columns], Float32Array.from(bias.data)), 'compatibility_offsets'),
      ]);
    },
  };
}

/**
 * ESZSL (Romera-Paredes and Torr 2015): V = (XᵀX + γI)⁻¹·XᵀY·S·(SᵀS + λI)⁻¹ with Y ∈ {−1, 1}, and x·V·s_c is the score
 * of class c. X has a row per clip, S one per seen class.
 */
const eszsl: ZeroShotMethod = {
  name: 'eszsl',
  description: 'bilinear compatibility in closed form (Romera-Paredes and Torr 2015)',
  settings: {
    clips: { name: 'gamma', grid: [1e5, 1e4, 1e3, 100, 10] },
    vectors: { name: 'lambda', grid: [10, 1, 0.1, 0.01] },
  },
  cheapVectors: true,
  learn(rows, gamma) {
    const coefficients = rows.ridge(rows.targets(1, -1), gamma);
    return linear(coefficients, new Float64Array(rows.classes.length), (seen, candidates, lambda) => {
      const inner = product(transposed(seen), seen);
      // S·(SᵀS + λI)⁻¹·Cᵀ
      const solved = solvePositiveDefinite(inner, lambda, transposed(candidates));
      return { map: product(seen, solved), offset: new Float64Array(candidates.rows) };
    });
  },
};

/**
 * Each attribute is predicted from the clip by ridge regression, and the class whose vector lies nearest wins: direct
 * attribute prediction (Lampert et al. 2009) for attributes of any real value, with nearest prototypes. The score is
 * −½‖â − s_c‖² less what is the same for all classes, so it is linear in the clip.
 */
const attributeRegression: ZeroShotMethod = {
  name: 'attribute-regression',
  description: 'ridge regression to the class vectors, then the nearest vector (as DAP)',
  settings: {
    clips: { name: 'ridge', grid: [1e5, 1e4, 1e3, 100, 10] },
    vectors: { name: '', grid: [0] },
  },
  cheapVectors: true,
  learn(rows, ridge) {
    const k = rows.classes.length;
    const targets = rows.targets(1, 0);
    const { rows: n, columns: d } = rows.x;
    const share = new Float64Array(k);
    for (const c of rows.positions) share[c] += 1 / n;
    const means = new Float64Array(d);
    for (let i = 0; i < rows.x.data.length; i++) means[i % d] += rows.x.data[i] / n;
    // Rows are standardised, so that their means are nothing but rounding; taken into account all the same.
    for (let i = 0; i < targets.data.length; i++) targets.data[i] -= share[i % k];
    const coefficients = rows.ridge(targets, ridge);
    const shift = product({ data: means, rows: 1, columns: d }, coefficients).data;
    return linear(
      coefficients,
      share.map((value, c) => value - shift[c]),
      (seen, candidates) => ({
        map: product(seen, transposed(candidates)),
        offset: Float64Array.from({ length: candidates.rows }, (_, c) => {
          let squares = 0;
          for (let j = 0; j < candidates.columns; j++)
            squares += candidates.data[c * candidates.columns + j] ** 2;
          return -squares / 2;
        }),
      }),
    );
  },
};

/**
 * ConSE (Norouzi et al. 2014): the vector of a clip is the mean of the vectors of its T likeliest seen classes, weighted
 * by their probabilities (logistic regression), and the score of a class the cosine with its vector.
 */
const conse: ZeroShotMethod = {
  name: 'conse',
  description: 'mean of the likeliest seen classes, then the cosine (Norouzi et al. 2014)',
  settings: {
    clips: { name: 'C', grid: [0.001, 0.01, 0.1] },
    vectors: { name: 'T', grid: [10, 5, 2, 1] },
  },
  cheapVectors: true,
  learn(rows, C) {
    const classifier = fitLogisticRegression(rows.x, rows.labels, { C });
    // The classifier sorts its classes.
    const order = rows.classes.map((label) => classifier.classes.indexOf(label));
    return {
      scorer(x) {
        const probabilities = reordered(classifier.predictProbabilities(x), order);
        const kept = new Map<number, Matrix64>();
        return (seen, candidates, top) => {
          const likeliest = kept.get(top) ?? likeliestClasses(probabilities, top);
          kept.set(top, likeliest);
          return cosines(product(likeliest, seen), candidates);
        };
      },
      nodes(g, x, seen, candidates, setting) {
        const k = rows.classes.length;
        const top = Math.min(setting, k);
        const p = classifier.appendTo(g, x).probabilities;
        const [largest] = g.ops('TopK', [p, g.ints([top])], { axis: 1 }, { outputs: 2 });
        const least = g.op('Slice', [largest!, g.ints([top - 1]), g.ints([top]), g.ints([1])]);
        const kept = g.op('Where', [g.op('GreaterOrEqual', [p, least]), p, g.scalar(0)]);
        const sorted = classifier.classes.map((label) => rows.classes.indexOf(label));
        const mean = g.op('MatMul', [kept, constantOf(g, pick(seen, sorted), 'seen_vectors')]);
        const units = transposed(unitRows(candidates));
        const dots = g.op('MatMul', [mean, constantOf(g, units, 'candidate_vectors')]);
        const squares = g.op('ReduceSum', [g.op('Mul', [mean, mean]), g.ints([1])], { keepdims: 1 });
        return g.op('Div', [dots, g.op('Sqrt', [g.op('Max', [squares, g.scalar(1e-24)])])]);
      },
    };
  },
};

/** Probabilities of the `top` likeliest classes of each row (more where equal), 0 for the others. */
function likeliestClasses(probabilities: Matrix64, top: number): Matrix64 {
  const { rows: n, columns: k } = probabilities;
  if (top >= k) return probabilities;
  const kept = zeros(n, k);
  for (let i = 0; i < n; i++) {
    const row = probabilities.data.subarray(i * k, (i + 1) * k);
    const least = Float64Array.from(row).sort()[k - top];
    for (let c = 0; c < k; c++) kept.data[i * k + c] = row[c] >= least ? row[c] : 0;
  }
  return kept;
}

/**
 * The cosine of each row with each candidate. Dividing the mean by the sum of the probabilities that were kept would
 * change its length alone, and a cosine does not see that.
 */
function cosines(x: Matrix64, candidates: Matrix64): Matrix64 {
  return product(unitRows(x), transposed(unitRows(candidates)));
}

const ale: ZeroShotMethod = {
  name: 'ale',
  description: 'bilinear compatibility by ranking (Akata et al. 2013)',
  settings: {
    clips: { name: 'learning rate', grid: [0.01, 0.1, 1] },
    vectors: { name: '', grid: [0] },
  },
  cheapVectors: false,
  learn(rows, learningRate, seed) {
    let known: { seen: Matrix64; weights: Matrix64 } | undefined;
    const weightsFor = (seen: Matrix64) => {
      if (known === undefined || !sameNumbers(known.seen, seen))
        known = { seen, weights: fitAle(rows, seen, { learningRate, seed }) };
      return known.weights;
    };
    return {
      scorer(x) {
        checkMatrix(x, 'data', rows.x.columns);
        const wide = toMatrix64(x);
        return (seen, candidates) => product(product(wide, weightsFor(seen)), transposed(candidates));
      },
      nodes(g, x, seen, candidates) {
        const weights = product(weightsFor(seen), transposed(candidates));
        return g.op('MatMul', [x, constantOf(g, weights, 'compatibility')]);
      },
    };
  },
};

/** All models. */
export const zeroShotMethods: readonly ZeroShotMethod[] = [eszsl, attributeRegression, conse, ale];

/** Their names, for choices. */
export const zeroShotMethodNames: readonly ZeroShotMethodName[] = zeroShotMethods.map(({ name }) => name);

export function zeroShotMethodByName(name: ZeroShotMethodName): ZeroShotMethod {
  return zeroShotMethods.find((method) => method.name === name)!;
}

function addToRows(x: Matrix64, offsets: Float64Array): Matrix64 {
  for (let i = 0; i < x.data.length; i++) x.data[i] += offsets[i % x.columns];
  return x;
}

function unitRows(x: Matrix64): Matrix64 {
  const out = zeros(x.rows, x.columns);
  for (let i = 0; i < x.rows; i++) {
    const [from, end] = [i * x.columns, (i + 1) * x.columns];
    let squares = 0;
    for (let j = from; j < end; j++) squares += x.data[j] ** 2;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let j = from; j < end; j++) out.data[j] = scale * x.data[j];
  }
  return out;
}

function reordered(x: Matrix64, order: readonly number[]): Matrix64 {
  return transposed(pick(transposed(x), order));
}

function pick(x: Matrix64, rows: readonly number[]): Matrix64 {
  const out = zeros(rows.length, x.columns);
  rows.forEach((from, to) => {
    out.data.set(x.data.subarray(from * x.columns, (from + 1) * x.columns), to * x.columns);
  });
  return out;
}

function sameNumbers(a: Matrix64, b: Matrix64): boolean {
  return a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]);
}

function constantOf(g: GraphBuilder, { data, rows, columns }: Matrix64, name: string): Value {
  return g.constant(tensor('float32', [rows, columns], Float32Array.from(data)), name);
}

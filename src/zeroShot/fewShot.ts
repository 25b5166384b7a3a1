/**
 * @file From no examples to twenty: novel classes recognised by class vectors alone, by the examples alone, and by both.
 * Class vectors predict where a class lies in the embedding (its prototype); examples move the prototype to where it is.
 */
import { fitLinearSvm } from '../classifiers/linearSvm.ts';
import { type Matrix64, takeRows, zeros } from '../classifiers/matrix.ts';
import { fitStandardScaler } from '../classifiers/standardScaler.ts';
import { ParameterError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { groupedParts } from '../statistics/groupedParts.ts';
import type { ClassSplit } from './classSplits.ts';
import { type ClassVectors, scaledVectors, type VectorScaling, vectorsOf } from './classVectors.ts';
import { product, solvePositiveDefinite, toMatrix64, transposed } from './linearAlgebra.ts';
import { balancedAccuracy } from './scores.ts';
import type { LabelledRows } from './tuneOnSeen.ts';

/** The first two are one method, with class vectors of two kinds. */
export type FewShotMethod = 'attributes + examples' | 'prompts + examples' | 'prototypes' | 'svm';

export const fewShotMethods: readonly FewShotMethod[] = [
  'attributes + examples',
  'prompts + examples',
  'prototypes',
  'svm',
];

/** Prototypes predicted from class vectors, and how far they are to be trusted. */
export interface PredictedPrototypes {
  /** [candidates, columns] */
  readonly prototypes: Matrix64;
  /** How many examples a predicted prototype is worth: variance within classes over squared error of the prediction. */
  readonly worth: number;
}

/** Tried for the regression from class vectors to prototypes. */
const ridges = [100, 10, 1, 0.1, 0.01];

/** Of a predicted prototype, in examples: one that is right to the last digit is still a number. */
const mostWorth = 1e6;

/** Cost of a unit of loss of the support vector machine, as the approaches use it. */
const svmC = 0.01;

/** Prototypes of candidates, from class vectors and prototypes of other classes. */
type Prediction = (vectors: Matrix64, means: Matrix64, candidates: Matrix64) => Matrix64;

/** What can be learnt from class vectors of a space of their own, by regularisation. */
const regressions: readonly Prediction[] = ridges.map(
  (ridge) => (vectors, means, candidates) => regress(vectors, means, candidates, ridge),
);

/**
 * The mean of each class from its vector: by ridge regression or, where both lie in one space, by moving the vectors to
 * where the base classes lie. The regularisation, and the error that says how far to trust the prediction, come from
 * leaving each base class out in turn.
 * @param x base clips, [rows, columns]
 * @param base vectors of the base classes, [classes, n]
 * @param candidates vectors of the classes to predict, [candidates, n]
 * @param shared whether vectors lie in the clips' space: then n = columns; default false
 */
export function predictPrototypes(
  x: Matrix64,
  labels: readonly string[],
  classes: readonly string[],
  base: Matrix64,
  candidates: Matrix64,
  shared = false,
): PredictedPrototypes {
  const { columns: d } = x;
  const means = classMeans(x, labels, classes);
  let within = 0;
  labels.forEach((label, i) => {
    const c = classes.indexOf(label);
    for (let j = 0; j < d; j++) within += (x.data[i * d + j] - means.data[c * d + j]) ** 2;
  });
  within /= Math.max(1, x.rows - classes.length);
  const predictions = shared ? [moved] : regressions;
  let best = { predict: predictions[0], error: Number.POSITIVE_INFINITY };
  for (const predict of predictions) {
    let error = 0;
    for (let left = 0; left < classes.length; left++) {
      const others = classes.flatMap((_, c) => (c === left ? [] : [c]));
      const predicted = predict(
        toMatrix64(takeRows(base, others)),
        toMatrix64(takeRows(means, others)),
        toMatrix64(takeRows(base, [left])),
      );
      for (let j = 0; j < d; j++)
        error += (predicted.data[j] - means.data[left * d + j]) ** 2 / classes.length;
    }
    if (error < best.error) best = { predict, error };
  }
  return {
    prototypes: best.predict(base, means, candidates),
    worth: Math.min(mostWorth, within / best.error),
  };
}

/**
 * m̄ + α·(s − s̄): texts and sounds of one space lie in different parts of it (Liang et al. 2022, "Mind the gap"), and
 * texts farther apart. α ≥ 0 is that of least squares on the base classes.
 */
function moved(vectors: Matrix64, means: Matrix64, candidates: Matrix64): Matrix64 {
  const { columns: d } = means;
  const [from, to] = [middle(vectors), middle(means)];
  let [product, squares] = [0, 0];
  vectors.data.forEach((value, i) => {
    const deviation = value - from[i % d];
    product += deviation * (means.data[i] - to[i % d]);
    squares += deviation ** 2;
  });
  const factor = squares > 0 ? Math.max(0, product / squares) : 0;
  const data = Float64Array.from(candidates.data, (s, i) => to[i % d] + factor * (s - from[i % d]));
  return { ...candidates, data };
}

/** The mean of the rows. */
function middle({ data, rows, columns }: Matrix64): Float64Array {
  const mean = new Float64Array(columns);
  data.forEach((value, i) => {
    mean[i % columns] += value / rows;
  });
  return mean;
}

/** C·(SᵀS + ridge·I)⁻¹·SᵀM, around the mean of M: without anything known, a class lies in the middle of all. */
function regress(s: Matrix64, means: Matrix64, candidates: Matrix64, ridge: number): Matrix64 {
  const { columns: d } = means;
  const centre = middle(means);
  const centred = { ...means, data: means.data.map((value, i) => value - centre[i % d]) };
  // With few classes the equal form Sᵀ·(SSᵀ + ridge·I)⁻¹ is the smaller system.
  const weights = product(transposed(s), solvePositiveDefinite(product(s, transposed(s)), ridge, centred));
  const out = product(candidates, weights);
  out.data.forEach((_, i) => {
    out.data[i] += centre[i % d];
  });
  return out;
}

function classMeans(x: Matrix64, labels: readonly string[], classes: readonly string[]): Matrix64 {
  const out = zeros(classes.length, x.columns);
  const counts = new Float64Array(classes.length);
  for (const label of labels) counts[classes.indexOf(label)]++;
  labels.forEach((label, i) => {
    const c = classes.indexOf(label);
    for (let j = 0; j < x.columns; j++) out.data[c * x.columns + j] += x.data[i * x.columns + j] / counts[c];
  });
  return out;
}

/** The candidate nearest to each row. */
function nearest(x: Matrix64, prototypes: Matrix64, names: readonly string[]): string[] {
  const { columns: d } = x;
  return Array.from({ length: x.rows }, (_, i) => {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0; c < prototypes.rows; c++) {
      let distance = 0;
      for (let j = 0; j < d; j++) distance += (x.data[i * d + j] - prototypes.data[c * d + j]) ** 2;
      if (distance < least) {
        least = distance;
        best = c;
      }
    }
    return names[best];
  });
}

/**
 * Examples of each class: clips in random order, but one of every recording before a second of any.
 * @returns places of rows, the first k of each class's list being its k examples
 */
export function exampleOrder(
  rows: Pick<LabelledRows, 'labels' | 'groups'>,
  places: readonly number[],
  classes: readonly string[],
  random: Random,
): number[][] {
  return classes.map((label) => {
    const shuffled = random.shuffle(places.filter((i) => rows.labels[i] === label));
    const taken = new Map<string, number>();
    return shuffled
      .map((i, order) => {
        const round = taken.get(rows.groups[i]) ?? 0;
        taken.set(rows.groups[i], round + 1);
        return { i, round, order };
      })
      .sort((a, b) => a.round - b.round || a.order - b.order)
      .map(({ i }) => i);
  });
}

export interface FewShotOptions {
  readonly vectors: ClassVectors;
  readonly scaling: VectorScaling;
  /** Examples per class, ascending; 0 for class vectors alone. */
  readonly shots: readonly number[];
  /** How often the novel classes' recordings are divided, and examples drawn. */
  readonly draws: number;
  readonly seed: number;
}

/** One draw of examples. */
export interface FewShotDraw {
  readonly draw: number;
  readonly shots: number;
  /** Examples per class that there were: fewer than `shots` where a class has no more. */
  readonly examples: number;
  /** Balanced accuracy on recordings that no example is from; a method that cannot work with so few is left out. */
  readonly accuracy: Readonly<Partial<Record<FewShotMethod, number>>>;
}

/**
 * Novel classes (the split's unseen ones) told apart by 0, 1, 2 … examples each. Scaling and class vectors' meaning are
 * learnt from base classes alone; half of the recordings of each novel class give examples and the other half test.
 * @throws {ParameterError} when a novel class has fewer than two recordings, or options are out of range
 */
export function evaluateFewShot(
  split: ClassSplit,
  base: LabelledRows,
  novel: LabelledRows,
  options: FewShotOptions,
): { readonly draws: readonly FewShotDraw[]; readonly worth: number } {
  const { shots, draws, seed } = options;
  for (const label of split.unseen) {
    const recordings = new Set(novel.groups.filter((_, i) => novel.labels[i] === label));
    if (recordings.size < 2) {
      throw new ParameterError(
        `The class ${label} has ${recordings.size} recording${recordings.size === 1 ? '' : 's'}; to learn from one and test on another it needs two.`,
      );
    }
  }
  const { shared = false } = options.vectors;
  const scaler = fitStandardScaler(base.x);
  // In a space that clips and class vectors share both stay as they are.
  const placed = (x: LabelledRows['x']) => toMatrix64(shared ? x : scaler.apply(x));
  const { seen, candidates } = scaledVectors(
    vectorsOf(options.vectors, split.seen),
    vectorsOf(options.vectors, split.unseen),
    shared ? 'none' : options.scaling,
  );
  const predicted = predictPrototypes(placed(base.x), base.labels, split.seen, seen, candidates, shared);
  const x = placed(novel.x);
  const scaled = shared ? toMatrix64(scaler.apply(novel.x)) : x;
  const both: FewShotMethod = shared ? 'prompts + examples' : 'attributes + examples';
  const made: FewShotDraw[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const half = groupedParts(novel.labels, novel.groups, [0.5, 0.5], `${seed}/few-shot ${draw}`);
    const [pool, test] = [0, 1].map((part) => novel.labels.flatMap((_, i) => (half[i] === part ? [i] : [])));
    const testX = toMatrix64(takeRows(x, test!));
    const truth = test!.map((i) => novel.labels[i]);
    const order = exampleOrder(novel, pool!, split.unseen, new Random(`${seed}/examples ${draw}`));
    if (order.some((own) => own.length === 0)) continue;
    for (const k of shots) {
      const chosen = order.map((own) => own.slice(0, k));
      const places = chosen.flat();
      const score = (decided: readonly string[]) => balancedAccuracy(truth, decided);
      const accuracy: Partial<Record<FewShotMethod, number>> = {
        [both]: score(nearest(testX, blended(predicted, x, chosen), split.unseen)),
      };
      if (k > 0) {
        const labels = places.map((i) => novel.labels[i]);
        const examples = toMatrix64(takeRows(x, places));
        accuracy.prototypes = score(nearest(testX, classMeans(examples, labels, split.unseen), split.unseen));
        const svm = fitLinearSvm(toMatrix64(takeRows(scaled, places)), labels, { C: svmC, seed });
        accuracy.svm = score(svm.predict(toMatrix64(takeRows(scaled, test!))));
      }
      made.push({ draw, shots: k, examples: places.length / split.unseen.length, accuracy });
    }
  }
  return { draws: made, worth: predicted.worth };
}

/** The predicted prototype, weighed as so many examples, and the examples themselves. */
function blended(
  { prototypes, worth }: PredictedPrototypes,
  x: Matrix64,
  chosen: readonly number[][],
): Matrix64 {
  const { columns: d } = x;
  const out = zeros(prototypes.rows, d);
  chosen.forEach((places, c) => {
    for (let j = 0; j < d; j++) {
      let sum = worth * prototypes.data[c * d + j];
      for (const i of places) sum += x.data[i * d + j];
      out.data[c * d + j] = sum / (worth + places.length);
    }
  });
  return out;
}

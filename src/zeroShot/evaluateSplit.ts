/** @file One division into seen and unseen classes: fit on the seen, test on both. */
import { fitLogisticRegression } from '../classifiers/logisticRegression.ts';
import type { Matrix64 } from '../classifiers/matrix.ts';
import { fitStandardScaler } from '../classifiers/standardScaler.ts';
import { ParameterError } from '../core/errors.ts';
import type { ClassSplit } from './classSplits.ts';
import {
  type ClassVectors,
  scaledVectors,
  shuffledVectors,
  type VectorScaling,
  vectorsOf,
} from './classVectors.ts';
import { FitRows } from './fitRows.ts';
import {
  type LearntRows,
  type Scorer,
  type ZeroShotMethod,
  type ZeroShotMethodName,
  type ZeroShotSettings,
  zeroShotMethodByName,
} from './methods.ts';
import { balancedAccuracy, bestColumns } from './scores.ts';
import { type StackingPoint, stackingAt, stackingCurve } from './stacking.ts';
import { type LabelledRows, SeenTuner, stacked } from './tuneOnSeen.ts';
import {
  type Detection,
  detection,
  energyScore,
  fitMahalanobis,
  mahalanobisScores,
  softmaxScore,
  type UnknownScore,
} from './unknown.ts';

/** What a split is evaluated on. */
export interface SplitRows {
  /** Of seen classes: all that is ever fitted to. */
  readonly fit: LabelledRows;
  /** Of seen classes, from recordings held out. */
  readonly seenTest: LabelledRows;
  /** Of unseen classes. */
  readonly unseen: LabelledRows;
}

export interface EvaluateSplitOptions {
  readonly methods: readonly ZeroShotMethodName[];
  /** Of all classes of the split. */
  readonly vectors: ClassVectors;
  readonly scaling: VectorScaling;
  /** How often the class vectors are shuffled among the classes. */
  readonly permutations: number;
  readonly seed: number;
}

export interface MethodOnSplit {
  readonly method: ZeroShotMethodName;
  /** Chosen inside the seen classes. */
  readonly settings: ZeroShotSettings;
  /** Decision for each row of `unseen`, among the unseen classes. */
  readonly predicted: readonly string[];
  /** Mean over the unseen classes of the share that came out right. */
  readonly accuracy: number;
  /** The same with shuffled class vectors, settings chosen anew for each; empty where that costs too much. */
  readonly shuffled: readonly number[];
  readonly generalised: {
    /** Without calibration, γ = 0. */
    readonly plain: StackingPoint;
    /** With γ chosen inside the seen classes. */
    readonly calibrated: StackingPoint;
    readonly ausuc: number;
    readonly curve: readonly StackingPoint[];
  };
}

export interface SplitOutcome {
  readonly split: ClassSplit;
  readonly methods: readonly MethodOnSplit[];
  /** Seen classes as known sounds, unseen as unknown ones, by a classifier of the seen classes. */
  readonly unknown: Readonly<Record<UnknownScore, Detection>>;
  /** Of that classifier, on recordings held out of the seen classes. */
  readonly seenAccuracy: number;
  readonly rows: { readonly fit: number; readonly seenTest: number; readonly unseen: number };
}

/**
 * Fits to `fit` alone (scaling, settings, models) and tests on the rest.
 * @throws {ParameterError} when a side is empty, a recording is on both sides, or a row of a side has a wrong class
 */
export function evaluateSplit(
  split: ClassSplit,
  rows: SplitRows,
  options: EvaluateSplitOptions,
): SplitOutcome {
  checkSides(split, rows);
  const { fit, seenTest, unseen } = rows;
  const scaler = fitStandardScaler(fit.x);
  const fitRows = new FitRows(scaler.apply(fit.x), fit.labels, split.seen);
  const test = { seen: scaler.apply(seenTest.x), unseen: scaler.apply(unseen.x) };
  const methods = options.methods.map((name): MethodOnSplit => {
    const method = zeroShotMethodByName(name);
    const tuner = new SeenTuner(method, fit, split.seen, {
      scaling: options.scaling,
      unseen: split.unseen.length,
      seed: options.seed,
    });
    const learnt = learntOnce(method, fitRows, options.seed);
    const scorerOf = (clips: number) => learnt(clips, test.unseen, 'unseen');
    const decide = (vectors: ClassVectors, settings: ZeroShotSettings): string[] => {
      const { seen, candidates } = scaledVectors(
        vectorsOf(vectors, split.seen),
        vectorsOf(vectors, split.unseen),
        options.scaling,
      );
      const scores = scorerOf(settings.clips)(seen, candidates, settings.vectors);
      return bestColumns(scores).map((c) => split.unseen[c]);
    };
    const { vectors } = options;
    const settings = tuner.choose(vectors);
    const predicted = decide(vectors, settings);
    const shuffled = method.cheapVectors
      ? Array.from({ length: options.permutations }, (_, p) => {
          const other = shuffledVectors(vectors, `${options.seed}/shuffle ${p}`);
          return balancedAccuracy(unseen.labels, decide(other, tuner.choose(other)));
        })
      : [];
    const classes = [...split.seen, ...split.unseen];
    const { seen, candidates } = scaledVectors(
      vectorsOf(vectors, split.seen),
      vectorsOf(vectors, classes),
      options.scaling,
    );
    const scores = stacked(
      learnt(settings.clips, test.seen, 'seen')(seen, candidates, settings.vectors),
      scorerOf(settings.clips)(seen, candidates, settings.vectors),
    );
    const items = {
      scores,
      truth: [...seenTest.labels, ...unseen.labels].map((label) => classes.indexOf(label)),
      seen: classes.map((_, c) => c < split.seen.length),
    };
    const { points, ausuc } = stackingCurve(items);
    return {
      ...{ method: name, settings, predicted, shuffled },
      accuracy: balancedAccuracy(unseen.labels, predicted),
      generalised: {
        plain: stackingAt(items, 0),
        calibrated: stackingAt(items, tuner.stackingGamma(vectors, settings)),
        ausuc,
        curve: points,
      },
    };
  });
  return {
    ...{ split, methods },
    ...detectUnknown(fitRows, test, seenTest.labels),
    rows: { fit: fit.labels.length, seenTest: seenTest.labels.length, unseen: unseen.labels.length },
  };
}

/** The first stage and its scorers, each made once. */
function learntOnce(method: ZeroShotMethod, rows: FitRows, seed: number) {
  const learnt = new Map<number, LearntRows>();
  const scorers = new Map<string, Scorer>();
  return (clips: number, x: Parameters<LearntRows['scorer']>[0], side: string): Scorer => {
    const made = learnt.get(clips) ?? method.learn(rows, clips, seed);
    learnt.set(clips, made);
    const scorer = scorers.get(`${side} ${clips}`) ?? made.scorer(x);
    scorers.set(`${side} ${clips}`, scorer);
    return scorer;
  };
}

/** Cost of a unit of loss of the classifier of seen classes, for standardised embeddings. */
const classifierC = 0.01;

function detectUnknown(
  fit: FitRows,
  test: { readonly seen: LabelledRows['x']; readonly unseen: LabelledRows['x'] },
  seenLabels: readonly string[],
): Pick<SplitOutcome, 'unknown' | 'seenAccuracy'> {
  const classifier = fitLogisticRegression(fit.x, fit.labels, { C: classifierC });
  const distances = fitMahalanobis(fit.x, fit.labels);
  const bySoftmax = (x: LabelledRows['x']) => eachRow(classifier.predictProbabilities(x), softmaxScore);
  // Two classes have logits ±z/2, whose difference is the one that is fitted.
  const halved = fit.classes.length === 2 ? 0.5 : 1;
  const byEnergy = (x: LabelledRows['x']) =>
    eachRow(classifier.decisionFunction(x), (row) => energyScore(row.map((value) => halved * value)));
  const byDistance = (x: LabelledRows['x']) => mahalanobisScores(distances, x);
  return {
    unknown: {
      softmax: detection(bySoftmax(test.seen), bySoftmax(test.unseen)),
      energy: detection(byEnergy(test.seen), byEnergy(test.unseen)),
      mahalanobis: detection(byDistance(test.seen), byDistance(test.unseen)),
    },
    seenAccuracy: balancedAccuracy(seenLabels, classifier.predict(test.seen)),
  };
}

function eachRow({ data, rows, columns }: Matrix64, score: (row: Float64Array) => number): number[] {
  return Array.from({ length: rows }, (_, i) => score(data.subarray(i * columns, (i + 1) * columns)));
}

/** @throws {ParameterError} where the sides are not what they must be */
function checkSides(split: ClassSplit, { fit, seenTest, unseen }: SplitRows): void {
  const sides = { fit, seenTest, unseen };
  for (const [name, side] of Object.entries(sides)) {
    if (side.labels.length === 0) throw new ParameterError(`The side '${name}' of ${split.name} is empty.`);
    const classes = name === 'unseen' ? split.unseen : split.seen;
    const wrong = side.labels.find((label) => !classes.includes(label));
    if (wrong !== undefined)
      throw new ParameterError(`A clip of '${wrong}' is on the side '${name}' of ${split.name}.`);
  }
  const fitted = new Set(fit.groups);
  const shared = [...seenTest.groups, ...unseen.groups].find((group) => fitted.has(group));
  if (shared !== undefined) {
    throw new ParameterError(`The recording '${shared}' is fitted to and tested on.`, {
      hint: 'Keep all clips of a recording on one side.',
    });
  }
}

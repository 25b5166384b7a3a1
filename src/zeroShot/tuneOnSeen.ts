/**
 * @file Choosing a model's settings inside the seen classes: some of them play the unseen ones in turn (class-wise
 * cross-validation), so that nothing is chosen by looking at a class that is really unseen.
 */
import { type Matrix, type Matrix64, takeRows } from '../classifiers/matrix.ts';
import { softmaxRows } from '../classifiers/softmax.ts';
import { fitStandardScaler } from '../classifiers/standardScaler.ts';
import { groupedParts } from '../statistics/groupedParts.ts';
import { quantile } from '../statistics/summaries.ts';
import { classSplits } from './classSplits.ts';
import { type ClassVectors, scaledVectors, type VectorScaling, vectorsOf } from './classVectors.ts';
import { FitRows } from './fitRows.ts';
import type { Scorer, ZeroShotMethod, ZeroShotSettings } from './methods.ts';
import { balancedAccuracy, bestColumns } from './scores.ts';
import { type StackedItems, stackingAt, stackingMargins } from './stacking.ts';

/** Clips as rows, each with its class and the recording it was cut from. */
export interface LabelledRows {
  readonly x: Matrix;
  readonly labels: readonly string[];
  readonly groups: readonly string[];
}

export interface TuningOptions {
  readonly scaling: VectorScaling;
  /** How many classes play the unseen ones at a time: as many as are really unseen. */
  readonly unseen: number;
  readonly seed: number;
}

/** A division of the seen classes. */
interface Fold {
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
  /** Pseudo-unseen rows, and rows of the other classes from recordings held out. */
  readonly unseenLabels: readonly string[];
  readonly seenLabels: readonly string[];
  /** Scorers of both by the place of the setting of the first stage. */
  readonly scorers: readonly { readonly unseen: Scorer; readonly seen: Scorer }[];
}

/** Settings chosen for some class vectors. The first stage is fitted once for all vectors that are asked about. */
export class SeenTuner {
  private readonly folds: readonly Fold[];

  /** @param rows of seen classes, not yet standardised; empty `folds` where there are fewer than four classes */
  constructor(
    private readonly method: ZeroShotMethod,
    rows: LabelledRows,
    classes: readonly string[],
    private readonly options: TuningOptions,
  ) {
    this.folds = makeFolds(method, rows, classes, options);
  }

  /** The settings under which pseudo-unseen classes are told apart best; the most regular of equals. */
  choose(vectors: ClassVectors): ZeroShotSettings {
    const { clips, vectors: second } = this.method.settings;
    // Without folds to try on: the middle of each grid.
    if (this.folds.length === 0) return { clips: middle(clips.grid), vectors: middle(second.grid) };
    let best: ZeroShotSettings = { clips: clips.grid[0], vectors: second.grid[0] };
    let most = -1;
    const prepared = this.folds.map((fold) => this.scaled(fold, vectors, fold.unseen));
    clips.grid.forEach((clipSetting, place) => {
      for (const setting of second.grid) {
        let sum = 0;
        this.folds.forEach((fold, f) => {
          const { seen, candidates } = prepared[f];
          const scores = fold.scorers[place].unseen(seen, candidates, setting);
          sum += balancedAccuracy(
            fold.unseenLabels,
            bestColumns(scores).map((c) => fold.unseen[c]),
          );
        });
        if (sum > most + 1e-9) {
          most = sum;
          best = { clips: clipSetting, vectors: setting };
        }
      }
    });
    return best;
  }

  /** The γ of calibrated stacking with the best mean of the folds' harmonic means; 0 without folds. */
  stackingGamma(vectors: ClassVectors, settings: ZeroShotSettings): number {
    const place = this.method.settings.clips.grid.indexOf(settings.clips);
    const items = this.folds.map((fold): StackedItems => {
      const classes = [...fold.seen, ...fold.unseen];
      const { seen, candidates } = this.scaled(fold, vectors, classes);
      const scorer = fold.scorers[place];
      const truth = [...fold.seenLabels, ...fold.unseenLabels].map((label) => classes.indexOf(label));
      return {
        scores: stacked(
          scorer.seen(seen, candidates, settings.vectors),
          scorer.unseen(seen, candidates, settings.vectors),
        ),
        truth,
        seen: classes.map((label) => fold.seen.includes(label)),
      };
    });
    const usable = items.filter(({ truth, seen }) => Array.from(truth).some((c) => seen[c]));
    if (usable.length === 0) return 0;
    const margins = usable.flatMap((item) => Array.from(stackingMargins(item)));
    let best = 0;
    let most = -1;
    for (let q = 0; q <= 100; q++) {
      const gamma = quantile(margins, q / 100);
      const mean = usable.reduce((sum, item) => sum + stackingAt(item, gamma).harmonic, 0);
      if (mean > most + 1e-9) {
        most = mean;
        best = gamma;
      }
    }
    return best;
  }

  /** The T for which softmax(scores / T) of pseudo-unseen classes has the least log-loss; 1 without folds. */
  temperature(vectors: ClassVectors, settings: ZeroShotSettings): number {
    const place = this.method.settings.clips.grid.indexOf(settings.clips);
    const scored = this.folds.map((fold) => {
      const { seen, candidates } = this.scaled(fold, vectors, fold.unseen);
      return { fold, scores: fold.scorers[place].unseen(seen, candidates, settings.vectors) };
    });
    if (scored.length === 0) return 1;
    let best = { temperature: 1, loss: Number.POSITIVE_INFINITY };
    for (let step = -60; step <= 40; step++) {
      const temperature = 10 ** (step / 20);
      let loss = 0;
      for (const { fold, scores } of scored) {
        const { data } = softmaxRows({ ...scores, data: scores.data.map((value) => value / temperature) });
        fold.unseenLabels.forEach((label, i) => {
          loss -= Math.log(Math.max(1e-12, data[i * scores.columns + fold.unseen.indexOf(label)]));
        });
      }
      if (loss < best.loss) best = { temperature, loss };
    }
    return best.temperature;
  }

  private scaled(fold: Fold, vectors: ClassVectors, candidates: readonly string[]) {
    return scaledVectors(vectorsOf(vectors, fold.seen), vectorsOf(vectors, candidates), this.options.scaling);
  }
}

function makeFolds(
  method: ZeroShotMethod,
  rows: LabelledRows,
  classes: readonly string[],
  { unseen, seed }: TuningOptions,
): Fold[] {
  const size = Math.max(2, Math.min(unseen, Math.floor(classes.length / 2)));
  if (classes.length - size < 2) return [];
  const held = groupedParts(rows.labels, rows.groups, [0.8, 0.2], `${seed}/tuning`);
  const all = rows.labels.map((_, i) => i);
  return classSplits(classes, { unseen: size, splits: 1, seed: `${seed}/tuning` }).flatMap((split) => {
    const hidden = all.filter((i) => split.unseen.includes(rows.labels[i]));
    const recordings = new Set(hidden.map((i) => rows.groups[i]));
    // A recording with sounds of several classes must not be on both sides here either.
    const others = all.filter((i) => split.seen.includes(rows.labels[i]) && !recordings.has(rows.groups[i]));
    const kept = others.filter((i) => held[i] === 0);
    const present = new Set(kept.map((i) => rows.labels[i]));
    if (hidden.length === 0 || split.seen.some((label) => !present.has(label))) return [];
    const scaler = fitStandardScaler(takeRows(rows.x, kept));
    const take = (places: readonly number[]) => scaler.apply(takeRows(rows.x, places));
    const fit = new FitRows(take(kept), labelsAt(rows, kept), split.seen);
    const aside = others.filter((i) => held[i] === 1);
    const [unseenX, seenX] = [take(hidden), aside.length === 0 ? null : take(aside)];
    const scorers = method.settings.clips.grid.map((setting) => {
      const learnt = method.learn(fit, setting, seed);
      const none: Scorer = (_, candidates) => ({
        data: new Float64Array(0),
        rows: 0,
        columns: candidates.rows,
      });
      return { unseen: learnt.scorer(unseenX), seen: seenX === null ? none : learnt.scorer(seenX) };
    });
    return [
      {
        ...{ seen: split.seen, unseen: split.unseen, scorers },
        unseenLabels: labelsAt(rows, hidden),
        seenLabels: labelsAt(rows, aside),
      },
    ];
  });
}

function labelsAt({ labels }: LabelledRows, places: readonly number[]): string[] {
  return places.map((i) => labels[i]);
}

function middle(grid: readonly number[]): number {
  return grid[Math.floor(grid.length / 2)];
}

/** One matrix above the other. */
export function stacked(a: Matrix64, b: Matrix64): Matrix64 {
  const data = new Float64Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { data, rows: a.rows + b.rows, columns: a.columns };
}

/** @file Many class splits together: means, intervals over recordings and over splits, and the shuffled control. */
import { ParameterError } from '../core/errors.ts';
import { bootstrapGroups, type Interval } from '../statistics/bootstrap.ts';
import type { MethodOnSplit, SplitOutcome } from './evaluateSplit.ts';
import type { ZeroShotMethodName } from './methods.ts';
import { type UnknownScore, unknownScores } from './unknown.ts';

/** A clip of unseen classes, as it was decided in each split that it was tested in. */
export interface TestedClip {
  readonly clip: string;
  readonly label: string;
  readonly group: string;
  readonly decisions: readonly { readonly split: number; readonly right: boolean }[];
}

export interface WithInterval {
  readonly value: number;
  readonly interval: Interval;
}

export interface MethodSummary {
  readonly method: ZeroShotMethodName;
  readonly accuracy: {
    /** Mean over splits of the mean over unseen classes of the share that came out right. */
    readonly value: number;
    /** 95 %, recordings drawn with replacement. */
    readonly recordings: Interval;
    /** 95 %, splits drawn with replacement; they share classes, so it is a description and not a test. */
    readonly splits: Interval;
  };
  /** The same with shuffled class vectors; null where it was not asked for. */
  readonly shuffled: {
    readonly mean: number;
    readonly low: number;
    readonly high: number;
    /** Share of shuffles (the real order counted as one) that do at least as well. */
    readonly p: number;
    readonly permutations: number;
  } | null;
  readonly generalised: Readonly<
    Record<
      'seen' | 'unseen' | 'harmonic' | 'plainSeen' | 'plainUnseen' | 'plainHarmonic' | 'ausuc',
      WithInterval
    >
  >;
  /** Mean accuracy on seen classes at accuracies on unseen ones of 0, 0.01 … 1, over splits. */
  readonly curve: readonly number[];
}

export interface ZeroShotSummary {
  /** Mean over splits of one over the number of unseen classes. */
  readonly chance: number;
  readonly splits: number;
  readonly methods: readonly MethodSummary[];
  /** Per score; intervals over splits. */
  readonly unknown: Readonly<
    Record<UnknownScore, { readonly auroc: WithInterval; readonly fpr95: WithInterval }>
  >;
  /** Of the classifier of the seen classes, on recordings held out. */
  readonly seenAccuracy: WithInterval;
}

/**
 * @param outcomes one per split
 * @param unseen the clips of each split's unseen classes, in the order they were tested in
 * @param seed of the bootstrap
 * @throws {ParameterError} for no splits, or clips that do not fit the decisions
 */
export function summariseSplits(
  outcomes: readonly SplitOutcome[],
  unseen: readonly (readonly { readonly id: string; readonly label: string; readonly group: string }[])[],
  seed: number,
): ZeroShotSummary {
  const first = outcomes[0];
  if (first === undefined) throw new ParameterError('There are no splits to summarise.');
  const overSplits = (value: (outcome: SplitOutcome) => number): WithInterval =>
    meanOver(outcomes.map(value), seed);
  return {
    chance: outcomes.reduce((sum, { split }) => sum + 1 / split.unseen.length, 0) / outcomes.length,
    splits: outcomes.length,
    methods: first.methods.map(({ method }, m) => {
      const runs = outcomes.map((outcome) => outcome.methods[m]);
      return summariseMethod(method, runs, outcomes, testedClips(runs, unseen), seed);
    }),
    unknown: Object.fromEntries(
      unknownScores.map((score) => [
        score,
        {
          auroc: overSplits((outcome) => outcome.unknown[score].auroc),
          fpr95: overSplits((outcome) => outcome.unknown[score].fpr95),
        },
      ]),
    ) as ZeroShotSummary['unknown'],
    seenAccuracy: overSplits((outcome) => outcome.seenAccuracy),
  };
}

function testedClips(
  runs: readonly MethodOnSplit[],
  unseen: Parameters<typeof summariseSplits>[1],
): TestedClip[] {
  const clips = new Map<
    string,
    { clip: string; label: string; group: string; decisions: TestedClip['decisions'][number][] }
  >();
  runs.forEach(({ predicted }, split) => {
    const tested = unseen[split] ?? [];
    if (tested.length !== predicted.length) {
      throw new ParameterError(
        `Split ${split} decided on ${predicted.length} clips, but ${tested.length} were tested.`,
      );
    }
    tested.forEach(({ id, label, group }, i) => {
      const known = clips.get(id) ?? { clip: id, label, group, decisions: [] };
      known.decisions.push({ split, right: predicted[i] === label });
      clips.set(id, known);
    });
  });
  return [...clips.values()];
}

function summariseMethod(
  method: ZeroShotMethodName,
  runs: readonly MethodOnSplit[],
  outcomes: readonly SplitOutcome[],
  clips: readonly TestedClip[],
  seed: number,
): MethodSummary {
  const accuracies = meanOver(
    runs.map(({ accuracy }) => accuracy),
    seed,
  );
  const over = (value: (run: MethodOnSplit) => number) => meanOver(runs.map(value), seed);
  const unseenIn = outcomes.map(({ split }) => split.unseen.length);
  return {
    method,
    accuracy: {
      value: accuracies.value,
      recordings: recordingInterval(clips, unseenIn, seed),
      splits: accuracies.interval,
    },
    shuffled: shuffledControl(runs, accuracies.value),
    generalised: {
      seen: over(({ generalised }) => generalised.calibrated.seen),
      unseen: over(({ generalised }) => generalised.calibrated.unseen),
      harmonic: over(({ generalised }) => generalised.calibrated.harmonic),
      plainSeen: over(({ generalised }) => generalised.plain.seen),
      plainUnseen: over(({ generalised }) => generalised.plain.unseen),
      plainHarmonic: over(({ generalised }) => generalised.plain.harmonic),
      ausuc: over(({ generalised }) => generalised.ausuc),
    },
    curve: meanCurve(runs),
  };
}

/** The mean of values, with an interval by drawing them anew. */
function meanOver(values: readonly number[], seed: number): WithInterval {
  const { mean } = bootstrapGroups(
    values.map((_, i) => i),
    (items) => {
      let sum = 0;
      for (const i of items) sum += values[i];
      return { mean: sum / items.length };
    },
    { seed },
  );
  return { value: values.reduce((a, b) => a + b, 0) / values.length, interval: mean };
}

/**
 * The interval of the mean accuracy when recordings are drawn anew. A class's recall does not depend on the split in its
 * denominator, so what a clip adds over all splits is one number.
 */
function recordingInterval(
  clips: readonly TestedClip[],
  unseenIn: readonly number[],
  seed: number,
): Interval {
  const labels = [...new Set(clips.map(({ label }) => label))];
  const place = clips.map(({ label }) => labels.indexOf(label));
  const adds = clips.map(({ decisions }) =>
    decisions.reduce(
      (sum, { split, right }) => sum + (right ? 1 / (unseenIn[split] * unseenIn.length) : 0),
      0,
    ),
  );
  const statistic = (items: Uint32Array) => {
    const sums = new Float64Array(labels.length);
    const counts = new Float64Array(labels.length);
    for (const i of items) {
      sums[place[i]] += adds[i];
      counts[place[i]]++;
    }
    let total = 0;
    let present = 0;
    for (let c = 0; c < labels.length; c++) {
      if (counts[c] === 0) continue;
      total += sums[c] / counts[c];
      present++;
    }
    // A class of which no recording was drawn is taken to do as the others.
    return { accuracy: (total * labels.length) / present };
  };
  return bootstrapGroups(
    clips.map(({ group }) => group),
    statistic,
    { seed },
  ).accuracy;
}

function shuffledControl(runs: readonly MethodOnSplit[], observed: number): MethodSummary['shuffled'] {
  const permutations = runs[0].shuffled.length;
  if (permutations === 0) return null;
  const means = Array.from(
    { length: permutations },
    (_, p) => runs.reduce((sum, { shuffled }) => sum + shuffled[p], 0) / runs.length,
  );
  const sorted = [...means].sort((a, b) => a - b);
  const tail = Math.floor(0.025 * permutations);
  return {
    mean: means.reduce((a, b) => a + b, 0) / permutations,
    low: sorted[tail],
    high: sorted[permutations - 1 - tail],
    p: (1 + means.filter((mean) => mean >= observed - 1e-12).length) / (1 + permutations),
    permutations,
  };
}

/** Seen accuracy at given unseen accuracies: the straight line between the curve's points, nothing beyond its end. */
function meanCurve(runs: readonly MethodOnSplit[]): number[] {
  return Array.from({ length: 101 }, (_, k) => {
    const wanted = k / 100;
    const sum = runs.reduce((total, { generalised: { curve } }) => {
      const after = curve.findIndex(({ unseen }) => unseen >= wanted);
      if (after < 0) return total;
      const b = curve[after];
      const a = curve[Math.max(0, after - 1)];
      if (b.unseen === a.unseen) return total + b.seen;
      return total + a.seen + ((b.seen - a.seen) * (wanted - a.unseen)) / (b.unseen - a.unseen);
    }, 0);
    return sum / runs.length;
  });
}

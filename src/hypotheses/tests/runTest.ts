/** @file Runs one test of a hypothesis on recordings. */
import type { Matrix } from '../../classifiers/index.ts';
import { Random } from '../../core/index.ts';
import {
  bootstrapGroups,
  holm,
  jackknifeGroups,
  kruskalWallis,
  labellings,
  mcnemarP,
  meanDeviation,
  permutationP,
  permutedWithin,
  quantile,
} from '../../statistics/index.ts';
import type { AblationTest, ChanceTest, HypothesisTest, PairedTest, RankTest } from '../hypothesis.ts';
import type { RecordingTable } from '../recordings.ts';
import type { ClassifierName } from './decide.ts';
import type { Deciders } from './deciders.ts';
import type {
  AblationResult,
  ChanceResult,
  Estimate,
  PairedResult,
  RankResult,
  TestResult,
} from './results.ts';

export interface TestSettings {
  readonly classifier: ClassifierName;
  /** Labellings drawn for each test against chance. */
  readonly permutations: number;
  /** Resamples of each interval. */
  readonly resamples: number;
  readonly seed: number;
}

/** The level at which a family counts what differs. */
export const alpha = 0.05;

/** Labellings that a test will ask for, for progress. */
export function labellingsOf(test: HypothesisTest, { permutations }: TestSettings): number {
  switch (test.kind) {
    case 'chance':
      return 1 + permutations;
    case 'paired':
      return 2;
    case 'ablation':
      return 1 + test.parts.length;
    case 'ranks':
      return 0;
  }
}

/** Runs a test. @throws {CancelledError} when the deciders' signal is aborted */
export function runTest(
  test: HypothesisTest,
  table: RecordingTable,
  settings: TestSettings,
  deciders: Deciders,
): Promise<TestResult> {
  switch (test.kind) {
    case 'chance':
      return runChance(test, table, settings, deciders);
    case 'paired':
      return runPaired(test, table, settings, deciders);
    case 'ablation':
      return runAblation(test, table, settings, deciders);
    case 'ranks':
      return Promise.resolve(runRanks(test, table, settings));
  }
}

async function runChance(
  test: ChanceTest,
  table: RecordingTable,
  settings: TestSettings,
  deciders: Deciders,
): Promise<ChanceResult> {
  const { positions, folds } = table;
  const { classifier, permutations, seed } = settings;
  const { matrix, name } = test.features;
  // Within folds, so that every labelling leaves each fold as many of each class as it has.
  const random = new Random(`${seed}/labels`);
  const drawn = Array.from({ length: permutations }, () => {
    const from = permutedWithin(folds, random);
    return positions.map((_, i) => positions[from[i]]);
  });
  const all = [positions, ...drawn];
  const decided = await deciders.decide({ classifier, train: matrix, labellings: all, folds, seed });
  const accuracies = decided.map((one, i) => share(rightOnes(one, all[i])));
  const right = rightOnes(decided[0], positions);
  const observed = accuracies[0];
  const under = accuracies.slice(1);
  const { mean } = meanDeviation(under);
  const accuracy = estimate(right, table, settings);
  return {
    ...base(test, classifier),
    kind: 'chance',
    features: name,
    columns: matrix.columns,
    accuracy,
    null: { mean, low: quantile(under, 0.025), high: quantile(under, 0.975) },
    permutations,
    effect: {
      value: observed - mean,
      low: accuracy.low === null ? null : accuracy.low - mean,
      high: accuracy.high === null ? null : accuracy.high - mean,
    },
    p: permutationP(observed, under),
    smallestP: Math.max(1 / (permutations + 1), 1 / labellings(positions, folds)),
  };
}

async function runPaired(
  test: PairedTest,
  table: RecordingTable,
  settings: TestSettings,
  deciders: Deciders,
): Promise<PairedResult> {
  const { first, second, fittedToFirst = false } = test;
  const train = fittedToFirst ? first.matrix : second.matrix;
  const [a, b] = await Promise.all([
    rightOf(first.matrix, first.matrix, table, settings, deciders),
    rightOf(train, second.matrix, table, settings, deciders),
  ]);
  const { onlyFirst, onlySecond, p } = discordant(a, b);
  const described = ({ name, matrix }: PairedTest['first'], right: Float64Array) => ({
    name,
    columns: matrix.columns,
    accuracy: estimate(right, table, settings),
  });
  return {
    ...base(test, settings.classifier),
    kind: 'paired',
    first: described(first, a),
    second: described(second, b),
    effect: estimate(
      a.map((right, i) => right - b[i]),
      table,
      settings,
    ),
    ...{ onlyFirst, onlySecond, p },
    smallestP: 2 ** (1 - a.length),
  };
}

async function runAblation(
  test: AblationTest,
  table: RecordingTable,
  settings: TestSettings,
  deciders: Deciders,
): Promise<AblationResult> {
  const { whole, parts } = test;
  const [right, ...without] = await Promise.all(
    [whole.matrix, ...parts.map((part) => part.without)].map((matrix) =>
      rightOf(matrix, matrix, table, settings, deciders),
    ),
  );
  const counted = without.map((one) => discordant(right!, one));
  const corrected = holm(counted.map(({ p }) => p));
  const results = parts.map(({ name }, i) => {
    const lost = right!.map((value, row) => value - without[i][row]);
    const { onlyFirst: onlyWhole, onlySecond: onlyWithout, p } = counted[i];
    return {
      name,
      accuracy: share(without[i]),
      loss: estimate(lost, table, settings),
      ...{ onlyWhole, onlyWithout, p },
      corrected: corrected[i],
      perClass: table.classes.map((_, c) => share(lost.filter((__, row) => table.positions[row] === c))),
    };
  });
  // Only what costs something when it is missing was needed: of those the part that is surest.
  const losses = results.flatMap(({ loss }, i) => (loss.value > 0 ? [i] : []));
  const worst =
    losses.length === 0
      ? indexOfLargest(results.map(({ loss }) => loss.value))
      : losses.reduce((a, b) => (results[b].p < results[a].p ? b : a));
  return {
    ...base(test, settings.classifier),
    kind: 'ablation',
    whole: { name: whole.name, accuracy: estimate(right!, table, settings) },
    parts: results,
    worst,
    effect: results[worst].loss,
    p: results[worst].corrected,
    smallestP: 2 ** (1 - right!.length),
  };
}

function runRanks(
  test: RankTest,
  { positions, recordings }: RecordingTable,
  { seed }: TestSettings,
): RankResult {
  const { matrix, columns, noun } = test;
  const groups = jackknifeBlocks(
    recordings.map(({ group }) => group),
    seed,
  );
  const found = columns.map((_, j) => {
    const values = Float64Array.from(positions, (__, i) => matrix.data[i * matrix.columns + j]);
    const whole = kruskalWallis(values, positions);
    const { low, high } = jackknifeGroups(
      groups,
      (items) =>
        kruskalWallis(
          Float64Array.from(items, (i) => values[i]),
          Int32Array.from(items, (i) => positions[i]),
        ).etaSquared,
      [0, 1],
    );
    return { ...whole, low, high };
  });
  const corrected = holm(found.map(({ p }) => p));
  const results = found.map(({ h, degrees, p, etaSquared, low, high }, j) => ({
    name: columns[j],
    ...{ h, degrees, p },
    corrected: corrected[j],
    etaSquared: { value: etaSquared, low, high },
  }));
  const best = indexOfLargest(results.map((column) => column.etaSquared.value));
  return {
    ...base(test),
    kind: 'ranks',
    noun,
    columns: results,
    differing: corrected.filter((p) => p <= alpha).length,
    best,
    effect: results[best].etaSquared,
    p: Math.min(...corrected),
    smallestP: 0,
  };
}

/** Most groups that are left out one at a time; of more, some are left out together. */
const mostBlocks = 100;

function jackknifeBlocks(groups: readonly string[], seed: number): (string | number)[] {
  const names = [...new Set(groups)].sort();
  if (names.length <= mostBlocks) return [...groups];
  const blocks = new Map(
    new Random(`${seed}/jackknife`).shuffle(names).map((name, i) => [name, i % mostBlocks]),
  );
  return groups.map((group) => blocks.get(group)!);
}

function base(test: HypothesisTest, classifier?: ClassifierName) {
  const { id, title, deciding } = test;
  return { id, title, deciding, ...(classifier === undefined ? {} : { classifier }) };
}

/** 1 for each recording that is decided rightly, else 0. */
async function rightOf(
  train: Matrix,
  test: Matrix,
  { positions, folds }: RecordingTable,
  { classifier, seed }: TestSettings,
  deciders: Deciders,
): Promise<Float64Array> {
  const task = { classifier, train, labellings: [positions], folds, seed };
  const [decided] = await deciders.decide(test === train ? task : { ...task, test });
  return rightOnes(decided!, positions);
}

function rightOnes(decided: Int32Array, positions: Int32Array): Float64Array {
  return Float64Array.from(decided, (c, i) => (c === positions[i] ? 1 : 0));
}

function share(values: Float64Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum / values.length;
}

/** McNemar's exact test on recordings, each of which counts once. */
function discordant(first: Float64Array, second: Float64Array) {
  let onlyFirst = 0;
  let onlySecond = 0;
  first.forEach((right, i) => {
    if (right > second[i]) onlyFirst++;
    else if (right < second[i]) onlySecond++;
  });
  return { onlyFirst, onlySecond, p: mcnemarP(onlyFirst, onlySecond).p };
}

/** Mean over recordings with a bootstrap interval. */
function estimate(
  values: Float64Array,
  { recordings }: RecordingTable,
  { seed, resamples }: TestSettings,
): Estimate {
  const groups = recordings.map(({ group }) => group);
  const mean = (items: Uint32Array) => {
    let sum = 0;
    for (const i of items) sum += values[i];
    return { mean: sum / items.length };
  };
  const { low, high } = bootstrapGroups(groups, mean, { seed, resamples }).mean;
  return { value: share(values), low, high };
}

function indexOfLargest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}

/** @file `earshot compare`: several approaches on the same clips, in one report. */
import { access } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { approachByName, checkOverrides } from '../../approaches/index.ts';
import { CancelledError, type Notice, ParameterError, RuntimeError } from '../../core/index.ts';
import { type Clip, type Dataset, fingerprint } from '../../datasets/index.ts';

import {
  type ApproachRuns,
  type ComparisonResult,
  compareApproaches,
  type FoldPredictions,
  listedDisputes,
  summariseDataset,
  summariseSplit,
  writeComparison,
} from '../../evaluation/index.ts';
import { resolveDevice } from '../../runtime/index.ts';
import { clipSounds, usualSoundMegabytes } from '../clipSounds.ts';
import { fingerprintOptions, type WorkflowHooks } from '../hooks.ts';
import { openNamedDataset, requireClasses } from '../namedDataset.ts';
import { inClaimedFolder } from '../runFolder.ts';
import { poolSplits, requireTrainingClasses } from '../splits.ts';
import type { TrainOptions } from '../train.ts';
import { versions } from '../versions.ts';
import { approachOf, type CompareEntry, type CompareJob, checkEntries, compareJobs } from './compareJobs.ts';
import { planOf, requirePlan, writePlan } from './comparePlan.ts';
import { calibrationOf, conformalOf } from './conformalRuns.ts';
import { inferenceSeconds } from './inferenceTime.ts';
import { type FinishedRun, readRun, runCosts } from './readRuns.ts';
import { failureNotice, type RunJobsOptions, type RunJobsOutcome, runJobs } from './runJobs.ts';

export interface CompareOptions extends WorkflowHooks {
  /** A dataset's path, or `demo`. */
  readonly dataset: string;
  readonly subset?: TrainOptions['subset'];
  readonly entries: readonly CompareEntry[];
  /** As in training; default the last official fold, or a fifth of the recordings. */
  readonly split?: TrainOptions['split'];
  readonly crossValidate?: boolean;
  readonly folds?: number;
  /** First seed, of splits and intervals too; default 0. */
  readonly seed?: number;
  /** How many seeds each approach is trained with; default 1. */
  readonly seeds?: number;
  /** Trainings at a time, each a process; default half of the processors, and no more than four. */
  readonly jobs?: number;
  /** Trains each approach on a random split too, to show what a leak is worth. */
  readonly showLeak?: boolean;
  /** Share of prediction sets that may lack the true class: each approach then holds clips out for calibration. */
  readonly alpha?: number;
  /** Share of the training side held out for calibration where an entry does not say; default 0.2 with `alpha`, else 0. */
  readonly calibrationFraction?: number;
  /** What disputed clips may take in the page, in millions of characters; 0 for none. */
  readonly soundMegabytes?: number;
  /** Folder of the runs and the report. Finished runs in it are kept. */
  readonly out: string;
  /** The command line that repeats the comparison, and that of one training, for the reports. */
  readonly command: string;
  readonly commandOf?: RunJobsOptions['commandOf'];
}

export interface CompareOutcome {
  readonly directory: string;
  readonly result: ComparisonResult;
  readonly report: { readonly html: string; readonly markdown: string; readonly json: string };
  /** Runs that failed. */
  readonly failures: readonly Notice[];
  /** Runs that were found finished. */
  readonly kept: number;
  readonly synthetic: boolean;
}

/**
 * Trains every approach on every fold with every seed (or takes the runs that are finished), and compares them on the
 * clips that all of them were tested on.
 * @throws {UsageError} for names that are taken twice or unfit, settings that do not apply, and when another command is
 *   at work in `out`
 * @throws {ParameterError} for an approach there is not, and values out of range
 * @throws {TrainingError} when `out` holds runs with other settings, on other data or of approaches that are left out
 * @throws {DatasetError} when the dataset or the split is unusable
 * @throws {RuntimeError} when not one approach has all the runs of a seed
 * @throws {CancelledError} when stopped; the same call goes on
 */
export async function compare(options: CompareOptions): Promise<CompareOutcome> {
  const { seed = 0, alpha } = options;
  if (alpha !== undefined && !(alpha > 0 && alpha < 1)) {
    throw new ParameterError(`alpha must lie between 0 and 1, got ${alpha}.`);
  }
  const { calibrationFraction = alpha === undefined ? 0 : 0.2 } = options;
  const entries = options.entries.map(
    (entry): CompareEntry =>
      calibrationFraction === 0
        ? entry
        : { ...entry, overrides: { calibrationFraction, ...entry.overrides } },
  );
  checkEntries(entries);
  for (const entry of entries) {
    const approach = approachOf(entry);
    if (approach !== undefined) checkOverrides(approachByName(approach), seed, entry.overrides);
  }
  const directory = resolve(options.out);
  return inClaimedFolder(directory, () => compareIn(directory, { ...options, entries }));
}

async function compareIn(directory: string, options: CompareOptions): Promise<CompareOutcome> {
  const { entries, seed = 0, seeds = 1 } = options;
  const device = await resolveDevice(options.device ?? 'cpu');
  const dataset = await openNamedDataset(options.dataset, options);
  requireClasses(dataset);
  const { jobs, splits } = compareJobs(dataset, entries, {
    ...(options.split === undefined ? {} : { split: options.split }),
    ...(options.crossValidate ? { crossValidate: true } : {}),
    ...(options.folds === undefined ? {} : { folds: options.folds }),
    ...{ seed, seeds, showLeak: options.showLeak ?? false },
  });
  requireTrainingClasses(splits);
  for (const notice of [...dataset.notices, ...splits.flatMap(({ notices }) => notices)])
    options.onNotice?.(notice);
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));

  const processors = options.threads ?? availableParallelism();
  const atOnce = options.jobs ?? Math.max(1, Math.min(4, Math.floor(processors / 2)));
  if (!Number.isInteger(atOnce) || atOnce < 1)
    throw new ParameterError(`At least 1 training runs at a time, got ${atOnce}.`);
  const planned = await planOf(jobs, { dataFingerprint, device });
  await requirePlan(directory, planned);
  await writePlan(directory, planned);
  const outcome = await runJobs(jobs, {
    ...options,
    ...{ directory, device, atOnce, plan: planned },
    threads: Math.max(1, Math.floor(processors / Math.min(atOnce, jobs.length))),
    commandOf: options.commandOf ?? (() => options.command),
  });
  const compared = await comparedRuns(jobs, outcome, { ...options, entries, directory, device }, dataset);
  const summaries = splits.map((split) => summariseSplit(split));
  const result = compareApproaches(compared.approaches, {
    seed,
    split: summaries.length === 1 ? summaries[0] : poolSplits(summaries),
    failures: outcome.failed.map(failureNotice),
    notices: compared.notices,
  });
  const sides = splits.length === 1 ? splits[0] : { train: [], test: splits.flatMap(({ test }) => test) };
  const disputed = new Set(result.agreement.disputed.slice(0, listedDisputes).map(({ clip }) => clip));
  const { sounds, remark } = await clipSounds(
    dataset.clips.filter(({ id }) => disputed.has(id)),
    options.soundMegabytes ?? usualSoundMegabytes,
    options,
  );
  await writeComparison(directory, {
    title: `${entries.length} approaches on ${dataset.name}`,
    command: options.command,
    dataset: summariseDataset(
      dataset,
      { train: sides.train, validation: [], test: sides.test },
      dataFingerprint,
    ),
    result,
    versions: versions(),
    sounds: Object.fromEntries(sounds),
    ...(disputed.size === 0 ? {} : { soundRemark: remark }),
  });
  return {
    directory,
    result,
    report: {
      html: join(directory, 'comparison.html'),
      markdown: join(directory, 'comparison.md'),
      json: join(directory, 'comparison.json'),
    },
    failures: result.failures,
    kept: outcome.kept,
    synthetic: dataset.synthetic,
  };
}

/** The runs of every approach that has at least one seed with all its folds. */
async function comparedRuns(
  jobs: readonly CompareJob[],
  { failed }: RunJobsOutcome,
  options: CompareOptions & { readonly directory: string },
  dataset: Dataset,
): Promise<{ approaches: ApproachRuns[]; notices: Notice[] }> {
  const { directory, entries, signal, onProgress } = options;
  const lost = new Set(failed.map(({ job }) => job.id));
  const approaches: ApproachRuns[] = [];
  const notices: Notice[] = [];
  for (const [i, entry] of entries.entries()) {
    if (signal?.aborted) throw new CancelledError('The comparison was stopped; all runs are finished.');
    const own = jobs.filter((job) => job.entry === entry);
    const bySeed = new Map<number, CompareJob[]>();
    for (const job of own)
      if (job.on === 'compared') bySeed.set(job.seed, [...(bySeed.get(job.seed) ?? []), job]);
    const whole = [...bySeed].filter(([, list]) => list.every(({ id }) => !lost.has(id)));
    if (whole.length < bySeed.size) {
      notices.push({
        subject: entry.name,
        message:
          whole.length === 0
            ? 'It is not compared: no seed has all its runs.'
            : `Of its ${bySeed.size} seeds ${whole.length} have all their runs; the others are left out.`,
      });
    }
    if (whole.length === 0) continue;
    const random = own.find((job) => job.on === 'random' && !lost.has(job.id));
    approaches.push(await approachRuns(entry, whole, random, options, dataset));
    onProgress?.({ task: 'Timing models', done: i + 1, total: entries.length, unit: 'models' });
  }
  if (approaches.length > 0) return { approaches, notices };
  const [first] = failed;
  throw new RuntimeError(`Not one approach could be trained. ${first?.job.id}: ${first?.message}`, {
    hint: first?.hint ?? `The runs lie in ${directory}.`,
  });
}

async function approachRuns(
  entry: CompareEntry,
  seeds: readonly (readonly [number, readonly CompareJob[]])[],
  random: CompareJob | undefined,
  options: CompareOptions & { readonly directory: string },
  dataset: Dataset,
): Promise<ApproachRuns> {
  const { directory } = options;
  const place = ({ id }: CompareJob) => join(directory, ...id.split('/'));
  const runs = await Promise.all(
    seeds.map(async ([seed, list]) => ({
      seed,
      runs: await Promise.all(list.map(async (job) => ({ job, run: await readRun(place(job)) }))),
    })),
  );
  const all = runs.flatMap(({ runs: list }) => list.map(({ run }) => run));
  const [first] = all;
  const costs = runCosts(all.map(({ result }) => result));
  const leaking = random === undefined ? null : await readRun(place(random));
  return {
    name: entry.name,
    settings: (entry.words ?? []).join(' '),
    network: first!.result.network,
    weights: first!.result.weights,
    costs: {
      ...costs,
      featureSeconds: costs.featureSeconds / runs.length,
      trainingSeconds: costs.trainingSeconds / runs.length,
      inferenceSeconds: await inferenceSeconds(first!.directory, testedClips(first!, dataset), options),
    },
    runs: runs.map(({ seed, runs: list }) => ({
      seed,
      folds: list.map(({ job, run }): FoldPredictions => ({ name: job.fold ?? '1', table: run.predictions })),
    })),
    ...calibrationOf(runs.map(({ runs: list }) => list.map(({ run }) => run))),
    conformal: conformalOf(
      runs[0].runs.map(({ run }) => run),
      options.alpha,
    ),
    ...(leaking === null || leaking.split === null
      ? {}
      : { leaking: { split: leaking.split, predictions: leaking.predictions } }),
    reports: await existing(
      [...all, ...(leaking === null ? [] : [leaking])].map((run) => join(run.directory, 'report.html')),
      directory,
    ),
  };
}

function testedClips({ predictions }: FinishedRun, { clips }: Dataset): Clip[] {
  const tested = new Set(predictions.rows.map(({ clip }) => clip));
  return clips.filter(({ id }) => tested.has(id));
}

/** Those of the files that are there, as paths from a folder with `/`. */
async function existing(files: readonly string[], from: string): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) found.push(relative(from, file).replaceAll('\\', '/'));
  }
  return found;
}

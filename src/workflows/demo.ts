/** @file `earshot demo`: the whole job on the built-in synthetic set, in minutes. */
import { join, relative, resolve } from 'node:path';
import {
  type ApproachRuns,
  compareApproaches,
  summariseDataset,
  writeComparison,
} from '../evaluation/index.ts';
import { readRun, runCosts } from './compare/readRuns.ts';
import type { WorkflowHooks } from './hooks.ts';
import { openNamedDataset } from './namedDataset.ts';
import { inRunFolder } from './runFolder.ts';
import { type TrainOutcome, train } from './train.ts';
import { versions } from './versions.ts';

export interface DemoOptions extends WorkflowHooks {
  readonly out: string;
  readonly seed?: number;
  readonly resume?: boolean;
  readonly command: string;
}

export interface DemoRow {
  readonly approach: string;
  readonly accuracy: number;
  /** 95 %, by bootstrap over recordings. */
  readonly interval: readonly [number | null, number | null];
  readonly macroF1: number;
  /** Seconds of training. */
  readonly seconds: number;
  readonly parameters: number;
}

export interface DemoOutcome {
  readonly rows: readonly DemoRow[];
  readonly report: { readonly html: string; readonly markdown: string };
  /** A clip of the test fold, to classify next. */
  readonly example: string;
  /** The best approach's artefact. */
  readonly model: string;
}

/** Small settings, so that both networks train within minutes on two cores. */
const runs = [
  { approach: 'cnn', overrides: { epochs: 15 } },
  { approach: 'resnet18', overrides: { epochs: 6, pictureSize: 64, nMels: 64 } },
] as const;

/** Synthesises the set, trains two approaches on three of its folds, tests both on the fourth, compares them. */
export async function demo(options: DemoOptions): Promise<DemoOutcome> {
  const out = resolve(options.out);
  return inRunFolder(out, options.resume ?? false, () => demoIn(out, options));
}

async function demoIn(out: string, options: DemoOptions): Promise<DemoOutcome> {
  const seed = options.seed ?? 0;
  const outcomes: TrainOutcome[] = [];
  for (const { approach, overrides } of runs) {
    const { onProgress } = options;
    outcomes.push(
      await train({
        ...options,
        dataset: 'demo',
        approach,
        overrides,
        seed,
        split: { kind: 'folds', testFolds: [4] },
        out: join(out, approach),
        command: `earshot train demo --approach ${approach} --test-folds 4 --seed ${seed}${Object.entries(
          overrides,
        )
          .map(([name, value]) => ` --${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} ${value}`)
          .join('')}`,
        ...(onProgress === undefined
          ? {}
          : { onProgress: (event) => onProgress({ ...event, task: `${approach}: ${event.task}` }) }),
      }),
    );
  }
  const dataset = await openNamedDataset('demo', options);
  const test = dataset.clips.filter((clip) => clip.fold === 4);
  const [html, markdown] = [join(out, 'comparison.html'), join(out, 'comparison.md')];
  const compared = await Promise.all(
    outcomes.map(async (outcome): Promise<ApproachRuns> => {
      const { result, predictions } = await readRun(outcome.directory);
      return {
        ...{ name: outcome.approach, settings: '', network: result.network, weights: result.weights },
        costs: runCosts([result]),
        runs: [{ seed, folds: [{ name: '4', table: predictions }] }],
        reports: [relative(out, outcome.report.html).replaceAll('\\', '/')],
      };
    }),
  );
  const { split } = outcomes[0].evaluation;
  await writeComparison(out, {
    title: 'Earshot demo: two approaches on synthetic urban sounds',
    command: options.command,
    dataset: summariseDataset(
      dataset,
      { train: dataset.clips.filter((clip) => clip.fold !== 4), validation: [], test },
      outcomes[0].fingerprint,
    ),
    result: compareApproaches(compared, { seed, ...(split === null ? {} : { split }) }),
    versions: versions(),
  });
  const rows = outcomes.map((outcome): DemoRow => {
    const { accuracy, intervals } = outcome.evaluation;
    return {
      approach: outcome.approach,
      accuracy,
      interval: [intervals.accuracy.low, intervals.accuracy.high],
      macroF1: outcome.evaluation['macro avg']['f1-score'],
      seconds: outcome.seconds,
      parameters: outcome.parameters,
    };
  });
  const best = outcomes.reduce((a, b) => (b.evaluation.accuracy > a.evaluation.accuracy ? b : a));
  return { rows, report: { html, markdown }, example: test[0].path, model: best.models[0] };
}

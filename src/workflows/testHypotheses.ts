/** @file `earshot hypotheses`: what in the sound carries the class, tested on a dataset. */
import { CancelledError, DatasetError, type Notice } from '../core/index.ts';
import { fingerprint } from '../datasets/index.ts';
import {
  depths,
  type HypothesesReport,
  measureClips,
  quickChoice,
  recordingTable,
  testHypotheses as test,
  writeHypothesesReport,
} from '../hypotheses/index.ts';
import { extractionOptions, fingerprintOptions, type WorkflowHooks } from './hooks.ts';
import { firstFailure, stopwatch } from './learner.ts';
import { openNamedDataset, requireClasses } from './namedDataset.ts';
import { inRunFolder } from './runFolder.ts';
import { versions } from './versions.ts';

export { hypothesesJson } from '../hypotheses/index.ts';

export interface TestHypothesesOptions extends WorkflowHooks {
  /** Folder of a dataset, a CSV manifest, or `demo`. */
  readonly dataset: string;
  readonly subset?: 'esc10';
  /** Fewer clips, permutations and resamples, one classifier. Default false. */
  readonly quick?: boolean;
  /** Grouped folds, instead of the dataset's own. */
  readonly folds?: number;
  /** Of everything random. Default 0. */
  readonly seed?: number;
  /** Folder of the report. */
  readonly out: string;
  /** What the report says about how to repeat it. */
  readonly command: string;
}

export interface TestHypothesesOutcome extends HypothesesReport {
  readonly report: { readonly html: string; readonly markdown: string; readonly json: string };
}

/**
 * Measures the clips, tests the five hypotheses, and writes a report.
 * @throws {DatasetError} when the dataset cannot be opened, no clip of it can be measured, or fewer than two classes
 *   have two recordings
 * @throws {CancelledError} when `signal` is aborted; measures stay in the cache
 */
export async function testHypotheses(options: TestHypothesesOptions): Promise<TestHypothesesOutcome> {
  return inRunFolder(options.out, false, () => testIn(options));
}

async function testIn(options: TestHypothesesOptions): Promise<TestHypothesesOutcome> {
  const { quick = false, seed = 0, folds, out, signal, onProgress, threads } = options;
  const startedAt = new Date().toISOString();
  const clock = stopwatch();
  const dataset = await openNamedDataset(options.dataset, options);
  requireClasses(dataset);
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));
  const chosen = quick ? quickChoice(dataset.clips, seed) : dataset.clips;
  const { clips, failures, notices } = await measureClips(chosen, seed, extractionOptions(options));
  clock.lap('measuring');
  if (clips.length === 0) {
    throw new DatasetError('Not one clip could be measured.', { hint: firstFailure(failures) });
  }
  const made = recordingTable(clips, {
    officialFolds: dataset.officialFolds,
    seed,
    ...(folds === undefined ? {} : { folds }),
  });
  const all: Notice[] = [...dataset.notices, ...made.notices, ...notices];
  for (const notice of [...dataset.notices, ...made.notices]) options.onNotice?.(notice);
  const depth = depths[quick ? 'quick' : 'full'];
  const found = await test(made.table, depth, seed, { workers: threads, onProgress, signal });
  clock.lap('testing');
  if (signal?.aborted) throw new CancelledError('Stopped before the report was written.');
  const { name, kind, synthetic, groupSource } = dataset;
  const report: HypothesesReport = {
    title: `What in the sound carries the class: ${name}`,
    command: options.command,
    startedAt,
    dataset: {
      ...{ name, kind, synthetic, groupSource },
      fingerprint: dataFingerprint,
      clips: dataset.clips.length,
    },
    table: made.table,
    ...{ found, quick, depth, seed, failures, notices: all },
    versions: versions(),
    durations: clock.durations,
  };
  return { ...report, report: await writeHypothesesReport(out, report) };
}

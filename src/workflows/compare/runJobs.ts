/** @file Runs the trainings of a comparison, some at a time, each in a process of its own; finished ones are kept. */
import { join } from 'node:path';
import * as z from 'zod';
import {
  CancelledError,
  EarshotError,
  inLanes,
  type Notice,
  type ProgressEvent,
  TrainingError,
} from '../../core/index.ts';
import { readRecord, writeJson } from '../../files/index.ts';
import { runInProcess } from '../../parallel/index.ts';
import type { WorkflowHooks } from '../hooks.ts';
import { earshotVersion } from '../versions.ts';
import { approachOf, type CompareJob } from './compareJobs.ts';
import type { ComparePlan } from './comparePlan.ts';
import type { TrainTask } from './trainProcessWorker.ts';

export interface RunJobsOptions extends WorkflowHooks {
  /** The comparison's folder. */
  readonly directory: string;
  readonly dataset: string;
  readonly subset?: 'esc10';
  readonly plan: ComparePlan;
  /** Trainings at a time. */
  readonly atOnce: number;
  /** The command line of one training, for its report. */
  readonly commandOf: (job: CompareJob, out: string) => string;
}

/** What became of the trainings: those that failed, with the reason. The others are finished. */
export interface RunJobsOutcome {
  readonly failed: readonly { readonly job: CompareJob; readonly message: string; readonly hint?: string }[];
  /** How many were found finished. */
  readonly kept: number;
}

/**
 * Runs what is not finished yet. One that fails is told and the rest go on.
 * @throws {CancelledError} when stopped; every process has then saved its work and ended
 */
export async function runJobs(jobs: readonly CompareJob[], options: RunJobsOptions): Promise<RunJobsOutcome> {
  const { signal, onNotice } = options;
  const failed: RunJobsOutcome['failed'][number][] = [];
  const pending: CompareJob[] = [];
  for (const job of jobs) if (!(await isFinished(job, options))) pending.push(job);
  const kept = jobs.length - pending.length;
  const progress = overallProgress(jobs.length, kept, options.onProgress);
  await inLanes(pending, options.atOnce, async (job) => {
    if (signal?.aborted) return;
    try {
      await runJob(job, options, progress.of(job));
      await writeJson(recordPath(job, options), recordOf(job, options));
    } catch (error) {
      if (signal?.aborted) return;
      const notice = failure(job, error);
      failed.push(notice);
      onNotice?.(failureNotice(notice));
    }
    progress.finished(job);
  });
  if (signal?.aborted) {
    throw new CancelledError(
      `The comparison was stopped with ${progress.done()} of ${jobs.length} runs finished; they are kept, and so is what the others had done.`,
    );
  }
  return { failed, kept };
}

/** A failure as one notice. */
export function failureNotice({ job, message, hint }: RunJobsOutcome['failed'][number]): Notice {
  return { subject: job.id, message: `The run failed: ${message}${hint === undefined ? '' : ` ${hint}`}` };
}

function failure(job: CompareJob, error: unknown): RunJobsOutcome['failed'][number] {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof EarshotError ? error.hint : undefined;
  return { job, message, ...(hint === undefined ? {} : { hint }) };
}

async function runJob(
  job: CompareJob,
  options: RunJobsOptions,
  onEvent: (event: ProgressEvent) => void,
): Promise<void> {
  const { dataset, subset, directory, threads, device, cacheDir, signal } = options;
  const { network, overrides } = job.entry;
  const approach = approachOf(job.entry);
  const out = join(directory, ...job.id.split('/'));
  const task: TrainTask = {
    ...{ dataset, seed: job.seed, out, resume: true, command: options.commandOf(job, out) },
    ...job.split,
    ...(approach === undefined ? {} : { approach }),
    ...(network === undefined ? {} : { network }),
    ...(overrides === undefined ? {} : { overrides }),
    ...(subset === undefined ? {} : { subset }),
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
    ...(cacheDir === undefined ? {} : { cacheDir }),
  };
  await runInProcess<TrainTask, null, ProgressEvent>(import.meta.url, 'trainProcessWorker', task, {
    onEvent,
    ...(signal === undefined ? {} : { signal }),
  });
}

function recordPath({ id }: CompareJob, { directory }: RunJobsOptions): string {
  return join(directory, ...id.split('/'), 'job.json');
}

/** Written when a run is finished. */
const jobRecord = z.object({
  format: z.literal(1),
  /** The run's in the plan. */
  key: z.string(),
  /** The version that finished it. */
  earshot: z.string(),
});

function recordOf({ id }: CompareJob, { plan }: RunJobsOptions): z.input<typeof jobRecord> {
  return { format: 1, key: plan.get(id)!, earshot: earshotVersion() };
}

async function isFinished(job: CompareJob, options: RunJobsOptions): Promise<boolean> {
  const path = recordPath(job, options);
  const record = await readRecord(path, jobRecord, {
    what: 'the record of a finished run',
    hint: 'Remove it, and the run is looked through again.',
    error: TrainingError,
    version: { field: 'format', supported: [1] },
  });
  return record !== null && record.key === options.plan.get(job.id);
}

/** Progress over all runs: how many are finished, and what those that run are at. */
function overallProgress(total: number, kept: number, onProgress: WorkflowHooks['onProgress']) {
  const running = new Map<string, string>();
  let done = kept;
  const tell = () =>
    onProgress?.({
      ...{ task: 'Comparing', done, total, unit: 'runs' },
      ...(running.size === 0 ? {} : { detail: [...running].map((parts) => parts.join(' ')).join('; ') }),
    });
  if (kept < total) tell();
  return {
    done: () => done,
    of: (job: CompareJob) => (event: ProgressEvent) => {
      running.set(job.id, `${event.task} ${event.done}/${event.total}`);
      tell();
    },
    finished(job: CompareJob) {
      running.delete(job.id);
      done++;
      tell();
    },
  };
}

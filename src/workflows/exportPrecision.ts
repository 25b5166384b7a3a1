/** @file `earshot export --precision`: a model with its weights in fewer bits, and what that costs in accuracy. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import {
  artifactInfo,
  Classifier,
  meanProbabilities,
  type PrecisionEvaluation,
  type PrecisionRecord,
} from '../approaches/index.ts';
import { argmax, DatasetError, GraphError, type Notice, TrainingError } from '../core/index.ts';
import type { Clip, Dataset } from '../datasets/index.ts';
import { readPredictions } from '../evaluation/index.ts';
import { hashFile, readRecord, writeFileAtomic } from '../files/index.ts';
import { encodeModel, type Model, type Precision, reducePrecision } from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import { chooseFolds } from './evaluate.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { openNamedDataset } from './namedDataset.ts';
import { configFile } from './runFolder.ts';
import { WholeClips, waveformChunks } from './waveformChunks.ts';

export interface ExportPrecisionOptions extends WorkflowHooks {
  /** Path of an artefact. */
  readonly model: string;
  readonly precision: Precision;
  /** The file to write. */
  readonly out: string;
  /** A dataset's path, `demo`, or a run's folder, whose test clips are then taken; default nothing is measured. */
  readonly evaluate?: string;
  /** Only these official folds of the dataset. */
  readonly folds?: readonly number[];
  readonly subset?: 'esc10';
}

export interface ExportPrecisionOutcome extends PrecisionRecord {
  readonly file: string;
  readonly bytes: number;
  readonly failures: readonly Notice[];
}

/**
 * Writes the model in that precision. What was measured is kept in the new file.
 * @throws {GraphError} when the file is no artefact, was reduced before, or has nothing to reduce
 * @throws {DatasetError} when the evaluation set has other classes, or not one clip of it can be read
 */
export async function exportPrecision(options: ExportPrecisionOptions): Promise<ExportPrecisionOutcome> {
  const { model: path, precision, out } = options;
  const model = await readModel(path);
  const info = artifactInfo(model, path);
  if (info.precision !== undefined) {
    throw new GraphError(`${path} was made ${info.precision.precision} from ${info.precision.source.file}.`, {
      hint: 'Export from the model that earshot train wrote.',
    });
  }
  const { model: reduced, numbers, integerProducts } = reducePrecision(model, precision);
  const made = {
    precision,
    source: { file: basename(path), sha256: await hashFile(path), bytes: (await stat(path)).size },
    numbers,
    integerProducts,
  };
  const write = (evaluation: PrecisionEvaluation | null) =>
    encodeModel(withRecord(reduced, { ...made, evaluation }));
  const measured =
    options.evaluate === undefined
      ? null
      : await compare({ ...options, evaluate: options.evaluate }, write(null), info.classes);
  const record = { ...made, evaluation: measured?.evaluation ?? null };
  const written = write(record.evaluation);
  await writeFileAtomic(out, written);
  return { ...record, file: out, bytes: written.length, failures: measured?.failures ?? [] };
}

/** The model with the record in what it says about itself. */
function withRecord(model: Model, record: PrecisionRecord): Model {
  const info = artifactInfo(model, 'The model');
  const stored = {
    ...info,
    precision: record,
    // What its input is rounded to goes by the largest value of a run: a clip shall not depend on its neighbours.
    ...(record.integerProducts > 0 ? { clipsPerRun: 1 } : {}),
  };
  return { ...model, metadata: new Map([...model.metadata, ['earshot', JSON.stringify(stored)]]) };
}

async function compare(
  options: ExportPrecisionOptions & { readonly evaluate: string },
  after: Uint8Array,
  classes: readonly string[],
): Promise<{ evaluation: PrecisionEvaluation; failures: Notice[] }> {
  const { dataset, clips } = await evaluationClips(options);
  const unknown = dataset.classes.find((label) => !classes.includes(label));
  if (unknown !== undefined) {
    throw new DatasetError(`${dataset.name} has the class '${unknown}', which the model does not know.`, {
      hint: `The model knows ${classes.join(', ')}.`,
    });
  }
  const first = await Classifier.open(options.model, engineOptions(options));
  const second = await Classifier.fromBytes(after, options.out, engineOptions(options)).catch(
    async (error: unknown) => {
      await first.close();
      throw error;
    },
  );
  try {
    const failures: Notice[] = [];
    const times: [number[], number[]] = [[], []];
    const right: [number, number] = [0, 0];
    const spent: [number, number] = [0, 0];
    const whole = [new WholeClips<Float32Array>(), new WholeClips<Float32Array>()];
    let [count, changed, largest] = [0, 0, 0];
    const { pipeline } = first.info;
    for await (const chunk of waveformChunks(clips, pipeline, options, 'Comparing both models')) {
      failures.push(...chunk.failures.map(({ clip, message }) => ({ subject: clip.id, message })));
      for (const features of chunk.features) {
        const { clip, waveforms = [], part } = features;
        const rows: number[][] = [];
        for (const [i, classifier] of [first, second].entries()) {
          const began = performance.now();
          const { probabilities } = await classifier.score(waveforms, 1);
          spent[i] += performance.now() - began;
          const own = whole[i].add(features, probabilities);
          if (own.length > 0) rows.push(meanProbabilities(own));
        }
        if (part?.last === false) continue;
        for (const [i, list] of times.entries()) list.push(spent[i]);
        spent.fill(0);
        const [p, q] = rows as [number[], number[]];
        const [a, b] = [argmax(p), argmax(q)];
        if (classes[a] === clip.label) right[0]++;
        if (classes[b] === clip.label) right[1]++;
        if (a !== b) changed++;
        p.forEach((value, i) => {
          largest = Math.max(largest, Math.abs(value - q[i]));
        });
        count++;
      }
    }
    if (count === 0) {
      throw new DatasetError('Not one clip of the evaluation set could be read.', {
        hint: failures[0]?.message ?? 'There are no clips.',
      });
    }
    const evaluation: PrecisionEvaluation = {
      dataset: dataset.name,
      clips: count,
      accuracyBefore: right[0] / count,
      accuracyAfter: right[1] / count,
      decisionsChanged: changed,
      largestProbabilityDifference: largest,
      millisecondsBefore: middle(times[0]),
      millisecondsAfter: middle(times[1]),
    };
    return { evaluation, failures };
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
}

const middle = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1];

/** The clips of a dataset, or the test clips of a run. */
async function evaluationClips(
  options: ExportPrecisionOptions & { readonly evaluate: string },
): Promise<{ dataset: Dataset; clips: Clip[] }> {
  const { evaluate, folds } = options;
  const root = await runDataset(evaluate);
  const dataset = await openNamedDataset(root ?? evaluate, options);
  if (root === null) return { dataset, clips: chooseFolds(dataset.clips, folds, dataset.name) };
  const { rows } = await readPredictions(join(evaluate, 'predictions.csv'));
  const tested = new Set(rows.map(({ clip }) => clip));
  return {
    dataset,
    clips: chooseFolds(dataset.clips, folds, dataset.name).filter(({ id }) => tested.has(id)),
  };
}

/** Any other program's config.json has no such field. */
const runRecord = z.object({ dataset: z.object({ root: z.string() }).optional().catch(undefined) });

/**
 * The folder of the dataset that a run was made on; null where `path` is no run.
 * @throws {TrainingError} for a run whose settings cannot be read
 */
async function runDataset(path: string): Promise<string | null> {
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) return null;
  const record = await readRecord(join(path, configFile), runRecord, {
    what: 'the settings of an Earshot run',
    hint: 'Name the dataset instead of the run.',
    error: TrainingError,
  });
  return record?.dataset?.root ?? null;
}

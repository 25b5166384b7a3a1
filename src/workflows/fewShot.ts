/** @file `earshot few-shot`: how accuracy grows with examples per class, from none on. */
import { join, resolve } from 'node:path';
import { vectorPipeline } from '../approaches/index.ts';
import { CancelledError, type Notice, ParameterError } from '../core/index.ts';
import { fingerprint } from '../datasets/index.ts';
import { type FewShotPoint, writeFewShotReport } from '../evaluation/index.ts';
import { writeJson } from '../files/index.ts';
import { bootstrapGroups } from '../statistics/index.ts';
import {
  classSplits,
  clipsOf,
  evaluateFewShot,
  type FewShotDraw,
  fewShotMethods,
  type VectorScaling,
  vectorsOf,
} from '../zeroShot/index.ts';
import { type ClassKnowledgeOptions, type FrozenSource, openClassKnowledge } from './classKnowledge.ts';
import { clipRows, labelledRows } from './clipRows.ts';
import { fingerprintOptions, type WorkflowHooks } from './hooks.ts';
import { openNamedDataset, suggestWindowSeconds } from './namedDataset.ts';
import { inRunFolder } from './runFolder.ts';
import { versions } from './versions.ts';
import { frozenText, sourceNotices } from './zeroShotEvaluate.ts';

export interface FewShotOptions extends WorkflowHooks, ClassKnowledgeOptions {
  /** A dataset's path, or `demo`. */
  readonly dataset: string;
  readonly subset?: 'esc10';
  readonly source: FrozenSource;
  /** Default `centred`. */
  readonly scaling?: VectorScaling;
  /** Examples per class; default 0, 1, 2, 5, 10, 20. */
  readonly shots?: readonly number[];
  /** Novel classes in a division; default half of all. */
  readonly novel?: number;
  /** Random divisions of all classes; default 5. */
  readonly splits?: 'all' | number;
  /** Draws of examples in each division; default 10. */
  readonly draws?: number;
  readonly seed?: number;
  readonly out: string;
  readonly command: string;
}

export interface FewShotOutcome {
  readonly directory: string;
  readonly dataset: string;
  readonly chance: number;
  readonly points: readonly FewShotPoint[];
  readonly report: { readonly html: string; readonly markdown: string };
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/**
 * Draws examples of novel classes again and again and tests on other recordings of them.
 * @throws {UsageError} when `out` holds something
 * @throws {DatasetError} when the dataset or a class vector file cannot be used
 * @throws {ParameterError} for a class without a vector or with a single recording, or divisions that there cannot be
 * @throws {CancelledError} when stopped
 */
export async function fewShot(options: FewShotOptions): Promise<FewShotOutcome> {
  const directory = resolve(options.out);
  return inRunFolder(directory, false, () => fewShotIn(directory, options));
}

async function fewShotIn(directory: string, options: FewShotOptions): Promise<FewShotOutcome> {
  const { seed = 0, shots = [0, 1, 2, 5, 10, 20], draws = 10, source, scaling = 'centred' } = options;
  const dataset = await openNamedDataset(options.dataset, options);
  const { clips, vectors } = await openClassKnowledge(source, options, dataset.classes, options);
  const opened = clips!;
  const known = { ...vectors, classes: dataset.classes, matrix: vectorsOf(vectors, dataset.classes) };
  const novel = options.novel ?? Math.max(2, Math.floor(dataset.classes.length / 2));
  const divisions = classSplits(dataset.classes, { unseen: novel, splits: options.splits ?? 5, seed });
  const early = [...dataset.notices, ...sourceNotices(source, opened, dataset)];
  for (const notice of early) options.onNotice?.(notice);
  const pipeline = vectorPipeline(opened, await suggestWindowSeconds(dataset));
  const rows = await clipRows(dataset.clips, opened, pipeline, options);
  const notices = [...early, ...rows.notices];
  const sorted = [...new Set(shots)].sort((a, b) => a - b);
  const made: { readonly split: number; readonly draw: FewShotDraw }[] = [];
  for (const [s, split] of divisions.entries()) {
    if (options.signal?.aborted)
      throw new CancelledError(`Stopped after ${s} of ${divisions.length} divisions.`);
    const { seen, unseen } = clipsOf(split, rows.clips);
    const outcome = evaluateFewShot(split, labelledRows(rows, seen), labelledRows(rows, unseen), {
      ...{ vectors: known, scaling, shots: sorted, draws, seed },
    });
    made.push(...outcome.draws.map((draw) => ({ split: s, draw })));
    options.onProgress?.({ task: 'Divisions', done: s + 1, total: divisions.length, unit: 'divisions' });
  }
  const points = sorted.map((k): FewShotPoint => {
    const own = made.filter(({ draw }) => draw.shots === k);
    if (own.length === 0) throw new ParameterError('No draw left every class an example and a tested clip.');
    return {
      shots: k,
      examples: own.reduce((sum, { draw }) => sum + draw.examples, 0) / own.length,
      accuracy: Object.fromEntries(
        fewShotMethods.flatMap((method) => {
          const scores = own.map(({ draw }) => draw.accuracy[method] ?? Number.NaN);
          if (scores.some(Number.isNaN)) return [];
          const mean = (items: Iterable<number>) => {
            let [sum, n] = [0, 0];
            for (const i of items) {
              sum += scores[i];
              n++;
            }
            return { accuracy: sum / n };
          };
          const groups = own.map(({ split }) => split);
          const { accuracy } = bootstrapGroups(groups, mean, { seed });
          return [[method, { value: mean(scores.keys()).accuracy, interval: accuracy }]];
        }),
      ),
    };
  });
  const chance = divisions.reduce((sum, { unseen }) => sum + 1 / unseen.length, 0) / divisions.length;
  const embedding = frozenText(opened);
  const { failures } = rows;
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));
  const config = {
    ...{ shots: sorted, draws, novel, divisions: divisions.map(({ name }) => name), scaling, pipeline },
    ...{ embedding: opened.spec, pooling: source.pooling ?? 'mean' },
    classVectors: { classes: known.classes, rows: Array.from(known.matrix.data) },
  };
  const result = { dataset: dataset.name, chance, points, failures, notices };
  await writeJson(join(directory, 'few-shot.json'), {
    ...{ command: options.command, seed, versions: versions(), embedding, vectors: vectors.source },
    ...{ fingerprint: dataFingerprint, config },
    ...result,
    draws: made,
  });
  const report = await writeFewShotReport(directory, {
    ...{ title: `From zero to few shots on ${dataset.name}`, command: options.command },
    ...{ dataset: dataset.name, synthetic: dataset.synthetic, embedding, vectors: vectors.source },
    ...{
      chance,
      novel,
      splits: divisions.length,
      draws,
      points,
      seed,
      versions: versions(),
      fingerprint: dataFingerprint,
      config,
      failures,
      notices,
    },
  });
  return { directory, report, ...result };
}

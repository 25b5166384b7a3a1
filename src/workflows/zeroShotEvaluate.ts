/** @file `earshot zero-shot evaluate`: how well classes are told apart that nothing was ever fitted to. */
import { join, resolve } from 'node:path';
import {
  anyWindowSeconds,
  approachByName,
  artifactVectors,
  byContent,
  type ClipVectors,
  isPromptApproach,
  isVectorApproach,
  type NetworkRunConfig,
  networkWeightsSha256,
  type Overrides,
  openImportedModel,
  requireRunWeights,
  resolveConfig,
  runIdentity,
  vectorPipeline,
  vectorsName,
} from '../approaches/index.ts';
import {
  CancelledError,
  DatasetError,
  type Notice,
  noWeights,
  ParameterError,
  UsageError,
  weightsOrigin,
} from '../core/index.ts';
import { type Clip, type Dataset, fingerprint, splitDataset } from '../datasets/index.ts';
import { writeZeroShotReport } from '../evaluation/index.ts';
import { canonicalJson, digest } from '../extraction/index.ts';
import { makeFolder, removeAbandoned, writeJson } from '../files/index.ts';
import {
  type ClassSplit,
  type ClassVectors,
  classSplits,
  clipsOf,
  evaluateSplit,
  type SplitOutcome,
  summariseSplits,
  type VectorScaling,
  vectorsOf,
  type ZeroShotMethodName,
  type ZeroShotSummary,
  zeroShotMethodNames,
} from '../zeroShot/index.ts';
import { type ClassKnowledgeOptions, type FrozenSource, openClassKnowledge } from './classKnowledge.ts';
import { type ClipRows, clipRows, labelledRows, rowsOfTrained } from './clipRows.ts';
import { distinct, fingerprintOptions, type WorkflowHooks, withTask } from './hooks.ts';
import { openNamedDataset, suggestWindowSeconds } from './namedDataset.ts';
import { configFile, inRunFolder, type RunIdentity, runToResume } from './runFolder.ts';
import { readStoredSplit, type StoredSplit } from './storedSplit.ts';
import { trainSplit } from './trainSplit.ts';
import { versions } from './versions.ts';

/** Where the numbers of a clip come from. */
export type EmbeddingSource =
  | FrozenSource
  /** Trained anew for every split, on clips of its seen classes alone. */
  | { readonly kind: 'trained'; readonly approach: string; readonly overrides?: Overrides };

export interface ZeroShotEvaluateOptions extends WorkflowHooks, ClassKnowledgeOptions {
  /** A dataset's path, or `demo`. */
  readonly dataset: string;
  readonly subset?: 'esc10';
  readonly source: EmbeddingSource;
  /** Default `centred`. */
  readonly scaling?: VectorScaling;
  /** Default all. */
  readonly methods?: readonly ZeroShotMethodName[];
  /** Unseen classes in a split; default 2. */
  readonly unseen?: number;
  /** `all` choices of so many classes (the default), or a number of random divisions. */
  readonly splits?: 'all' | number;
  /** Share of the recordings of seen classes that is held out to be tested on; default 0.2. */
  readonly testFraction?: number;
  /** Shuffles of the class vectors; default 200. */
  readonly permutations?: number;
  readonly seed?: number;
  readonly out: string;
  readonly resume?: boolean;
  /** The command line that repeats the run, for the report. */
  readonly command: string;
}

export interface ZeroShotEvaluateOutcome {
  readonly directory: string;
  readonly dataset: string;
  readonly embedding: string;
  readonly vectors: { readonly source: string; readonly columns: number };
  readonly summary: ZeroShotSummary;
  readonly report: { readonly html: string; readonly markdown: string };
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

interface Run {
  readonly options: ZeroShotEvaluateOptions;
  readonly dataset: Dataset;
  readonly dataFingerprint: string;
  readonly vectors: ClassVectors;
  readonly directory: string;
  readonly seed: number;
  /** The rows of all clips, where they are the same in every split. */
  readonly frozen: ClipRows | null;
  /** The settings of the network that is trained in every split. */
  readonly config: NetworkRunConfig | null;
  /** Settings with weights by their content, as canonical JSON. */
  readonly identity: string;
  readonly weightsHash: string | null;
  /** The rows of clips by a network that was trained for one split. */
  readonly trainedRows: (
    clips: readonly Clip[],
    vectors: ClipVectors,
    hooks: WorkflowHooks,
  ) => Promise<ClipRows>;
}

/**
 * For every division into seen and unseen classes: fits to clips of seen classes, tests on recordings held out of them
 * and on all clips of the unseen ones. What is fitted (embedding, scaling, settings, models) never sees an unseen class,
 * nor a recording that is tested on.
 * @throws {UsageError} when `out` holds something and `resume` is not set
 * @throws {DatasetError} when the dataset, or a class vector file, cannot be used
 * @throws {ParameterError} for a class without a vector, or splits that there cannot be
 * @throws {CancelledError} when stopped; `resume` goes on
 */
export async function zeroShotEvaluate(options: ZeroShotEvaluateOptions): Promise<ZeroShotEvaluateOutcome> {
  const { source, seed = 0 } = options;
  // What is wrong with the settings is told before anything is opened.
  if (source.kind === 'trained') await trainedConfig(source, anyWindowSeconds, seed);
  const directory = resolve(options.out);
  return inRunFolder(directory, options.resume ?? false, () => evaluateIn(directory, options));
}

async function evaluateIn(
  directory: string,
  options: ZeroShotEvaluateOptions,
): Promise<ZeroShotEvaluateOutcome> {
  const { seed = 0, source, onProgress, onNotice, signal } = options;
  const dataset = await openNamedDataset(options.dataset, options);
  const asFrozen = source.kind === 'frozen' ? source : null;
  const { clips: opened, vectors } = await openClassKnowledge(asFrozen, options, dataset.classes, options);
  const splits = classSplits(dataset.classes, {
    seed,
    ...(options.unseen === undefined ? {} : { unseen: options.unseen }),
    ...(options.splits === undefined ? {} : { splits: options.splits }),
  });
  const known: ClassVectors = {
    ...vectors,
    classes: dataset.classes,
    matrix: vectorsOf(vectors, dataset.classes),
  };
  const windowSeconds = await suggestWindowSeconds(dataset);
  const config = source.kind === 'trained' ? await trainedConfig(source, windowSeconds, seed) : null;
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));
  const settings = canonicalJson({
    ...{ seed, methods: options.methods ?? null, scaling: options.scaling ?? null },
    ...{ testFraction: options.testFraction ?? null, permutations: options.permutations ?? null },
    ...{ vectors: [known.classes, Array.from(known.matrix.data)], config, embedding: opened?.spec ?? null },
  });
  const weightsHash = config === null ? null : await networkWeightsSha256(config);
  const identity = canonicalJson({
    ...JSON.parse(settings),
    config: config === null ? null : runIdentity(config, weightsHash),
    embedding: opened === null ? null : byContent(opened.spec),
  });
  const wanted: RunIdentity = {
    config,
    data: dataFingerprint,
    fingerprint: digest(dataFingerprint, identity, canonicalJson(splits)),
  };
  const run: Run = {
    ...{ options, dataset, dataFingerprint, vectors: known, directory, seed, config, identity, weightsHash },
    frozen: null,
    trainedRows: rowsOfTrained(dataset.clips),
  };
  const before = options.resume ? await runToResume(directory, wanted) : null;
  // All that is there is checked before anything is written.
  if (before !== null) for (const [i, split] of splits.entries()) await finishedOne(run, split, i);
  await removeAbandoned(directory);
  if (before === null)
    await writeJson(join(directory, configFile), {
      ...{ command: options.command, startedAt: new Date().toISOString(), seed, versions: versions() },
      fingerprint: wanted.fingerprint,
      dataset: { name: dataset.name, root: dataset.root, fingerprint: dataFingerprint },
      classVectors: { source: vectors.source, attributes: vectors.attributes, classes: known.classes },
      ...{ config, embedding: opened?.spec ?? null, splits: splits.map(({ name }) => name) },
    });
  const early = [...dataset.notices, ...sourceNotices(source, opened, dataset)];
  for (const notice of early) onNotice?.(notice);
  const frozen =
    opened === null
      ? null
      : await clipRows(dataset.clips, opened, vectorPipeline(opened, windowSeconds), options);
  const notices = [...early, ...(frozen?.notices ?? [])];
  const stored: StoredSplit[] = [];
  for (const [i, split] of splits.entries()) {
    if (signal?.aborted) throw new CancelledError(`Stopped after ${i} of ${splits.length} class splits.`);
    stored.push(await evaluateOne({ ...run, frozen }, split, i));
    onProgress?.({ task: 'Class splits', done: i + 1, total: splits.length, unit: 'splits' });
  }
  const summary = summariseSplits(
    stored.map(({ outcome }) => outcome),
    stored.map(({ tested }) => tested),
    seed,
  );
  const failures = distinct([...(frozen?.failures ?? []), ...stored.flatMap((one) => one.failures)]);
  const embedding = opened === null ? trainedText(config!) : frozenText(opened);
  await writeJson(join(directory, 'zero-shot.json'), {
    ...{ summary, embedding, classVectors: vectors.source, failures, notices },
    splits: stored.map(({ outcome }) => withoutCurves(outcome)),
  });
  const report = await writeZeroShotReport(directory, {
    title: `Zero-shot on ${dataset.name}`,
    command: options.command,
    dataset: {
      ...{ name: dataset.name, synthetic: dataset.synthetic, groupSource: dataset.groupSource },
      ...{ clips: dataset.clips.length, classes: dataset.classes },
    },
    embedding,
    vectors: { source: vectors.source, columns: known.matrix.columns, attributes: vectors.attributes },
    summary,
    splits: stored.map(({ outcome }) => outcome),
    ...{ seed, versions: versions(), fingerprint: dataFingerprint, failures, notices },
    config: JSON.parse(settings),
  });
  return {
    ...{ directory, dataset: dataset.name, embedding, summary, report, failures, notices },
    vectors: { source: vectors.source, columns: known.matrix.columns },
  };
}

async function evaluateOne(run: Run, split: ClassSplit, index: number): Promise<StoredSplit> {
  const { options, dataset, seed } = run;
  const { place, path, key } = placeOf(run, split, index);
  if (options.resume) {
    const done = await readStoredSplit(path, key);
    if (done !== null) return done;
  }
  await makeFolder(place);
  await removeAbandoned(place);
  const { seen: clips, unseen } = clipsOf(split, dataset.clips);
  const seenOnly: Dataset = { ...dataset, classes: split.seen, clips, notices: [] };
  const sides = splitDataset(seenOnly, {
    kind: 'grouped',
    seed,
    ...(options.testFraction === undefined ? {} : { testFraction: options.testFraction }),
  });
  let rows = run.frozen;
  if (rows === null) {
    const hooks: WorkflowHooks = withTask(options, `split ${index + 1}`);
    await trainSplit(
      {
        ...{ dataset: seenOnly, dataFingerprint: run.dataFingerprint, split: sides, config: run.config! },
        ...{ directory: place, resume: options.resume ?? false, weightsSha256: run.weightsHash },
      },
      hooks,
    );
    const vectors = artifactVectors(await openImportedModel(join(place, 'model.onnx')));
    const wanted = [...sides.train, ...sides.test, ...unseen];
    rows = await run.trainedRows(wanted, vectors, hooks);
  }
  const readable = new Set(rows.clips.map(({ id }) => id));
  const tested = rows.clips.filter(({ label }) => split.unseen.includes(label));
  const missing = split.unseen.find((label) => !tested.some((clip) => clip.label === label));
  if (missing !== undefined) throw new DatasetError(`Not one clip of the class ${missing} could be read.`);
  const learntFrom = new Set(sides.train.filter(({ id }) => readable.has(id)).map(({ label }) => label));
  const lost = split.seen.find((label) => !learntFrom.has(label));
  if (lost !== undefined) {
    throw new DatasetError(`With ${split.name} unseen, no readable clip of ${lost} is left to learn from.`, {
      hint: 'Add recordings of that class, or leave it out.',
    });
  }
  const outcome = evaluateSplit(
    split,
    {
      fit: labelledRows(rows, sides.train),
      seenTest: labelledRows(rows, sides.test),
      unseen: labelledRows(rows, tested),
    },
    {
      methods: options.methods ?? zeroShotMethodNames,
      vectors: run.vectors,
      scaling: options.scaling ?? 'centred',
      permutations: options.permutations ?? 200,
      seed,
    },
  );
  const stored: StoredSplit = {
    fingerprint: key,
    outcome,
    tested: tested.map(({ id, label, group }) => ({ id, label, group })),
    failures: rows === run.frozen ? [] : rows.failures,
  };
  await writeJson(path, stored);
  return stored;
}

/** The finished division, if it is finished. @throws {TrainingError} when what lies in its place is another one, or damaged */
async function finishedOne(run: Run, split: ClassSplit, index: number): Promise<StoredSplit | null> {
  const { path, key } = placeOf(run, split, index);
  return readStoredSplit(path, key);
}

function placeOf({ directory, dataFingerprint, identity }: Run, split: ClassSplit, index: number) {
  const place = join(directory, 'splits', String(index + 1).padStart(3, '0'));
  return {
    place,
    path: join(place, 'split.json'),
    key: digest(dataFingerprint, identity, canonicalJson(split)),
  };
}

/** @throws {UsageError} for an approach that trains no network */
async function trainedConfig(
  { approach, overrides }: Extract<EmbeddingSource, { kind: 'trained' }>,
  windowSeconds: number,
  seed: number,
): Promise<NetworkRunConfig> {
  const named = approachByName(approach);
  if (isPromptApproach(named)) {
    throw new UsageError(`The approach ${approach} is not trained on clips.`, {
      hint: 'Compare it by earshot train, or give its sentence vectors as --class-vectors.',
    });
  }
  if (isVectorApproach(named)) {
    throw new UsageError(`The approach ${approach} trains no embedding.`, {
      hint: `Name its network with --network instead, such as --network ${named.network ?? 'mfcc'}.`,
    });
  }
  const config = resolveConfig(named, windowSeconds, seed, overrides);
  await requireRunWeights(config);
  return config;
}

/** What the numbers of a clip are, for reports. */
export function frozenText({ weights }: ClipVectors): string {
  return weights === noWeights ? 'MFCC statistics, nothing trained' : weights.replace(/\.$/, '');
}

function trainedText({ approach, training }: NetworkRunConfig): string {
  return `${approach}, trained for ${training.epochs} epochs on the seen classes of each split alone`;
}

/** What is to be said of a network that was not trained here. */
export function sourceNotices(
  source: EmbeddingSource,
  opened: ClipVectors | null,
  dataset: Dataset,
): Notice[] {
  if (source.kind === 'trained' || opened === null || opened.spec.kind === 'mfcc82') return [];
  if (opened.spec.kind === 'artifact') {
    const known = opened.spec.classes.filter((label) => dataset.classes.includes(label));
    if (known.length === 0) return [];
    return [
      {
        subject: 'embedding',
        message: `The model was trained to tell apart ${known.join(', ')}: as an unseen class each of these is not new to it, so this is no zero-shot.`,
      },
    ];
  }
  if (weightsOrigin(opened.weights) === 'untrained')
    return [{ subject: 'embedding', message: opened.weights }];
  return [
    {
      subject: 'embedding',
      message: `The network ${vectorsName(opened.spec)} was trained elsewhere, perhaps on sounds of these very classes; then this is no clean zero-shot.`,
    },
  ];
}

/** Curves are long, and each split's file has its own. */
function withoutCurves(outcome: SplitOutcome) {
  return {
    ...outcome,
    methods: outcome.methods.map(({ generalised, ...method }) => {
      const { curve: _, ...rest } = generalised;
      return { ...method, generalised: rest };
    }),
  };
}

/** @throws {ParameterError} for a name that there is not */
export function checkMethods(names: readonly string[]): readonly ZeroShotMethodName[] {
  const wrong = names.find((name) => !(zeroShotMethodNames as readonly string[]).includes(name));
  if (wrong !== undefined) {
    throw new ParameterError(`There is no zero-shot model '${wrong}'.`, {
      hint: `There are ${zeroShotMethodNames.join(', ')}.`,
    });
  }
  return names as readonly ZeroShotMethodName[];
}

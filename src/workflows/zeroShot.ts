/**
 * @file `earshot zero-shot`: recordings against labels in words, with a CLAP model and no training; and the same labels
 * baked into a model file.
 */
import { basename } from 'node:path';
import {
  buildArtifact,
  ClapEar,
  type ClapModel,
  clapPipeline,
  clapWindowsPerRun,
  cosines,
  embedLabels,
  type LabelDescriptions,
  type LabelVectors,
  labelProbabilities,
  meanProbabilities,
  openClap,
  type PromptedLabel,
  plainLabels,
  promptScore,
  promptsFor,
  readLabelFile,
  zeroShotTraining,
} from '../approaches/index.ts';
import { openUsableSound, type SoundFacts, soundRemarks } from '../audio/index.ts';
import { CancelledError, fileProblem, ParameterError, UsageError } from '../core/index.ts';
import { inBatches, openWindows, pipelineWindowing, soundSeconds } from '../extraction/index.ts';
import { type ClapCrop, type ClapSpec, clapCropStart, clapSpec, clapWindow } from '../features/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { encodeModel } from '../onnx/index.ts';
import { Engine } from '../runtime/index.ts';
import { windowStart } from '../windows/index.ts';
import { engineOptions, shareListener, type WorkflowHooks } from './hooks.ts';
import { findSoundFiles } from './soundFiles.ts';
import { versions } from './versions.ts';

/** What to listen for, and with what. */
export interface PromptOptions extends WorkflowHooks {
  /** Labels in words, such as `dog_bark`. */
  readonly labels?: readonly string[];
  /** A file of labels with descriptions ({@link readLabelFile}); added to `labels`. */
  readonly labelsFile?: string;
  /** Sentences with `{}` in the label's place; several are averaged. Default `This is a sound of {}.` */
  readonly templates?: readonly string[];
  /** A folder of CLAP's files, a safetensors file, or the name of fetched weights; default `clap-htsat-unfused`. */
  readonly weights?: string;
  /** What similarities are multiplied with before softmax; default the trained one, or the configuration's. */
  readonly logitScale?: number;
  /** Round samples to 16 bits first, as LAION's own code does. Default false. */
  readonly int16?: boolean;
}

export interface ZeroShotOptions extends PromptOptions {
  /** Files, folders whose sound files are taken (recursively), and patterns. */
  readonly paths: readonly string[];
  /** Hear one piece of 10 s of a longer recording, instead of all of it in windows. */
  readonly crop?: ClapCrop;
  /** How many labels to list per file; default all. */
  readonly top?: number;
  /** Told once what is listened for and with what, before the first file. */
  readonly onReady?: (ready: ZeroShotSetting) => void;
}

export interface ZeroShotSetting {
  /** A sentence: where the weights come from. */
  readonly weights: string;
  readonly labels: readonly PromptedLabel[];
  readonly logitScale: number;
  /** Whether the factor is the one that was trained, or was given. */
  readonly logitScaleKnown: boolean;
}

export interface LabelScore {
  readonly label: string;
  /** Cosine of sound and label, in [−1, 1]; the mean over windows. */
  readonly similarity: number;
  /** Softmax over the labels; the mean over windows. */
  readonly probability: number;
}

export interface HeardFile {
  readonly file: string;
  readonly seconds: number;
  /** What the decoder had to say. */
  readonly warnings: readonly string[];
  /** The likeliest labels first. */
  readonly scores: readonly LabelScore[];
  readonly windows: readonly {
    readonly start: number;
    readonly end: number;
    readonly similarities: readonly number[];
  }[];
}

export type ZeroShotEvent =
  | { readonly ok: true; readonly result: HeardFile }
  | { readonly ok: false; readonly file: string; readonly message: string; readonly hint?: string };

/**
 * Compares recordings with labels, one after the other. A file that cannot be read is yielded as a failure and the rest go
 * on.
 * @throws {ParameterError} when there is nothing to hear, no label, or a template without a place for one
 * @throws {WeightsError} when the weights are not there or do not fit; says how to get them
 * @throws {CancelledError} when stopped
 */
export async function* zeroShot(options: ZeroShotOptions): AsyncGenerator<ZeroShotEvent> {
  const { signal, onProgress, crop, top = Number.MAX_SAFE_INTEGER } = options;
  if (!(Number.isInteger(top) && top >= 1))
    throw new ParameterError(`top must be a whole number ≥ 1, got ${top}.`);
  const files = (await findSoundFiles(options.paths, options.onNotice)).map(({ path }) => path);
  const labels = await promptedLabels(options);
  const model = await openClap(options.weights);
  const setting = settingOf(model, labels, options);
  options.onReady?.(setting);
  const engine = new Engine(engineOptions(options));
  try {
    const vectors = await embedLabels(model, labels, engine);
    const ear = await ClapEar.load(model, frontEndOf(options), engine);
    const listening: Listening = { ear, vectors, logitScale: setting.logitScale, crop, top };
    const about = { task: 'Listening', total: files.length, unit: 'files' };
    for (const [i, file] of files.entries()) {
      if (signal?.aborted) throw new CancelledError(`Stopped after ${i} of ${files.length} files.`);
      try {
        yield {
          ok: true,
          result: await hear(listening, file, shareListener(onProgress, { ...about, done: i }, file)),
        };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        yield { ok: false, file, ...fileProblem(file, error) };
      }
      onProgress?.({ ...about, done: i + 1 });
    }
  } finally {
    await engine.close();
  }
}

/** What all recordings are compared with. */
interface Listening {
  readonly ear: ClapEar;
  readonly vectors: LabelVectors;
  readonly logitScale: number;
  readonly crop: ClapCrop | undefined;
  readonly top: number;
}

async function hear(
  { ear, vectors, logitScale, crop, top }: Listening,
  file: string,
  onShare: (share: number) => void,
): Promise<HeardFile> {
  const { sampleRate } = clapSpec;
  const heard = await (crop === undefined
    ? hearAll(ear, vectors, file, onShare)
    : hearPiece(ear, vectors, file, crop));
  const { similarities, starts, samples, facts, warnings } = heard;
  const probabilities = meanProbabilities(similarities.map((row) => labelProbabilities(row, logitScale)));
  const scores = vectors.labels.map((label, i) => ({
    label,
    similarity: similarities.reduce((sum, row) => sum + row[i], 0) / similarities.length,
    probability: probabilities[i],
  }));
  return {
    file,
    seconds: soundSeconds(facts),
    warnings: [...warnings, ...soundRemarks(facts).map(({ message }) => message)],
    scores: scores.sort((a, b) => b.probability - a.probability).slice(0, top),
    windows: similarities.map((row, i) => {
      const start = starts[i];
      const end = Math.min(samples, start + clapWindow.samples);
      return { start: start / sampleRate, end: end / sampleRate, similarities: row };
    }),
  };
}

/** What was heard of a recording: places in samples at CLAP's rate. */
interface Heard {
  readonly similarities: readonly number[][];
  readonly starts: readonly number[];
  readonly samples: number;
  readonly facts: SoundFacts;
  readonly warnings: readonly string[];
}

/** All of a recording, window by window, while it is decoded. */
async function hearAll(
  ear: ClapEar,
  vectors: LabelVectors,
  file: string,
  onShare: (share: number) => void,
): Promise<Heard> {
  const windowing = pipelineWindowing(clapPipeline(clapSpec));
  const { sampleRate } = clapSpec;
  const sound = await openWindows({ path: file }, { sampleRate, windowing });
  const similarities: number[][] = [];
  try {
    for await (const windows of inBatches(sound.windows(), clapWindowsPerRun)) {
      for (const row of await ear.embed(windows)) similarities.push(cosines(row, vectors));
      onShare(sound.progress);
    }
  } finally {
    await sound.close();
  }
  const { samples, warnings } = sound;
  const starts = similarities.map((_, i) => windowStart(i, samples, windowing));
  return { similarities, starts, samples, facts: sound.facts(), warnings };
}

/** The piece of a recording that a crop chooses. */
async function hearPiece(ear: ClapEar, vectors: LabelVectors, file: string, crop: ClapCrop): Promise<Heard> {
  const { sampleRate } = clapSpec;
  // Where the piece lies depends on how long the recording is: it is read twice rather than held.
  const whole = await openUsableSound(file, { sampleRate });
  let samples = 0;
  try {
    for await (const block of whole.blocks()) samples += block.length;
  } finally {
    await whole.close();
  }
  const start = clapCropStart(samples, crop);
  const piece = await samplesOf(file, sampleRate, start, Math.min(samples, start + clapWindow.samples));
  const [row] = await ear.embed([piece]);
  const { warnings } = whole;
  return { similarities: [cosines(row!, vectors)], starts: [start], samples, facts: whole.facts(), warnings };
}

/** Samples `first` to `end` of a resampled recording. */
async function samplesOf(
  file: string,
  sampleRate: number,
  first: number,
  end: number,
): Promise<Float32Array> {
  const piece = new Float32Array(end - first);
  const sound = await openUsableSound(file, { sampleRate });
  try {
    let at = 0;
    for await (const block of sound.blocks()) {
      const own = block.subarray(Math.max(0, first - at), Math.max(0, end - at));
      piece.set(own, Math.max(0, at - first));
      at += block.length;
      if (at >= end) break;
    }
  } finally {
    await sound.close();
  }
  return piece;
}

export interface BakeOptions extends PromptOptions {
  /** Path of the model to write. */
  readonly out: string;
}

export interface BakeOutcome extends ZeroShotSetting {
  readonly out: string;
  readonly bytes: number;
}

/**
 * Writes a model file with the labels frozen in: waveform in, probabilities and embedding out, no text encoder and no
 * tokenizer beside it. `classify` and `evaluate` take it like any other.
 * @throws what {@link zeroShot} throws, and {GraphError} or {UnsupportedOpError} for an exported encoder whose operators
 *   cannot be taken into another graph
 */
export async function bakeZeroShot(options: BakeOptions): Promise<BakeOutcome> {
  const labels = await promptedLabels(options);
  const model = await openClap(options.weights);
  const setting = settingOf(model, labels, options);
  const engine = new Engine(engineOptions(options));
  let vectors: LabelVectors;
  try {
    vectors = await embedLabels(model, labels, engine);
  } finally {
    await engine.close();
  }
  const frontEnd = frontEndOf(options);
  const { model: graph } = buildArtifact({
    score: promptScore(model, vectors, { frontEnd, logitScale: setting.logitScale }),
    info: {
      approach: 'clap',
      classes: vectors.labels,
      pipeline: clapPipeline(frontEnd),
      network: 'clap',
      clipsPerRun: clapWindowsPerRun,
      weights: model.weights.description,
      trainedOn: zeroShotTraining,
      seed: 0,
      versions: versions(),
    },
  });
  const bytes = encodeModel(graph);
  await writeFileAtomic(options.out, bytes);
  return { ...setting, out: options.out, bytes: bytes.length };
}

/** Labels and their prompts. @throws {UsageError} for a label that is given twice */
async function promptedLabels({
  labels = [],
  labelsFile,
  templates,
}: PromptOptions): Promise<PromptedLabel[]> {
  const described: LabelDescriptions = labelsFile === undefined ? new Map() : await readLabelFile(labelsFile);
  const twice = labels.find((label) => described.has(label));
  if (twice !== undefined) {
    throw new UsageError(`The label '${twice}' is given by name and in ${basename(labelsFile!)}.`, {
      hint: 'Leave one of them out.',
    });
  }
  return promptsFor(new Map([...plainLabels(labels), ...described]), templates);
}

function settingOf(
  model: ClapModel,
  labels: readonly PromptedLabel[],
  options: PromptOptions,
): ZeroShotSetting {
  const { logitScale = model.logitScale } = options;
  if (!(logitScale > 0))
    throw new ParameterError(`The factor on similarities must be above 0, got ${logitScale}.`);
  const logitScaleKnown = model.logitScaleTrained || options.logitScale !== undefined;
  return { weights: model.weights.description, labels, logitScale, logitScaleKnown };
}

function frontEndOf({ int16 = false }: PromptOptions): ClapSpec {
  return { ...clapSpec, int16 };
}

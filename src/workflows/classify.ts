/** @file `earshot classify`: any recordings, of any length, with a finished model. */
import {
  Classifier,
  meanProbabilities,
  requireCalibration,
  type UnknownJudge,
  unknownJudge,
  type WindowScores,
} from '../approaches/index.ts';
import { readAudio, resample, toMono } from '../audio/index.ts';
import { CancelledError, EarshotError, ParameterError } from '../core/index.ts';
import { fitWindows, windowStarts } from '../extraction/index.ts';
import { conformalThreshold, predictionSet } from '../metrics/index.ts';
import type { UnknownScore } from '../zeroShot/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { findSoundFiles } from './soundFiles.ts';

export interface ClassifyOptions extends WorkflowHooks {
  readonly model: string;
  /** Files, folders whose sound files are taken (recursively), and patterns. */
  readonly paths: readonly string[];
  /** How many classes to list per file; default 1. */
  readonly top?: number;
  /** Also say which recordings are of no class of the model, by this score. */
  readonly unknown?: UnknownScore;
  /** Share of prediction sets that may lack the true class; for models that were calibrated. */
  readonly alpha?: number;
}

export interface WindowResult {
  /** Seconds from the start of the recording. */
  readonly start: number;
  readonly end: number;
  readonly label: string;
  readonly probability: number;
  /** In the order of the model's classes. */
  readonly probabilities: readonly number[];
}

export interface ClassifiedFile {
  readonly file: string;
  readonly seconds: number;
  /** What the decoder had to say, such as that the file is truncated. */
  readonly warnings: readonly string[];
  /** The likeliest classes by mean probability over windows. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
  /** With `alpha`: the classes that fit (LAC), the likeliest first; several where it is not sure, none where nothing fits. */
  readonly set?: readonly string[];
  readonly windows: readonly WindowResult[];
  /** Where it was asked for: whether the recording is of no class of the model. */
  readonly unknown?: {
    readonly score: UnknownScore;
    /** Mean over windows; higher for what is known. */
    readonly value: number;
    readonly threshold: number;
    readonly unknown: boolean;
  };
}

export type ClassifyEvent =
  | { readonly ok: true; readonly result: ClassifiedFile }
  | { readonly ok: false; readonly file: string; readonly message: string; readonly hint?: string };

/**
 * Classifies files one after the other. A file that cannot be read is yielded as a failure and the rest go on.
 * @throws {ParameterError} when there is nothing to classify, or `top` is not a positive whole number
 * @throws {GraphError} when the model cannot be read
 * @throws {UsageError} when unknown sounds are asked for and the model has no threshold for them
 */
export async function* classify(options: ClassifyOptions): AsyncGenerator<ClassifyEvent> {
  const { top = 1, onProgress, signal } = options;
  if (!Number.isInteger(top) || top < 1)
    throw new ParameterError(`top must be a whole number ≥ 1, got ${top}.`);
  const files = (await findSoundFiles(options.paths, options.onNotice)).map(({ path }) => path);
  const classifier = await Classifier.open(options.model, engineOptions(options));
  try {
    const judge =
      options.unknown === undefined ? null : unknownJudge(classifier.info, options.unknown, options.model);
    const threshold =
      options.alpha === undefined
        ? null
        : conformalThreshold(requireCalibration(classifier.info, options.model).scores.lac, options.alpha);
    for (const [i, file] of files.entries()) {
      if (signal?.aborted)
        throw new CancelledError(`Classification stopped after ${i} of ${files.length} files.`);
      try {
        yield { ok: true, result: await classifyFile(classifier, file, top, threshold, judge) };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const hint = error instanceof EarshotError ? error.hint : undefined;
        yield { ok: false, file, message: error.message, ...(hint === undefined ? {} : { hint }) };
      }
      onProgress?.({ task: 'Classifying', done: i + 1, total: files.length, unit: 'files' });
    }
  } finally {
    await classifier.close();
  }
}

async function classifyFile(
  classifier: Classifier,
  file: string,
  top: number,
  threshold: number | null,
  judge: UnknownJudge | null,
): Promise<ClassifiedFile> {
  const { info } = classifier;
  const audio = await readAudio(file);
  const mono = toMono(audio);
  const samples = resample(mono, audio.sampleRate, info.sampleRate);
  const windows = fitWindows(samples, info.windowSamples, { pad: info.pad, overlap: info.overlap });
  const starts = windowStarts(samples.length, info.windowSamples, info.overlap);
  const scores = await classifier.score(windows);
  const { probabilities } = scores;
  const mean = meanProbabilities(probabilities);
  const ranked = mean
    .map((probability, c) => ({ label: info.classes[c]!, probability }))
    .sort((a, b) => b.probability - a.probability);
  const seconds = mono.length / audio.sampleRate;
  return {
    ...(judge === null ? {} : { unknown: judged(judge, scores) }),
    file,
    seconds,
    warnings: audio.warnings,
    top: ranked.slice(0, top),
    ...(threshold === null ? {} : { set: setOf(mean, info.classes, threshold) }),
    windows: probabilities.map((row, i) => {
      const best = row.indexOf(Math.max(...row));
      const start = starts[i]! / info.sampleRate;
      return {
        start,
        end: Math.min(seconds, start + info.windowSeconds),
        label: info.classes[best]!,
        probability: row[best]!,
        probabilities: Array.from(row),
      };
    }),
  };
}

function judged(judge: UnknownJudge, { probabilities, embeddings, logits }: WindowScores) {
  const { score, threshold } = judge;
  const value = judge.value(
    probabilities.map((row, i) => ({
      probabilities: row,
      embedding: embeddings[i]!,
      logits: logits[i]!,
    })),
  );
  return { score, value, threshold, unknown: value < threshold };
}

/** The classes of a prediction set, the likeliest first. */
function setOf(probabilities: readonly number[], classes: readonly string[], threshold: number): string[] {
  return predictionSet(probabilities, threshold, 'lac')
    .sort((a, b) => probabilities[b]! - probabilities[a]!)
    .map((c) => classes[c]!);
}

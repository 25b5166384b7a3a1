/** @file `earshot classify`: any recordings, of any length, with a finished model. */
// By file, not by folder: networks, gradients and training take longer to load than one recording takes to classify.
import {
  Classifier,
  meanProbabilities,
  requireFiniteScores,
  windowOutputs,
} from '../approaches/classifier.ts';
import { artifactWindowing, requireCalibration } from '../approaches/readArtifact.ts';
import type { UnknownJudge } from '../approaches/unknownSounds.ts';
import { shortRemark, soundRemarks } from '../audio/index.ts';
import { argmax, CancelledError, fileProblem, ParameterError } from '../core/index.ts';
import { inBatches, openWindows, soundSeconds } from '../extraction/index.ts';
import { conformalThreshold, predictionSet } from '../metrics/conformal.ts';
import { type Windowing, windowStart } from '../windows/index.ts';
import type { UnknownScore } from '../zeroShot/index.ts';
import { engineOptions, shareListener, type WorkflowHooks } from './hooks.ts';
import { findSoundFiles } from './soundFiles.ts';

/** Windows that are scored at a time. */
const windowsPerRun = 16;

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
  /** What the decoder had to say, and whether it is silent, cancels out in mono, or is shorter than a window. */
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
 * Classifies files one after the other, decoding and scoring each as a stream. A file that cannot be used is yielded as a failure and the rest go on.
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
      options.unknown === undefined
        ? null
        : (await import('../approaches/unknownSounds.ts')).unknownJudge(
            classifier.info,
            options.unknown,
            options.model,
          );
    const threshold =
      options.alpha === undefined
        ? null
        : conformalThreshold(requireCalibration(classifier.info, options.model).scores.lac, options.alpha);
    const listening: Listening = { classifier, top, threshold, judge };
    const about = { task: 'Classifying', total: files.length, unit: 'files' };
    for (const [i, file] of files.entries()) {
      if (signal?.aborted)
        throw new CancelledError(`Classification stopped after ${i} of ${files.length} files.`);
      try {
        const onShare = shareListener(onProgress, { ...about, done: i }, file);
        yield { ok: true, result: await classifyFile(listening, file, onShare) };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        yield { ok: false, file, ...fileProblem(file, error) };
      }
      onProgress?.({ ...about, done: i + 1 });
    }
  } finally {
    await classifier.close();
  }
}

/** What all files of a run are classified with. */
interface Listening {
  readonly classifier: Classifier;
  readonly top: number;
  readonly threshold: number | null;
  readonly judge: UnknownJudge | null;
}

/** @param onShare told how much of a long file has been read */
async function classifyFile(
  { classifier, top, threshold, judge }: Listening,
  file: string,
  onShare: (share: number) => void,
): Promise<ClassifiedFile> {
  const { info } = classifier;
  const windowing = artifactWindowing(info);
  const { probabilities, unknown, sound } = await scoreFile(classifier, windowing, judge, file, onShare);
  const mean = meanProbabilities(probabilities);
  const ranked = mean
    .map((probability, c) => ({ label: info.classes[c], probability }))
    .sort((a, b) => b.probability - a.probability);
  const facts = sound.facts();
  const seconds = soundSeconds(facts);
  const filled = info.pad !== 'none' && info.pad !== 'mask';
  const short = shortRemark(sound.samples, info.windowSamples, info.sampleRate, filled);
  return {
    ...(judge === null ? {} : { unknown: judged(judge, unknown / probabilities.length) }),
    file,
    seconds,
    warnings: [
      ...sound.warnings,
      ...soundRemarks(facts).map(({ message }) => message),
      ...(short === null ? [] : [short]),
    ],
    top: ranked.slice(0, top),
    ...(threshold === null ? {} : { set: setOf(mean, info.classes, threshold) }),
    windows: probabilities.map((row, i) => {
      const best = argmax(row);
      const start = windowStart(i, sound.samples, windowing) / info.sampleRate;
      return {
        start,
        end: Math.min(seconds, start + info.windowSeconds),
        label: info.classes[best],
        probability: row[best],
        probabilities: Array.from(row),
      };
    }),
  };
}

/**
 * Scores a recording while it is decoded. Of its windows only numbers are kept.
 * @returns the probabilities of each window, and the sum of the windows' scores of what is unknown
 */
async function scoreFile(
  classifier: Classifier,
  windowing: Windowing,
  judge: UnknownJudge | null,
  file: string,
  onShare: (share: number) => void,
) {
  const { sampleRate } = classifier.info;
  const sound = await openWindows({ path: file }, { sampleRate, windowing });
  const probabilities: Float32Array[] = [];
  let unknown = 0;
  const score = async (windows: readonly Float32Array[]) => {
    const scores = await classifier.score(windows);
    requireFiniteScores(scores, file);
    probabilities.push(...scores.probabilities);
    if (judge !== null) for (const one of windowOutputs(scores)) unknown += judge.value([one]);
  };
  let scoring = Promise.resolve();
  try {
    for await (const windows of inBatches(sound.windows(), windowsPerRun)) {
      await scoring;
      onShare(sound.progress);
      // The next windows are decoded while the network works on these.
      scoring = score(windows);
      scoring.catch(() => {});
    }
    await scoring;
  } finally {
    await sound.close();
  }
  return { probabilities, unknown, sound };
}

function judged({ score, threshold }: UnknownJudge, value: number) {
  return { score, value, threshold, unknown: value < threshold };
}

/** The classes of a prediction set, the likeliest first. */
function setOf(probabilities: readonly number[], classes: readonly string[], threshold: number): string[] {
  return predictionSet(probabilities, threshold, 'lac')
    .sort((a, b) => probabilities[b] - probabilities[a])
    .map((c) => classes[c]);
}

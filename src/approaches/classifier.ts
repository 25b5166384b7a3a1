/** @file An artefact in use: windows of waveform in, probabilities and embeddings out. */
import { DecodeError, ParameterError, rowsOf, stackRows, type Tensor } from '../core/index.ts';
import {
  decodeNamedModel,
  Engine,
  type EngineOptions,
  type LoadedModel,
  readModelBytes,
} from '../runtime/index.ts';
import type { ArtifactInfo } from './artifact.ts';
import { artifactInfo } from './readArtifact.ts';
import type { WindowOutputs } from './unknownSounds.ts';

export interface WindowScores {
  /** One row per window, in the order of `info.classes`. */
  readonly probabilities: Float32Array[];
  readonly embeddings: Float32Array[];
  /** Where the artefact was told how to know unknown sounds and has logits; else null for each window. */
  readonly logits: (Float32Array | null)[];
}

/** A loaded artefact. Close it when done. */
export class Classifier {
  readonly info: ArtifactInfo;
  private readonly engine: Engine;
  private readonly model: LoadedModel;

  private constructor(info: ArtifactInfo, engine: Engine, model: LoadedModel) {
    this.info = info;
    this.engine = engine;
    this.model = model;
  }

  /**
   * Loads an artefact from its file.
   * @throws {GraphError} if the file cannot be read or is no Earshot artefact
   */
  static async open(path: string, options: EngineOptions = {}): Promise<Classifier> {
    return Classifier.fromBytes(await readModelBytes(path), path, options);
  }

  static async fromBytes(bytes: Uint8Array, name: string, options: EngineOptions = {}): Promise<Classifier> {
    const info = artifactInfo(decodeNamedModel(bytes, name), name);
    const engine = new Engine({ spinning: false, ...options });
    try {
      return new Classifier(info, engine, await engine.load(bytes));
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /**
   * Scores windows, `batchSize` of one length at a time.
   * @param windows mono samples at `info.sampleRate`, each of `info.windowSamples`, or fewer where `info.pad` is `none` or
   *   `mask`
   * @throws {ParameterError} for a window without samples
   */
  async score(windows: readonly Float32Array[], batchSize = 16): Promise<WindowScores> {
    if (windows.some(({ length }) => length === 0)) {
      throw new ParameterError('A window without a single sample cannot be scored.', {
        hint: `Give windows of ${this.info.windowSamples} samples at ${this.info.sampleRate} Hz.`,
      });
    }
    const { clipsPerRun = batchSize } = this.info;
    const scores: WindowScores = { probabilities: [], embeddings: [], logits: [] };
    const logits = this.info.unknown?.logits ?? null;
    for (const waveform of waveformBatches(windows, Math.min(batchSize, clipsPerRun))) {
      const results = await this.engine.run(this.model, {
        feeds: { waveform },
        fetch: ['probabilities', 'embedding', ...(logits === null ? [] : [logits])],
      });
      const rows = (name: string) => rowsOf(results[name] as Tensor<'float32'>);
      const probabilities = rows('probabilities');
      scores.probabilities.push(...probabilities);
      scores.embeddings.push(...rows('embedding'));
      scores.logits.push(...(logits === null ? probabilities.map(() => null) : rows(logits)));
    }
    return scores;
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/**
 * Refuses what a model says of a recording where it is no numbers.
 * @throws {DecodeError} naming the recording
 */
export function requireFiniteScores(
  { probabilities }: Pick<WindowScores, 'probabilities'>,
  name: string,
): void {
  if (probabilities.every((row) => row.every(Number.isFinite))) return;
  throw new DecodeError(`The model's probabilities for ${name} are not finite numbers.`, {
    hint: 'Look at the recording with earshot spectrogram; if it is sound, the model is damaged.',
  });
}

/** Scores window by window. */
export function windowOutputs({ probabilities, embeddings, logits }: WindowScores): WindowOutputs[] {
  return probabilities.map((row, i) => ({
    probabilities: row,
    embedding: embeddings[i],
    logits: logits[i],
  }));
}

/** Neighbours of one length, at most `size` together, as [n, samples]. */
export function* waveformBatches(
  windows: readonly Float32Array[],
  size: number,
): Generator<Tensor<'float32'>> {
  for (let start = 0; start < windows.length; ) {
    const samples = windows[start].length;
    let end = start + 1;
    while (end < windows.length && end - start < size && windows[end].length === samples) end++;
    yield stackRows(windows.slice(start, end), samples);
    start = end;
  }
}

/** The mean of windows' probabilities: the clip's. */
export function meanProbabilities(rows: readonly Float32Array[]): number[] {
  const mean = new Array<number>(rows[0]?.length ?? 0).fill(0);
  for (const row of rows) for (let c = 0; c < mean.length; c++) mean[c] += row[c] / rows.length;
  return mean;
}

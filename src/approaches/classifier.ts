/** @file An artefact in use: windows of waveform in, probabilities and embeddings out. */
import { readFile } from 'node:fs/promises';
import { GraphError, rowsOf, stackRows, type Tensor } from '../core/index.ts';
import { decodeModel, type Model } from '../onnx/index.ts';
import { Engine, type EngineOptions, type LoadedModel } from '../runtime/index.ts';
import { type ArtifactInfo, artifactInfo } from './artifact.ts';

export interface WindowScores {
  /** One row per window, in the order of `info.classes`. */
  readonly probabilities: Float32Array[];
  readonly embeddings: Float32Array[];
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
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw new GraphError(`The model '${path}' cannot be read: ${(error as Error).message}.`, {
        hint: "Pass the path of the model.onnx that 'earshot train' wrote.",
        cause: error,
      });
    }
    return Classifier.fromBytes(bytes, path, options);
  }

  static async fromBytes(bytes: Uint8Array, name: string, options: EngineOptions = {}): Promise<Classifier> {
    const info = artifactInfo(decodeNamed(bytes, name), name);
    const engine = new Engine(options);
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
   */
  async score(windows: readonly Float32Array[], batchSize = 16): Promise<WindowScores> {
    const { clipsPerRun = batchSize } = this.info;
    const scores: WindowScores = { probabilities: [], embeddings: [] };
    for (const waveform of waveformBatches(windows, Math.min(batchSize, clipsPerRun))) {
      const { probabilities, embedding } = await this.engine.run(this.model, {
        feeds: { waveform },
        fetch: ['probabilities', 'embedding'],
      });
      scores.probabilities.push(...rowsOf(probabilities as Tensor<'float32'>));
      scores.embeddings.push(...rowsOf(embedding as Tensor<'float32'>));
    }
    return scores;
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/** Neighbours of one length, at most `size` together, as [n, samples]. */
export function* waveformBatches(
  windows: readonly Float32Array[],
  size: number,
): Generator<Tensor<'float32'>> {
  for (let start = 0; start < windows.length; ) {
    const samples = windows[start]!.length;
    let end = start + 1;
    while (end < windows.length && end - start < size && windows[end]!.length === samples) end++;
    yield stackRows(windows.slice(start, end), samples);
    start = end;
  }
}

function decodeNamed(bytes: Uint8Array, name: string): Model {
  try {
    return decodeModel(bytes);
  } catch (error) {
    throw new GraphError(`'${name}' is not a readable ONNX model: ${(error as Error).message}`, {
      hint: "Pass the model.onnx that 'earshot train' wrote.",
      cause: error,
    });
  }
}

/** The mean of windows' probabilities: the clip's. */
export function meanProbabilities(rows: readonly Float32Array[]): number[] {
  const mean = new Array<number>(rows[0]?.length ?? 0).fill(0);
  for (const row of rows) for (let c = 0; c < mean.length; c++) mean[c]! += row[c]! / rows.length;
  return mean;
}

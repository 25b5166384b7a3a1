/** @file Why a model takes a recording for a class: where in time and frequency its score comes from. */
import {
  type ArtifactInfo,
  artifactInfo,
  artifactWindowing,
  type NetworkPicture,
  requireFiniteScores,
} from '../approaches/index.ts';
import {
  argmax,
  CancelledError,
  float32,
  GraphError,
  joined,
  ParameterError,
  Random,
  type Tensor,
} from '../core/index.ts';
import {
  type ExplanationGraph,
  explanationModel,
  explanationOutputs,
  type Grid,
  gradCam,
  pathGradient,
  pictureModel,
  positiveShare,
  type RecordingSaliency,
  recordingSaliency,
  resizeGrid,
  salientThreshold,
  smoothGrid,
  type WindowSaliency,
} from '../explanation/index.ts';
import { frontEndAxes } from '../features/index.ts';
import type { Model } from '../onnx/index.ts';
import { Engine, type LoadedModel, readModel } from '../runtime/index.ts';
import { cutWindows, windowStart } from '../windows/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { nearestNames } from './nearestNames.ts';

/** Ways to explain, see docs/explaining.md. */
export const explanationMethods = ['gradient-x-input', 'integrated-gradients', 'grad-cam'] as const;
export type ExplanationMethod = (typeof explanationMethods)[number];

/** Steps on the way from the baseline to the picture, for integrated gradients. */
const pathSteps = 24;

/** Random places that the deletion of salient cells is compared with. */
const randomDraws = 10;

export interface ExplainerOptions {
  /** Default gradient × input: of the three the quickest, and as faithful as any (docs/explaining.md). */
  readonly method?: ExplanationMethod;
  /** The tensor [windows, channels, height, width] for Grad-CAM; default the last before pooling. */
  readonly map?: string;
}

export interface ExplainedClass {
  readonly label: string;
  /** Mean over the windows, in [0, 1]. */
  readonly probability: number;
  readonly method: ExplanationMethod;
  /** What was differentiated. */
  readonly score: ExplanationGraph['score'];
  /** The map of features that Grad-CAM looked at. */
  readonly map: string | null;
  /** The share of the largest, in [0, 1], over the recording's time. */
  readonly saliency: RecordingSaliency;
  /** In the order of the model's classes. */
  readonly probabilities: readonly number[];
}

/**
 * What becomes of the class when part of the picture says nothing: the most salient cells, or as many cells in the same
 * shape at random places. Means over the windows.
 */
export interface Deletion {
  /** Of the cells. */
  readonly share: number;
  readonly whole: { readonly score: number; readonly probability: number };
  readonly withoutSalient: { readonly score: number; readonly probability: number };
  readonly withoutRandom: { readonly score: number; readonly probability: number };
}

/** What one window of the recording gave. */
interface Seen {
  readonly start: number;
  /** Of the window. */
  readonly samples: number;
  readonly picture: Float32Array;
  readonly probabilities: Float32Array;
}

interface LoadedGraph {
  readonly graph: ExplanationGraph;
  readonly front: LoadedModel;
  readonly model: LoadedModel;
}

type Explained = ExplainedClass & { readonly cells: readonly Grid[]; readonly seen: readonly Seen[] };

/** Lengths of windows whose graphs stay loaded: recordings that are not filled up have one each. */
const keptLengths = 4;

/** A model that can be asked why. Close it when done. */
export class Explainer {
  /** By samples of a window, the one used last at the end. */
  private readonly graphs = new Map<number, Promise<LoadedGraph>>();
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly info: ArtifactInfo,
    private readonly picture: NetworkPicture,
    private readonly model: Model,
    private readonly engine: Engine,
    private readonly options: ExplainerOptions,
  ) {}

  /**
   * @throws {GraphError} where the file is no artefact of Earshot, or one without a network that sees a picture
   */
  static async open(
    path: string,
    options: ExplainerOptions & Pick<WorkflowHooks, 'threads' | 'device'> = {},
  ): Promise<Explainer> {
    const model = await readModel(path);
    const info = artifactInfo(model, path);
    if (info.picture === undefined) {
      throw new GraphError(
        `${path} (${info.approach}) holds no network that sees a picture of the sound, so there is nothing to differentiate by.`,
        {
          hint: 'Explain a model with a network, such as cnn; one of an earlier version must be trained again.',
        },
      );
    }
    return new Explainer(info, info.picture, model, new Engine(engineOptions(options)), options);
  }

  async close(): Promise<void> {
    await this.engine.close();
  }

  /**
   * Explains one class of a recording. Several calls take their turns.
   * @param samples mono, at the model's rate, at least one
   * @param label default the likeliest class
   * @throws {ParameterError} for a class that the model does not know, or Grad-CAM on a network without maps
   * @throws {UnsupportedOpError} where an operator of the network has no gradient rule
   */
  explain(
    samples: Float32Array,
    label?: string,
    hooks: Pick<WorkflowHooks, 'signal' | 'onProgress'> = {},
  ): Promise<ExplainedClass & { deletion(share: number): Promise<Deletion> }> {
    return this.inTurn(() => this.explainNow(samples, label, hooks));
  }

  /** One piece of work after the other, so that no graph is dropped while it is in use. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }

  private async explainNow(
    samples: Float32Array,
    label: string | undefined,
    hooks: Pick<WorkflowHooks, 'signal' | 'onProgress'>,
  ) {
    const { classes, sampleRate, pad } = this.info;
    if (label !== undefined) this.position(label);
    const seen = await this.see(samples);
    const probabilities = classes.map(
      (_, c) => seen.reduce((sum, window) => sum + window.probabilities[c], 0) / seen.length,
    );
    const chosen = label ?? classes[argmax(probabilities)];
    const { graph } = await this.graphOf(seen[0].samples);
    const method = this.methodFor(graph);
    const cells: Grid[] = [];
    const windows: WindowSaliency[] = [];
    for (const [i, window] of seen.entries()) {
      if (hooks.signal?.aborted)
        throw new CancelledError(`The explanation was stopped after ${i} of ${seen.length} windows.`);
      const grids = await this.salience(window, this.position(chosen), method);
      grids.forEach((grid, k) => {
        cells.push(grid);
        windows.push({ grid, start: window.start + this.windowOffset(k) });
      });
      hooks.onProgress?.({ task: 'Explaining', done: i + 1, total: seen.length, unit: 'windows' });
    }
    const { grid, ...rest } = recordingSaliency(
      windows,
      frontEndAxes(this.picture.frontEnd),
      samples.length / sampleRate,
      { repeats: pad === 'repeat' },
    );
    const explained: Explained = {
      label: chosen,
      probability: probabilities[this.position(chosen)],
      method,
      score: graph.score,
      map: method === 'grad-cam' ? graph.map!.name : null,
      saliency: { grid: positiveShare(grid), ...rest },
      probabilities,
      cells,
      seen,
    };
    const { cells: _, seen: __, ...told } = explained;
    return { ...told, deletion: (share: number) => this.inTurn(() => this.deletion(explained, share)) };
  }

  /** What the network sees of every window, and what it says. */
  private async see(samples: Float32Array): Promise<Seen[]> {
    const { sampleRate, classes } = this.info;
    const windowing = artifactWindowing(this.info);
    const windows = cutWindows(samples, windowing);
    const seen: Seen[] = [];
    for (const [i, window] of windows.entries()) {
      const loaded = await this.graphOf(window.length);
      const { picture } = await this.engine.run(loaded.front, {
        feeds: { waveform: float32([1, window.length], window.slice()) },
        fetch: ['picture'],
      });
      const data = picture!.data as Float32Array;
      const { probabilities } = await this.run(loaded, data, new Float32Array(classes.length), [
        'probabilities',
      ]);
      const scores = probabilities!.data as Float32Array;
      requireFiniteScores({ probabilities: [scores] }, 'the recording');
      seen.push({
        start: windowStart(i, samples.length, windowing) / sampleRate,
        samples: window.length,
        picture: data,
        probabilities: scores,
      });
    }
    return seen;
  }

  /** The graphs for windows of that many samples; those not used for longest are dropped. */
  private async graphOf(samples: number): Promise<LoadedGraph> {
    const known = this.graphs.get(samples);
    if (known !== undefined) {
      this.graphs.delete(samples);
      this.graphs.set(samples, known);
      return known;
    }
    for (const [length, oldest] of this.graphs) {
      if (this.graphs.size < keptLengths) break;
      this.graphs.delete(length);
      const { front, model } = await oldest;
      await this.engine.unload(front);
      await this.engine.unload(model);
    }
    const { map } = this.options;
    const options = {
      bind: { batch: 1, samples },
      input: this.picture.tensor,
      ...(map === undefined ? {} : { map }),
    };
    const load = async (): Promise<LoadedGraph> => {
      const graph = explanationModel(this.model, options);
      const front = await this.engine.load(pictureModel(this.model, options));
      return { graph, front, model: await this.engine.load(graph.model) };
    };
    const loading = load();
    this.graphs.set(samples, loading);
    // What could not be loaded is not kept.
    loading.catch(() => this.graphs.delete(samples));
    return loading;
  }

  private run(
    { graph, model }: LoadedGraph,
    picture: Float32Array,
    weights: Float32Array,
    fetch: readonly string[],
  ): Promise<Record<string, Tensor>> {
    return this.engine.run(model, {
      feeds: {
        picture: float32([...graph.inputDims], picture.slice()),
        class: float32([1, weights.length], weights.slice()),
      },
      fetch,
    });
  }

  private position(label: string): number {
    const { classes, approach } = this.info;
    const at = classes.indexOf(label);
    if (at >= 0) return at;
    const near = nearestNames(label, classes, 3);
    throw new ParameterError(`The model (${approach}) knows no class '${label}'.`, {
      hint: near.length > 0 ? `Nearest: ${near.join(', ')}.` : `It knows ${classes.join(', ')}.`,
    });
  }

  private methodFor({ map }: ExplanationGraph): ExplanationMethod {
    const { method = this.options.map === undefined ? 'gradient-x-input' : 'grad-cam' } = this.options;
    if (method === 'grad-cam' && map === null) {
      throw new ParameterError(
        `Grad-CAM needs a map of features over time and frequency, and the network ${this.info.network} has none.`,
        { hint: 'Take --method gradient-x-input or integrated-gradients, or name a tensor with --map.' },
      );
    }
    return method;
  }

  /** Seconds from the waveform's start to the network's window `k` within it. */
  private windowOffset(k: number): number {
    const { windows, frontEnd } = this.picture;
    return windows === null ? 0 : (k * windows.hopSamples - windows.leading) / frontEnd.sampleRate;
  }

  /** One grid per window of the network; negative values, which speak against the class, are 0. */
  private async salience(window: Seen, position: number, method: ExplanationMethod): Promise<Grid[]> {
    const loaded = await this.graphOf(window.samples);
    const { graph } = loaded;
    const weights = oneHot(this.info.classes.length, position);
    const [count, , bands, frames] = graph.inputDims as [number, number, number, number];
    const range = Array.from({ length: count }, (_, k) => k);
    if (method === 'grad-cam') {
      const names = explanationOutputs;
      const { [names.map]: map, [names.mapGradient]: gradient } = await this.run(
        loaded,
        window.picture,
        weights,
        [names.map, names.mapGradient],
      );
      const { dims, axes } = graph.map!;
      const [, channels, height, width] = dims as [number, number, number, number];
      const size = channels * height * width;
      const part = (tensor: Tensor, k: number) =>
        (tensor.data as Float32Array).subarray(k * size, (k + 1) * size);
      return range.map((k) => {
        const cam = gradCam(part(map!, k), part(gradient!, k), [channels, height, width]);
        const grid =
          axes.bands < axes.frames
            ? { data: cam, bands: height, frames: width }
            : transposed(cam, height, width);
        return resizeGrid(grid, bands, frames);
      });
    }
    const baseline = this.baselineOf(window.picture);
    const name = explanationOutputs.inputGradient;
    const gradient = await pathGradient(
      async (at) => (await this.run(loaded, at, weights, [name]))[name].data as Float32Array,
      window.picture,
      baseline,
      method === 'gradient-x-input' ? 1 : pathSteps,
    );
    const spread = {
      bands: bands / 64,
      frames: Math.max(1, 0.02 / frontEndAxes(this.picture.frontEnd).stepSeconds),
    };
    return range.map((k) => {
      const at = k * bands * frames;
      const data = Float32Array.from({ length: bands * frames }, (_, i) =>
        Math.max(0, gradient[at + i] * (window.picture[at + i] - baseline)),
      );
      return smoothGrid({ data, bands, frames }, spread);
    });
  }

  /** The value of a cell that says nothing. */
  private baselineOf(picture: Float32Array): number {
    return this.picture.baseline ?? picture.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  private async deletion({ label, cells, seen }: Explained, share: number): Promise<Deletion> {
    if (!(share > 0 && share < 1)) throw new ParameterError(`share must lie between 0 and 1, got ${share}.`);
    const position = this.position(label);
    const threshold = salientThreshold(joined(cells.map(({ data }) => data)), share);
    const random = new Random('places');
    const { bands, frames } = cells[0];
    const scored = async (deleted: ((band: number, frame: number, data: Float32Array) => boolean) | null) => {
      let [score, probability] = [0, 0];
      let next = 0;
      for (const window of seen) {
        const picture = window.picture.slice();
        const baseline = this.baselineOf(picture);
        for (let at = 0; at < picture.length; at += bands * frames) {
          const { data } = cells[next++];
          if (deleted === null) continue;
          for (let i = 0; i < data.length; i++) {
            if (deleted(Math.floor(i / frames), i % frames, data)) picture[at + i] = baseline;
          }
        }
        const loaded = await this.graphOf(window.samples);
        const result = await this.run(loaded, picture, oneHot(this.info.classes.length, position), [
          explanationOutputs.score,
          explanationOutputs.probabilities,
        ]);
        score += (result[explanationOutputs.score].data as Float32Array)[0] / seen.length;
        probability +=
          (result[explanationOutputs.probabilities].data as Float32Array)[position] / seen.length;
      }
      return { score, probability };
    };
    const draws: Awaited<ReturnType<typeof scored>>[] = [];
    for (let draw = 0; draw < randomDraws; draw++) {
      const [up, on] = [random.integer(bands), random.integer(frames)];
      draws.push(
        await scored((b, t, data) => data[((b + up) % bands) * frames + ((t + on) % frames)] >= threshold),
      );
    }
    const mean = (key: 'score' | 'probability') =>
      draws.reduce((sum, draw) => sum + draw[key], 0) / draws.length;
    return {
      share,
      whole: await scored(null),
      withoutSalient: await scored((b, t, data) => data[b * frames + t] >= threshold),
      withoutRandom: { score: mean('score'), probability: mean('probability') },
    };
  }
}

function oneHot(length: number, position: number): Float32Array {
  const weights = new Float32Array(length);
  weights[position] = 1;
  return weights;
}

/** [frames, bands] as [bands, frames]. */
function transposed(data: Float32Array, frames: number, bands: number): Grid {
  return {
    data: data.map((_, i) => data[(i % frames) * bands + Math.floor(i / frames)]),
    bands,
    frames,
  };
}

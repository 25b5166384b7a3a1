/**
 * @file An embedder: front end, windowing and a frozen network, from a recording's samples to one vector per window.
 * What runs the graph is handed in, so that this works in Node and in a browser.
 */
import { GraphError, ShapeError } from '../core/errors.ts';
import { float32, joined, type Tensor } from '../core/tensor.ts';
import { type FrontEndSpec, frontEndFrames, frontEndPicture } from '../features/index.ts';
import { formatShape, GraphBuilder, type Model, type Value } from '../onnx/index.ts';
import type { Windowing } from '../windows/index.ts';

/** Everything that decides an embedding, as data: kept in outputs, caches and indexes. */
export interface EmbedderSpec {
  /** The network's name, or the file's that it comes from. */
  readonly network: string;
  /** What the network was told besides, such as its content type. */
  readonly settings: Readonly<Record<string, string | number | boolean | null>>;
  /** The tensor that is the embedding. */
  readonly embedding: string;
  /** Numbers in an embedding. */
  readonly size: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Null where the network takes waveforms: its front end is in the graph. */
  readonly frontEnd: FrontEndSpec | null;
  readonly windowing: Windowing;
  /** Where a window gives several vectors: seconds from one to the next. Absent: one vector per window. */
  readonly rowSeconds?: number;
  readonly weights: {
    /** A sentence: where they come from. */
    readonly description: string;
    /** Tells these weights from others. */
    readonly sha256: string;
  };
}

/** The graph of an embedder, and the names of its input and output. */
export interface EmbedderGraph {
  readonly model: Model;
  readonly input: string;
  /** The input's sizes without the batch: [1, nMels, nFrames], or [samples] of a waveform. */
  readonly inputDims: readonly number[];
  readonly output: string;
  /** Takes waveforms of any length up to the one in `inputDims`. */
  readonly anyLength?: boolean;
}

/** An embedder that is not loaded yet. */
export interface EmbedderDescription {
  readonly spec: EmbedderSpec;
  readonly graph: EmbedderGraph;
}

/** What an embedder is made from: a spec without the size, which the network tells. */
export interface EmbedderParts extends Omit<EmbedderSpec, 'size'> {
  readonly frontEnd: FrontEndSpec;
  /** Numbers that the network has learnt, or would have: without its running statistics and without a head. */
  readonly parameters: number;
  /** Appends the network. @param x pictures, float32 [N, 1, nMels, nFrames] @returns [N, size] */
  forward(g: GraphBuilder, x: Value): Value;
}

/**
 * An embedder from a front end and a network: the graph takes pictures `x` and gives `embedding`.
 * @throws {ShapeError} where the network gives no [N, size] of known size
 */
export function describeEmbedder(parts: EmbedderParts): EmbedderDescription {
  const { forward, parameters: _, ...spec } = parts;
  const nFrames = frontEndFrames(spec.windowing.samples, spec.frontEnd);
  const inputDims = [1, spec.frontEnd.nMels, nFrames];
  const g = new GraphBuilder({ name: `embedder ${spec.network}` });
  const value = forward(g, g.input('x', 'float32', ['N', ...inputDims]));
  const size = value.shape[1];
  if (value.shape.length !== 2 || typeof size !== 'number') {
    throw new ShapeError(
      `The embedding of ${spec.network} must be [N, size] of a known size, got ${formatShape(value.shape)}.`,
    );
  }
  g.output(value, 'embedding');
  return { spec: { ...spec, size }, graph: { model: g.model(), input: 'x', inputDims, output: 'embedding' } };
}

/** Numbers that the network sees of one window. */
export function windowInputSize({ inputDims }: EmbedderGraph): number {
  return inputDims.reduce((a, b) => a * b, 1);
}

/** What the network sees of some windows. */
export interface WindowInputs {
  /** Shape [n, …inputDims], row-major; of windows of several lengths, one after the other. */
  readonly inputs: Float32Array;
  /** Numbers of each window's in `inputs`. */
  readonly sizes: readonly number[];
  /** Root mean square of each window's samples, full scale 1: windows of silence are all alike. */
  readonly levels: Float32Array;
}

/**
 * What the network sees of windows.
 * @param windows mono samples at the spec's rate, cut by its windowing
 */
export function windowInputs(
  windows: readonly Float32Array[],
  { frontEnd }: Pick<EmbedderSpec, 'frontEnd'>,
): WindowInputs {
  const pictures: Float32Array[] = [];
  const levels = new Float32Array(windows.length);
  for (const [i, window] of windows.entries()) {
    pictures.push(frontEnd === null ? window : frontEndPicture(window, frontEnd).data);
    let squares = 0;
    for (const sample of window) squares += sample * sample;
    levels[i] = Math.sqrt(squares / window.length);
  }
  return { inputs: joined(pictures), sizes: pictures.map(({ length }) => length), levels };
}

/** What runs graphs: `Engine` in Node, the browser's ONNX Runtime there. */
export interface GraphRunner<Loaded> {
  load(model: Model): Promise<Loaded>;
  run(
    model: Loaded,
    request: { readonly feeds: Readonly<Record<string, Tensor>>; readonly fetch: readonly string[] },
  ): Promise<Record<string, Tensor>>;
}

/** An embedder with its network loaded. */
export class Embedder {
  private constructor(
    readonly spec: EmbedderSpec,
    readonly graph: EmbedderGraph,
    private readonly runBatch: (x: Tensor) => Promise<Tensor>,
  ) {}

  /** Loads the network. Closing the runner is left to the caller. */
  static async load<L>({ spec, graph }: EmbedderDescription, runner: GraphRunner<L>): Promise<Embedder> {
    const loaded = await runner.load(graph.model);
    return new Embedder(spec, graph, async (x) => {
      const { [graph.output]: y } = await runner.run(loaded, {
        feeds: { [graph.input]: x },
        fetch: [graph.output],
      });
      if (y === undefined) throw new GraphError(`The network ${spec.network} gave no '${graph.output}'.`);
      return y;
    });
  }

  /**
   * Embeds windows in one run of the network.
   * @param inputs shape [n, …inputDims] ({@link windowInputs})
   * @returns shape [n, size]
   */
  async embed(inputs: Float32Array): Promise<Float32Array> {
    const n = inputs.length / windowInputSize(this.graph);
    if (n === 0) return new Float32Array(0);
    const y = await this.runBatch(float32([n, ...this.graph.inputDims], inputs));
    return y.data as Float32Array;
  }

  /**
   * Embeds one window of any length, for graphs that take any.
   * @returns shape [rows, size]
   */
  async embedWindow(window: Float32Array): Promise<Float32Array> {
    return (await this.runBatch(float32([1, window.length], window))).data as Float32Array;
  }
}

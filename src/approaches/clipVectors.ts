/**
 * @file What a clip becomes before a classifier sees it: one vector, computed by nodes from its waveform, so that the
 * numbers that a classifier is fitted to are those of the model file.
 */
import { int64, ParameterError } from '../core/index.ts';
import {
  type EmbedderParts,
  type Pooling,
  pooledSize,
  type Windowing,
  windowCount,
} from '../embeddings/browser.ts';
import type { ClipPipeline } from '../extraction/index.ts';
import {
  type FrontEndSpec,
  frontEndNodes,
  mfcc82Length,
  mfcc82Nodes,
  mfcc82Spec,
} from '../features/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { NetworkPicture } from './artifact.ts';

/** Everything that decides the numbers, as data. */
export type VectorSpec =
  | { readonly kind: 'mfcc82' }
  /** Directions in the space that CLAP's sounds and texts have in common. */
  | {
      readonly kind: 'clap';
      readonly frontEnd: FrontEndSpec;
      readonly windowSeconds: number;
      readonly weights: EmbedderParts['weights'];
    }
  /** A network that takes the waveform, up to so many seconds of it. */
  | ({ readonly kind: 'waveform'; readonly mostSeconds: number } & Pick<
      EmbedderParts,
      'network' | 'settings' | 'embedding' | 'weights'
    >)
  /** The embedding of a model that Earshot trained. */
  | {
      readonly kind: 'artifact';
      readonly approach: string;
      /** What it was trained to tell apart. */
      readonly classes: readonly string[];
      readonly windowSeconds: number;
      readonly weights: EmbedderParts['weights'];
    }
  | ({
      readonly kind: 'embedding';
      readonly frontEnd: FrontEndSpec;
      readonly pooling: Pooling;
    } & Pick<EmbedderParts, 'network' | 'settings' | 'embedding' | 'windowing' | 'weights'>);

/** What makes the vectors, in a word. */
export function vectorsName(spec: VectorSpec): string {
  return 'network' in spec ? spec.network : spec.kind;
}

export interface ClipVectors {
  readonly spec: VectorSpec;
  /** Hz. */
  readonly sampleRate: number;
  /** Length of the vector. */
  readonly size: number;
  /** Numbers that the frozen network has learnt; 0 without one, null where they were not counted. */
  readonly networkParameters: number | null;
  /** A sentence for reports: where the weights come from; `none` where there are none. */
  readonly weights: string;
  /** Windows that the network sees of a clip of so many samples; 1 without a network. */
  windows(samples: number): number;
  /**
   * Appends the nodes.
   * @param waveform float32 [batch, samples], mono, at most `most` samples
   * @returns the vector [batch, size], and what a network sees, where there is one
   */
  nodes(g: GraphBuilder, waveform: Value, most: number): { vector: Value; picture?: NetworkPicture };
}

/** A clip in 82 numbers: {@link mfcc82}. */
export const mfccVectors: ClipVectors = {
  spec: { kind: 'mfcc82' },
  sampleRate: mfcc82Spec.sampleRate,
  size: mfcc82Length,
  networkParameters: 0,
  weights: 'none',
  windows: () => 1,
  nodes: (g, waveform) => ({ vector: mfcc82Nodes(g, waveform) }),
};

/**
 * The embeddings of a clip's windows, pooled over time, cut as {@link cutWindow} does.
 * @param size numbers in an embedding
 * @throws {ParameterError} for an embedder whose windows end otherwise
 */
export function embeddingVectors(parts: EmbedderParts, size: number, pooling: Pooling): ClipVectors {
  const { network, settings, embedding, windowing, weights, frontEnd, sampleRate, forward } = parts;
  const poolable = windowing.end === 'zeros' ? windowing.pad === 'zero' : windowing.pad === 'repeat';
  if (windowing.end === 'short' || !poolable) {
    throw new ParameterError(`The windows of ${network} cannot be cut and pooled in a graph.`, {
      hint: 'Choose another front end.',
    });
  }
  return {
    spec: { kind: 'embedding', network, settings, embedding, frontEnd, windowing, pooling, weights },
    sampleRate,
    size: pooledSize(size, pooling),
    networkParameters: parts.parameters,
    weights: weights.description,
    windows: (samples) => windowCount(samples, windowing),
    nodes(g, waveform, most) {
      const windows = windowNodes(g, waveform, most, windowing);
      const pictures = g.op('Unsqueeze', [frontEndNodes(g, windows, frontEnd), g.ints([1])]);
      const each = forward(g, pictures);
      // [batch · windows, size] to [batch, windows, size].
      const batch = g.op('Slice', [g.op('Shape', [waveform]), g.ints([0]), g.ints([1]), g.ints([0])]);
      const shape = g.op('Concat', [batch, g.ints([-1, size])], { axis: 0 });
      const name = g.uniqueName('window_embeddings');
      const node = {
        opType: 'Reshape',
        domain: '',
        name: `${name}/node`,
        inputs: [],
        outputs: [name],
        attributes: {},
      };
      const types = [{ dtype: 'float32', shape: [waveform.shape[0]!, 'windows', size] }] as const;
      const { hopSamples, leading } = windowing;
      return {
        vector: pooled(g, g.addNode(node, [each, shape], { types })[0]!, pooling),
        picture: { tensor: pictures.name, frontEnd, windows: { hopSamples, leading }, baseline: null },
      };
    },
  };
}

/**
 * How clips are cut for vectors: as they are, up to a window.
 * @param windowSeconds what the dataset suggests; a window of the network at least, Whisper's context at most, and CLAP's or a trained model's own
 */
export function vectorPipeline({ spec, sampleRate }: ClipVectors, windowSeconds: number): ClipPipeline {
  const least = spec.kind === 'embedding' ? spec.windowing.samples / sampleRate : 0;
  const most = spec.kind === 'waveform' ? spec.mostSeconds : Number.POSITIVE_INFINITY;
  return {
    sampleRate,
    windowSeconds:
      'windowSeconds' in spec ? spec.windowSeconds : Math.min(most, Math.max(least, windowSeconds)),
    pad: 'none',
    overlap: 0.5,
    frontEnd: null,
  };
}

/** [batch, samples] to [batch · windows, window samples]: as many windows as cover the samples that there are. */
function windowNodes(g: GraphBuilder, waveform: Value, most: number, windowing: Windowing): Value {
  const all =
    windowing.end === 'zeros'
      ? windowsBeforeZeros(g, waveform, most, windowing)
      : windowsMovedBack(g, waveform, most, windowing);
  const { samples, hopSamples, leading } = windowing;
  // ⌈(length + leading − samples) / hop⌉ + 1, at least 1. Slicing ends at the largest count.
  const length = lengthOf(g, waveform);
  const beyond = g.op('Max', [
    g.op('Add', [length, g.ints([leading - samples + hopSamples - 1])]),
    g.ints([0]),
  ]);
  const used = g.op('Add', [g.op('Div', [beyond, g.ints([hopSamples])]), g.ints([1])]);
  return g.op('Reshape', [g.op('Slice', [all, g.ints([0]), used, g.ints([1])]), g.ints([-1, samples])]);
}

/** Samples of a waveform [batch, samples], as [1]. */
function lengthOf(g: GraphBuilder, waveform: Value): Value {
  return g.op('Slice', [g.op('Shape', [waveform]), g.ints([1]), g.ints([2]), g.ints([0])]);
}

/** All windows of `most` samples, [batch, windows, samples]; behind the waveform lie zeros. */
function windowsBeforeZeros(g: GraphBuilder, waveform: Value, most: number, windowing: Windowing): Value {
  const { samples, hopSamples, leading } = windowing;
  const count = windowCount(most, windowing);
  const total = (count - 1) * hopSamples + samples;
  const axis = g.ints([1]);
  const heard = g.op('Slice', [waveform, g.ints([0]), g.ints([most]), axis]);
  const filled = g.op('Pad', [heard, g.ints([leading, total]), g.scalar(0), axis]);
  const cut = g.op('Slice', [filled, g.ints([0]), g.ints([total]), axis]);
  // Says what shape inference cannot know of a slice of an unknown length.
  const signal = g.op('Reshape', [cut, g.ints([0, total])]);
  const windows = Array.from({ length: count }, (_, i) =>
    g.op('Unsqueeze', [
      g.op('Slice', [signal, g.ints([i * hopSamples]), g.ints([i * hopSamples + samples]), axis]),
      axis,
    ]),
  );
  return windows.length === 1 ? windows[0]! : g.op('Concat', windows, { axis: 1 });
}

/**
 * All windows of `most` samples, [batch, windows, samples]; those that would end behind the waveform are moved back to end
 * with it, and a waveform shorter than a window is repeated ({@link cutWindow}).
 */
function windowsMovedBack(g: GraphBuilder, waveform: Value, most: number, windowing: Windowing): Value {
  const { samples, hopSamples, leading } = windowing;
  const count = windowCount(most, windowing);
  const heard = g.op('Slice', [waveform, g.ints([0]), g.ints([most]), g.ints([1])]);
  const length = lengthOf(g, heard);
  const lastStart = g.op('Max', [g.op('Add', [length, g.ints([leading - samples])]), g.ints([0])]);
  const range = (n: number, step: number) => Array.from({ length: n }, (_, i) => i * step);
  const starts = g.op('Min', [g.constant(int64([count, 1], range(count, hopSamples)), 'starts'), lastStart]);
  const place = g.op('Add', [starts, g.constant(int64([1, samples], range(samples, 1)), 'places')]);
  // Counted from the first leading zero: those first, then the waveform again and again.
  const behind = g.op('Sub', [place, g.ints([leading])]);
  const repeated = g.op('Add', [g.op('Mod', [behind, length]), g.ints([leading])]);
  const index =
    leading === 0 ? repeated : g.op('Where', [g.op('Less', [place, g.ints([leading])]), place, repeated]);
  const led = leading === 0 ? heard : g.op('Pad', [heard, g.ints([leading, 0]), g.scalar(0), g.ints([1])]);
  return g.op('Gather', [led, index], { axis: 1 });
}

/** [batch, windows, size] to [batch, size] or [batch, 2 · size]: the nodes of `poolWindows`. */
function pooled(g: GraphBuilder, rows: Value, pooling: Pooling): Value {
  const windows = g.ints([1]);
  if (pooling === 'max') return g.op('ReduceMax', [rows, windows], { keepdims: 0 });
  const mean = g.op('ReduceMean', [rows, windows], { keepdims: 1 });
  const flat = g.op('Squeeze', [mean, windows]);
  if (pooling === 'mean') return flat;
  const centred = g.op('Sub', [rows, mean]);
  const variance = g.op('ReduceMean', [g.op('Mul', [centred, centred]), windows], { keepdims: 0 });
  return g.op('Concat', [flat, g.op('Sqrt', [variance])], { axis: 1 });
}

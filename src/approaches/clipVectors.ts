/**
 * @file What a clip becomes before a classifier sees it: one vector, computed by nodes from its waveform, so that the
 * numbers that a classifier is fitted to are those of the model file.
 */
import { ParameterError } from '../core/index.ts';
import { type EmbedderParts, type Pooling, pooledSize } from '../embeddings/browser.ts';
import type { ClipPipeline } from '../extraction/index.ts';
import {
  type FrontEndSpec,
  frontEndNodes,
  mfcc82Length,
  mfcc82Nodes,
  mfcc82Spec,
} from '../features/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { slidingWindowNodes, usualTolerance, windowCount } from '../windows/index.ts';
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
      const windows = slidingWindowNodes(g, waveform, most, windowing);
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
      const types = [{ dtype: 'float32', shape: [waveform.shape[0], 'windows', size] }] as const;
      const { hopSamples, leading } = windowing;
      return {
        vector: pooled(g, g.addNode(node, [each, shape], { types })[0], pooling),
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
    tolerance: usualTolerance,
    frontEnd: null,
  };
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

/** @file The front ends of the L3 family as ONNX nodes, so that a model file takes waveforms. */
import { ShapeError } from '../../core/errors.ts';
import { int64 } from '../../core/tensor.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { bandDecibelNodes } from '../logMelNodes.ts';
import { reflectIndex } from '../padding.ts';
import {
  checkL3Spec,
  type L3Definition,
  type L3Spec,
  l3Bands,
  l3Definition,
  l3DynamicRange,
} from './openl3Spec.ts';

/**
 * Appends nodes that compute what {@link l3Picture} computes, transformed in float64 as there, for every window of a
 * batch.
 * @param waveform float32, shape [N, samples] or [N, 1, samples] (kapre's `channels_first`); both may be names. At run
 *   time samples must be a window's: 48,000, for EdgeL3-SEA 8,000
 * @returns shape [N, bands, nFrames]
 * @throws {ShapeError} unless `waveform` is float32 of such a shape
 * @throws {ParameterError} for a spec out of range
 */
export function l3Nodes(g: GraphBuilder, waveform: Value, spec: L3Spec): Value {
  checkL3Spec(spec);
  const definition = l3Definition(spec.kind);
  const windows = windowNodes(g, waveform, spec, definition);
  const decibels = bandDecibelNodes(g, padNodes(g, windows, definition), l3Bands(definition));
  const largest = g.op('ReduceMax', [decibels, g.ints([1, 2])], { keepdims: 1 });
  const relative = g.op('Mul', [g.op('Sub', [decibels, largest]), g.scalar(0.5)]);
  return g.op('Max', [relative, g.scalar(-l3DynamicRange)]);
}

/**
 * The same in the layout of kapre's `channels_last`, which Keras's networks of the family take: [N, bands, nFrames, 1].
 */
export function l3InputNodes(g: GraphBuilder, waveform: Value, spec: L3Spec): Value {
  return g.op('Unsqueeze', [l3Nodes(g, waveform, spec), g.ints([3])]);
}

/** [N, samples] of a known number of samples. */
function windowNodes(g: GraphBuilder, waveform: Value, spec: L3Spec, { windowSamples }: L3Definition): Value {
  const { dtype, shape } = waveform;
  const samples = shape.at(-1);
  const fits =
    (shape.length === 2 || (shape.length === 3 && shape[1] === 1)) &&
    (typeof samples !== 'number' || samples === windowSamples);
  if (dtype !== 'float32' || !fits) {
    throw new ShapeError(
      `The front end ${spec.kind} takes float32 windows of shape [N, ${windowSamples}] or [N, 1, ${windowSamples}], got ${dtype} [${shape.join(', ')}].`,
    );
  }
  if (shape.length === 2 && typeof samples === 'number') return waveform;
  // Fails at run time for any other number of samples.
  const [batch] = shape;
  return g.op('Reshape', [waveform, g.ints([typeof batch === 'number' ? batch : 0, windowSamples])]);
}

function padNodes(g: GraphBuilder, windows: Value, { windowSamples, padding }: L3Definition): Value {
  const { before, after, mode } = padding;
  if (before + after === 0) return windows;
  if (mode === 'constant') {
    return g.op('Pad', [windows, g.ints([before, after]), g.scalar(0), g.ints([1])]);
  }
  // By Gather, as the log-mel front end does it.
  const mirrored = (from: number, count: number) => {
    const at = Array.from({ length: count }, (_, i) => reflectIndex(from + i, windowSamples));
    return g.op('Gather', [windows, g.constant(int64([count], at), 'reflected')], { axis: 1 });
  };
  return g.op('Concat', [mirrored(-before, before), windows, mirrored(windowSamples, after)], { axis: 1 });
}

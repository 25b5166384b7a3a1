/** @file Whisper's front end as ONNX nodes. */
import { ShapeError } from '../../core/errors.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { bandDecibelNodes } from '../logMelNodes.ts';
import {
  type WhisperSpec,
  whisperBands,
  whisperDynamicRange,
  whisperFrames,
  whisperFullSamples,
  whisperLeastSamples,
} from './whisperSpec.ts';

/**
 * Appends nodes that compute what {@link whisperLogMel} computes, the transform in float64; each clip of the batch by its
 * own loudest value.
 * @param waveform float32, shape [N, samples] at 16 kHz; both may be names
 * @returns shape [N, nMels, nFrames]
 * @throws {ShapeError} unless `waveform` is float32 of rank 2
 */
export function whisperNodes(g: GraphBuilder, waveform: Value, spec: WhisperSpec): Value {
  if (waveform.dtype !== 'float32' || waveform.shape.length !== 2) {
    throw new ShapeError(
      `Whisper's front end takes a float32 waveform of shape [N, samples], got ${waveform.dtype} [${waveform.shape.join(', ')}].`,
    );
  }
  const decibels = bandDecibelNodes(g, heardSamples(g, waveform, spec), whisperBands(spec));
  const kept = g.op('Slice', [decibels, g.ints([0]), lastFrame(g, waveform, spec), g.ints([2])]);
  const largest = g.op('ReduceMax', [kept, g.ints([1, 2])], { keepdims: 1 });
  const near = g.op('Max', [kept, g.op('Sub', [largest, g.scalar(whisperDynamicRange)])]);
  return g.op('Add', [g.op('Div', [near, g.scalar(40)]), g.scalar(1)]);
}

/** Where the kept frames end: known where the samples are, else the last but one. */
function lastFrame(g: GraphBuilder, waveform: Value, spec: WhisperSpec): Value {
  const samples = waveform.shape[1];
  if (spec.context === 'clip' && typeof samples !== 'number') return g.ints([-1]);
  return g.ints([whisperFrames(typeof samples === 'number' ? samples : 0, spec)]);
}

/** The waveform followed by zeros, or cut, to what is analysed. */
function heardSamples(g: GraphBuilder, waveform: Value, { context }: WhisperSpec): Value {
  const least = context === 'full' ? whisperFullSamples : whisperLeastSamples;
  const samples = waveform.shape[1];
  const padded = followedByZeros(g, waveform, least);
  if (context === 'clip' || (typeof samples === 'number' && samples <= least)) return padded;
  return g.op('Slice', [padded, g.ints([0]), g.ints([least]), g.ints([1])]);
}

/** At least so many samples. */
function followedByZeros(g: GraphBuilder, waveform: Value, least: number): Value {
  const samples = waveform.shape[1];
  if (typeof samples === 'number') {
    if (samples >= least) return waveform;
    return g.op('Pad', [waveform, g.ints([0, least - samples]), g.scalar(0), g.ints([1])]);
  }
  const given = g.op('Shape', [waveform], { start: 1, end: 2 });
  const missing = g.op('Max', [g.op('Sub', [g.ints([least]), given]), g.ints([0])]);
  const amounts = g.op('Concat', [g.ints([0]), missing], { axis: 0 });
  return g.op('Pad', [waveform, amounts, g.scalar(0), g.ints([1])]);
}

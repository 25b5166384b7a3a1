/** @file Shape rules of signal processing: Fourier transforms, windows, mel matrix. */
import { dtypeFromNumber } from '../dataTypes.ts';
import { type Dim, intAttribute } from '../model.ts';
import { resolveAxis } from '../shape.ts';
import {
  constantInts,
  describeNode,
  type InferContext,
  type InferRule,
  type OperatorTable,
  required,
} from './schema.ts';

/** Bins of a real signal's spectrum: the other half mirrors them. */
const half = (points: Dim, c: InferContext): Dim =>
  typeof points === 'number' ? Math.floor(points / 2) + 1 : c.unknown();

/** The axis is an attribute up to opset 19, an input since. */
const dft: InferRule = (c) => {
  const x = required(c, 0);
  const held = c.node.attributes['axis'];
  const given = c.inputs[2] === undefined ? undefined : constantInts(c, 2)?.[0];
  const inverse = intAttribute(c.node, 'inverse', 0) === 1;
  const onesided = intAttribute(c.node, 'onesided', 0) === 1;
  const last = x.shape.length - 1;
  // The inverse of a one-sided spectrum is real.
  const parts = inverse && onesided ? 1 : 2;
  if (c.inputs[2] !== undefined && given === undefined)
    return [{ dtype: x.dtype, shape: x.shape.map((_, i) => (i === last ? parts : c.unknown())) }];
  const axis = held?.kind === 'int' ? held.value : (given ?? (c.opset < 20 ? 1 : -2));
  const at = resolveAxis(axis, x.shape.length, describeNode(c.node));
  const own = x.shape[at];
  const natural: Dim = parts === 2 ? own : typeof own === 'number' ? 2 * (own - 1) : c.unknown();
  const asked = c.inputs[1] === undefined ? natural : (constantInts(c, 1)?.[0] ?? c.unknown());
  const points = onesided && !inverse ? half(asked, c) : asked;
  return [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i === last ? parts : i === at ? points : d)) }];
};

const stft: InferRule = (c) => {
  const x = required(c, 0);
  const step = constantInts(c, 1)?.[0];
  const given = c.inputs[3] === undefined ? undefined : constantInts(c, 3)?.[0];
  const length = given ?? c.inputs[2]?.shape[0];
  const samples = x.shape[1];
  const known = typeof samples === 'number' && typeof length === 'number' && step !== undefined;
  const frames = known ? Math.floor((samples - length) / step) + 1 : c.unknown();
  const points: Dim = length ?? c.unknown();
  const bins = intAttribute(c.node, 'onesided', 1) === 1 ? half(points, c) : points;
  return [{ dtype: x.dtype, shape: [x.shape[0], frames, bins, 2] }];
};

const resultType = (c: InferContext) =>
  dtypeFromNumber(intAttribute(c.node, 'output_datatype', 1), describeNode(c.node));

const window: InferRule = (c) => [{ dtype: resultType(c), shape: [constantInts(c, 0)?.[0] ?? c.unknown()] }];

const melWeightMatrix: InferRule = (c) => {
  const bands = constantInts(c, 0)?.[0] ?? c.unknown();
  return [{ dtype: resultType(c), shape: [half(constantInts(c, 1)?.[0] ?? c.unknown(), c), bands] }];
};

export const signal: OperatorTable = {
  DFT: dft,
  STFT: stft,
  HannWindow: window,
  HammingWindow: window,
  BlackmanWindow: window,
  MelWeightMatrix: melWeightMatrix,
};

/** @file Operators that opsets 7 to 19 wrote in another form than opset 20: attributes that became inputs, other names. */
import { GraphError, UnsupportedOpError } from '../core/errors.ts';
import { allocate, type DType } from '../core/tensor.ts';
import type { Value } from './builder.ts';
import {
  attributeToInput,
  type ImportRule,
  type NodeToImport,
  operand,
  unchanged,
  withAttributes,
} from './importRule.ts';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from './model.ts';
import { describeNode } from './operators/schema.ts';

/** A scalar of any type of numbers but float16. */
function scalarOf(c: NodeToImport, dtype: DType, value: number): Value {
  if (dtype === 'float16')
    throw new UnsupportedOpError(`${describeNode(c.node)} of float16 before opset 11 is not handled.`, {
      hint: 'Export the model with opset 11 or later.',
    });
  const data = allocate(dtype, 1);
  data[0] = dtype === 'int64' || dtype === 'uint64' ? BigInt(value) : value;
  return c.g.constant({ dtype, dims: [], data }, 'scalar');
}

/** Places along an axis; "to the end" is written as the largest integer there is, which no number here holds exactly. */
function places(c: NodeToImport, values: readonly number[]): Value {
  const most = Number.MAX_SAFE_INTEGER;
  return c.g.ints(values.map((v) => Math.min(Math.max(v, -most), most)));
}

// Before 11: pads and value are attributes.
const pad: ImportRule = (c) => {
  const pads = intsAttribute(c.node, 'pads');
  if (c.opset >= 11 || pads === undefined) return unchanged(c);
  const x = operand(c, 0);
  return {
    node: withAttributes(c.node, { pads: undefined, value: undefined }),
    inputs: [x, c.g.ints(pads), scalarOf(c, x.dtype, floatAttribute(c.node, 'value', 0))],
  };
};

// Before 10: starts, ends and axes are attributes.
const slice: ImportRule = (c) => {
  const starts = intsAttribute(c.node, 'starts');
  const ends = intsAttribute(c.node, 'ends');
  if (c.opset >= 10 || starts === undefined || ends === undefined) return unchanged(c);
  const axes = intsAttribute(c.node, 'axes') ?? starts.map((_, i) => i);
  return {
    node: withAttributes(c.node, { starts: undefined, ends: undefined, axes: undefined }),
    inputs: [operand(c, 0), places(c, starts), places(c, ends), c.g.ints(axes)],
  };
};

// Before 11: the bounds are attributes.
const clip: ImportRule = (c) => {
  if (c.opset >= 11) return unchanged(c);
  const x = operand(c, 0);
  const bound = (name: string): Value | null =>
    c.node.attributes[name] === undefined ? null : scalarOf(c, x.dtype, floatAttribute(c.node, name, 0));
  const inputs = [x, bound('min'), bound('max')];
  while (inputs.at(-1) === null) inputs.pop();
  return { node: withAttributes(c.node, { min: undefined, max: undefined }), inputs };
};

// Before 10: k is an attribute.
const topK: ImportRule = (c) => {
  if (c.opset >= 10) return unchanged(c);
  const k = intAttribute(c.node, 'k', 0);
  if (k < 1) throw new GraphError(`${describeNode(c.node)}: its attribute k is missing.`);
  return { node: withAttributes(c.node, { k: undefined }), inputs: [operand(c, 0), c.g.ints([k])] };
};

// Before 20: the axis is an attribute, and where it is absent the first behind the batch.
const dft: ImportRule = (c) => {
  if (c.opset >= 20) return unchanged(c);
  const axis = scalarOf(c, 'int64', intAttribute(c.node, 'axis', 1));
  return {
    node: withAttributes(c.node, { axis: undefined }),
    inputs: [operand(c, 0), c.inputs[1] ?? null, axis],
  };
};

/** A value for an attribute whose default or whose names changed. */
function stringFrom(
  since: number,
  name: string,
  rename: (value: string) => string,
  before: string,
): ImportRule {
  return (c) => {
    if (c.opset >= since) return unchanged(c);
    const value = rename(stringAttribute(c.node, name, before));
    return { node: withAttributes(c.node, { [name]: { kind: 'string', value } }), inputs: c.inputs };
  };
}

const samplingModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

/**
 * Upsample, and Resize before 11: position i reads the input at i / scale. The nearest position is that rounded down
 * where the axis grows, and (so in ONNX Runtime, which kept it) rounded up where it shrinks.
 */
function resizedFrom(c: NodeToImport, scales: Value, factors: readonly number[] | undefined): Value {
  const { g, node } = c;
  const x = operand(c, 0);
  const mode = stringAttribute(node, 'mode', 'nearest');
  const resized = (value: Value, by: Value, rounding: 'floor' | 'ceil'): Value =>
    g.op('Resize', [value, null, by], {
      mode,
      coordinate_transformation_mode: 'asymmetric',
      ...(mode === 'nearest' ? { nearest_mode: rounding } : {}),
    });
  if (mode !== 'nearest') return resized(x, scales, 'floor');
  if (factors === undefined) {
    throw new UnsupportedOpError(
      `${describeNode(node)}: before opset 11 the nearest element depends on whether an axis grows, and its scales are known only at run time.`,
      { hint: 'Export the model with opset 11 or later.' },
    );
  }
  const only = (kept: (f: number) => boolean): Value =>
    g.constant(
      {
        dtype: 'float32',
        dims: [factors.length],
        data: Float32Array.from(factors, (f) => (kept(f) ? f : 1)),
      },
      'scales',
    );
  const grown = factors.some((f) => f > 1)
    ? resized(
        x,
        only((f) => f > 1),
        'floor',
      )
    : x;
  return factors.some((f) => f < 1)
    ? resized(
        grown,
        only((f) => f < 1),
        'ceil',
      )
    : grown;
}

const upsample: ImportRule = (c) => {
  const held = c.node.attributes['scales'];
  if (held?.kind === 'floats') {
    const data = Float32Array.from(held.value);
    const scales = c.g.constant({ dtype: 'float32', dims: [data.length], data }, 'scales');
    return { values: [resizedFrom(c, scales, [...data])] };
  }
  const known = c.known(1);
  const factors = known && Array.from(known.data as ArrayLike<number>);
  return { values: [resizedFrom(c, operand(c, 1), factors)] };
};

/** Rules of operators whose form changed before opset 20. */
export const olderForms: Readonly<Record<string, ImportRule>> = {
  Pad: pad,
  Slice: slice,
  Clip: clip,
  TopK: topK,
  DFT: dft,
  Upsample: upsample,
  Squeeze: attributeToInput('axes', 1),
  Unsqueeze: attributeToInput('axes', 1),
  ...Object.fromEntries(
    ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'SumSquare', 'L1', 'L2', 'LogSum', 'LogSumExp'].map((n) => [
      `Reduce${n}`,
      attributeToInput('axes', 1),
    ]),
  ),
  Scatter: (c) => ({ node: { ...c.node, opType: 'ScatterElements' }, inputs: c.inputs }),
  GridSample: stringFrom(20, 'mode', (mode) => samplingModes[mode] ?? mode, 'bilinear'),
  RoiAlign: stringFrom(16, 'coordinate_transformation_mode', (mode) => mode, 'output_half_pixel'),
};

/** {@link olderForms}' Upsample, under the name that opset 10 gave it. */
export const resizeBefore11: ImportRule = upsample;

/**
 * @file Brings one node of opset 7 to 24 to its opset-20 form: forms that were written otherwise (importForms.ts),
 * defaults that changed meaning, operators that came later written with earlier ones.
 */
import { GraphError, UnsupportedOpError } from '../core/errors.ts';
import { sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import type { AttributeInput, Value } from './builder.ts';
import { batchNormalizationTraining } from './composites.ts';
import { dataTypeNumber } from './dataTypes.ts';
import { olderForms, resizeBefore11 } from './importForms.ts';
import {
  attributeToInput,
  type ImportedNode,
  type ImportRule,
  inShapeOf,
  type NodeToImport,
  operand,
  unchanged,
  withAttributes,
} from './importRule.ts';
import { type Attribute, floatAttribute, intAttribute, type Node, stringAttribute } from './model.ts';
import { describeNode } from './operators/schema.ts';
import { requireStandardForm } from './operators/standardOperators.ts';
import { isStatic, resolveAxis } from './shape.ts';

// Before 13: over all axes from `axis` on, as if they were one.
const softmax: ImportRule = (c) => {
  if (c.opset >= 13) return unchanged(c);
  const x = operand(c, 0);
  const rank = x.shape.length;
  const axis = resolveAxis(intAttribute(c.node, 'axis', 1), rank, describeNode(c.node));
  if (x.shape.slice(axis + 1).every((d) => d === 1))
    return { node: withAttributes(c.node, { axis: { kind: 'int', value: axis } }), inputs: c.inputs };
  const rows = c.g.op('Flatten', [x], { axis });
  return { values: [inShapeOf(c, c.g.op(c.node.opType, [rows], { axis: -1 }), x)] };
};

const split: ImportRule = (c) => {
  if (c.opset < 13 && c.node.attributes['split'] !== undefined) return attributeToInput('split', 1)(c);
  if (c.opset >= 18 || c.inputs[1] != null) return unchanged(c);
  return {
    node: withAttributes(c.node, { num_outputs: { kind: 'int', value: c.node.outputs.length } }),
    inputs: c.inputs,
  };
};

/** A flag that a file gives as input `i`. @throws {UnsupportedOpError} where it is computed while running */
function flag(c: NodeToImport, i: number): boolean {
  if (c.inputs[i] == null) return false;
  const value = c.known(i);
  if (value === undefined) {
    throw new UnsupportedOpError(
      `${describeNode(c.node)} is told only while running whether it is training.`,
    );
  }
  return Number(value.data[0]) !== 0;
}

// Outside training it passes everything, and its mask is true everywhere. Before 12 it knows no training.
const dropout: ImportRule = (c) => {
  const x = operand(c, 0);
  if (c.opset >= 12 && flag(c, 2)) {
    // The gradient needs the mask, asked for or not.
    const outputs = [c.node.outputs[0], c.node.outputs[1] || `${c.node.outputs[0]}_mask`];
    return { node: { ...c.node, outputs }, inputs: c.inputs };
  }
  if (!c.node.outputs[1]) return { values: [x] };
  return { values: [x, c.g.op('Equal', [x, x])] };
};

/**
 * In training the runtime overwrites its running inputs (see composites.ts), so what becomes of them is computed apart.
 * Before opset 14 a node with more than one output is in training, and outputs 3 and 4 are what the backward pass of
 * others reads: the batch's mean, and in place of its variance, as ONNX Runtime has it, the inverse deviation.
 */
const batchNormalization: ImportRule = (c) => {
  const { g, node } = c;
  const training = c.opset >= 14 ? intAttribute(node, 'training_mode', 0) === 1 : node.outputs.length > 1;
  if (intAttribute(node, 'spatial', 1) !== 1)
    throw new UnsupportedOpError(
      `${describeNode(node)} has statistics for every element instead of every channel (spatial = 0), which later operator sets do not have.`,
    );
  const plain = withAttributes(node, { spatial: undefined });
  if (!training) {
    return {
      node: { ...withAttributes(plain, { momentum: undefined }), outputs: node.outputs.slice(0, 1) },
      inputs: c.inputs,
    };
  }
  const momentum = floatAttribute(node, 'momentum', 0.9);
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => operand(c, i)) as Value[];
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const batch = batchNormalizationTraining(g, x!, scale!, bias!, epsilon);
  const dtype = mean!.dtype === 'float64' ? 'float64' : 'float32';
  const running = (old: Value, now: Value) =>
    momentum === 0
      ? now
      : g.op('Add', [
          g.op('Mul', [old, g.scalar(momentum, dtype)]),
          g.op('Mul', [now, g.scalar(1 - momentum, dtype)]),
        ]);
  return {
    values: [
      batch.output,
      node.outputs[1] ? running(mean!, batch.mean) : null,
      node.outputs[2] ? running(variance!, batch.variance) : null,
      node.outputs[3] ? batch.mean : null,
      node.outputs[4]
        ? g.op('Reciprocal', [g.op('Sqrt', [g.op('Add', [batch.variance, g.scalar(epsilon, dtype)])])])
        : null,
    ],
  };
};

/** An optional input of which older files say "none" by an empty tensor. */
function presentOnly(c: NodeToImport, i: number): Value | null {
  const value = c.inputs[i] ?? null;
  return value !== null && value.shape.length === 1 && value.shape[0] === 0 ? null : value;
}

const resize: ImportRule = (c) => {
  if (c.opset < 11) return resizeBefore11(c);
  if (stringAttribute(c.node, 'coordinate_transformation_mode', '') === 'tf_half_pixel_for_nn') {
    throw new UnsupportedOpError(`${describeNode(c.node)}: mode tf_half_pixel_for_nn was removed from ONNX.`);
  }
  const inputs = [operand(c, 0), presentOnly(c, 1), presentOnly(c, 2), presentOnly(c, 3)];
  // The region of interest is read in one mode only.
  if (stringAttribute(c.node, 'coordinate_transformation_mode', 'half_pixel') !== 'tf_crop_and_resize')
    inputs[1] = null;
  const scales = c.known(2);
  if (inputs[2] != null && scales !== undefined) inputs[2] = c.g.constant(scales, 'scales');
  while (inputs.at(-1) === null) inputs.pop();
  return { node: c.node, inputs };
};

/** Since 21 scale and bias are per channel, before that per group: normalised by groups of scale 1, then scaled. */
const groupNormalization: ImportRule = (c) => {
  const { g, node } = c;
  if (c.opset < 21) return unchanged(c);
  const [x, scale, bias] = [operand(c, 0), operand(c, 1), operand(c, 2)];
  const groups = intAttribute(node, 'num_groups', 0);
  if (groups < 1) throw new GraphError(`${describeNode(node)}: num_groups is missing.`);
  const fill = (v: number) =>
    g.constant(
      x.dtype === 'float64'
        ? tensor('float64', [groups], new Float64Array(groups).fill(v))
        : tensor('float32', [groups], new Float32Array(groups).fill(v)),
    );
  const attributes = { num_groups: groups, epsilon: floatAttribute(node, 'epsilon', 1e-5) };
  const normalised = g.op('GroupNormalization', [x, fill(1), fill(0)], attributes);
  const channels = g.ints([-1, ...x.shape.slice(2).map(() => 1)]);
  const perChannel = (v: Value) => g.op('Reshape', [v, channels]);
  return { values: [g.op('Add', [g.op('Mul', [normalised, perChannel(scale)]), perChannel(bias)])] };
};

/** Arithmetic on one operand, with scalars of its type. */
function formula(
  build: (a: {
    x: Value;
    scalar: (v: number) => Value;
    op: (
      type: string,
      inputs: readonly Value[],
      attributes?: Readonly<Record<string, AttributeInput>>,
    ) => Value;
    attribute: (name: string, fallback: number) => number;
    c: NodeToImport;
  }) => Value,
): ImportRule {
  return (c) => {
    const x = operand(c, 0);
    const value = build({
      x,
      scalar: (v) => c.g.scalar(v, x.dtype === 'float64' ? 'float64' : 'float32'),
      op: (type, inputs, attributes) => c.g.op(type, inputs, attributes),
      attribute: (name, fallback) => floatAttribute(c.node, name, fallback),
      c,
    });
    return { values: [value] };
  };
}

const rules: Readonly<Record<string, ImportRule>> = {
  ...olderForms,
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: softmax,
  Split: split,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  Resize: resize,
  GroupNormalization: groupNormalization,
  Identity: (c) => ({ values: [operand(c, 0)] }),
  Cast: (c) => {
    const same = c.node.attributes['to'];
    return same?.kind === 'int' && dataTypeNumber(operand(c, 0).dtype) === same.value
      ? { values: [operand(c, 0)] }
      : { node: withAttributes(c.node, { saturate: undefined, round_mode: undefined }), inputs: c.inputs };
  },
  CastLike: (c) => {
    const to: Attribute = { kind: 'int', value: dataTypeNumber(operand(c, 1).dtype) };
    return { node: { ...c.node, opType: 'Cast', attributes: { to } }, inputs: [operand(c, 0)] };
  },
  // Newer than opset 20, so written with what that has.
  Swish: formula(({ x, scalar, op, attribute }) =>
    op('Mul', [x, op('Sigmoid', [op('Mul', [x, scalar(attribute('alpha', 1))])])]),
  ),
  RMSNormalization: formula(({ x, scalar, op, attribute, c }) => {
    const axis = resolveAxis(intAttribute(c.node, 'axis', -1), x.shape.length, describeNode(c.node));
    const axes = c.g.ints(x.shape.map((_, i) => i).slice(axis));
    const square = op('ReduceMean', [op('Mul', [x, x]), axes], { keepdims: 1 });
    const root = op('Sqrt', [op('Add', [square, scalar(attribute('epsilon', 1e-5))])]);
    return op('Mul', [op('Div', [x, root]), operand(c, 1)]);
  }),
};

/** The node in its opset-20 form. @throws {UnsupportedOpError} naming the node, where there is none */
export function importedNode(c: NodeToImport): ImportedNode {
  if (c.node.domain !== '') return unchanged(c);
  const imported = (Object.hasOwn(rules, c.node.opType) ? rules[c.node.opType] : unchanged)(c);
  if ('node' in imported) requireStandardForm(imported.node, imported.inputs.length);
  return imported;
}

/** The tensor that a Constant node holds. @throws {GraphError} for strings and sparse tensors */
export function constantValue(node: Node): Tensor {
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
  if (value?.kind === 'tensor') return value.value;
  if (value_float?.kind === 'float') return tensor('float32', [], Float32Array.of(value_float.value));
  if (value_int?.kind === 'int') return tensor('int64', [], BigInt64Array.of(BigInt(value_int.value)));
  if (value_floats?.kind === 'floats')
    return tensor('float32', [value_floats.value.length], Float32Array.from(value_floats.value));
  if (value_ints?.kind === 'ints')
    return tensor('int64', [value_ints.value.length], BigInt64Array.from(value_ints.value.map(BigInt)));
  throw new GraphError(`${describeNode(node)} holds no value of a kind that Earshot handles.`);
}

/** What Shape or Size gives for an operand whose sizes are known, else null. */
export function shapeValue(node: Node, x: Value): Tensor | null {
  const { shape } = x;
  if (node.opType === 'Size')
    return isStatic(shape) ? tensor('int64', [], BigInt64Array.of(BigInt(sizeOf(shape)))) : null;
  const rank = shape.length;
  const place = (i: number) => Math.min(Math.max(i < 0 ? i + rank : i, 0), rank);
  const part = shape.slice(place(intAttribute(node, 'start', 0)), place(intAttribute(node, 'end', rank)));
  return isStatic(part) ? tensor('int64', [part.length], BigInt64Array.from(part.map(BigInt))) : null;
}

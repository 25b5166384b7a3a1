/** @file Gradients of gathering and scattering: what was read is added back where it was read from, and vice versa. */
import { UnsupportedOpError } from '../../core/errors.ts';
import { sizeOf, tensor } from '../../core/tensor.ts';
import { describeNode, intAttribute, resolveAxis, stringAttribute, type Value } from '../../onnx/index.ts';
import {
  type Algebra,
  affordable,
  algebra,
  cotangent,
  dims,
  input,
  requireScatterAdd,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

// Rows are added back where they were read: scatter-add along the axis, indices flattened and spread over the rest.
const gather: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const indices = input(c, 1);
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), shape.length, describeNode(c.node));
  const count = sizeOf(dims(c, indices));
  const a = algebra(c.g, cotangent(c));
  const rows = shape.map((d, i) => (i === axis ? count : d));
  const updates = a.reshape(cotangent(c), rows);
  // One known row, such as a classification token: zeros around it.
  const constant = count === 1 ? c.g.constantOf(indices) : undefined;
  if (constant !== undefined) {
    const index = Number(constant.data[0]);
    const at = index < 0 ? index + shape[axis] : index;
    const before = shape.map((_, i) => (i === axis ? at : 0));
    const after = shape.map((d, i) => (i === axis ? d - 1 - at : 0));
    return [a.op('Pad', [updates, c.g.ints([...before, ...after]), a.scalar(0)]), null];
  }
  const line = a.reshape(
    indices,
    rows.map((_, i) => (i === axis ? count : 1)),
  );
  return [a.scatterAdd(shape, a.expand(line, rows), updates, axis), null];
};

const gatherElements: VjpRule = (c) => {
  const a = algebra(c.g, cotangent(c));
  const axis = intAttribute(c.node, 'axis', 0);
  return [a.scatterAdd(dims(c, input(c, 0)), input(c, 1), cotangent(c), axis), null];
};

/** Indices into the whole of a tensor, from indices that start after `batchDims` shared leading axes. */
function withBatchCoordinates(c: VjpContext, a: Algebra, indices: Value, batchDims: number): Value {
  if (batchDims === 0) return indices;
  const shape = dims(c, indices);
  const points = shape.slice(0, -1);
  const coordinates = points.slice(0, batchDims).map((size, axis) => {
    affordable(c, size);
    const line = tensor(
      'int64',
      [size],
      BigInt64Array.from({ length: size }, (_, i) => BigInt(i)),
    );
    const alone = [...points.map((d, i) => (i === axis ? d : 1)), 1];
    return a.expand(a.reshape(c.g.constant(line, 'coordinates'), alone), [...points, 1]);
  });
  return a.op('Concat', [...coordinates, indices], { axis: shape.length - 1 });
}

const gatherND: VjpRule = (c) => {
  const a = algebra(c.g, cotangent(c));
  requireScatterAdd(c.g);
  const places = withBatchCoordinates(c, a, input(c, 1), intAttribute(c.node, 'batch_dims', 0));
  return [
    a.op('ScatterND', [a.zeros(dims(c, input(c, 0))), places, cotangent(c)], { reduction: 'add' }),
    null,
  ];
};

/** Reads and writes of one scattering operator at its own indices. */
interface Places {
  readonly read: (from: Value) => Value;
  readonly overwrite: (into: Value, updates: Value) => Value;
  readonly add: (into: Value, updates: Value) => Value;
}

/**
 * y is `data` with `updates` combined in at the places.
 * none: what was overwritten gets no gradient. add: both pass. max, min: to those that attain the extremum, in equal
 * shares. For 'mul' there is no rule.
 */
function scattering(placesOf: (c: VjpContext, a: Algebra) => Places): VjpRule {
  return (c) => {
    const dy = cotangent(c);
    const a = algebra(c.g, dy);
    const data = input(c, 0);
    const updates = input(c, 2);
    const places = placesOf(c, a);
    const reduction = stringAttribute(c.node, 'reduction', 'none');
    if (reduction === 'none') {
      const data = () => places.overwrite(dy, a.zeros(dims(c, updates)));
      return [c.needs[0] ? data() : null, null, c.needs[2] ? places.read(dy) : null];
    }
    if (reduction === 'add') return [dy, null, c.needs[2] ? places.read(dy) : null];
    if (reduction === 'max' || reduction === 'min') {
      const y = c.outputs[0];
      const kept = a.indicator(a.op('Equal', [data, y]));
      const written = a.indicator(a.op('Equal', [updates, places.read(y)]));
      requireScatterAdd(c.g);
      const share = a.div(dy, places.add(kept, written));
      return [a.mul(share, kept), null, c.needs[2] ? a.mul(places.read(share), written) : null];
    }
    throw new UnsupportedOpError(
      `${describeNode(c.node)}: there is no gradient rule for reduction '${reduction}'.`,
      { hint: "Reductions 'none', 'add', 'max' and 'min' have one." },
    );
  };
}

const scatterElements = scattering((c, a) => {
  const axis = intAttribute(c.node, 'axis', 0);
  const indices = input(c, 1);
  return {
    read: (from) => a.op('GatherElements', [from, indices], { axis }),
    overwrite: (into, updates) => a.op('ScatterElements', [into, indices, updates], { axis }),
    add: (into, updates) => a.op('ScatterElements', [into, indices, updates], { axis, reduction: 'add' }),
  };
});

const scatterND = scattering((c, a) => {
  const indices = input(c, 1);
  return {
    read: (from) => a.op('GatherND', [from, indices]),
    overwrite: (into, updates) => a.op('ScatterND', [into, indices, updates]),
    add: (into, updates) => a.op('ScatterND', [into, indices, updates], { reduction: 'add' }),
  };
});

// The values are elements of x, named by output 1.
const topK: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const a = algebra(c.g, cotangent(c));
  const axis = resolveAxis(intAttribute(c.node, 'axis', -1), shape.length, describeNode(c.node));
  const indices = c.outputs[1] ?? c.g.ops('TopK', c.inputs, plainAttributes(c), { outputs: 2 })[1];
  // No place is read twice, so that nothing needs to be added.
  return [a.op('ScatterElements', [a.zeros(shape), indices, cotangent(c)], { axis }), null];
};

function plainAttributes(c: VjpContext): Record<string, number> {
  return Object.fromEntries(
    ['axis', 'largest', 'sorted'].flatMap((name) => {
      const held = c.node.attributes[name];
      return held?.kind === 'int' ? [[name, held.value]] : [];
    }),
  );
}

// Reversing parts twice leaves all as it was.
const reverseSequence: VjpRule = (c) => {
  const names = ['batch_axis', 'time_axis'];
  const attributes = Object.fromEntries(
    names.map((name, i) => [name, intAttribute(c.node, name, i === 0 ? 1 : 0)]),
  );
  return [c.g.op('ReverseSequence', [cotangent(c), input(c, 1)], attributes), null];
};

export const indexing: VjpTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
  ReverseSequence: reverseSequence,
};

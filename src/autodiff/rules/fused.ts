/** @file Gradients of operators in which ONNX Runtime joins several, as compositions of these. */
import { UnsupportedOpError } from '../../core/errors.ts';
import {
  type Attribute,
  describeNode,
  floatAttribute,
  type GraphBuilder,
  type Node,
  stringAttribute,
  type Value,
} from '../../onnx/index.ts';
import { type Composition, composed } from '../composition.ts';
import { algebra, type VjpTable } from '../vjp.ts';

/** Appends an operator with those attributes of the fused node that are its own. */
function part(
  g: GraphBuilder,
  opType: string,
  inputs: readonly (Value | null)[],
  attributes: Readonly<Record<string, Attribute>>,
): Value {
  const output = g.uniqueName(opType);
  return g.addNode(
    { opType, domain: '', name: `${output}/node`, inputs: [], outputs: [output], attributes },
    inputs,
  )[0];
}

/** The node's attributes but those that say which activation follows. */
function withoutActivation(node: Node): Record<string, Attribute> {
  return Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !name.startsWith('activation')),
  );
}

/** Parameters of activations, in the order in which FusedConv lists them. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  Relu: [],
  Sigmoid: [],
  Tanh: [],
  LeakyRelu: ['alpha'],
  Clip: ['min', 'max'],
  HardSigmoid: ['alpha', 'beta'],
};

/** `x` behind the node's activation. @param values its parameters, in order, those that are given */
function activated(
  g: GraphBuilder,
  node: Node,
  x: Value,
  values: (name: string) => number | undefined,
): Value {
  const activation = stringAttribute(node, 'activation', '');
  if (activation === '') return x;
  const names = parameters[activation];
  if (names === undefined)
    throw new UnsupportedOpError(`${describeNode(node)}: activation '${activation}' has no gradient rule.`);
  const given = Object.fromEntries(
    names.flatMap((name) => {
      const value = values(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const a = algebra(g, x);
  if (activation !== 'Clip') return a.op(activation, [x], given);
  const bound = (v: number | undefined) => (v === undefined ? null : a.scalar(v));
  return a.op('Clip', [x, bound(given['min']), bound(given['max'])]);
}

// act(Conv(x, w, b) + z)
const fusedConv: Composition = (g, [x, w, b = null, z = null], { node }) => {
  const operands = b === null ? [x!, w!] : [x!, w!, b];
  const y = part(g, 'Conv', operands, withoutActivation(node));
  const held = node.attributes['activation_params'];
  const values = held?.kind === 'floats' ? held.value : [];
  const names = parameters[stringAttribute(node, 'activation', '')] ?? [];
  return [activated(g, node, z === null ? y : g.op('Add', [y, z]), (name) => values[names.indexOf(name)])];
};

// act(Gemm(a, b, c))
const fusedGemm: Composition = (g, [a, b, c = null], { node }) => {
  const y = part(g, 'Gemm', c === null ? [a!, b!] : [a!, b!, c], withoutActivation(node));
  const parameter = (name: string) => {
    const attribute = `activation_${name}`;
    return node.attributes[attribute] === undefined ? undefined : floatAttribute(node, attribute, 0);
  };
  return [activated(g, node, y, parameter)];
};

/** The sum of input, skip and bias, then a normalisation over the last axis; the sum is output 3. */
function skipped(normalization: 'LayerNormalization' | 'SimplifiedLayerNormalization'): Composition {
  return (g, inputs, { node }) => {
    const [x, skip, gamma] = inputs as [Value, Value, Value];
    const plain = normalization === 'LayerNormalization';
    const beta = plain ? (inputs[3] ?? null) : null;
    const bias = inputs[plain ? 4 : 3] ?? null;
    const both = g.op('Add', [x, skip]);
    const sum = bias === null ? both : g.op('Add', [both, bias]);
    const epsilon = floatAttribute(node, 'epsilon', 1e-12);
    const operands = beta === null ? [sum, gamma] : [sum, gamma, beta];
    const outputs = plain ? 3 : 2;
    const [y, ...statistics] = g.ops(normalization, operands, { axis: -1, epsilon }, { outputs });
    // In both forms output 1 is the mean and output 2 the inverse deviation.
    const [mean, inverse] = plain ? statistics : [y, statistics[0]];
    return [y!, mean!, inverse!, sum];
  };
}

export const fused: VjpTable = {
  FusedConv: composed(fusedConv),
  FusedGemm: composed(fusedGemm),
  SkipLayerNormalization: composed(skipped('LayerNormalization')),
  SkipSimplifiedLayerNormalization: composed(skipped('SimplifiedLayerNormalization')),
};

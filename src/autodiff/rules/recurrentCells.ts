/** @file One step of RNN, GRU and LSTM in the form of ONNX's specification, with its activations. */
import { UnsupportedOpError } from '../../core/errors.ts';
import {
  describeNode,
  floatAttribute,
  type GraphBuilder,
  intAttribute,
  type Node,
  type Value,
} from '../../onnx/index.ts';
import { type Algebra, algebra } from '../vjp.ts';

export type CellKind = 'RNN' | 'GRU' | 'LSTM';

export interface Cell {
  /**
   * The states after a step: `h` and, of an LSTM, `c`, [batch, hidden] each.
   * @param projected the input's product with its weights, plus its bias, [batch, gates · hidden]
   * @param state the states before
   * @param parameters `recurrence` [gates · hidden, hidden] and, where the node has them, `bias` [gates · hidden] and
   *   `peepholes` [3 · hidden]
   */
  readonly step: (
    g: GraphBuilder,
    projected: Value,
    state: Readonly<Record<string, Value>>,
    parameters: Readonly<Record<string, Value>>,
  ) => Record<string, Value>;
}

/** How many gates lie one above the other in a cell's weights. */
export function gatesOf(kind: CellKind): number {
  return { RNN: 1, GRU: 3, LSTM: 4 }[kind];
}

type Activation = (a: Algebra, x: Value) => Value;

interface ActivationForm {
  /** Defaults of the parameters that the node's lists may set; absent where it takes none. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly apply: (a: Algebra, x: Value, alpha: number, beta: number) => Value;
}

/** By lower-case name, as ONNX Runtime looks them up. */
const activations = new Map<string, ActivationForm>([
  ['relu', { apply: (a, x) => a.op('Relu', [x]) }],
  ['tanh', { apply: (a, x) => a.op('Tanh', [x]) }],
  ['sigmoid', { apply: (a, x) => a.op('Sigmoid', [x]) }],
  ['softsign', { apply: (a, x) => a.op('Softsign', [x]) }],
  ['softplus', { apply: (a, x) => a.op('Softplus', [x]) }],
  ['leakyrelu', { alpha: 0.01, apply: (a, x, alpha) => a.op('LeakyRelu', [x], { alpha }) }],
  ['thresholdedrelu', { alpha: 1, apply: (a, x, alpha) => a.op('ThresholdedRelu', [x], { alpha }) }],
  ['elu', { alpha: 1, apply: (a, x, alpha) => a.op('Elu', [x], { alpha }) }],
  [
    'hardsigmoid',
    { alpha: 0.2, beta: 0.5, apply: (a, x, alpha, beta) => a.op('HardSigmoid', [x], { alpha, beta }) },
  ],
  [
    'affine',
    { alpha: 1, beta: 0, apply: (a, x, alpha, beta) => a.add(a.mul(x, a.scalar(alpha)), a.scalar(beta)) },
  ],
  [
    'scaledtanh',
    {
      alpha: 1,
      beta: 1,
      apply: (a, x, alpha, beta) => a.mul(a.scalar(alpha), a.op('Tanh', [a.mul(x, a.scalar(beta))])),
    },
  ],
]);

const defaults: Readonly<Record<CellKind, readonly string[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
};

/** A node's activations in direction `d`. The lists of parameters hold those of the functions that take some, in order. */
function activationsOf(kind: CellKind, node: Node, d: number): Activation[] {
  const named = node.attributes['activations'];
  const count = defaults[kind].length;
  const names =
    named?.kind === 'strings' && named.value.length > 0
      ? named.value
      : [...defaults[kind], ...defaults[kind]];
  const listed = (name: string): number[] => {
    const held = node.attributes[name];
    return held?.kind === 'floats' ? [...held.value] : [];
  };
  const [alphas, betas] = [listed('activation_alpha'), listed('activation_beta')];
  const all = names.map((name): Activation => {
    const form = activations.get(name.toLowerCase());
    if (form === undefined)
      throw new UnsupportedOpError(`${describeNode(node)}: activation '${name}' has no gradient rule.`);
    const alpha = form.alpha === undefined ? 0 : (alphas.shift() ?? form.alpha);
    const beta = form.beta === undefined ? 0 : (betas.shift() ?? form.beta);
    return (a, x) => form.apply(a, x, alpha, beta);
  });
  return all.slice(d * count, (d + 1) * count);
}

/** The step of a node's cell in direction `d`. @throws {UnsupportedOpError} for what has no gradient rule */
export function cellOf(kind: CellKind, node: Node, d: number, hidden: number): Cell {
  if (intAttribute(node, 'input_forget', 0) !== 0)
    throw new UnsupportedOpError(
      `${describeNode(node)}: coupled input and forget gates have no gradient rule.`,
    );
  const functions = activationsOf(kind, node, d);
  const limit = floatAttribute(node, 'clip', 0);
  const activate = (a: Algebra, i: number, x: Value) =>
    functions[i](a, limit > 0 ? a.op('Clip', [x, a.scalar(-limit), a.scalar(limit)]) : x);
  const gate = (g: GraphBuilder, v: Value, i: number, axis = -1) =>
    g.op('Slice', [v, g.ints([i * hidden]), g.ints([(i + 1) * hidden]), g.ints([axis])]);
  const times = (g: GraphBuilder, h: Value, recurrence: Value) =>
    g.op('MatMul', [h, g.op('Transpose', [recurrence], { perm: [1, 0] })]);
  const plus = (g: GraphBuilder, v: Value, bias: Value | undefined) =>
    bias === undefined ? v : g.op('Add', [v, bias]);

  if (kind === 'RNN') {
    return {
      step: (g, projected, { h }, { recurrence, bias }) => {
        const a = algebra(g, projected);
        return { h: activate(a, 0, plus(g, a.add(projected, times(g, h!, recurrence!)), bias)) };
      },
    };
  }
  if (kind === 'GRU') {
    const afterProduct = intAttribute(node, 'linear_before_reset', 0) !== 0;
    return {
      // Gates z, r, h: H = (1 − z) h̃ + z H
      step: (g, projected, { h }, { recurrence, bias }) => {
        const a = algebra(g, projected);
        const slice = (v: Value, i: number) => gate(g, v, i);
        const own = (i: number) => (bias === undefined ? undefined : gate(g, bias, i, 0));
        const through = (i: number, v: Value) => plus(g, times(g, v, gate(g, recurrence!, i, 0)), own(i));
        const z = activate(a, 0, a.add(slice(projected, 0), through(0, h!)));
        const r = activate(a, 0, a.add(slice(projected, 1), through(1, h!)));
        const inner = afterProduct ? a.mul(r, through(2, h!)) : through(2, a.mul(r, h!));
        const candidate = activate(a, 1, a.add(slice(projected, 2), inner));
        return { h: a.add(a.mul(a.sub(a.scalar(1), z), candidate), a.mul(z, h!)) };
      },
    };
  }
  return {
    // Gates i, o, f, c; peepholes i, o, f: C = f C + i c̃, H = o · act(C)
    step: (g, projected, { h, c }, { recurrence, bias, peepholes }) => {
      const a = algebra(g, projected);
      const sum = plus(g, a.add(projected, times(g, h!, recurrence!)), bias);
      const peep = (v: Value, i: number, cell: Value) =>
        peepholes === undefined ? v : a.add(v, a.mul(gate(g, peepholes, i, 0), cell));
      const i = activate(a, 0, peep(gate(g, sum, 0), 0, c!));
      const f = activate(a, 0, peep(gate(g, sum, 2), 2, c!));
      const cell = a.add(a.mul(f, c!), a.mul(i, activate(a, 1, gate(g, sum, 3))));
      const o = activate(a, 0, peep(gate(g, sum, 1), 1, cell));
      return { h: a.mul(o, functions[2](a, cell)), c: cell };
    },
  };
}

/**
 * @file Gradients of RNN, GRU and LSTM through time, in plain ONNX: one Scan goes forwards and keeps the state before
 * every step, a second goes backwards with the gradient of one step, which the pass itself derives from the step's
 * forward form (recurrentCells.ts).
 */
import { UnsupportedOpError } from '../../core/errors.ts';
import {
  describeNode,
  type Graph,
  GraphBuilder,
  graphAttribute,
  intAttribute,
  type Node,
  type Shape,
  stringAttribute,
  type Value,
} from '../../onnx/index.ts';
import { type Algebra, algebra, dims, input, type VjpContext, type VjpRule, type VjpTable } from '../vjp.ts';
import { type Cell, type CellKind, cellOf, gatesOf } from './recurrentCells.ts';

/** Values by name, in a fixed order. */
type Named = Readonly<Record<string, Value>>;

interface Scan {
  /** Start values of what goes from step to step. */
  readonly states: Named;
  /** What each step takes its own part of, along the first axis. */
  readonly sequences: Named;
  readonly backwards: boolean;
  /** Appends one step; returns the next states and what each step gives out, by name. */
  readonly step: (
    g: GraphBuilder,
    states: Named,
    parts: Named,
  ) => { readonly next: Named; readonly given: Named };
}

/** Appends a Scan; returns the last states and what the steps gave out, stacked along a new first axis. */
function scan(
  g: GraphBuilder,
  { states, sequences, backwards, step }: Scan,
): { last: Named; stacked: Named } {
  const body = new GraphBuilder({ opset: g.opset, name: 'step' });
  const inner = (values: Named, shapeOf: (shape: Shape) => Shape): Named =>
    Object.fromEntries(
      Object.entries(values).map(([name, v]) => [name, body.input(name, v.dtype, shapeOf(v.shape))]),
    );
  const { next, given } = step(
    body,
    inner(states, (shape) => shape),
    inner(sequences, (shape) => shape.slice(1)),
  );
  const stateNames = Object.keys(states);
  const givenNames = Object.keys(given);
  for (const name of stateNames) body.output(next[name], body.uniqueName(`${name}_next`));
  for (const name of givenNames) body.output(given[name], body.uniqueName(`${name}_given`));
  const steps = Object.values(sequences)[0].shape[0];
  const types = [
    ...stateNames.map((name) => states[name]),
    ...givenNames.map((name) => ({ dtype: given[name].dtype, shape: [steps, ...given[name].shape] })),
  ];
  const outputs = types.map((_, i) => g.uniqueName(`scan_out${i}`));
  const directions = (count: number) =>
    ({ kind: 'ints', value: Array<number>(count).fill(backwards ? 1 : 0) }) as const;
  const node: Node = {
    opType: 'Scan',
    domain: '',
    name: `${outputs[0]}/node`,
    inputs: [],
    outputs,
    attributes: {
      body: graphAttribute('body', prefixed(body.model().graph, `${outputs[0]}/`)),
      num_scan_inputs: { kind: 'int', value: Object.keys(sequences).length },
      scan_input_directions: directions(Object.keys(sequences).length),
      scan_output_directions: directions(givenNames.length),
    },
  };
  const made = g.addNode(node, [...Object.values(states), ...Object.values(sequences)], { types });
  const named = (names: readonly string[], from: number): Named =>
    Object.fromEntries(names.map((name, i) => [name, made[from + i]]));
  return { last: named(stateNames, 0), stacked: named(givenNames, stateNames.length) };
}

/** A graph whose names all start with `prefix`: those of a body must differ from those of the graph around it. */
function prefixed(graph: Graph, prefix: string): Graph {
  const renamed = (name: string) => (name === '' ? '' : prefix + name);
  const info = <T extends { readonly name: string }>(v: T): T => ({ ...v, name: renamed(v.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [renamed(name), tensor])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      name: renamed(node.name),
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
  };
}

const parameterNames = ['recurrence', 'bias', 'peepholes'] as const;

/** The operands of one direction, without the direction's axis. */
interface Direction {
  /** The input in the order in which this direction reads it, [time, batch, input]. */
  readonly x: Value;
  /** [gates · hidden, input] */
  readonly weights: Value;
  /** What a step multiplies and adds: the recurrence [gates · hidden, hidden], its bias and the peepholes. */
  readonly parameters: Named;
  /** The bias of the input's product, [gates · hidden]; null where there is none. */
  readonly inputBias: Value | null;
  /** Start of the states, [batch, hidden] each. */
  readonly start: Named;
  /** 1 where a step is within its sequence, else 0, [time, batch, 1]; null where all are. */
  readonly mask: Value | null;
}

/** Gradients of one direction's operands. */
interface DirectionGradients {
  readonly x: Value;
  readonly weights: Value;
  readonly inputBias: Value;
  readonly parameters: Named;
  readonly start: Named;
}

/** One step of a cell, after the end of a sequence the state as it was. */
function masked(
  g: GraphBuilder,
  cell: Cell,
  projected: Value,
  state: Named,
  parameters: Named,
  mask: Value | undefined,
): Named {
  const next = cell.step(g, projected, state, parameters);
  if (mask === undefined) return next;
  const inside = g.op('Greater', [mask, algebra(g, mask).scalar(0)]);
  return Object.fromEntries(
    Object.entries(next).map(([name, v]) => [name, g.op('Where', [inside, v, state[name]])]),
  );
}

function pick(values: Named, names: readonly string[]): Record<string, Value> {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

/**
 * @param dAll gradient of all hidden states in this direction's order, [time, batch, hidden]; null where none is needed
 * @param dLast gradients of the last states
 */
function throughTime(
  c: VjpContext,
  cell: Cell,
  d: Direction,
  dAll: Value | null,
  dLast: Partial<Named>,
): DirectionGradients {
  const { g } = c;
  const a = algebra(g, d.x);
  const product = g.op('MatMul', [d.x, a.transpose(d.weights, [1, 0])]);
  const projected = d.inputBias === null ? product : a.add(product, d.inputBias);
  const stateNames = Object.keys(d.start);
  const used = Object.keys(d.parameters);
  const mask: Record<string, Value> = d.mask === null ? {} : { mask: d.mask };
  const before = (name: string) => `${name}_before`;

  const forwards = scan(g, {
    states: { ...d.start, ...d.parameters },
    sequences: { projected, ...mask },
    backwards: false,
    step: (own, states, parts) => ({
      next: {
        ...masked(own, cell, parts['projected'], pick(states, stateNames), pick(states, used), parts['mask']),
        ...pick(states, used),
      },
      given: Object.fromEntries(stateNames.map((name) => [before(name), states[name]])),
    }),
  });

  const gradientOf = (name: string) => `d_${name}`;
  const zeros = (like: Value) => a.zeros(dims(c, like));
  const kept: Record<string, Value> = Object.fromEntries(used.map((name) => [name, d.parameters[name]]));
  const backwards = scan(g, {
    states: {
      ...Object.fromEntries(
        stateNames.map((name) => [gradientOf(name), dLast[name] ?? zeros(d.start[name])]),
      ),
      ...Object.fromEntries(used.map((name) => [gradientOf(name), zeros(d.parameters[name])])),
      ...kept,
    },
    sequences: { projected, ...mask, ...forwards.stacked, ...(dAll === null ? {} : { d_all: dAll }) },
    backwards: true,
    step: (own, states, parts) => {
      const state = Object.fromEntries(stateNames.map((name) => [name, parts[before(name)]]));
      const parameters = pick(states, used);
      const next = masked(own, cell, parts['projected'], state, parameters, parts['mask']);
      const seeds = stateNames.map((name): [Value, Value] => [next[name], states[gradientOf(name)]]);
      if (parts['d_all'] !== undefined) {
        const given = parts['d_all'];
        // Behind the end of a sequence the output is zero.
        seeds.push([next['h'], parts['mask'] === undefined ? given : own.op('Mul', [given, parts['mask']])]);
      }
      const wrt = [parts['projected'], ...Object.values(state), ...Object.values(parameters)];
      const [dProjected, ...rest] = c.reverse(own, seeds, wrt, { standardOnly: true });
      const added = used.map((name, i): [string, Value] => [
        gradientOf(name),
        own.op('Add', [states[gradientOf(name)], rest[stateNames.length + i]]),
      ]);
      return {
        next: {
          ...Object.fromEntries(stateNames.map((name, i) => [gradientOf(name), rest[i]])),
          ...Object.fromEntries(added),
          ...parameters,
        },
        given: { projected: dProjected! },
      };
    },
  });

  const dProjected = backwards.stacked['projected'];
  const flat = (v: Value) => a.reshape(v, [-1, dims(c, v).at(-1)!]);
  return {
    x: g.op('MatMul', [dProjected, d.weights]),
    weights: g.op('MatMul', [a.transpose(flat(dProjected), [1, 0]), flat(d.x)]),
    inputBias: a.reduceSum(dProjected, [0, 1]),
    parameters: Object.fromEntries(used.map((name) => [name, backwards.last[gradientOf(name)]])),
    start: Object.fromEntries(stateNames.map((name) => [name, backwards.last[gradientOf(name)]])),
  };
}

/** A sequence [time, batch, …] read from its end; of each its own length, where they differ. */
function turned(g: GraphBuilder, v: Value, lengths: Value | null): Value {
  if (lengths !== null) return g.op('ReverseSequence', [v, lengths], { time_axis: 0, batch_axis: 1 });
  return g.op('Slice', [v, g.ints([-1]), g.ints([-(2 ** 31)]), g.ints([0]), g.ints([-1])]);
}

/** Part `i` of `v` along its first axis, or along `axis`, which goes. */
function at(g: GraphBuilder, a: Algebra, v: Value, i: number, axis = 0): Value {
  return a.squeeze(g.op('Slice', [v, g.ints([i]), g.ints([i + 1]), g.ints([axis])]), [axis]);
}

function recurrentRule(kind: CellKind): VjpRule {
  return (c) => {
    const { g, node } = c;
    const what = describeNode(node);
    if (intAttribute(node, 'layout', 0) !== 0)
      throw new UnsupportedOpError(`${what}: layout 1 (batch first) has no gradient rule.`, {
        hint: 'ONNX Runtime does not run it on the CPU either. Transpose around the node, with layout 0.',
      });
    const x = input(c, 0);
    const a = algebra(g, x);
    const [time, batch] = dims(c, x) as [number, number];
    const hidden = dims(c, input(c, 2))[2];
    const rows = gatesOf(kind) * hidden;
    const direction = stringAttribute(node, 'direction', 'forward');
    const directions = direction === 'bidirectional' ? [0, 1] : [0];
    const lengths = c.inputs[4] ?? null;
    const longLengths = lengths === null ? null : a.op('Cast', [lengths], { to: 7 });
    const mask = () => {
      const places = g.constant({
        dtype: 'int64',
        dims: [time, 1],
        data: BigInt64Array.from({ length: time }, (_, i) => BigInt(i)),
      });
      return a.unsqueeze(a.indicator(a.op('Less', [places, longLengths!])), [2]);
    };
    const states = kind === 'LSTM' ? ['h', 'c'] : ['h'];
    const reads = (d: number) => direction === 'reverse' || d === 1;
    const inOrder = (d: number, v: Value) => (reads(d) ? turned(g, v, longLengths) : v);
    const operand = (i: number, d: number): Value | null => {
      const value = c.inputs[i] ?? null;
      return value === null ? null : at(g, a, value, d);
    };
    const results = directions.map((d): DirectionGradients => {
      const biases = operand(3, d);
      const half = (i: number) =>
        biases === null
          ? null
          : g.op('Slice', [biases, g.ints([i * rows]), g.ints([(i + 1) * rows]), g.ints([0])]);
      const parameters = [operand(2, d), half(1), operand(7, d)];
      const [dAll = null, ...dStates] = c.cotangents;
      const dLast = Object.fromEntries(
        states.flatMap((name, i) => (dStates[i] == null ? [] : [[name, at(g, a, dStates[i], d)]])),
      );
      return throughTime(
        c,
        cellOf(kind, node, d, hidden),
        {
          x: inOrder(d, x),
          weights: operand(1, d)!,
          inputBias: half(0),
          parameters: Object.fromEntries(
            parameterNames.flatMap((name, i) => (parameters[i] == null ? [] : [[name, parameters[i]]])),
          ),
          start: Object.fromEntries(
            states.map((name, i) => [name, operand(5 + i, d) ?? a.zeros([batch, hidden])]),
          ),
          mask: lengths === null ? null : mask(),
        },
        dAll === null ? null : inOrder(d, at(g, a, dAll, d, 1)),
        dLast,
      );
    });
    const stacked = (of: (r: DirectionGradients) => Value): Value =>
      g.op(
        'Concat',
        results.map((r) => a.unsqueeze(of(r), [0])),
        { axis: 0 },
      );
    const dX = results.map((r, d) => inOrder(d, r.x)).reduce((sum, v) => a.add(sum, v));
    const wanted: readonly (() => Value)[] = [
      () => dX,
      () => stacked((r) => r.weights),
      () => stacked((r) => r.parameters['recurrence']),
      () => stacked((r) => g.op('Concat', [r.inputBias, r.parameters['bias']], { axis: 0 })),
      () => a.scalar(0),
      () => stacked((r) => r.start['h']),
      () => stacked((r) => r.start['c']),
      () => stacked((r) => r.parameters['peepholes']),
    ];
    return c.inputs.map((_, i) => (c.needs[i] ? wanted[i]() : null));
  };
}

export const recurrence: VjpTable = {
  RNN: recurrentRule('RNN'),
  GRU: recurrentRule('GRU'),
  LSTM: recurrentRule('LSTM'),
};

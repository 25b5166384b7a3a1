/** @file Rows of the rule table: RNN, GRU and LSTM. */
import type { GraphBuilder, Value } from '../../../src/onnx/index.ts';
import type { RuleCase } from './ruleCase.ts';

interface Form {
  readonly variant: string;
  readonly direction?: 'reverse' | 'bidirectional';
  /** Which of the optional inputs are there. */
  readonly with?: readonly ('bias' | 'lengths' | 'start' | 'peepholes')[];
  readonly attributes?: Record<string, number | number[] | string | string[]>;
  /** Outputs that the loss reads; default all. */
  readonly read?: readonly number[];
}

const [time, batch, size, hidden] = [4, 3, 2, 3];

function row(op: 'RNN' | 'GRU' | 'LSTM', form: Form): RuleCase {
  const d = form.direction === 'bidirectional' ? 2 : 1;
  const rows = { RNN: 1, GRU: 3, LSTM: 4 }[op] * hidden;
  const has = (what: string) => form.with?.includes(what as 'bias') ?? false;
  const optional = [
    { place: 3, there: has('bias'), shape: [d, 2 * rows] },
    { place: 5, there: has('start'), shape: [d, batch, hidden] },
    { place: 6, there: has('start') && op === 'LSTM', shape: [d, batch, hidden] },
    { place: 7, there: has('peepholes'), shape: [d, 3 * hidden] },
  ].filter((o) => o.there);
  return {
    op,
    variant: form.variant,
    shapes: [[time, batch, size], [d, rows, size], [d, rows, hidden], ...optional.map((o) => o.shape)],
    dtype: 'float32',
    range: [-0.9, 0.9],
    step: 3e-3,
    build: (g: GraphBuilder, x: readonly Value[]) => {
      const inputs: (Value | null)[] = [x[0], x[1], x[2], null, null, null, null, null];
      optional.forEach(({ place }, i) => {
        inputs[place] = x[3 + i];
      });
      if (has('lengths'))
        inputs[4] = g.constant({ dtype: 'int32', dims: [batch], data: Int32Array.of(4, 1, 3) });
      while (inputs.at(-1) === null) inputs.pop();
      const attributes = { hidden_size: hidden, direction: form.direction ?? 'forward', ...form.attributes };
      const outputs = g.ops(op, inputs, attributes, { outputs: op === 'LSTM' ? 3 : 2 });
      return (form.read ?? outputs.map((_, i) => i)).map((i) => outputs[i]);
    },
  };
}

const everything = ['bias', 'start', 'lengths'] as const;

const common = (op: 'RNN' | 'GRU' | 'LSTM'): RuleCase[] => [
  row(op, { variant: 'forward, bare' }),
  row(op, { variant: 'reverse, bias', direction: 'reverse', with: ['bias'] }),
  row(op, { variant: 'bidirectional, bias and start', direction: 'bidirectional', with: ['bias', 'start'] }),
  row(op, { variant: 'lengths', with: everything }),
  row(op, { variant: 'reverse, lengths', direction: 'reverse', with: everything }),
  row(op, { variant: 'bidirectional, lengths', direction: 'bidirectional', with: everything }),
  row(op, { variant: 'all states only', with: ['bias'], read: [0] }),
  row(op, { variant: 'last state only', direction: 'bidirectional', with: ['bias'], read: [1] }),
];

export const recurrenceCases: readonly RuleCase[] = [
  ...common('RNN'),
  ...common('GRU'),
  ...common('LSTM'),
  row('RNN', {
    variant: 'Affine',
    with: ['bias'],
    attributes: { activations: ['Affine'], activation_alpha: [0.7], activation_beta: [0.2] },
  }),
  row('RNN', {
    variant: 'ScaledTanh and Softsign',
    direction: 'bidirectional',
    attributes: { activations: ['ScaledTanh', 'Softsign'], activation_alpha: [1.5], activation_beta: [0.4] },
  }),
  row('GRU', { variant: 'linear before reset', with: everything, attributes: { linear_before_reset: 1 } }),
  row('GRU', { variant: 'linear before reset, no bias', attributes: { linear_before_reset: 1 } }),
  row('GRU', {
    variant: 'Sigmoid and Elu',
    with: ['bias'],
    attributes: { activations: ['Sigmoid', 'Elu'], activation_alpha: [0.6] },
  }),
  row('LSTM', { variant: 'peepholes', with: ['bias', 'peepholes', 'start'] }),
  row('LSTM', {
    variant: 'peepholes, bidirectional',
    direction: 'bidirectional',
    with: ['peepholes', 'start', 'lengths', 'bias'],
  }),
  row('LSTM', { variant: 'last cell state only', with: ['bias'], read: [2] }),
  row('LSTM', {
    variant: 'Softsign, Softplus, Tanh',
    attributes: { activations: ['Sigmoid', 'Softsign', 'Softplus'] },
  }),
  row('LSTM', { variant: 'clip', with: ['bias'], attributes: { clip: 0.8 } }),
];

/** @file Shape rules of recurrent layers. */
import { type Dim, intAttribute, stringAttribute } from '../model.ts';
import { type InferRule, type OperatorTable, required } from './schema.ts';

/**
 * Outputs: all hidden states, the last hidden state and (LSTM) the last cell state. Layout 0 has the time first,
 * [time, directions, batch, hidden]; layout 1 the batch, [batch, time, directions, hidden].
 */
const recurrent: InferRule = (c) => {
  const x = required(c, 0);
  const directions = stringAttribute(c.node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const given = intAttribute(c.node, 'hidden_size', 0);
  // The recurrence's weights are [directions, gates · hidden, hidden].
  const hidden: Dim = given > 0 ? given : required(c, 2).shape[2];
  const batchFirst = intAttribute(c.node, 'layout', 0) === 1;
  const [first, second] = [x.shape[0], x.shape[1]];
  const all = batchFirst ? [first, second, directions, hidden] : [first, directions, second, hidden];
  const last = batchFirst ? [first, directions, hidden] : [directions, second, hidden];
  return [all, last, last].map((shape) => ({ dtype: x.dtype, shape }));
};

export const recurrence: OperatorTable = { LSTM: recurrent, GRU: recurrent, RNN: recurrent };

/** @file The head of Hugging Face's WhisperForAudioClassification: (weighted sum of layers,) projector, mean, classifier. */
import type { Value } from '../../onnx/index.ts';
import { linear } from '../blocks.ts';
import { constantInitializer, type NetworkContext, type NetworkOutputs } from '../network.ts';
import { dense } from '../transformer.ts';
import type { WhisperConfig } from './whisperConfig.ts';
import { maskedScores, type WhisperHidden, whisperInitializer } from './whisperEncoder.ts';

/** What the head starts with: the last hidden state, or their sum under `layer_weights`. [N, positions, width] */
export function combinedLayers(c: NetworkContext, config: WhisperConfig, hidden: WhisperHidden): Value {
  const { g } = c;
  if (!config.weightedLayerSum) return hidden.last;
  const count = hidden.states.length;
  const weights = c.parameter({
    name: 'layer_weights',
    shape: [count],
    role: 'bias',
    initialize: constantInitializer(1 / count),
  });
  const shares = g.op('Softmax', [weights], { axis: -1 });
  const terms = hidden.states.map((state, i) => {
    const share = g.op('Slice', [shares, g.ints([i]), g.ints([i + 1])]);
    return g.op('Mul', [state, share]);
  });
  return g.op('Sum', terms);
}

/** The mean over the positions, of those under the mask where there is one. x [N, positions, width] → [N, width] */
export function meanOverPositions(c: NetworkContext, x: Value, positionMask: Value | null): Value {
  const { g } = c;
  if (positionMask === null) return g.op('ReduceMean', [x, g.ints([1])], { keepdims: 0 });
  const heard = g.op('Mul', [x, g.op('Unsqueeze', [positionMask, g.ints([2])])]);
  const sum = g.op('ReduceSum', [heard, g.ints([1])], { keepdims: 0 });
  return g.op('Div', [sum, g.op('ReduceSum', [positionMask, g.ints([1])], { keepdims: 1 })]);
}

/** How the head makes one vector of all positions: Hugging Face's mean, or a mean weighted by attention that is learnt. */
export type WhisperPooling = 'mean' | 'attention';

/**
 * The mean over the positions under weights softmax(x·w), w being learnt: it starts at 0, which is the plain mean.
 * x [N, positions, width] → [N, width]; positions after a clip's end have no weight.
 */
function attentionPooling(c: NetworkContext, x: Value, positionMask: Value | null): Value {
  const { g } = c;
  let scores = dense(c, x, 'pooling', { outFeatures: 1, bias: false, initialize: constantInitializer(0) });
  if (positionMask !== null) scores = g.op('Add', [scores, maskedScores(c, positionMask, [2])]);
  const weighted = g.op('Mul', [x, g.op('Softmax', [scores], { axis: 1 })]);
  return g.op('ReduceSum', [weighted, g.ints([1])], { keepdims: 0 });
}

/** `projector` on every position, pooling over them (masked where `hidden` is), `classifier`. */
export function whisperHead(
  c: NetworkContext,
  config: WhisperConfig,
  hidden: WhisperHidden,
  classes: number,
  pooling: WhisperPooling = 'mean',
): NetworkOutputs {
  const states = combinedLayers(c, config, hidden);
  const projected = dense(c, states, 'projector', {
    outFeatures: config.projection,
    initialize: whisperInitializer,
  });
  const pool = pooling === 'attention' ? attentionPooling : meanOverPositions;
  const embedding = pool(c, projected, hidden.positionMask);
  return { logits: linear(c, embedding, 'classifier', classes), embedding };
}

/** The head's stage, the last of a network. */
export const whisperHeadStage = {
  name: 'head',
  prefixes: ['layer_weights', 'projector.', 'pooling.', 'classifier.'],
} as const;

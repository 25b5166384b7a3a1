/**
 * @file CLAP's text encoder: RoBERTa (Liu et al. 2019) with BERT's pooler, as Hugging Face's ClapModel names its parts.
 * For inference: nothing drops out.
 */
import { ShapeError } from '../../core/errors.ts';
import { float32 } from '../../core/tensor.ts';
import { formatShape, type Value } from '../../onnx/index.ts';
import { constantInitializer, type NetworkContext, uniformFanIn } from '../network.ts';
import type { ClapConfig } from './clapConfig.ts';
import { attention, dense, gelu, layerNorm, projection } from './layers.ts';

const root = 'text_model';

/** What hides a token from attention: the lowest float32, as PyTorch has it. */
const hidden = -3.4028234663852886e38;

/** ONNX's numbers of types. */
const [float32Type, int64Type] = [1, 7];

/**
 * Appends the encoder and its projection.
 * @param ids int64 [N, tokens] of a known number of tokens, padded at the end
 * @param mask int64 [N, tokens]: 1 for tokens, 0 for padding
 * @returns [N, projectionSize], not normalised
 * @throws {ShapeError} for a number of tokens that is not known, or more than there are positions
 */
export function clapTextEncoder(c: NetworkContext, ids: Value, mask: Value, config: ClapConfig): Value {
  const { g } = c;
  const { text } = config;
  const tokens = ids.shape[1];
  // Positions begin behind the padding token's.
  const most = text.positions - text.padToken - 1;
  if (typeof tokens !== 'number' || tokens > most) {
    throw new ShapeError(
      `The text encoder takes ids of [N, tokens], at most ${most} tokens, got ${formatShape(ids.shape)}.`,
    );
  }
  const name = `${root}.embeddings`;
  const table = (which: string, rows: number) =>
    c.parameter({
      ...{ name: `${name}.${which}_embeddings.weight`, shape: [rows, text.hiddenSize] },
      ...{ role: 'weight', initialize: uniformFanIn },
    });
  const present = g.op('Cast', [mask], { to: float32Type! });
  const words = g.op('Gather', [table('word', text.vocabularySize), ids], { axis: 0 });
  const places = g.op(
    'Gather',
    [table('position', text.positions), positions(c, present, tokens, text.padToken)],
    {
      axis: 0,
    },
  );
  const types = g.op('Slice', [table('token_type', text.tokenTypes), g.ints([0]), g.ints([1]), g.ints([0])]);
  const summed = g.op('Add', [g.op('Add', [words, places]), types]);
  let x = layerNorm(c, summed, `${name}.LayerNorm`, text.epsilon);
  const absent = g.op('Mul', [g.op('Sub', [g.scalar(1), present]), g.scalar(hidden)]);
  const unseen = g.op('Unsqueeze', [absent, g.ints([1, 2])]);
  const shape = { tokens, channels: text.hiddenSize, heads: text.heads, bias: true };
  for (let i = 0; i < text.layers; i++) {
    const layer = `${root}.encoder.layer.${i}`;
    const heard = attention(c, x, `${layer}.attention.self`, shape, (scores) =>
      g.op('Add', [scores, unseen]),
    );
    const joined = g.op('Add', [dense(c, heard, `${layer}.attention.output.dense`, text.hiddenSize), x]);
    x = layerNorm(c, joined, `${layer}.attention.output.LayerNorm`, text.epsilon);
    const inner = gelu(c, dense(c, x, `${layer}.intermediate.dense`, text.intermediateSize));
    const outer = g.op('Add', [dense(c, inner, `${layer}.output.dense`, text.hiddenSize), x]);
    x = layerNorm(c, outer, `${layer}.output.LayerNorm`, text.epsilon);
  }
  const first = g.op('Squeeze', [g.op('Slice', [x, g.ints([0]), g.ints([1]), g.ints([1])]), g.ints([1])]);
  const pooled = g.op('Tanh', [dense(c, first, `${root}.pooler.dense`, text.hiddenSize)]);
  return projection(c, pooled, 'text_projection', config.projectionSize);
}

/** Counted from the padding token's number + 1 on; padding stays there. */
function positions(c: NetworkContext, present: Value, tokens: number, padToken: number): Value {
  const { g } = c;
  const upTo = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    Math.floor(i / tokens) <= i % tokens ? 1 : 0,
  );
  const counted = g.op('MatMul', [present, g.constant(float32([tokens, tokens], upTo), 'counting')]);
  const placed = g.op('Add', [g.op('Mul', [counted, present]), g.scalar(padToken)]);
  return g.op('Cast', [placed], { to: int64Type! });
}

/** The factor on cosines, as its natural logarithm, that the audio side was trained with. */
export function clapLogitScale(c: NetworkContext): Value {
  return c.parameter({
    ...{
      name: 'logit_scale_a',
      shape: [],
      role: 'weight',
      initialize: constantInitializer(Math.log(1 / 0.07)),
    },
  });
}

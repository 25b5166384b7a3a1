/** @file The blocks of tools/fixtures/autodiff.py as graphs, written with plain operators and PyTorch's weight names. */
import { batchNormalizationTraining, type GraphBuilder, type Value } from '../../src/onnx/index.ts';

/** Builds a block from its input and its parameters by name; returns the output before the weighting. */
export type Block = (g: GraphBuilder, x: Value, p: (name: string) => Value) => Value;

const normalized = (g: GraphBuilder, x: Value, p: (name: string) => Value, name: string): Value =>
  batchNormalizationTraining(g, x, p(`${name}.weight`), p(`${name}.bias`), 1e-5).output;

/** y = x Wᵀ + b over the last axis. */
function linear(g: GraphBuilder, x: Value, p: (name: string) => Value, weight: string, bias?: string): Value {
  const product = g.op('MatMul', [x, g.op('Transpose', [p(weight)], { perm: [1, 0] })]);
  return bias === undefined ? product : g.op('Add', [product, p(bias)]);
}

const bottleneck: Block = (g, x, p) => {
  let y = g.op('Relu', [normalized(g, g.op('Conv', [x, p('conv1.weight')]), p, 'bn1')]);
  y = g.op('Conv', [y, p('conv2.weight')], { strides: [2, 2], pads: [1, 1, 1, 1] });
  y = g.op('Relu', [normalized(g, y, p, 'bn2')]);
  y = normalized(g, g.op('Conv', [y, p('conv3.weight')]), p, 'bn3');
  const shortcut = g.op('Conv', [x, p('downsample.0.weight')], { strides: [2, 2] });
  return g.op('Relu', [g.op('Add', [y, normalized(g, shortcut, p, 'downsample.1')])]);
};

const transformer: Block = (g, x, p) => {
  const [n, time, width] = x.shape as [number, number, number];
  const heads = 4;
  const norm = (v: Value, name: string) =>
    g.op('LayerNormalization', [v, p(`${name}.weight`), p(`${name}.bias`)], { axis: -1, epsilon: 1e-5 });
  const joint = linear(g, norm(x, 'norm1'), p, 'self_attn.in_proj_weight', 'self_attn.in_proj_bias');
  const [query, key, value] = g
    .ops('Split', [joint], { axis: -1, num_outputs: 3 }, { outputs: 3 })
    .map((v) => g.op('Reshape', [v, g.ints([n, time, heads, width / heads])])) as [Value, Value, Value];
  const scores = g.op('MatMul', [
    g.op('Transpose', [query], { perm: [0, 2, 1, 3] }),
    g.op('Transpose', [key], { perm: [0, 2, 3, 1] }),
  ]);
  const scaled = g.op('Mul', [scores, g.scalar(1 / Math.sqrt(width / heads))]);
  const mixed = g.op('MatMul', [
    g.op('Softmax', [scaled], { axis: -1 }),
    g.op('Transpose', [value], { perm: [0, 2, 1, 3] }),
  ]);
  const joined = g.op('Reshape', [
    g.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    g.ints([n, time, width]),
  ]);
  const attended = g.op('Add', [
    x,
    linear(g, joined, p, 'self_attn.out_proj.weight', 'self_attn.out_proj.bias'),
  ]);
  const hidden = g.op('Gelu', [linear(g, norm(attended, 'norm2'), p, 'linear1.weight', 'linear1.bias')]);
  return g.op('Add', [attended, linear(g, hidden, p, 'linear2.weight', 'linear2.bias')]);
};

/** MobileNet-v2's: widen, one filter per channel, ReLU6 after both, narrow; `stride` 1 keeps a shortcut. */
const depthwiseSeparable =
  (stride: number): Block =>
  (g, x, p) => {
    const relu6 = (v: Value) => g.op('Clip', [v, g.scalar(0), g.scalar(6)]);
    let y = relu6(normalized(g, g.op('Conv', [x, p('conv.0.0.weight')]), p, 'conv.0.1'));
    const depthwise = { group: y.shape[1] as number, strides: [stride, stride], pads: [1, 1, 1, 1] };
    y = relu6(normalized(g, g.op('Conv', [y, p('conv.1.0.weight')], depthwise), p, 'conv.1.1'));
    y = normalized(g, g.op('Conv', [y, p('conv.2.weight')]), p, 'conv.3');
    return stride === 1 ? g.op('Add', [x, y]) : y;
  };

const squeezeExcitation: Block = (g, x, p) => {
  const squeezed = g.op('GlobalAveragePool', [x]);
  const hidden = g.op('HardSwish', [g.op('Conv', [squeezed, p('fc1.weight'), p('fc1.bias')])]);
  const gate = g.op('Conv', [hidden, p('fc2.weight'), p('fc2.bias')]);
  return g.op('Mul', [g.op('HardSigmoid', [gate], { alpha: 1 / 6, beta: 0.5 }), x]);
};

const attentionPooling: Block = (g, x, p) => {
  const hidden = g.op('Tanh', [linear(g, x, p, 'score.weight', 'score.bias')]);
  const attention = g.op('Softmax', [linear(g, hidden, p, 'query.weight')], { axis: 1 });
  const pooled = g.op('Einsum', [attention, x], { equation: 'nth,ntd->nhd' });
  const logits = g.op('Gemm', [g.op('Flatten', [pooled]), p('fc.weight'), p('fc.bias')], { transB: 1 });
  return logits;
};

const decoder: Block = (g, x, p) => {
  const groups = { num_groups: 4, epsilon: 1e-5 };
  // Opset 20's operator scales groups, PyTorch's channels: the scale follows as nodes of their own.
  const plain = g.op(
    'GroupNormalization',
    [x, ...[1, 0].map((v) => g.constant({ dtype: 'float32', dims: [4], data: new Float32Array(4).fill(v) }))],
    groups,
  );
  const perChannel = (name: string) => g.op('Reshape', [p(name), g.ints([-1, 1, 1])]);
  const norm1 = g.op('Add', [g.op('Mul', [plain, perChannel('norm1.weight')]), perChannel('norm1.bias')]);
  const active = g.op('Mul', [norm1, g.op('Sigmoid', [norm1])]);
  const up = g.op('ConvTranspose', [active, p('up.weight'), p('up.bias')], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  });
  const grown = g.op('InstanceNormalization', [up, p('norm2.weight'), p('norm2.bias')], { epsilon: 1e-5 });
  const doubled = (v: Value, attributes: Record<string, string>) =>
    g.op(
      'Resize',
      [v, null, g.constant({ dtype: 'float32', dims: [4], data: Float32Array.of(1, 1, 2, 2) })],
      attributes,
    );
  const skip = doubled(g.op('Conv', [x, p('skip.weight')]), { mode: 'linear' });
  const active2 = g.op('PRelu', [g.op('Add', [grown, skip]), perChannel('prelu.weight')]);
  const large = doubled(active2, {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return g.op('Conv', [large, p('out.weight'), p('out.bias')], { pads: [1, 1, 1, 1] });
};

export const blocks: Readonly<Record<string, Block>> = {
  bottleneck,
  transformer,
  depthwiseSeparable: depthwiseSeparable(1),
  depthwiseSeparableStride2: depthwiseSeparable(2),
  squeezeExcitation,
  attentionPooling,
  decoder,
};

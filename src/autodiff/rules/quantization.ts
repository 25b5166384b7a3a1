/** @file Gradient of dequantisation. Quantisation has none: its result is no float. */
import { UnsupportedOpError } from '../../core/errors.ts';
import { dataTypeNumber, describeNode, intAttribute, resolveAxis, type Value } from '../../onnx/index.ts';
import { algebra, cotangent, input, type VjpRule, type VjpTable } from '../vjp.ts';

// y = (x − zero point) · scale, by the scale only: Σ dy · (x − zero point) over what shares one
const dequantizeLinear: VjpRule = (c) => {
  const x = input(c, 0);
  const scale = input(c, 1);
  const what = describeNode(c.node);
  if (intAttribute(c.node, 'block_size', 0) !== 0)
    throw new UnsupportedOpError(`${what}: scales of blocks have no gradient rule.`);
  const a = algebra(c.g, scale);
  const float = (v: Value) => a.op('Cast', [v], { to: dataTypeNumber(scale.dtype) });
  const rank = x.shape.length;
  const all = x.shape.map((_, i) => i);
  const single = scale.shape.every((d) => d === 1);
  const axis = single ? -1 : resolveAxis(intAttribute(c.node, 'axis', 1), rank, what);
  const zero = c.inputs[2] ?? null;
  const along = (v: Value) =>
    single
      ? v
      : a.reshape(
          v,
          all.slice(axis).map((i) => (i === axis ? -1 : 1)),
        );
  const offset = zero === null ? float(x) : a.sub(float(x), along(float(zero)));
  const others = all.filter((i) => i !== axis);
  return [null, a.reduceSum(a.mul(cotangent(c), offset), others), null];
};

export const quantization: VjpTable = { DequantizeLinear: dequantizeLinear };

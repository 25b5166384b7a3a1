/** @file Values of operators that move elements, for constants known before running. Exact for every type. */
import { allocate, sizeOf, type Tensor, type TensorData } from '../core/tensor.ts';
import { intAttribute, intsAttribute, type Node, tensorAttribute } from './model.ts';
import { resolveAxis } from './shape.ts';

type Inputs = readonly (Tensor | undefined)[];

/** Results of a node whose inputs are known, or null where this case is not evaluated. `dims`: the results' shapes. */
export type Evaluator = (
  node: Node,
  inputs: Inputs,
  dims: readonly (readonly number[])[],
) => readonly Tensor[] | null;

/** Row-major strides. */
function stridesOf(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

/** The tensor of shape `dims` whose element at (k₀, k₁, …) is element `offset + Σ kᵢ·strideᵢ` of `source`. */
function strided(source: Tensor, dims: readonly number[], strides: readonly number[], offset = 0): Tensor {
  const n = sizeOf(dims);
  const data = allocate(source.dtype, n);
  const at = dims.map(() => 0);
  let from = offset;
  for (let i = 0; i < n; i++) {
    data[i] = source.data[from];
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++at[axis] < dims[axis]) break;
      from -= strides[axis] * dims[axis];
      at[axis] = 0;
    }
  }
  return { dtype: source.dtype, dims: [...dims], data };
}

/** `tensor` repeated to the shape `dims`, to which it must broadcast. */
export function broadcastTo(tensor: Tensor, dims: readonly number[]): Tensor {
  const extra = dims.length - tensor.dims.length;
  const own = stridesOf(tensor.dims);
  return strided(
    tensor,
    dims,
    dims.map((_, i) => (i < extra || tensor.dims[i - extra] === 1 ? 0 : own[i - extra])),
  );
}

function integers(tensor: Tensor | undefined): number[] | undefined {
  return tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

const reshaped: Evaluator = (_node, [x], dims) => [{ ...x!, dims: dims[0] }];

/** `tensor` with its axes in another order: axis i of the result is axis `perm[i]` of `tensor`. */
export function permute(tensor: Tensor, perm: readonly number[]): Tensor {
  const own = stridesOf(tensor.dims);
  return strided(
    tensor,
    perm.map((axis) => tensor.dims[axis]),
    perm.map((axis) => own[axis]),
  );
}

const transpose: Evaluator = (node, [x]) => [
  permute(x!, intsAttribute(node, 'perm') ?? x!.dims.map((_, i) => x!.dims.length - 1 - i)),
];

const slice: Evaluator = (_node, [x, first, , listed, stepping], dims) => {
  const rank = x!.dims.length;
  const starts = integers(first)!;
  const axes = (integers(listed) ?? starts.map((_, i) => i)).map((axis) => resolveAxis(axis, rank, 'Slice'));
  const steps = integers(stepping) ?? starts.map(() => 1);
  const own = stridesOf(x!.dims);
  const strides = [...own];
  let offset = 0;
  axes.forEach((axis, i) => {
    const size = x!.dims[axis];
    const from = starts[i] < 0 ? starts[i] + size : starts[i];
    offset += Math.min(Math.max(from, 0), steps[i] > 0 ? size : size - 1) * own[axis];
    strides[axis] = own[axis] * steps[i];
  });
  return [strided(x!, dims[0], strides, offset)];
};

const split: Evaluator = (node, [x], dims) => {
  const axis = resolveAxis(intAttribute(node, 'axis', 0), x!.dims.length, 'Split');
  const strides = stridesOf(x!.dims);
  let offset = 0;
  return dims.map((shape) => {
    const part = strided(x!, shape, strides, offset);
    offset += shape[axis] * strides[axis];
    return part;
  });
};

const concat: Evaluator = (node, inputs, dims) => {
  const [shape] = dims;
  const axis = resolveAxis(intAttribute(node, 'axis', 0), shape!.length, 'Concat');
  const { dtype } = inputs[0]!;
  const data = allocate(dtype, sizeOf(shape!));
  const outer = sizeOf(shape!.slice(0, axis));
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const tensor of inputs) {
      const run = sizeOf(tensor!.dims.slice(axis));
      copy(data, at, tensor!.data, i * run, run);
      at += run;
    }
  }
  return [{ dtype, dims: shape!, data }];
};

function copy(into: TensorData, at: number, from: TensorData, start: number, count: number): void {
  (into as Float64Array).set((from as Float64Array).subarray(start, start + count), at);
}

const gather: Evaluator = (node, [x, chosen], dims) => {
  const axis = resolveAxis(intAttribute(node, 'axis', 0), x!.dims.length, 'Gather');
  const size = x!.dims[axis];
  const run = sizeOf(x!.dims.slice(axis + 1));
  const outer = sizeOf(x!.dims.slice(0, axis));
  const data = allocate(x!.dtype, sizeOf(dims[0]));
  const places = integers(chosen)!.map((i) => (i < 0 ? i + size : i));
  if (places.some((i) => !(i >= 0 && i < size))) return null;
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const place of places) {
      copy(data, at, x!.data, (i * size + place) * run, run);
      at += run;
    }
  }
  return [{ dtype: x!.dtype, dims: dims[0], data }];
};

const expand: Evaluator = (_node, [x], dims) => [broadcastTo(x!, dims[0])];

/** Each axis twice, [repeats, size], the first with stride 0; then read as one. */
const tile: Evaluator = (_node, [x, times], dims) => {
  const repeats = integers(times)!;
  const own = stridesOf(x!.dims);
  const spread = strided(
    x!,
    x!.dims.flatMap((d, i) => [repeats[i], d]),
    own.flatMap((s) => [0, s]),
  );
  return [{ ...spread, dims: dims[0] }];
};

const where: Evaluator = (_node, [condition, a, b], dims) => {
  const [shape] = dims;
  const choice = broadcastTo(condition!, shape!).data;
  const yes = broadcastTo(a!, shape!);
  const no = broadcastTo(b!, shape!).data;
  const data = allocate(yes.dtype, choice.length);
  for (let i = 0; i < choice.length; i++) data[i] = choice[i] ? yes.data[i] : no[i];
  return [{ dtype: yes.dtype, dims: shape!, data }];
};

const constantOfShape: Evaluator = (node, _inputs, dims) => {
  const value = tensorAttribute(node, 'value');
  const dtype = value?.dtype ?? 'float32';
  const data = allocate(dtype, sizeOf(dims[0]));
  if (value !== undefined) (data as Float64Array).fill(value.data[0] as number);
  return [{ dtype, dims: dims[0], data }];
};

export const movementValues: Readonly<Record<string, Evaluator>> = {
  Reshape: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Flatten: reshaped,
  Identity: reshaped,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: concat,
  Gather: gather,
  Expand: expand,
  Tile: tile,
  Where: where,
  ConstantOfShape: constantOfShape,
};

/**
 * @file Values of arithmetic on constants known before running, as models do on shapes: exact on integers (64-bit ones
 * as BigInt), IEEE on floats. float16 is left to the runtime.
 */
import { allocate, type DType, type DTypeArray, sizeOf, type Tensor } from '../core/tensor.ts';
import { dtypeFromNumber } from './dataTypes.ts';
import { broadcastTo, type Evaluator } from './foldMovement.ts';
import { intAttribute, intsAttribute } from './model.ts';
import { resolveAxis } from './shape.ts';

type Pair<T> = (a: T, b: T) => T;

/** One operation on numbers and on BigInts, under the same rules. `null`: not evaluated (such as division by zero). */
interface Operation {
  readonly number: (a: number, b: number, whole: boolean) => number | null;
  readonly bigint: (a: bigint, b: bigint) => bigint | null;
}

/** Of integers, which Math.max does not take. */
function larger(a: bigint, b: bigint): bigint {
  return [a, b][a > b ? 0 : 1];
}

function smaller(a: bigint, b: bigint): bigint {
  return [a, b][a > b ? 1 : 0];
}

const operations: Readonly<Record<string, Operation>> = {
  Add: { number: (a, b) => a + b, bigint: (a, b) => a + b },
  Sub: { number: (a, b) => a - b, bigint: (a, b) => a - b },
  Mul: { number: (a, b) => a * b, bigint: (a, b) => a * b },
  // Integers divide towards zero, as ONNX Runtime's do.
  Div: {
    number: (a, b, whole) => (whole ? (b === 0 ? null : Math.trunc(a / b)) : a / b),
    bigint: (a, b) => (b === 0n ? null : a / b),
  },
  Pow: { number: (a, b) => a ** b, bigint: (a, b) => (b < 0n || b > 64n ? null : a ** b) },
  Max: { number: (a, b) => Math.max(a, b), bigint: larger },
  Min: { number: (a, b) => Math.min(a, b), bigint: smaller },
  And: { number: (a, b) => (a && b ? 1 : 0), bigint: () => null },
  Or: { number: (a, b) => (a || b ? 1 : 0), bigint: () => null },
  Xor: { number: (a, b) => (!a !== !b ? 1 : 0), bigint: () => null },
};

/** Remainder with the divisor's sign, or with the dividend's where `fmod` is set. */
function modulo(fmod: boolean): Operation {
  return {
    number: (a, b, whole) => {
      if (whole && b === 0) return null;
      const rest = a % b;
      return !fmod && rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
    },
    bigint: (a, b) => {
      if (b === 0n) return null;
      const rest = a % b;
      return !fmod && rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
    },
  };
}

const comparisons: Readonly<Record<string, (a: number | bigint, b: number | bigint) => boolean>> = {
  Equal: (a, b) => a === b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
};

const isBig = (dtype: DType) => dtype === 'int64' || dtype === 'uint64';
const isReal = (dtype: DType) => dtype === 'float32' || dtype === 'float64';

function combine(a: Tensor, b: Tensor, dims: readonly number[], operation: Operation): Tensor | null {
  if (a.dtype !== b.dtype || a.dtype === 'float16') return null;
  const left = broadcastTo(a, dims).data;
  const right = broadcastTo(b, dims).data;
  const data = allocate(a.dtype, left.length);
  const whole = !isReal(a.dtype);
  const big = isBig(a.dtype);
  for (let i = 0; i < left.length; i++) {
    const value = big
      ? operation.bigint(left[i] as bigint, right[i] as bigint)
      : operation.number(left[i] as number, right[i] as number, whole);
    if (value === null) return null;
    data[i] = value;
  }
  return { dtype: a.dtype, dims, data };
}

const binary: Evaluator = (node, inputs, [dims]) => {
  const operation =
    node.opType === 'Mod' ? modulo(intAttribute(node, 'fmod', 0) === 1) : operations[node.opType];
  let [sum] = inputs as readonly [Tensor];
  for (const next of inputs.slice(1)) {
    const result = combine(sum, next!, dims!, operation);
    if (result === null) return null;
    sum = result;
  }
  return [sum];
};

const comparison: Evaluator = (node, [a, b], [dims]) => {
  if (a === undefined || b === undefined || a.dtype !== b.dtype || a.dtype === 'float16') return null;
  const left = broadcastTo(a!, dims!).data;
  const right = broadcastTo(b!, dims!).data;
  const holds = comparisons[node.opType];
  return [
    {
      dtype: 'bool',
      dims: dims!,
      data: Uint8Array.from(
        Array.from(left as ArrayLike<number | bigint>, (v, i) => (holds(v, right[i]) ? 1 : 0)),
      ),
    },
  ];
};

function roundHalfToEven(v: number): number {
  const low = Math.floor(v);
  const rest = v - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const functions: Readonly<Record<string, readonly [(v: number) => number, ((v: bigint) => bigint)?]>> = {
  Neg: [(v) => -v, (v) => -v],
  Abs: [Math.abs, (v) => (v < 0n ? -v : v)],
  Sign: [Math.sign, (v) => (v > 0n ? 1n : v < 0n ? -1n : 0n)],
  Not: [(v) => (v ? 0 : 1)],
  Floor: [Math.floor],
  Ceil: [Math.ceil],
  Round: [roundHalfToEven],
  Sqrt: [Math.sqrt],
  Reciprocal: [(v) => 1 / v],
  Exp: [Math.exp],
  Log: [Math.log],
};

const unary: Evaluator = (node, [x]) => {
  const [onNumber, onBigint] = functions[node.opType];
  if (x!.dtype === 'float16' || (isBig(x!.dtype) && onBigint === undefined)) return null;
  const data = allocate(x!.dtype, x!.data.length);
  for (let i = 0; i < data.length; i++) {
    const v = x!.data[i];
    data[i] = typeof v === 'bigint' ? onBigint!(v) : onNumber(v);
  }
  return [{ ...x!, data }];
};

const cast: Evaluator = (node, [x]) => {
  const dtype = dtypeFromNumber(intAttribute(node, 'to', 1), 'Cast');
  if (dtype === x!.dtype) return [x!];
  if (dtype === 'float16' || x!.dtype === 'float16') return null;
  const data = allocate(dtype, x!.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = converted(x!.data[i], dtype);
    if (value === null) return null;
    data[i] = value;
  }
  return [{ dtype, dims: x!.dims, data }];
};

/** What the runtime does with numbers that do not fit is not defined, so those are left to it. */
function converted(v: number | bigint, to: DType): number | bigint | null {
  if (to === 'bool') return Number(v) !== 0 ? 1 : 0;
  if (isReal(to)) return Number(v);
  if (typeof v === 'number' && !Number.isFinite(v)) return null;
  const whole = typeof v === 'bigint' ? v : BigInt(Math.trunc(v));
  const stored = allocate(to, 1);
  stored[0] = isBig(to) ? whole : Number(BigInt.asIntN(32, whole));
  return BigInt(stored[0]) === whole ? stored[0] : null;
}

const range: Evaluator = (_node, [start, , delta], [dims]) => {
  const { dtype } = start!;
  if (dtype === 'float16') return null;
  const data = allocate(dtype, sizeOf(dims!));
  const [from, by] = [start!.data[0], delta!.data[0]];
  for (let i = 0; i < data.length; i++) {
    data[i] = typeof from === 'bigint' ? from + BigInt(i) * (by as bigint) : from + i * (by as number);
  }
  return [{ dtype, dims: dims!, data }];
};

const reductions: Readonly<Record<string, [Pair<number>, Pair<bigint>]>> = {
  ReduceSum: [(a, b) => a + b, (a, b) => a + b],
  ReduceProd: [(a, b) => a * b, (a, b) => a * b],
  ReduceMax: [Math.max, larger],
  ReduceMin: [Math.min, smaller],
};

/** Reductions of vectors to one number, which is what shapes need. */
const reduction: Evaluator = (node, [x, listed], [dims]) => {
  const axes =
    listed === undefined ? intsAttribute(node, 'axes') : Array.from(listed.data as ArrayLike<bigint>, Number);
  if (x!.dims.length !== 1 || x!.data.length === 0 || sizeOf(dims!) !== 1 || x!.dtype === 'float16')
    return null;
  for (const axis of axes ?? []) resolveAxis(axis, 1, node.opType);
  const [onNumbers, onBigints] = reductions[node.opType];
  const data = allocate(x!.dtype, 1);
  let total = x!.data[0];
  for (const v of x!.data.subarray(1)) {
    total = typeof total === 'bigint' ? onBigints(total, v as bigint) : onNumbers(total, v as number);
  }
  data[0] = total;
  return [{ dtype: x!.dtype, dims: dims!, data }];
};

/** Positions of the elements that are not zero, one row per axis. Its shape depends on the values. */
export function nonZero(x: Tensor): Tensor<'int64'> {
  const found: number[] = [];
  for (let i = 0; i < x.data.length; i++) if (Number(x.data[i]) !== 0) found.push(i);
  const rank = x.dims.length;
  const data: DTypeArray['int64'] = new BigInt64Array(rank * found.length);
  let stride = 1;
  for (let axis = rank - 1; axis >= 0; axis--) {
    found.forEach((at, i) => {
      data[axis * found.length + i] = BigInt(Math.floor(at / stride) % x.dims[axis]);
    });
    stride *= x.dims[axis];
  }
  return { dtype: 'int64', dims: [rank, found.length], data };
}

const all = (names: readonly string[], evaluator: Evaluator) =>
  Object.fromEntries(names.map((name) => [name, evaluator]));

export const arithmeticValues: Readonly<Record<string, Evaluator>> = {
  ...all([...Object.keys(operations), 'Mod'], binary),
  ...all(Object.keys(comparisons), comparison),
  ...all(Object.keys(functions), unary),
  ...all(Object.keys(reductions), reduction),
  Cast: cast,
  Range: range,
};

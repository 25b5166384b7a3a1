/**
 * @file Gradient of Einsum, for any number of operands: each operand's is again an Einsum, of the output's gradient
 * and the other operands, by the equation read the other way round.
 */
import { tensor } from '../../core/tensor.ts';
import { describeNode, stringAttribute, type Value } from '../../onnx/index.ts';
import { type EinsumEquation, parseEinsum } from '../../onnx/operators/einsum.ts';
import {
  type Algebra,
  affordable,
  algebra,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

const einsum: VjpRule = (c) => {
  const shapes = c.inputs.map((_, i) => dims(c, input(c, i)));
  const equation = parseEinsum(
    stringAttribute(c.node, 'equation', ''),
    shapes.map((s) => s.length),
    describeNode(c.node),
  );
  const sizes = new Map<string, number>();
  equation.operands.forEach((letters, i) => {
    letters.forEach((letter, axis) => {
      sizes.set(letter, Math.max(sizes.get(letter) ?? 1, shapes[i][axis]));
    });
  });
  return c.inputs.map((_, k) => (c.needs[k] ? operandGradient(c, equation, sizes, k) : null));
};

function operandGradient(
  c: VjpContext,
  equation: EinsumEquation,
  sizes: ReadonlyMap<string, number>,
  k: number,
): Value {
  const a = algebra(c.g, cotangent(c));
  const own = equation.operands[k];
  const distinct = [...new Set(own)];
  const others = equation.operands.filter((_, i) => i !== k);
  const known = new Set([...equation.output, ...others.flat()]);
  // An index that only this operand had was summed away: its gradient is the same all along it.
  const found = distinct.filter((letter) => known.has(letter));
  const terms = [equation.output, ...others].map((letters) => letters.join(''));
  const inputs = [cotangent(c), ...c.inputs.filter((_, i) => i !== k)];
  let gradient = a.op('Einsum', inputs, { equation: `${terms.join(',')}->${found.join('')}` });
  const full = distinct.map((letter) => sizes.get(letter)!);
  if (found.length < distinct.length || gradient.shape.some((d, i) => d !== full[i])) {
    const spread = distinct.map((letter) =>
      found.includes(letter) ? dims(c, gradient)[found.indexOf(letter)] : 1,
    );
    gradient = a.expand(a.reshape(gradient, spread), full);
  }
  return distinct.length === own.length ? gradient : onDiagonal(c, a, gradient, distinct, own, sizes);
}

/** Spreads a gradient over the diagonals that an operand with a repeated index was read along. */
function onDiagonal(
  c: VjpContext,
  a: Algebra,
  gradient: Value,
  distinct: readonly string[],
  own: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Value {
  // Every occurrence after an index's first gets an axis of its own, joined to the first by an identity matrix.
  const seen = new Set<string>();
  const axesOf = own.map((letter) => {
    const first = !seen.has(letter);
    seen.add(letter);
    return { letter, first };
  });
  const order = axesOf.map(({ letter }) => distinct.indexOf(letter));
  let spread = gradient;
  const firsts = axesOf.flatMap(({ first }, i) => (first ? [i] : []));
  // The distinct letters stand in order of first occurrence, so unit axes for the repeats put all in place.
  const shape = own.map((letter, i) => (axesOf[i].first ? sizes.get(letter)! : 1));
  spread = a.reshape(spread, shape);
  axesOf.forEach(({ letter, first }, i) => {
    if (first) return;
    const size = sizes.get(letter)!;
    affordable(c, size * size);
    const eye = Array.from({ length: size * size }, (_, p) => (p % (size + 1) === 0 ? 1 : 0));
    const partner = firsts[order[i]];
    const mask = c.g.constant(
      gradient.dtype === 'float64'
        ? tensor('float64', [size, size], Float64Array.from(eye))
        : tensor('float32', [size, size], Float32Array.from(eye)),
      'eye',
    );
    spread = a.mul(
      spread,
      a.reshape(
        mask,
        own.map((_, axis) => (axis === i || axis === partner ? size : 1)),
      ),
    );
  });
  return spread;
}

export const einsums: VjpTable = { Einsum: einsum };

/** @file Einsum: reads the equation and infers the shape. */
import { ShapeError } from '../../core/errors.ts';
import { type Dim, stringAttribute } from '../model.ts';
import { describeNode, type InferRule, type OperatorTable, required } from './schema.ts';

/** One letter per axis. The axes of an ellipsis get letters that the equation does not use. */
export interface EinsumEquation {
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const alphabet = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/**
 * Reads an equation such as `bij,bjk->bik`, for operands of the given ranks. Without `->` the output has every index
 * that occurs once, in alphabetical order, after the ellipsis (NumPy's rule).
 * @throws {ShapeError} if it does not fit the operands
 */
export function parseEinsum(equation: string, ranks: readonly number[], what: string): EinsumEquation {
  const text = equation.replaceAll(' ', '');
  const [left = '', right, ...more] = text.split('->');
  const terms = left.split(',');
  const wrong = (why: string): never => {
    throw new ShapeError(`${what}: the equation '${equation}' ${why}.`);
  };
  if (more.length > 0 || !/^[A-Za-z.,>-]*$/.test(text)) wrong('cannot be read');
  if (terms.length !== ranks.length) wrong(`has ${terms.length} operands, the node has ${ranks.length}`);
  const free = alphabet.filter((letter) => !text.includes(letter));
  const ellipses = terms.map((term, i) => {
    const named = term.replace('...', '').length;
    const rest = ranks[i] - named;
    if (term.replace('...', '').includes('.')) wrong('has a stray dot');
    if (rest < 0 || (rest > 0 && !term.includes('...'))) {
      wrong(`gives operand ${i} ${named} indices, it has ${ranks[i]} axes`);
    }
    return term.includes('...') ? rest : 0;
  });
  const widest = Math.max(0, ...ellipses);
  if (widest > free.length) wrong('needs more indices than there are letters');
  const dots = free.slice(0, widest);
  const operands = terms.map((term, i) => {
    const [before = '', after = ''] = term.split('...');
    return [...before, ...dots.slice(widest - ellipses[i]), ...after];
  });
  if (right === undefined) {
    const letters = terms.flatMap((term) => [...term.replace('...', '')]);
    const once = [...new Set(letters)].filter((l) => letters.indexOf(l) === letters.lastIndexOf(l));
    return { operands, output: [...dots, ...once.sort()] };
  }
  const [before = '', after = ''] = right.split('...');
  const output = [...before, ...(right.includes('...') ? dots : []), ...after];
  const given = new Set(operands.flat());
  if (output.some((l) => !given.has(l)) || new Set(output).size < output.length) {
    wrong('has an output index that is repeated or that no operand has');
  }
  return { operands, output };
}

const einsum: InferRule = (c) => {
  const what = describeNode(c.node);
  const inputs = c.node.inputs.map((_, i) => required(c, i));
  const equation = parseEinsum(
    stringAttribute(c.node, 'equation', ''),
    inputs.map((x) => x.shape.length),
    what,
  );
  const sizes = new Map<string, Dim>();
  equation.operands.forEach((letters, i) => {
    letters.forEach((letter, axis) => {
      const here = inputs[i].shape[axis];
      const known = sizes.get(letter) ?? 1;
      if (known === 1 || (typeof known === 'string' && here !== 1)) sizes.set(letter, here);
      else if (typeof here === 'number' && here !== 1 && here !== known) {
        throw new ShapeError(`${what}: index '${letter}' is of size ${known} and of size ${here}.`);
      }
    });
  });
  return [{ dtype: inputs[0].dtype, shape: equation.output.map((letter) => sizes.get(letter)!) }];
};

export const einsums: OperatorTable = { Einsum: einsum };

/**
 * @file A finished model with its weights in fewer bits. Inputs, outputs and the front end stay as they are.
 *
 * `fp16`: weights as half-precision numbers, made float32 by a Cast. ONNX Runtime does that once when it loads the model
 * and then computes as before; on x64 it has no kernels of half precision that would be faster.
 *
 * `int8`: a weight is a whole number times a scale of its output channel, the largest of the channel at the end of the
 * range. A matrix that takes part in a product with many columns is multiplied as whole numbers, its other operand
 * rounded to 8 bits as it comes (`DynamicQuantizeLinear`, `MatMulInteger`); all others are made float32 by a Cast and a
 * Mul, also once.
 */
import { GraphError } from '../../core/errors.ts';
import { float32, sizeOf, type Tensor } from '../../core/tensor.ts';
import { floatAttribute, type Graph, intAttribute, type Model, type Node } from '../model.ts';
import { toFloat16Bits } from './float16.ts';
import { networkWeights, type Weight } from './weights.ts';

export type Precision = 'fp16' | 'int8';

export interface ReducedModel {
  readonly model: Model;
  /** Weights that are stored in fewer bits, and how many numbers they hold. */
  readonly weights: number;
  readonly numbers: number;
  /** Matrix products that are computed with whole numbers. */
  readonly integerProducts: number;
}

/** Rows and columns of a matrix from which a product with whole numbers gains more than rounding its input costs. */
const smallestSide = 64;

/**
 * Largest whole number of a matrix that is multiplied as such: processors without VNNI add pairs of products in 16 bits,
 * and 2 · 255 · 64 is within them, so a model gives the same everywhere.
 */
const productRange = 64;
const storageRange = 127;

/** @throws {GraphError} when the model has no weights to reduce, or some that half precision cannot hold */
export function reducePrecision(model: Model, precision: Precision): ReducedModel {
  const weights = networkWeights(model.graph);
  if (weights.length === 0) {
    throw new GraphError('The model holds no weights that could be stored in fewer bits.', {
      hint: 'Its network was reduced before, or it has none: a support vector machine on a few numbers is small already.',
    });
  }
  const edit = new Edit(model.graph);
  // What is inside of branches and loops reads weights by name, unseen from here.
  const subgraphs = model.graph.nodes.some((node) =>
    Object.values(node.attributes).some(({ kind }) => kind === 'opaque'),
  );
  let integerProducts = 0;
  for (const weight of weights) {
    if (precision === 'fp16') storeHalf(edit, weight);
    else if (!subgraphs && isMatrix(weight)) {
      integerProducts += weight.uses.length;
      multiplyIntegers(edit, weight);
    } else storeInteger(edit, weight);
  }
  return {
    model: { ...model, opsets: atLeast(model.opsets, 13), graph: edit.graph() },
    weights: weights.length,
    numbers: weights.reduce((sum, { tensor }) => sum + sizeOf(tensor.dims), 0),
    integerProducts,
  };
}

/** @throws {GraphError} when the model is of an operator set before `least`, which lacks what is appended */
function atLeast(opsets: ReadonlyMap<string, number>, least: number): Map<string, number> {
  const version = opsets.get('') ?? 0;
  if (version < least) {
    throw new GraphError(`The model is of ONNX's operator set ${version}; ${least} or later is needed.`);
  }
  return new Map(opsets);
}

/** Changes to a graph: nodes before or in place of others, constants gone and added. */
class Edit {
  private readonly replaced = new Map<Node, Node[]>();
  private readonly first: Node[] = [];
  private readonly taken: Set<string>;
  readonly initializers: Map<string, Tensor>;
  private readonly source: Graph;

  constructor(source: Graph) {
    this.source = source;
    this.initializers = new Map(source.initializers);
    this.taken = new Set([
      ...source.initializers.keys(),
      ...source.inputs.map(({ name }) => name),
      ...source.nodes.flatMap((node) => [...node.outputs]),
    ]);
  }

  name(stem: string): string {
    let name = stem;
    for (let i = 1; this.taken.has(name); i++) name = `${stem}_${i}`;
    this.taken.add(name);
    return name;
  }

  constant(stem: string, tensor: Tensor): string {
    const name = this.name(stem);
    this.initializers.set(name, tensor);
    return name;
  }

  /** A node at the very beginning: of constants alone. */
  prepend(node: Node): void {
    this.first.push(node);
  }

  replace(node: Node, by: Node[]): void {
    this.replaced.set(node, by);
  }

  graph(): Graph {
    const nodes = this.source.nodes.flatMap((node) => this.replaced.get(node) ?? [node]);
    return { ...this.source, initializers: this.initializers, nodes: [...this.first, ...nodes] };
  }
}

function operator(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Node['attributes'] = {},
): Node {
  return { opType, domain: '', name: `${outputs[0]}/node`, inputs, outputs, attributes };
}

const toFloat: Node['attributes'] = { to: { kind: 'int', value: 1 } };

/** The constant as half-precision numbers under another name; a Cast gives it back under its own. */
function storeHalf(edit: Edit, { name, tensor }: Weight): void {
  const data = toFloat16Bits(tensor.data);
  if (data.some((bits, i) => (bits & 0x7fff) === 0x7c00 && Number.isFinite(tensor.data[i]))) {
    throw new GraphError(
      `The weight '${name}' holds numbers above 65504, which half precision cannot hold.`,
      {
        hint: 'Export it as int8, or leave it as it is.',
      },
    );
  }
  edit.initializers.delete(name);
  const half = edit.constant(`${name}.fp16`, { dtype: 'float16', dims: tensor.dims, data });
  edit.prepend(operator('Cast', [half], [name], toFloat));
}

/** The constant as whole numbers and scales; a Cast and a Mul give it back under its own name. */
function storeInteger(edit: Edit, weight: Weight): void {
  const { name, tensor } = weight;
  const axis = channelAxis(weight);
  const { data, scales } = quantize(tensor, axis, storageRange);
  edit.initializers.delete(name);
  const whole = edit.constant(`${name}.int8`, { dtype: 'int8', dims: tensor.dims, data });
  const dims = tensor.dims.map((size, i) => (i === axis ? size : 1));
  const scale = edit.constant(`${name}.scale`, float32(dims, scales));
  const cast = edit.name(`${name}.whole`);
  edit.prepend(operator('Cast', [whole], [cast], toFloat));
  edit.prepend(operator('Mul', [cast, scale], [name]));
}

/** The axis of the output channels: a kernel's and a transposed matrix's first, the last of a plain matrix on the right. */
function channelAxis({ tensor, uses }: Weight): number {
  const plain = ({ node, slot }: Weight['uses'][number]) =>
    slot === 1 &&
    (node.opType === 'MatMul' || (node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 0));
  return uses.every(plain) ? tensor.dims.length - 1 : 0;
}

/** Whether a weight is a matrix W, large enough, that is read in products x·W (+ bias) alone, in one way. */
function isMatrix({ tensor: { dims }, uses }: Weight): boolean {
  if (dims.length !== 2 || dims.some((size) => size < smallestSide)) return false;
  const turned = isTurned(uses[0].node);
  return uses.every(({ node, slot }) => slot === 1 && isProduct(node) && isTurned(node) === turned);
}

function isProduct(node: Node): boolean {
  if (node.domain !== '') return false;
  if (node.opType === 'MatMul') return true;
  return (
    node.opType === 'Gemm' &&
    intAttribute(node, 'transA', 0) === 0 &&
    floatAttribute(node, 'alpha', 1) === 1 &&
    floatAttribute(node, 'beta', 1) === 1
  );
}

/** Whether a product reads its matrix as [columns, rows]. */
function isTurned(node: Node): boolean {
  return node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1;
}

/** x·W + b as (round(x/s) · round(W/t)) · (s·t) + b, wherever W is read. */
function multiplyIntegers(edit: Edit, { name, tensor, uses }: Weight): void {
  const turned = isTurned(uses[0].node);
  const { data, scales } = quantize(tensor, turned ? 0 : 1, productRange);
  const [rows, columns] = tensor.dims as [number, number];
  const matrix: Tensor = turned
    ? { dtype: 'int8', dims: [columns, rows], data: transposed(data, rows, columns) }
    : { dtype: 'int8', dims: tensor.dims, data };
  edit.initializers.delete(name);
  const whole = edit.constant(`${name}.int8`, matrix);
  const scale = edit.constant(`${name}.scale`, float32([scales.length], scales));
  for (const { node } of uses) {
    const [x, , bias = ''] = node.inputs as [string, string, string?];
    const [y] = node.outputs as [string];
    const made = (what: string) => edit.name(`${y}.${what}`);
    const [rounded, step, zero] = [made('rounded'), made('step'), made('zero')];
    const [product, sum, factor] = [made('product'), made('sum'), made('factor')];
    const scaled = bias === '' ? y : made('scaled');
    edit.replace(node, [
      operator('DynamicQuantizeLinear', [x], [rounded, step, zero]),
      operator('MatMulInteger', [rounded, whole, zero], [product]),
      operator('Cast', [product], [sum], toFloat),
      operator('Mul', [step, scale], [factor]),
      operator('Mul', [sum, factor], [scaled]),
      ...(bias === '' ? [] : [operator('Add', [scaled, bias], [y])]),
    ]);
  }
}

function transposed(data: Int8Array, rows: number, columns: number): Int8Array {
  const out = new Int8Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return out;
}

/** Whole numbers up to ±`range` and a scale for each index of `axis`: the largest of them is at the range's end. */
function quantize(
  { dims, data }: Tensor<'float32'>,
  axis: number,
  range: number,
): { data: Int8Array; scales: Float32Array } {
  const channels = dims[axis];
  const inner = sizeOf(dims.slice(axis + 1));
  const channelOf = (i: number) => Math.floor(i / inner) % channels;
  const scales = new Float32Array(channels);
  data.forEach((value, i) => {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel], Math.abs(value) / range);
  });
  // A channel of zeros alone has any scale.
  scales.forEach((scale, channel) => {
    if (!(scale > 0)) scales[channel] = 1;
  });
  const whole = Int8Array.from(data, (value, i) =>
    Math.max(-range, Math.min(range, Math.round(value / scales[channelOf(i)]))),
  );
  return { data: whole, scales };
}

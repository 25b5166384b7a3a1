/**
 * @file The last step before a training graph runs: chooses, for every node, the form that is fastest where it stands.
 * Deferred nodes of gradients are replaced; convolutions, pooling, batch normalisation and what lies between them move
 * to the blocked layout where its channels fill blocks; sums and ReLUs join the convolution before them.
 *
 * The graph is replayed node by node, on whichever {@link Forms} of the operands suit the node. What nobody asked for is
 * never written.
 */
import { GraphError } from '../../core/errors.ts';
import { float32 } from '../../core/tensor.ts';
import {
  floatAttribute,
  type GraphBuilder,
  intAttribute,
  intsAttribute,
  type Node,
  prune,
  stringAttribute,
  type Value,
  windowOf,
} from '../../onnx/index.ts';
import { algebra } from '../vjp.ts';
import { Blocked } from './blocked.ts';
import { inputGradient, type LoweringSite, weightGradient } from './convolutionGradients.ts';
import { deferredDomain, readGeometry } from './deferred.ts';
import { emptyLike, type Forms, FormTable, sizeOfType } from './forms.ts';
import { packable, packFilters } from './kernels.ts';
import { blockedMaxPoolGradient, maxPoolGradient, maxPoolWithIndices, poolsEvenly } from './maxPooling.ts';
import * as plain from './plain.ts';

export interface LoweringOptions {
  /** Channels in a block of the runtime's blocked layout; null where there is none, as outside the CPU. */
  readonly blockSize: number | null;
  /** Graph inputs and outputs that are kernels in the packed order (see {@link packedKernels}); default none. */
  readonly packed?: ReadonlySet<string>;
}

/** Operators that work element by element, on operands of one shape and scalars, in any layout. */
const elementwise = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'Where'],
  ...[
    'Relu',
    'LeakyRelu',
    'Clip',
    'HardSigmoid',
    'HardSwish',
    'Sigmoid',
    'Tanh',
    'Elu',
    'Gelu',
    'Erf',
    'Softplus',
  ],
  ...['Neg', 'Abs', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Cast', 'And', 'Or', 'Not'],
]);

/** Operators that reduce all elements alike, in any order. */
const reductions = new Set([
  'ReduceSum',
  'ReduceSumSquare',
  'ReduceL2',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
]);

/** Inputs of a graph that convolutions take as kernels and that would rather stay packed between runs. */
export function packedKernels(g: GraphBuilder, blockSize: number): Set<string> {
  const kernels = g.graph.nodes
    .filter((node) => node.opType === 'Conv' && intAttribute(node, 'group', 1) === 1)
    .map((node) => node.inputs[1]);
  const fits = ({ dtype, shape }: Value) => dtype === 'float32' && packable(shape as number[], blockSize);
  const inputs = new Set(g.graph.inputs.map((input) => input.name));
  return new Set(kernels.filter((name) => inputs.has(name) && fits(g.find(name)!)));
}

/** A graph ready to run, with the outputs' names kept. `g` is left as it was. */
export function lower(g: GraphBuilder, options: LoweringOptions): GraphBuilder {
  return new Lowering(g, options).run();
}

/** A blocked picture from which a number per channel has been taken. */
interface OffsetPicture {
  readonly picture: Value;
  /** What was taken off, [C]. */
  readonly offset: Value;
}

class Lowering {
  private readonly source: GraphBuilder;
  private readonly g: GraphBuilder;
  private readonly blocked: Blocked | null;
  private readonly packed: ReadonlySet<string>;
  private readonly forms: FormTable;
  private readonly site: LoweringSite;
  private nodes: readonly Node[] = [];
  private readonly uses = new Map<string, number>();
  /** Values that are renamed to the output they would otherwise be copied to. */
  private readonly outputNames = new Map<string, string>();
  private readonly offsets = new Map<string, OffsetPicture>();
  /** The places of maxima that a forward pass has found, for the gradients that will ask. */
  private readonly poolIndices = new Map<Node, Value>();

  constructor(source: GraphBuilder, options: LoweringOptions) {
    this.source = source;
    this.g = emptyLike(source);
    this.blocked = options.blockSize === null ? null : new Blocked(this.g, options.blockSize);
    this.packed = options.packed ?? new Set();
    this.forms = new FormTable(source, this.g, this.blocked);
    this.site = { g: this.g, forms: this.forms, blocked: this.blocked, packs: this.packed.size > 0 };
  }

  run(): GraphBuilder {
    const graph = prune(this.source.graph);
    this.nodes = graph.nodes;
    for (const input of graph.inputs) {
      const value = this.g.input(input.name, input.dtype, input.shape!);
      this.forms.define(input.name, { [this.packed.has(input.name) ? 'packed' : 'plain']: value });
    }
    for (const node of graph.nodes)
      for (const name of node.inputs) this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
    const given = new Set([...graph.inputs.map((v) => v.name), ...graph.initializers.keys()]);
    const outputs = new Set(graph.outputs.map((o) => o.name));
    const copies = new Set<Node>();
    for (const node of graph.nodes) {
      const [from, to] = [node.inputs[0], node.outputs[0]];
      if (node.opType !== 'Identity' || !outputs.has(to) || given.has(from) || outputs.has(from)) continue;
      if (this.outputNames.has(from)) continue;
      this.outputNames.set(from, to);
      copies.add(node);
    }
    for (const node of graph.nodes) if (!copies.has(node)) this.replay(node);
    const renamed = new Map([...this.outputNames].map(([from, to]) => [to, from]));
    for (const { name } of graph.outputs) {
      const value = this.forms.of(renamed.get(name) ?? name);
      this.g.output(this.packed.has(name) ? this.forms.packed(value) : this.forms.plain(value), name);
    }
    return this.g;
  }

  private plainBy(name: string): Value {
    return this.forms.plain(this.forms.of(name));
  }

  private usedOnce(v: Forms): boolean {
    return this.uses.get(v.type.name) === 1 && !this.outputNames.has(v.type.name);
  }

  // --- nodes ---

  private replay(node: Node): void {
    const done =
      node.domain === deferredDomain
        ? this.deferred(node)
        : node.domain === '' &&
          (this.convolution(node) || this.normalization(node) || this.pool(node) || this.byElement(node));
    if (!done) this.copy(node);
  }

  /** The node as it is, on operands in ONNX's layout. */
  private copy(node: Node): void {
    const whole = this.reducesAll(node);
    const inputs = node.inputs.map((name) => {
      if (name === '') return null;
      const v = this.forms.of(name);
      return whole && this.forms.isPacked(v) ? this.forms.packed(v) : this.forms.plain(v);
    });
    const types = node.outputs.map((name) => this.source.find(name)!);
    const outputs = node.outputs.map((name) => this.outputNames.get(name) ?? name);
    const fitted = this.withRankOfOther(node, inputs);
    const results = this.g.addNode({ ...node, outputs }, fitted, { types, distinct: true });
    node.outputs.forEach((name, i) => {
      this.forms.define(name, { plain: results[i] });
    });
  }

  /** A reduction to one number, which does not mind the order of the elements. */
  private reducesAll(node: Node): boolean {
    return (
      reductions.has(node.opType) &&
      intAttribute(node, 'noop_with_empty_axes', 0) === 0 &&
      this.source.find(node.outputs[0])!.shape.every((d) => d === 1)
    );
  }

  /**
   * ONNX Runtime works through a [O, I, 1, 1] and a scalar of lower rank one element at a time, thirty times slower than
   * with a [1, 1, 1, 1].
   */
  private withRankOfOther(node: Node, inputs: readonly (Value | null)[]): readonly (Value | null)[] {
    if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.opType) || inputs.length !== 2) return inputs;
    const [a, b] = inputs as [Value, Value];
    const rank = Math.max(a.shape.length, b.shape.length);
    return [a, b].map((v, i) => {
      const other = [b, a][i];
      const slow = other.shape.length === rank && rank > 1 && other.shape.at(-1) === 1;
      if (!slow || v.shape.length === rank || v.shape.some((d) => d !== 1)) return v;
      return this.g.op('Reshape', [v, this.g.ints(new Array(rank).fill(1))]);
    });
  }

  private convolution(node: Node): boolean {
    if (node.opType !== 'Conv' || this.blocked === null) return false;
    const [x, w] = [this.forms.of(node.inputs[0]), this.forms.of(node.inputs[1])];
    if (
      x.type.shape.length !== 4 ||
      x.type.dtype !== 'float32' ||
      !x.type.shape.every((d) => typeof d === 'number')
    )
      return false;
    const [filters, perGroup, kh, kw] = w.type.shape as [number, number, number, number];
    const group = intAttribute(node, 'group', 1);
    const channels = perGroup * group;
    if (!this.blocked.fits(filters)) return false;
    const { strides, dilations, pads } = windowOf(node, x.type.shape.slice(2), [kh, kw]);
    const ints = { kernel_shape: [kh, kw], strides, dilations, pads, group };
    const depthwise = group > 1 && perGroup === 1 && filters === group;
    const whole = group === 1 && this.blocked.fits(channels);
    // With fewer channels than a block the operator reads ONNX's layout.
    const few = group === 1 && channels < this.blocked.size;
    if (!depthwise && !whole && !few) return false;
    const bias = node.inputs[2] ? this.plainBy(node.inputs[2]) : null;
    this.forms.define(node.outputs[0], {
      pending: {
        x: few ? this.forms.plain(x) : this.forms.blocked(x),
        w: whole ? this.forms.packed(w) : packFilters(this.blocked, this.forms.plain(w)),
        bias,
        ints,
        shape: this.source.find(node.outputs[0])!.shape as readonly number[],
      },
    });
    return true;
  }

  private normalization(node: Node): boolean {
    if (node.opType !== 'BatchNormalization') return false;
    const x = this.forms.of(node.inputs[0]);
    if (!this.forms.canBlock(x) || !this.forms.isBlocked(x)) return false;
    const [scale, bias] = [this.plainBy(node.inputs[1]), this.plainBy(node.inputs[2])];
    const a = algebra(this.g, scale);
    const training = intAttribute(node, 'training_mode', 0) === 1;
    if (training && floatAttribute(node, 'momentum', 0.9) !== 0) return false;
    const blocked = this.blocked!;
    const epsilon = a.scalar(floatAttribute(node, 'epsilon', 1e-5));
    /** Defines the output from a picture and its statistics. */
    const normalise = (picture: Value, mean: Value, variance: Value) => {
      const factor = a.mul(scale, a.op('Reciprocal', [a.op('Sqrt', [a.add(variance, epsilon)])]));
      const shift = a.sub(bias, a.mul(mean, factor));
      this.forms.define(node.outputs[0], { pending: blocked.affine(picture, factor, shift) });
    };
    if (!training) {
      normalise(this.forms.blocked(x), this.plainBy(node.inputs[3]), this.plainBy(node.inputs[4]));
      return true;
    }
    const [n, , h, w] = x.type.shape as [number, number, number, number];
    const share = a.scalar(1 / (n * h * w));
    const { picture, offset } = this.nearZero(x);
    const mean = a.mul(blocked.channelSum(picture), share);
    const square = a.mul(blocked.channelDot(picture, picture), share);
    const variance = a.op('Max', [a.sub(square, a.mul(mean, mean)), a.scalar(0)]);
    normalise(picture, mean, variance);
    if (node.outputs[1]) this.forms.define(node.outputs[1], { plain: a.add(mean, offset) });
    if (node.outputs[2]) this.forms.define(node.outputs[2], { plain: variance });
    return true;
  }

  /**
   * A picture whose channels have means near 0, as {@link OffsetPicture}: sums of squares and products of one far from 0
   * lose in float32 what they are to tell. The offset is the value at the middle of the first picture. A convolution
   * that is not appended yet takes it off as its bias, with no pass over memory of its own.
   */
  private nearZero(x: Forms): OffsetPicture {
    const known = this.offsets.get(x.type.name);
    if (known !== undefined) return known;
    const blocked = this.blocked!;
    const a = algebra(this.g, x.type);
    let made: OffsetPicture;
    if (x.pending !== null && x.blocked === null && x.added === null) {
      const offset = blocked.middleOf(x.pending);
      const { bias } = x.pending;
      const picture = blocked.conv({
        ...x.pending,
        bias: bias === null ? a.neg(offset) : a.sub(bias, offset),
      });
      made = { picture, offset };
    } else {
      const whole = this.forms.blocked(x);
      const offset = blocked.middle(whole);
      const one = this.g.constant(
        float32([x.type.shape[1] as number], new Float32Array(x.type.shape[1] as number).fill(1)),
      );
      made = { picture: blocked.conv(blocked.affine(whole, one, a.neg(offset))), offset };
    }
    this.offsets.set(x.type.name, made);
    return made;
  }

  /** The same where there is one already, or it costs nothing. */
  private nearZeroIfCheap(x: Forms): OffsetPicture | null {
    const pending = x.pending !== null && x.blocked === null && x.added === null;
    return this.offsets.get(x.type.name) ?? (pending ? this.nearZero(x) : null);
  }

  private pool(node: Node): boolean {
    const { opType, outputs } = node;
    if (opType !== 'MaxPool' && opType !== 'GlobalAveragePool') return false;
    const x = this.forms.of(node.inputs[0]);
    if (!this.forms.canBlock(x) || !this.forms.isBlocked(x)) return this.poolTogether(node);
    if (outputs.length !== 1) return false;
    if (opType === 'GlobalAveragePool') {
      this.forms.define(outputs[0], { plain: this.blocked!.globalAverage(this.forms.blocked(x)) });
      return true;
    }
    const kernel = intsAttribute(node, 'kernel_shape')!;
    const { strides, dilations, pads, ceil } = windowOf(node, x.type.shape.slice(2), kernel);
    if (ceil || stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return false;
    const ints = { kernel_shape: kernel, strides, dilations, pads };
    const shape = this.source.find(outputs[0])!.shape;
    this.forms.define(outputs[0], { blocked: this.blocked!.maxPool(this.forms.blocked(x), ints, shape) });
    return true;
  }

  /** A maximum whose gradient will ask for the places as well: both come from one pass. */
  private poolTogether(node: Node): boolean {
    const gradient = this.nodes.find(
      ({ opType, inputs }) => opType === 'MaxPoolGradient' && inputs[1] === node.outputs[0],
    );
    if (node.opType !== 'MaxPool' || gradient === undefined || this.poolsBlocked(gradient)) return false;
    const [maxima, indices] = maxPoolWithIndices(this.g, geometry(gradient), this.plainBy(node.inputs[0]));
    this.forms.define(node.outputs[0], { plain: maxima });
    this.poolIndices.set(gradient, indices);
    return true;
  }

  /** Whether a gradient of max pooling is taken in the blocked layout. */
  private poolsBlocked(gradient: Node): boolean {
    return this.forms.canBlock(this.forms.of(gradient.inputs[0])) && poolsEvenly(geometry(gradient));
  }

  private maxPoolGradient(node: Node): Partial<Forms> {
    const q = geometry(node);
    const [x, , dy] = node.inputs.map((name) => this.forms.of(name)) as [Forms, Forms, Forms];
    const { forms, g } = this;
    if (this.poolsBlocked(node)) {
      return { blocked: blockedMaxPoolGradient(this.blocked!, q, forms.blocked(x), forms.blocked(dy)) };
    }
    const indices = this.poolIndices.get(node) ?? null;
    return { plain: maxPoolGradient({ g, node }, q, forms.plain(x), forms.plain(dy), indices) };
  }

  private byElement(node: Node): boolean {
    if (!elementwise.has(node.opType) || node.outputs.length !== 1) return false;
    const operands = node.inputs.map((name) => (name === '' ? null : this.forms.of(name)));
    const present = operands.filter((v) => v !== null);
    const pictures = present.filter((v) => sizeOfType(v.type) !== 1);
    const layout = this.layoutOf(pictures);
    if (layout === null) return false;
    const [output] = node.outputs as [string];
    if (String(this.source.find(output)!.shape) !== String(pictures[0].type.shape)) return false;
    if (layout === 'blocked' && this.join(node, pictures)) return true;
    const inputs = operands.map((v) =>
      v === null ? null : sizeOfType(v.type) === 1 ? this.forms.plain(v) : this.forms[layout](v),
    );
    const name = this.packed.has(this.outputNames.get(output) ?? '')
      ? this.outputNames.get(output)!
      : this.g.uniqueName(`${layout}_${output}`);
    const types = [this.source.find(output)!];
    const fitted = this.withRankOfOther(node, inputs);
    const [result] = this.g.addNode({ ...node, outputs: [name] }, fitted, { types, distinct: true });
    this.forms.define(output, { [layout]: result!, again: node });
    return true;
  }

  /** The layout in which operands of one shape meet; null for ONNX's. */
  private layoutOf(operands: readonly Forms[]): 'blocked' | 'packed' | null {
    const { forms } = this;
    if (!operands.every((v) => String(v.type.shape) === String(operands[0].type.shape))) return null;
    const all = (is: (v: Forms) => boolean, can: (v: Forms) => boolean) =>
      operands.some(is) && operands.every((v) => is(v) || can(v));
    if (
      all(
        (v) => forms.isPacked(v),
        (v) => forms.canPack(v),
      )
    )
      return 'packed';
    if (
      all(
        (v) => forms.isBlocked(v),
        (v) => forms.canBlock(v),
      )
    )
      return 'blocked';
    return null;
  }

  /** A sum or a ReLU that the convolution before it does in the same pass. */
  private join(node: Node, pictures: readonly Forms[]): boolean {
    const output = node.outputs[0];
    if (node.opType === 'Relu') {
      const [x] = pictures as [Forms];
      if (x.pending === null || x.blocked !== null || !this.usedOnce(x)) return false;
      this.forms.define(output, { blocked: this.forms.blocked(x, 'Relu') });
      return true;
    }
    if (node.opType !== 'Add' || pictures.length !== 2) return false;
    const free = [...pictures]
      .reverse()
      .find((v) => v.pending !== null && v.blocked === null && v.added === null && this.usedOnce(v));
    if (free === undefined) return false;
    const other = pictures[0] === free ? pictures[1] : pictures[0];
    this.forms.define(output, { pending: free.pending, added: this.forms.blocked(other) });
    return true;
  }

  // --- deferred nodes ---

  private deferred(node: Node): boolean {
    const operand = (i: number) => this.forms.of(node.inputs[i]);
    const output = node.outputs[0];
    switch (node.opType) {
      case 'ConvInputGradient':
        this.forms.define(output, inputGradient(this.site, node, geometry(node), operand(0), operand(1)));
        return true;
      case 'ConvWeightGradient':
        this.forms.define(output, weightGradient(this.site, node, geometry(node), operand(0), operand(1)));
        return true;
      case 'MaxPoolGradient':
        this.forms.define(output, this.maxPoolGradient(node));
        return true;
      case 'ChannelSum':
        this.forms.define(output, { plain: this.channelSum(operand(0)) });
        return true;
      case 'ChannelDot':
        this.forms.define(output, { plain: this.channelDot(operand(0), operand(1)) });
        return true;
      case 'ChannelAffine': {
        const [, , shift, added] = node.inputs.map((name) => (name === '' ? null : name));
        this.affine(
          output,
          operand(0),
          this.forms.plain(operand(1)),
          shift ? this.plainBy(shift) : null,
          added ? this.forms.of(added) : null,
        );
        return true;
      }
      default:
        throw new GraphError(`There is no lowering for ${node.opType}.`);
    }
  }

  private affine(output: string, x: Forms, scale: Value, shift: Value | null, added: Forms | null): void {
    if (shift === null && added === null) this.forms.define(output, { scaled: { of: x, scale } });
    else if (
      this.forms.canBlock(x) &&
      (this.forms.isBlocked(x) || (added !== null && this.forms.isBlocked(added)))
    ) {
      const moved = this.offsets.get(x.type.name);
      const picture = moved?.picture ?? this.forms.blocked(x);
      this.forms.define(output, {
        pending: this.blocked!.affine(picture, scale, moved ? this.restored(moved, scale, shift) : shift),
        added: added === null ? null : this.forms.blocked(added),
      });
    } else {
      const result = plain.channelAffine(
        this.g,
        this.forms.plain(x),
        scale,
        shift,
        added && this.forms.plain(added),
      );
      this.forms.define(output, { plain: result });
    }
  }

  /** The shift that an affine map of a picture needs where it gets one with an offset. */
  private restored({ offset }: OffsetPicture, scale: Value, shift: Value | null): Value {
    const through = this.g.op('Mul', [scale, offset]);
    return shift === null ? through : this.g.op('Add', [shift, through]);
  }

  private channelSum(v: Forms): Value {
    if (v.scaled !== null && v.plain === null && v.blocked === null)
      return this.g.op('Mul', [this.channelSum(v.scaled.of), v.scaled.scale]);
    if (this.forms.isBlocked(v)) return this.blocked!.channelSum(this.forms.blocked(v));
    const value = this.forms.plain(v);
    return plain.channelSum(algebra(this.g, value), value);
  }

  private channelDot(a: Forms, b: Forms): Value {
    if (this.forms.canBlock(a) && (this.forms.isBlocked(a) || this.forms.isBlocked(b))) {
      const moved = a === b ? null : this.nearZeroIfCheap(b);
      if (moved === null) return this.blocked!.channelDot(this.forms.blocked(a), this.forms.blocked(b));
      const dot = this.blocked!.channelDot(this.forms.blocked(a), moved.picture);
      return this.g.op('Add', [dot, this.g.op('Mul', [moved.offset, this.channelSum(a)])]);
    }
    const [left, right] = [this.forms.plain(a), this.forms.plain(b)];
    return plain.channelDot(algebra(this.g, left), left, right);
  }
}

/** The geometry that a deferred node holds. */
function geometry(node: Node): plain.Geometry {
  return readGeometry((name) => intsAttribute(node, name)!);
}

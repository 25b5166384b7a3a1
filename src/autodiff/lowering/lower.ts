/**
 * @file The last step before a training graph runs: chooses, for every node, the form that is fastest where it stands.
 * Deferred nodes of gradients are replaced; convolutions, pooling, batch normalisation and what lies between them move
 * to the blocked layout where its channels fill blocks; sums and ReLUs join the convolution before them.
 *
 * The graph is replayed node by node. Each value has up to three forms (in ONNX's layout, blocked, or a convolution not
 * yet appended because its consumer may add to it), and a form is made when something asks for it. What nobody asked
 * for is never written.
 */
import { GraphError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import {
  floatAttribute,
  GraphBuilder,
  intAttribute,
  intsAttribute,
  type Node,
  prune,
  stringAttribute,
  type Value,
  windowOf,
} from '../../onnx/index.ts';
import { algebra } from '../vjp.ts';
import { Blocked, type BlockedConv } from './blocked.ts';
import { deferredDomain, readGeometry } from './deferred.ts';
import * as plain from './plain.ts';

export interface LoweringOptions {
  /** Channels in a block of the runtime's blocked layout; null where there is none, as outside the CPU. */
  readonly blockSize: number | null;
}

/** One value of the original graph in the forms that have been made of it. */
interface Forms {
  readonly type: Value;
  plain: Value | null;
  blocked: Value | null;
  /** Appended, with what has been added to it, when somebody asks for the result. */
  pending: BlockedConv | null;
  added: Value | null;
  /** Made element by element in the blocked layout: how to make it again in ONNX's, where it is no float. */
  again: Node | null;
  /** This value is `of` times a number per channel, not yet multiplied. */
  scaled: { readonly of: Forms; readonly scale: Value } | null;
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

/** A graph ready to run, with the outputs' names kept. `g` is left as it was. */
export function lower(g: GraphBuilder, options: LoweringOptions): GraphBuilder {
  return new Lowering(g, options).run();
}

class Lowering {
  private readonly source: GraphBuilder;
  private readonly g: GraphBuilder;
  private readonly blocked: Blocked | null;
  private readonly forms = new Map<string, Forms>();
  private nodes: readonly Node[] = [];
  private readonly uses = new Map<string, number>();
  /** Values that are renamed to the output they would otherwise be copied to. */
  private readonly outputNames = new Map<string, string>();

  constructor(source: GraphBuilder, options: LoweringOptions) {
    this.source = source;
    const { graph } = source;
    const reserved = [...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)];
    reserved.push(...graph.inputs.map((v) => v.name), ...graph.outputs.map((v) => v.name));
    this.g = new GraphBuilder({ opset: source.opset, name: graph.name, reserved });
    this.blocked = options.blockSize === null ? null : new Blocked(this.g, options.blockSize);
  }

  run(): GraphBuilder {
    const graph = prune(this.source.graph);
    this.nodes = graph.nodes;
    for (const input of graph.inputs) {
      this.define(input.name, { plain: this.g.input(input.name, input.dtype, input.shape!) });
    }
    for (const node of graph.nodes)
      for (const name of node.inputs) this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
    const given = new Set([...graph.inputs.map((v) => v.name), ...graph.initializers.keys()]);
    const outputs = new Set(graph.outputs.map((o) => o.name));
    const copies = new Set<Node>();
    for (const node of graph.nodes) {
      const [from, to] = [node.inputs[0]!, node.outputs[0]!];
      if (node.opType !== 'Identity' || !outputs.has(to) || given.has(from) || outputs.has(from)) continue;
      if (this.outputNames.has(from)) continue;
      this.outputNames.set(from, to);
      copies.add(node);
    }
    for (const node of graph.nodes) if (!copies.has(node)) this.replay(node);
    const renamed = new Map([...this.outputNames].map(([from, to]) => [to, from]));
    for (const { name } of graph.outputs) this.g.output(this.plain(renamed.get(name) ?? name), name);
    return this.g;
  }

  // --- forms of values ---

  private define(name: string, made: Partial<Omit<Forms, 'type'>>): void {
    const type = this.source.find(name)!;
    this.forms.set(name, {
      type,
      plain: null,
      blocked: null,
      pending: null,
      added: null,
      again: null,
      scaled: null,
      ...made,
    });
  }

  private of(name: string): Forms {
    const known = this.forms.get(name);
    if (known !== undefined) return known;
    const tensor = this.source.graph.initializers.get(name);
    if (tensor === undefined) throw new GraphError(`'${name}' is used before it is computed.`);
    const small = tensor.data.length <= 32;
    this.define(name, { plain: small ? this.g.constant(tensor) : this.g.initializer(name, tensor) });
    return this.forms.get(name)!;
  }

  private plain(name: string): Value {
    return this.plainOf(this.of(name));
  }

  private plainOf(v: Forms): Value {
    if (v.plain !== null) return v.plain;
    if (v.scaled !== null && v.scaled.of.blocked === null && v.scaled.of.pending === null) {
      v.plain = plain.channelAffine(this.g, this.plainOf(v.scaled.of), v.scaled.scale, null, null);
      return v.plain;
    }
    if (v.again !== null && v.type.dtype !== 'float32') {
      const inputs = v.again.inputs.map((name) => (name === '' ? null : this.plain(name)));
      v.plain = this.g.addNode({ ...v.again, outputs: [this.g.uniqueName(v.type.name)] }, inputs)[0]!;
      return v.plain;
    }
    v.plain = this.blocked!.leave(this.blockedOf(v));
    return v.plain;
  }

  /** The blocked form; the caller knows that there can be one. */
  private blockedOf(v: Forms, activation: 'Relu' | null = null): Value {
    if (v.blocked !== null) return v.blocked;
    if (v.pending !== null) {
      const result = this.blocked!.conv(v.pending, v.added, activation);
      if (activation === null) v.blocked = result;
      return result;
    }
    if (v.scaled !== null) {
      v.blocked = this.blocked!.conv(this.blocked!.affine(this.blockedOf(v.scaled.of), v.scaled.scale, null));
      return v.blocked;
    }
    v.blocked = this.blocked!.enter(this.plainOf(v));
    return v.blocked;
  }

  /** Whether the value already is, or comes out, blocked. */
  private isBlocked(v: Forms): boolean {
    return v.blocked !== null || v.pending !== null || (v.scaled !== null && this.isBlocked(v.scaled.of));
  }

  private canBlock(v: Forms): boolean {
    const { shape, dtype } = v.type;
    return (
      this.blocked !== null &&
      dtype === 'float32' &&
      shape.length === 4 &&
      shape.every((d) => typeof d === 'number') &&
      this.blocked.fits(shape[1] as number)
    );
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
    const inputs = node.inputs.map((name) => (name === '' ? null : this.plain(name)));
    const types = node.outputs.map((name) => this.source.find(name)!);
    const outputs = node.outputs.map((name) => this.outputNames.get(name) ?? name);
    const fitted = this.withRankOfOther(node, inputs);
    const results = this.g.addNode({ ...node, outputs }, fitted, { types, distinct: true });
    node.outputs.forEach((name, i) => {
      this.define(name, { plain: results[i]! });
    });
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
      const other = [b, a][i]!;
      const slow = other.shape.length === rank && rank > 1 && other.shape.at(-1) === 1;
      if (!slow || v.shape.length === rank || v.shape.some((d) => d !== 1)) return v;
      return this.g.op('Reshape', [v, this.g.ints(new Array(rank).fill(1))]);
    });
  }

  private convolution(node: Node): boolean {
    if (node.opType !== 'Conv' || this.blocked === null) return false;
    const [x, w] = [this.of(node.inputs[0]!), this.of(node.inputs[1]!)];
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
    const kernel = this.plainOf(w);
    const bias = node.inputs[2] ? this.plain(node.inputs[2]) : null;
    this.define(node.outputs[0]!, {
      pending: {
        x: few ? this.plainOf(x) : this.blockedOf(x),
        w: whole ? this.blocked.kernel(kernel) : this.blocked.filters(kernel),
        bias,
        ints,
        shape: this.source.find(node.outputs[0]!)!.shape as readonly number[],
      },
    });
    return true;
  }

  private normalization(node: Node): boolean {
    if (node.opType !== 'BatchNormalization') return false;
    const x = this.of(node.inputs[0]!);
    if (!this.canBlock(x) || !this.isBlocked(x)) return false;
    const [scale, bias] = [this.plain(node.inputs[1]!), this.plain(node.inputs[2]!)];
    const a = algebra(this.g, scale);
    const training = intAttribute(node, 'training_mode', 0) === 1;
    if (training && floatAttribute(node, 'momentum', 0.9) !== 0) return false;
    const blocked = this.blocked!;
    let [mean, variance]: (Value | null)[] = [null, null];
    const picture = this.blockedOf(x);
    if (training) {
      const [n, , h, w] = x.type.shape as [number, number, number, number];
      const share = a.scalar(1 / (n * h * w));
      mean = a.mul(blocked.channelSum(picture), share);
      const square = a.mul(blocked.channelDot(picture, picture), share);
      variance = a.op('Max', [a.sub(square, a.mul(mean, mean)), a.scalar(0)]);
    } else {
      mean = this.plain(node.inputs[3]!);
      variance = this.plain(node.inputs[4]!);
    }
    const epsilon = a.scalar(floatAttribute(node, 'epsilon', 1e-5));
    const factor = a.mul(scale, a.op('Reciprocal', [a.op('Sqrt', [a.add(variance, epsilon)])]));
    const shift = a.sub(bias, a.mul(mean, factor));
    this.define(node.outputs[0]!, { pending: blocked.affine(picture, factor, shift) });
    if (training) {
      if (node.outputs[1]) this.define(node.outputs[1], { plain: mean });
      if (node.outputs[2]) this.define(node.outputs[2], { plain: variance });
    }
    return true;
  }

  private pool(node: Node): boolean {
    const { opType, outputs } = node;
    if (opType !== 'MaxPool' && opType !== 'GlobalAveragePool') return false;
    const x = this.of(node.inputs[0]!);
    if (this.forms.has(outputs[0]!)) return true;
    if (!this.canBlock(x) || !this.isBlocked(x)) return this.poolTogether(node);
    if (outputs.length !== 1) return false;
    if (opType === 'GlobalAveragePool') {
      this.define(outputs[0]!, { plain: this.blocked!.globalAverage(this.blockedOf(x)) });
      return true;
    }
    const kernel = intsAttribute(node, 'kernel_shape')!;
    const { strides, dilations, pads, ceil } = windowOf(node, x.type.shape.slice(2), kernel);
    if (ceil || stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return false;
    const ints = { kernel_shape: kernel, strides, dilations, pads };
    const shape = this.source.find(outputs[0]!)!.shape;
    this.define(outputs[0]!, { blocked: this.blocked!.maxPool(this.blockedOf(x), ints, shape) });
    return true;
  }

  /** A maximum whose gradient asks for the indices as well: both come from one pass. */
  private poolTogether(node: Node): boolean {
    const twin = this.nodes.find(
      (other) =>
        other.opType === 'MaxPool' &&
        other.outputs.length === 2 &&
        other.inputs[0] === node.inputs[0] &&
        this.sameWindow(node, other),
    );
    if (node.opType !== 'MaxPool' || twin === undefined || twin === node) return false;
    this.copy(twin);
    this.forms.set(node.outputs[0]!, this.of(twin.outputs[0]!));
    return true;
  }

  private sameWindow(a: Node, b: Node): boolean {
    const [first, second] = [a, b].map((node) => {
      const kernel = intsAttribute(node, 'kernel_shape')!;
      return JSON.stringify(windowOf(node, this.of(node.inputs[0]!).type.shape.slice(2), kernel));
    });
    return first === second;
  }

  private byElement(node: Node): boolean {
    if (!elementwise.has(node.opType) || node.outputs.length !== 1) return false;
    const operands = node.inputs.map((name) => (name === '' ? null : this.of(name)));
    const present = operands.filter((v) => v !== null);
    const pictures = present.filter((v) => sizeOfType(v.type) !== 1);
    const first = pictures.find((v) => this.isBlocked(v));
    if (first === undefined) return false;
    const same = (v: Forms) => String(v.type.shape) === String(first.type.shape);
    if (!pictures.every((v) => same(v) && (this.isBlocked(v) || this.canBlock(v)))) return false;
    if (String(this.source.find(node.outputs[0]!)!.shape) !== String(first.type.shape)) return false;
    if (this.join(node, pictures)) return true;
    const inputs = operands.map((v) =>
      v === null ? null : sizeOfType(v.type) === 1 ? this.plainOf(v) : this.blockedOf(v),
    );
    const name = this.g.uniqueName(`blocked_${node.outputs[0]!}`);
    const types = [this.source.find(node.outputs[0]!)!];
    const [result] = this.g.addNode({ ...node, outputs: [name] }, inputs, { types });
    this.define(node.outputs[0]!, { blocked: result!, again: node });
    return true;
  }

  /** A sum or a ReLU that the convolution before it does in the same pass. */
  private join(node: Node, pictures: readonly Forms[]): boolean {
    const output = node.outputs[0]!;
    if (node.opType === 'Relu') {
      const [x] = pictures as [Forms];
      if (x.pending === null || x.blocked !== null || !this.usedOnce(x)) return false;
      this.define(output, { blocked: this.blockedOf(x, 'Relu') });
      return true;
    }
    if (node.opType !== 'Add' || pictures.length !== 2) return false;
    const free = [...pictures]
      .reverse()
      .find((v) => v.pending !== null && v.blocked === null && v.added === null && this.usedOnce(v));
    if (free === undefined) return false;
    const other = pictures[0] === free ? pictures[1]! : pictures[0]!;
    this.define(output, { pending: free.pending, added: this.blockedOf(other) });
    return true;
  }

  // --- deferred nodes ---

  private deferred(node: Node): boolean {
    const ints = (name: string) => intsAttribute(node, name)!;
    const operand = (i: number) => this.of(node.inputs[i]!);
    const output = node.outputs[0]!;
    switch (node.opType) {
      case 'ConvInputGradient':
        this.inputGradient(node, readGeometry(ints), operand(0), this.plainOf(operand(1)));
        return true;
      case 'ConvWeightGradient':
        this.define(output, { plain: this.weightGradient(node, readGeometry(ints), operand(0), operand(1)) });
        return true;
      case 'ChannelSum':
        this.define(output, { plain: this.channelSum(operand(0)) });
        return true;
      case 'ChannelDot':
        this.define(output, { plain: this.channelDot(operand(0), operand(1)) });
        return true;
      case 'ChannelAffine': {
        const [, , shift, added] = node.inputs.map((name) => (name === '' ? null : name));
        this.affine(
          output,
          operand(0),
          this.plainOf(operand(1)),
          shift ? this.plain(shift) : null,
          added ? this.of(added) : null,
        );
        return true;
      }
      default:
        throw new GraphError(`There is no lowering for ${node.opType}.`);
    }
  }

  private affine(output: string, x: Forms, scale: Value, shift: Value | null, added: Forms | null): void {
    if (shift === null && added === null) this.define(output, { scaled: { of: x, scale } });
    else if (this.canBlock(x) && (this.isBlocked(x) || (added !== null && this.isBlocked(added)))) {
      this.define(output, {
        pending: this.blocked!.affine(this.blockedOf(x), scale, shift),
        added: added === null ? null : this.blockedOf(added),
      });
    } else {
      const result = plain.channelAffine(this.g, this.plainOf(x), scale, shift, added && this.plainOf(added));
      this.define(output, { plain: result });
    }
  }

  private channelSum(v: Forms): Value {
    if (v.scaled !== null && !this.has(v))
      return this.g.op('Mul', [this.channelSum(v.scaled.of), v.scaled.scale]);
    if (this.isBlocked(v)) return this.blocked!.channelSum(this.blockedOf(v));
    const value = this.plainOf(v);
    return plain.channelSum(algebra(this.g, value), value);
  }

  private channelDot(a: Forms, b: Forms): Value {
    if (this.canBlock(a) && (this.isBlocked(a) || this.isBlocked(b)))
      return this.blocked!.channelDot(this.blockedOf(a), this.blockedOf(b));
    const [left, right] = [this.plainOf(a), this.plainOf(b)];
    return plain.channelDot(algebra(this.g, left), left, right);
  }

  private has(v: Forms): boolean {
    return v.plain !== null || v.blocked !== null;
  }

  private inputGradient(node: Node, q: plain.Geometry, dy: Forms, kernel: Value): void {
    const output = node.outputs[0]!;
    let [w, from] = [kernel, dy];
    if (dy.scaled !== null) {
      // A factor per channel of dy is one per filter of the kernel, which is smaller.
      const factor = this.g.op('Reshape', [
        dy.scaled.scale,
        this.g.ints([q.filters, ...kernel.shape.slice(1).map(() => 1)]),
      ]);
      w = this.g.op('Mul', [kernel, factor]);
      from = dy.scaled.of;
    }
    const pending = this.blockedInputGradient(q, from, w);
    if (pending !== null) this.define(output, pending);
    else this.define(output, { plain: plain.inputGradient({ g: this.g, node }, q, w, this.plainOf(from)) });
  }

  private blockedInputGradient(q: plain.Geometry, dy: Forms, w: Value): Partial<Forms> | null {
    const { blocked } = this;
    if (blocked === null || !this.canBlock(dy) || !blocked.fits(q.channels)) return null;
    const depthwise = q.group > 1 && q.group === q.channels && q.group === q.filters;
    if (q.group !== 1 && !depthwise) return null;
    const kernel = () => (depthwise ? blocked.mirroredFilters(w) : blocked.mirroredKernel(w));
    const strided = q.strides.some((s) => s !== 1);
    const point = q.kernel.every((k) => k === 1) && q.pads.every((p) => p === 0);
    const grown = q.out.map((size, i) => size * q.strides[i]!);
    const shape = [q.batch, q.channels, ...q.spatial];
    if (strided && point && !depthwise) {
      if (grown.some((size, i) => size !== q.spatial[i])) return null;
      const small = blocked.conv({
        x: this.blockedOf(dy),
        w: kernel(),
        bias: null,
        ints: { kernel_shape: q.kernel },
        shape: [q.batch, q.channels, ...q.out],
      });
      return { blocked: blocked.dilated(small, q.strides) };
    }
    if (strided && !depthwise) {
      const whole = blocked.stridedInputGradient(this.blockedOf(dy), w, q);
      return whole === null ? null : { blocked: whole };
    }
    const reach = q.kernel.map((k, i) => (k - 1) * q.dilations[i]!);
    const before = reach.map((r, i) => r - q.pads[i]!);
    const after = q.spatial.map((size, i) => size - grown[i]! - before[i]! + reach[i]!);
    if ([...before, ...after].some((p) => p < 0)) return null;
    const x = strided ? blocked.dilated(this.blockedOf(dy), q.strides) : this.blockedOf(dy);
    const ints = {
      kernel_shape: q.kernel,
      dilations: q.dilations,
      pads: [...before, ...after],
      group: q.group,
    };
    return { pending: { x, w: kernel(), bias: null, ints, shape } };
  }

  private weightGradient(node: Node, q: plain.Geometry, x: Forms, dy: Forms): Value {
    if (dy.scaled !== null) {
      const gradient = this.weightGradient(node, q, x, dy.scaled.of);
      const factor = [q.filters, ...gradient.shape.slice(1).map(() => 1)];
      return this.g.op('Mul', [gradient, this.g.op('Reshape', [dy.scaled.scale, this.g.ints(factor)])]);
    }
    const depthwise = q.group > 1 && q.group === q.channels && q.group === q.filters;
    if (depthwise && this.canBlock(x) && this.canBlock(dy)) {
      const gradient = this.blocked!.depthwiseWeightGradient(this.blockedOf(x), this.blockedOf(dy), q);
      if (gradient !== null) return gradient;
    }
    const area = sizeOf(q.kernel);
    if (q.group === 1 && area > 1 && area <= 49 && this.canBlock(dy)) {
      const before = q.pads.slice(0, 2);
      // Just as much around the picture as the kernel reaches.
      const after = before.map(
        (p, i) =>
          (q.kernel[i]! - 1) * q.dilations[i]! + (q.out[i]! - 1) * q.strides[i]! + 1 - q.spatial[i]! - p,
      );
      const pads = [...before, ...after];
      const blocked = this.blocked!;
      const around =
        this.canBlock(x) && this.isBlocked(x)
          ? blocked.leave(blocked.paddedBlocked(this.blockedOf(x), pads))
          : blocked.padded(this.plainOf(x), pads);
      return blocked.weightGradient(around, this.blockedOf(dy), q);
    }
    return plain.weightGradient({ g: this.g, node }, q, this.plainOf(x), this.plainOf(dy));
  }
}

function sizeOfType(v: Value): number {
  return v.shape.every((d) => typeof d === 'number') ? sizeOf(v.shape as readonly number[]) : Number.NaN;
}

/**
 * @file What is done to a forward pass before its gradients are derived, so that both fit the blocked layout.
 *
 * Channels are made up to whole blocks. A map of 24 channels fills no blocks of 16, and ONNX Runtime's fast
 * convolutions pass it by; of 32, the last eight made by filters of zeros and met by zeros in the next kernel, it does.
 * The parameters stay as they are: kernels are filled up by nodes, whose gradients cut them again.
 *
 * ReLU and max pooling change places: the result is the same, and ReLU, its gradient above all, passes over less.
 */
import { type GraphBuilder, intAttribute, type Node, type Value } from '../../onnx/index.ts';
import { emptyLike } from './forms.ts';

/** Most channels after filling up, as a multiple of those before: what is more costs more than the layout gains. */
const largestGrowth = 1.5;

/** Operators that treat channels alike and give something finite for zeros. */
const perChannel = new Set([
  ...['Relu', 'LeakyRelu', 'Clip', 'HardSigmoid', 'HardSwish', 'Sigmoid', 'Tanh', 'Elu', 'Gelu', 'Softplus'],
  ...['Identity', 'Neg', 'Abs', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool'],
]);

/** Operators of operands of one shape. */
const binary = new Set(['Add', 'Sub', 'Mul', 'Max', 'Min']);

/**
 * A graph like `source`, maps made up to whole blocks where that is cheap; and where its values have gone.
 * @param blockSize null where there are no blocks: then it is `source` itself
 */
export function alignChannels(
  source: GraphBuilder,
  blockSize: number | null,
): { readonly g: GraphBuilder; readonly of: (value: Value) => Value } {
  if (blockSize === null) return { g: source, of: (value) => value };
  const aligned = new Alignment(source, blockSize);
  return { g: aligned.g, of: ({ name }) => aligned.exact(name) };
}

class Alignment {
  readonly g: GraphBuilder;
  private readonly source: GraphBuilder;
  private readonly blockSize: number;
  /** Values as they were. */
  private readonly values = new Map<string, Value>();
  /** Values with more channels than they had; what is in those does not matter, but is finite. */
  private readonly wide = new Map<string, Value>();

  constructor(source: GraphBuilder, blockSize: number) {
    this.source = source;
    this.blockSize = blockSize;
    const { graph } = source;
    this.g = emptyLike(source);
    for (const { name, dtype, shape } of graph.inputs)
      this.values.set(name, this.g.input(name, dtype, shape!));
    for (const [name, tensor] of graph.initializers) this.values.set(name, this.g.initializer(name, tensor));
    for (const node of this.reluAfterPooling()) if (node.domain !== '' || !this.widen(node)) this.copy(node);
  }

  /** A value with the channels that it had. */
  exact(name: string): Value {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const { g } = this;
    const channels = this.source.find(name)!.shape[1] as number;
    const cut = g.op('Slice', [this.wide.get(name)!, g.ints([0]), g.ints([channels]), g.ints([1])]);
    this.values.set(name, cut);
    return cut;
  }

  private reluAfterPooling(): Node[] {
    const { nodes, outputs } = this.source.graph;
    const uses = new Map<string, number>(outputs.map(({ name }) => [name, 1]));
    for (const name of nodes.flatMap((node) => node.inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
    const relus = new Map(
      nodes
        .filter(({ opType, outputs }) => opType === 'Relu' && uses.get(outputs[0]) === 1)
        .map((node) => [node.outputs[0], node]),
    );
    const moved = new Set<Node>();
    const pooled = nodes.map((node): readonly Node[] => {
      const relu =
        node.opType === 'MaxPool' && node.outputs.length === 1 ? relus.get(node.inputs[0]) : undefined;
      if (relu === undefined) return [node];
      moved.add(relu);
      const maxima = this.g.uniqueName(`${node.outputs[0]}/maxima`);
      return [
        { ...node, inputs: relu.inputs, outputs: [maxima] },
        { ...relu, inputs: [maxima], outputs: node.outputs },
      ];
    });
    return pooled.flat().filter((node) => !moved.has(node));
  }

  private copy(node: Node): void {
    const inputs = node.inputs.map((name) => (name === '' ? null : this.exact(name)));
    const made = this.g.addNode(node, inputs, { distinct: true });
    node.outputs.forEach((name, i) => {
      this.values.set(name, made[i]);
    });
  }

  /** Appends the node with more channels. @returns false where it must stay as it is */
  private widen(node: Node): boolean {
    const { opType, inputs, outputs } = node;
    if (opType === 'Conv') return this.convolution(node);
    const x = this.wide.get(inputs[0]);
    if (opType === 'BatchNormalization' && x !== undefined) return this.normalization(node, x);
    if (outputs.length !== 1) return false;
    if (perChannel.has(opType) && x !== undefined) {
      const others = inputs.slice(1).map((name) => (name === '' ? null : this.exact(name)));
      this.wide.set(outputs[0], this.append(node, [x, ...others])[0]);
      return true;
    }
    if (!binary.has(opType) || inputs.length !== 2) return false;
    const operands = inputs.map((name) => {
      const scalar = this.source.find(name)!.shape.every((size) => size === 1);
      return scalar ? this.exact(name) : this.wide.get(name);
    });
    const [a, b] = inputs.map((name) => String(this.source.find(name)!.shape));
    if (operands.includes(undefined) || !inputs.some((name) => this.wide.has(name))) return false;
    if (inputs.every((name) => this.wide.has(name)) && a !== b) return false;
    this.wide.set(outputs[0], this.append(node, operands as Value[])[0]);
    return true;
  }

  private append(node: Node, inputs: readonly (Value | null)[]): readonly Value[] {
    const outputs = node.outputs.map((name) => this.g.uniqueName(name));
    return this.g.addNode({ ...node, name: `${outputs[0]}/node`, outputs }, inputs, { distinct: true });
  }

  private convolution(node: Node): boolean {
    const [x, w] = node.inputs.slice(0, 2).map((name) => this.source.find(name)!) as [Value, Value];
    if (x.shape.length !== 4 || x.dtype !== 'float32') return false;
    const [filters, perGroup] = w.shape as [number, number];
    const channels = x.shape[1] as number;
    const group = intAttribute(node, 'group', 1);
    const wideX = this.wide.get(x.name);
    const missing = (count: number) => (this.blockSize - (count % this.blockSize)) % this.blockSize;
    const depthwise = group > 1 && perGroup === 1 && filters === group;
    if (group !== 1 && !(depthwise && wideX !== undefined)) return false;
    // What comes in must be whole blocks too, or less than one, which the operator takes as it is.
    const ready = wideX !== undefined || missing(channels) === 0 || channels < this.blockSize;
    const grows = missing(filters) > 0 && filters + missing(filters) <= largestGrowth * filters && ready;
    if (!grows && wideX === undefined) return false;
    const more = grows ? missing(filters) : 0;
    const moreIn = wideX === undefined || depthwise ? 0 : (wideX.shape[1] as number) - channels;
    const kernel = this.filled(this.exact(w.name), [more, moreIn, 0, 0]);
    const bias = node.inputs[2] ? this.filled(this.exact(node.inputs[2]), [more]) : null;
    const wider = depthwise
      ? { ...node, attributes: { ...node.attributes, group: { kind: 'int', value: group + more } as const } }
      : node;
    const inputs = [wideX ?? this.exact(x.name), kernel, ...(bias === null ? [] : [bias])];
    const [result] = this.append(wider, inputs);
    (more > 0 ? this.wide : this.values).set(node.outputs[0], result!);
    return true;
  }

  private normalization(node: Node, x: Value): boolean {
    const channels = this.source.find(node.inputs[0])!.shape[1] as number;
    const more = (x.shape[1] as number) - channels;
    const perChannel = node.inputs.slice(1).map((name) => this.filled(this.exact(name), [more]));
    const [y, ...statistics] = this.append(node, [x, ...perChannel]);
    this.wide.set(node.outputs[0], y!);
    const { g } = this;
    statistics.forEach((value, i) => {
      const cut = g.op('Slice', [value, g.ints([0]), g.ints([channels]), g.ints([0])]);
      this.values.set(node.outputs[i + 1], cut);
    });
    return true;
  }

  /** Zeros behind each axis. */
  private filled(v: Value, after: readonly number[]): Value {
    if (after.every((count) => count === 0)) return v;
    const { g } = this;
    return g.op('Pad', [v, g.ints([...after.map(() => 0), ...after]), g.scalar(0)]);
  }
}

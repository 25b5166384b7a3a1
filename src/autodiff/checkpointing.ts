/**
 * @file Activation checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): the backward pass
 * computes a segment of the forward pass again when it reaches it, instead of reading activations kept since.
 *
 * Two kinds of sharing would undo that, the builder's and ONNX Runtime's own, and so would a scheduler that computes a
 * segment early. So what a segment starts from is read through a *guard*: a view of it that depends on a zero made from
 * gradients, which exist only when everything behind the segment is done. Nothing is copied; nothing can be worked out
 * beforehand; and no node behind a guard equals one of the forward pass.
 */
import { UnsupportedOpError } from '../core/errors.ts';
import { type GraphBuilder, intAttribute, isImpure, type Node, type Value } from '../onnx/index.ts';
import { planSegments } from './segments.ts';

/** Values that exist late: gradients that have arrived, by name of what they are the gradient of. */
export type LateGradients = (name: string) => readonly Value[];

export class Recomputation {
  private readonly g: GraphBuilder;
  private readonly producer = new Map<string, Node>();
  private readonly segmentOf: ReadonlyMap<Node, number>;
  private readonly lastSegment: number;
  /** Values that another segment reads too, by the segments that make them. */
  private readonly crossing = new Set<string>();
  /** Values whose gradients are complete, or a boundary's, when a segment is entered. */
  private readonly boundaries: string[][];
  private readonly dependent: ReadonlySet<string>;
  private readonly scratch = new Set<string>();
  private readonly parameters: readonly string[];
  /** The values of the segment that the backward pass is in, guarded or made again. */
  private current = { segment: -1, zero: null as Value | null, values: new Map<string, Value>() };
  private readonly waitedFor = new Set<string>();

  /**
   * @param nodes the nodes that the loss depends on, in order
   * @param dependent names of the values that depend on `parameters`
   * @param parameters names of what is differentiated by
   */
  constructor(
    g: GraphBuilder,
    nodes: readonly Node[],
    dependent: ReadonlySet<string>,
    parameters: readonly string[],
  ) {
    if (g.opset < 13) {
      throw new UnsupportedOpError(
        `Activation checkpointing needs opset 13 or newer; this graph is of opset ${g.opset}.`,
        { hint: 'Convert the model, or keep the activations.' },
      );
    }
    this.g = g;
    this.dependent = dependent;
    this.parameters = parameters;
    const segments = planSegments(nodes, dependent, (name) => g.find(name));
    this.lastSegment = segments.length - 1;
    this.segmentOf = new Map(segments.flatMap((part, s) => part.map((node): [Node, number] => [node, s])));
    for (const node of nodes) for (const name of node.outputs) this.producer.set(name, node);
    this.boundaries = segments.map(() => []);
    for (const node of nodes) {
      const s = this.segmentOf.get(node)!;
      // In place of its running statistics batch normalisation has scratch values, which it overwrites.
      if (node.opType === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) === 1)
        for (const name of node.inputs.slice(3)) this.scratch.add(name);
      for (const name of node.inputs) {
        const made = this.producer.get(name);
        if (made === undefined) continue;
        const from = this.segmentOf.get(made)!;
        if (from === s) continue;
        this.crossing.add(name);
        for (let k = from; k < s; k++) this.boundaries[k].push(name);
      }
    }
  }

  /** What the gradient rule of `node` reads for `name`, an operand or a result of it. */
  value(node: Node, name: string, late: LateGradients): Value {
    const segment = this.segmentOf.get(node)!;
    if (segment === this.lastSegment) return this.g.find(name)!;
    if (this.current.segment !== segment) {
      this.current = { segment, zero: null, values: new Map() };
      this.current.zero = this.zeroAfter(segment, late);
    }
    // No gradient has arrived at this segment's end: nothing of it is needed.
    if (this.current.zero === null) return this.g.find(name)!;
    return this.again(name);
  }

  /** The value of the current segment: made again, read through a guard, or itself where it costs nothing to keep. */
  private again(name: string): Value {
    const { segment, values } = this.current;
    const known = values.get(name);
    if (known !== undefined) return known;
    const node = this.producer.get(name);
    const original = this.g.find(name)!;
    if (node === undefined) return original;
    const replayed =
      this.segmentOf.get(node) === segment &&
      !this.crossing.has(name) &&
      !isImpure(node) &&
      (this.dependent.has(name) || this.scratch.has(name));
    if (!replayed) return this.guarded(original);
    this.replay(node);
    return values.get(name)!;
  }

  private replay(node: Node): void {
    const { g } = this;
    const { values } = this.current;
    const originals = node.inputs.map((name) => (name === '' ? null : g.find(name)!));
    const inputs = originals.map((value) => (value === null ? null : this.again(value.name)));
    if (inputs.every((value, i) => value === originals[i])) {
      // It reads only inputs of the graph and constants.
      const first = originals.findIndex((value) => value !== null && g.constantOf(value) === undefined);
      if (first < 0) {
        for (const name of node.outputs) values.set(name, g.find(name)!);
        return;
      }
      inputs[first] = this.guarded(originals[first]!);
    }
    const types = node.outputs.map((name) => g.find(name)!);
    const outputs = node.outputs.map((name) => g.uniqueName(`${name}/again`));
    const made = g.addNode({ ...node, name: `${outputs[0]}/node`, outputs }, inputs, { types });
    node.outputs.forEach((name, i) => {
      if (!values.has(name)) values.set(name, made[i]);
    });
  }

  /** `value` itself, in a form that exists only once the segment is entered. */
  private guarded(value: Value): Value {
    const { zero, values } = this.current;
    const known = values.get(value.name);
    if (known !== undefined) return known;
    const made = behind(this.g, value, zero!);
    values.set(value.name, made);
    return made;
  }

  /**
   * An int64 zero, [1], that is computed after the gradients at the end of `segment` and after those of all parameters
   * behind it: then the activations behind it are free. Null where no gradient has arrived.
   */
  private zeroAfter(segment: number, late: LateGradients): Value | null {
    const { g } = this;
    const firsts: Value[] = [];
    for (const name of new Set([...this.boundaries[segment], ...this.parameters])) {
      for (const gradient of late(name)) {
        if (this.waitedFor.has(gradient.name) || gradient.shape.includes(0)) continue;
        this.waitedFor.add(gradient.name);
        firsts.push(firstElement(g, gradient));
      }
    }
    if (firsts.length === 0) return null;
    return zeroFrom(g, firsts.length === 1 ? firsts[0] : g.op('Concat', firsts, { axis: 0 }));
  }
}

/**
 * `value` itself behind `zero`, which is known only at run time: a new first axis, and axis `zero` taken away again.
 * Both are views of the same memory. (Reshape would do too, but ONNX Runtime 1.30 fails where it joins one of a shape
 * made at run time with the next.)
 */
function behind(g: GraphBuilder, value: Value, zero: Value): Value {
  const widened = g.op('Unsqueeze', [value, g.ints([0])]);
  const output = g.uniqueName(`${value.name}/kept`);
  const node: Node = {
    ...{ opType: 'Squeeze', domain: '', name: `${output}/node` },
    ...{ inputs: [], outputs: [output], attributes: {} },
  };
  return g.addNode(node, [widened, zero], { types: [value] })[0];
}

/** An int64 zero, [1], from float32 [n]: no number is above infinity, and NaN is not either. */
function zeroFrom(g: GraphBuilder, values: Value): Value {
  const largest = g.op('ReduceMax', [values], { keepdims: 1 });
  const above = g.op('Greater', [largest, g.scalar(Number.POSITIVE_INFINITY)]);
  return g.op('Cast', [above], { to: 7 });
}

/** The first element of a float tensor as float32 [1]. */
function firstElement(g: GraphBuilder, value: Value): Value {
  const axes = value.shape.map((_, axis) => axis);
  const corner =
    axes.length === 0
      ? value
      : g.op('Slice', [value, g.ints(axes.map(() => 0)), g.ints(axes.map(() => 1)), g.ints(axes)]);
  const flat = g.op('Reshape', [corner, g.ints([1])]);
  return flat.dtype === 'float32' ? flat : g.op('Cast', [flat], { to: 1 });
}

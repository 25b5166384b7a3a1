/** @file The import of a graph: what each name of the file stands for in the builder, and what is known of it. */
import { EarshotError, GraphError, ParameterError, ShapeError, UnsupportedOpError } from '../core/errors.ts';
import { allocate, type DType, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import { GraphBuilder, type Value } from './builder.ts';
import { sortedNodes } from './checkGraph.ts';
import { isFloat } from './dataTypes.ts';
import { subgraphsOf } from './decodeModel.ts';
import { fold, isFoldable } from './fold.ts';
import { reshapeTarget, type Sizes, sizesOf } from './foldSizes.ts';
import { constantValue, importedNode, shapeValue } from './importNode.ts';
import {
  type Dim,
  type Graph,
  intAttribute,
  type Node,
  type OutputInfo,
  type Shape,
  type ValueInfo,
} from './model.ts';
import { inferTypes } from './operators/index.ts';
import { describeNode, type TensorType, UnknownRankError } from './operators/schema.ts';
import { importedOpset } from './operators/standardOperators.ts';
import { broadcast, formatShape, isStatic } from './shape.ts';

interface Known {
  readonly tensor: Tensor;
  /** Computed from a weight, so that its node must stay. */
  readonly fromWeights: boolean;
}

/** Weights above this many elements are not worked with before running. */
const largestWeight = 1024;

/** Builds one graph from another, node by node. See importGraph. */
export class Importer {
  readonly g: GraphBuilder;
  private readonly opset: number;
  /** What the file says of inner values, and of its outputs, the model's promise to its users. */
  private readonly declared: ReadonlyMap<string, ValueInfo>;
  private readonly promised: ReadonlyMap<string, OutputInfo>;
  private readonly bind: Readonly<Record<string, number>>;
  /** Tensors that must be values of their own. */
  private readonly distinct: ReadonlySet<string>;
  private readonly known = new Map<Value, Known>();
  private readonly weights = new Set<Value>();
  /** Shapes that are known in part. */
  private readonly sizes = new Map<Value, Sizes>();
  /** What the names of the file (and of the branch being read) stand for. */
  private scope = new Map<string, Value>();
  private unknowns = 0;

  /**
   * @param opsets the file's versions of the domains of operators
   * @param bind sizes of named dimensions, and values of integer inputs
   * @param tensors names that must be values of their own
   */
  constructor(
    graph: Graph,
    opsets: ReadonlyMap<string, number>,
    bind: Readonly<Record<string, number>>,
    tensors: readonly string[],
  ) {
    const reserved = new Set([
      ...graph.inputs.map((v) => v.name),
      ...graph.initializers.keys(),
      ...graph.nodes.flatMap((n) => n.outputs),
    ]);
    this.g = new GraphBuilder({ opset: importedOpset, name: graph.name || 'imported', reserved });
    this.g.declareDomains(opsets);
    this.opset = opsets.get('') ?? importedOpset;
    this.declared = graph.valueInfo;
    this.promised = new Map(graph.outputs.map((output) => [output.name, output]));
    this.bind = bind;
    this.distinct = new Set(tensors);
  }

  inputs(inputs: readonly ValueInfo[]): void {
    const open = new Set(inputs.flatMap((input) => (input.shape ?? []).filter((d) => typeof d === 'string')));
    const integers = inputs.filter(({ dtype }) => !isFloat(dtype)).map(({ name }) => name);
    for (const [name, size] of Object.entries(this.bind)) {
      if (open.has(name)) {
        if (!Number.isSafeInteger(size) || size < 1)
          throw new ParameterError(
            `The size of dimension '${name}' must be a whole number of at least 1, got ${size}.`,
          );
      } else if (!integers.includes(name)) {
        const there = [...open, ...integers];
        throw new ParameterError(
          `The model's inputs have no dimension named '${name}', nor is it an integer input.`,
          {
            hint: there.length === 0 ? 'All their sizes are fixed.' : `There are: ${there.join(', ')}.`,
          },
        );
      }
    }
    for (const { name, dtype, shape } of inputs) {
      if (shape === null) throw new GraphError(`The model does not say which shape its input '${name}' has.`);
      const bound = this.bound(shape);
      if (!isPossible(bound))
        throw new GraphError(`The model's input '${name}' has an impossible shape ${formatShape(shape)}.`);
      if (integers.includes(name) && Object.hasOwn(this.bind, name) && !open.has(name))
        this.initializer(name, boundInteger(name, dtype, bound, this.bind[name]), false);
      else this.scope.set(name, this.g.input(name, dtype, bound));
    }
  }

  private bound(shape: Shape): Dim[] {
    return shape.map((d) => (typeof d === 'string' && Object.hasOwn(this.bind, d) ? this.bind[d] : d));
  }

  initializers(graph: Graph): void {
    for (const [name, tensor] of graph.initializers) {
      const fromWeights = isFloat(tensor.dtype);
      this.initializer(name, tensor, fromWeights);
    }
  }

  private initializer(name: string, tensor: Tensor, fromWeights: boolean): Value {
    const value = this.g.initializer(this.free(name), tensor);
    if (!fromWeights || sizeOf(tensor.dims) <= largestWeight) {
      this.known.set(value, { tensor, fromWeights: fromWeights || this.distinct.has(name) });
    }
    if (fromWeights) this.weights.add(value);
    this.scope.set(name, value);
    return value;
  }

  /** The name itself, unless a branch of an If brings one that is there already. */
  private free(name: string): string {
    return this.g.find(name) === undefined ? name : this.g.uniqueName(name);
  }

  nodes(nodes: readonly Node[]): void {
    for (const node of nodes) {
      try {
        this.node(node.name === '' ? { ...node, name: `${node.outputs.find((n) => n !== '')}/node` } : node);
      } catch (error) {
        if (error instanceof EarshotError) throw naming(error, node);
        // A rule met something that no valid file holds, such as a missing attribute or an operand of wrong rank.
        throw new GraphError(`${describeNode(node)} is malformed.`, { cause: error });
      }
    }
  }

  private node(node: Node): void {
    if (node.domain === '' && node.opType === 'Constant') {
      this.initializer(node.outputs[0], constantValue(node), false);
      return;
    }
    if (node.domain === '' && node.opType === 'If') {
      this.branch(node);
      return;
    }
    if (Object.values(node.attributes).some((a) => subgraphsOf(a).length > 0)) {
      throw new UnsupportedOpError(`${describeNode(node)} runs a subgraph, which is not handled.`, {
        hint: 'Export the model without loops and conditions on data.',
      });
    }
    const operands = node.inputs.map((name) => (name === '' ? null : this.scope.get(name)!));
    while (operands.at(-1) === null) operands.pop();
    const outputs = [...node.outputs];
    while (outputs.at(-1) === '') outputs.pop();
    const imported = importedNode({
      g: this.g,
      node: { ...node, outputs },
      opset: this.opset,
      inputs: operands,
      known: (i) => this.knownOf(operands[i])?.tensor,
    });
    if ('values' in imported) {
      outputs.forEach((name, i) => {
        const value = imported.values[i];
        if (value != null) this.same(name, value);
      });
      return;
    }
    const ready = this.worked(imported.node, imported.inputs);
    if (ready) return;
    const made = this.appendSized(imported.node, imported.inputs);
    if (made === null) return;
    imported.node.outputs.forEach((name, i) => {
      if (name !== '') this.scope.set(name, made[i]);
    });
  }

  private knownOf(value: Value | null | undefined): Known | undefined {
    if (value == null) return undefined;
    const known = this.known.get(value);
    if (known !== undefined || this.weights.has(value)) return known;
    // Constants that the import itself made.
    const tensor = this.g.constantOf(value);
    return tensor && { tensor, fromWeights: false };
  }

  /** Lets `name` stand for a value that is there already. */
  private same(name: string, value: Value): void {
    if (name === '') return;
    const distinct = this.distinct.has(name);
    const own = distinct ? this.g.op('Identity', [value], {}, { name }) : value;
    this.scope.set(name, own);
    if (!distinct && this.g.find(name) === undefined) this.g.alias(name, value);
  }

  /** Works out the node's results if it can; false if the node must be appended. */
  private worked(node: Node, inputs: readonly (Value | null)[]): boolean {
    const [x] = inputs;
    if (node.domain === '' && (node.opType === 'Shape' || node.opType === 'Size') && x != null) {
      const tensor = shapeValue(node, x);
      if (tensor === null) return false;
      this.initializer(node.outputs[0], tensor, false);
      return true;
    }
    if (!isFoldable(node)) return false;
    const held = inputs.map((value) => this.knownOf(value));
    if (held.some((k, i) => k === undefined && inputs[i] !== null)) return false;
    const results = fold(
      node,
      held.map((k) => k?.tensor),
      () => this.infer(node, inputs),
    );
    if (results === null) return false;
    const weights = held.some((k) => k?.fromWeights);
    if (weights && results.some((r) => isFloat(r.dtype))) {
      // The node stays, so that gradients can flow; that its value is known helps what follows.
      const made = this.append(node, inputs);
      results.forEach((tensor, i) => {
        this.known.set(made[i], { tensor, fromWeights: true });
        if (node.outputs[i] !== '') this.scope.set(node.outputs[i], made[i]);
      });
      return true;
    }
    results.forEach((tensor, i) => {
      if (node.outputs[i] !== '') this.initializer(node.outputs[i], tensor, false);
    });
    return true;
  }

  /** Appends a node, or a constant (null) if it is a shape all of whose sizes turn out to be known. */
  private appendSized(node: Node, inputs: readonly (Value | null)[]): readonly Value[] | null {
    const operands = inputs.map((value) =>
      value === null ? undefined : { shape: value.shape, sizes: this.sizesIn(value) },
    );
    const [x, target] = operands;
    const partly = inputs[1] != null && this.sizes.has(inputs[1]);
    if (node.domain === '' && node.opType === 'Reshape' && partly && target?.sizes !== undefined) {
      const known = intAttribute(node, 'allowzero', 0) === 1 ? null : reshapeTarget(x!.shape, target.sizes);
      if (known !== null) {
        return this.append(node, [inputs[0], this.g.ints(known)], (shape) =>
          shape.map((d, i) => (typeof target.sizes![i] === 'string' ? (target.sizes![i] as string) : d)),
        );
      }
    }
    const whole = (sizes: Sizes | undefined) => sizes?.every((d): d is Dim => d !== null) === true;
    if (node.domain === '' && node.opType === 'Expand' && whole(target?.sizes)) {
      return this.append(node, inputs, () =>
        broadcast(x!.shape, target!.sizes as Shape, describeNode(node), () => this.unknown()),
      );
    }
    if (node.domain === '' && node.opType === 'ConstantOfShape' && whole(x?.sizes)) {
      return this.append(node, inputs, () => x!.sizes as Shape);
    }
    const sizes = sizesOf(node, operands);
    if (sizes === undefined) return this.append(node, inputs);
    const { dtype, shape } = this.infer(node, inputs)[0];
    if ((dtype !== 'int64' && dtype !== 'bool') || shape.length > 1) return this.append(node, inputs);
    if (sizes.every((d) => typeof d === 'number')) {
      const dims = shape.length === 0 ? [] : [sizes.length];
      const value =
        dtype === 'bool'
          ? tensor('bool', dims, Uint8Array.from(sizes))
          : tensor('int64', dims, BigInt64Array.from(sizes, BigInt));
      this.initializer(node.outputs[0], value, false);
      return null;
    }
    const made = this.append(node, inputs);
    this.sizes.set(made[0], sizes);
    return made;
  }

  /** What is known of the elements of a small vector of integers. */
  private sizesIn(value: Value): Sizes | undefined {
    const sizes = this.sizes.get(value);
    if (sizes !== undefined) return sizes;
    const known = this.knownOf(value)?.tensor;
    if (known === undefined || known.dims.length > 1 || known.data.length > 64) return undefined;
    if (known.dtype !== 'int64' && known.dtype !== 'bool') return undefined;
    const numbers = Array.from(known.data as ArrayLike<number | bigint>, Number);
    // Beyond that a number is no longer exact; it is an end of a slice, not a size.
    return numbers.every(Number.isSafeInteger) ? numbers : undefined;
  }

  /** A name for a size that is known only at run time. */
  private unknown(): string {
    return `open_${this.unknowns++}`;
  }

  private infer(node: Node, inputs: readonly (Value | null)[]): readonly TensorType[] {
    const types = inferTypes({
      node,
      opset: importedOpset,
      inputs: inputs.map((v) => v ?? undefined),
      constant: (i) => this.knownOf(inputs[i])?.tensor,
      unknown: () => this.unknown(),
    });
    for (const { shape } of types.slice(0, node.outputs.length)) {
      if (!isPossible(shape))
        throw new ShapeError(
          `${describeNode(node)} would give a tensor of the impossible shape ${formatShape(shape)}.`,
        );
    }
    return types;
  }

  /** @param shape what more than the shape rule is known of the first result's shape */
  private append(
    node: Node,
    inputs: readonly (Value | null)[],
    shape: (inferred: Shape) => Shape = (inferred) => inferred,
  ): readonly Value[] {
    let types: readonly TensorType[];
    try {
      const known = inputs.every((value) => value === null || isStatic(value.shape));
      types = this.infer(node, inputs).map((type, i) =>
        this.refined(i === 0 ? { ...type, shape: shape(type.shape) } : type, node.outputs[i], known),
      );
    } catch (error) {
      if (!(error instanceof UnsupportedOpError || error instanceof UnknownRankError)) throw error;
      types = this.declaredTypes(node, error);
    }
    const distinct = node.outputs.some((name) => this.distinct.has(name));
    const outputs = node.outputs.map((name) => (name === '' ? '' : this.free(name)));
    return this.g.addNode({ ...node, outputs }, inputs, { types, distinct });
  }

  /** The types that the file itself gives for results of which no rule can say them. */
  private declaredTypes(node: Node, error: EarshotError): TensorType[] {
    return node.outputs.map((name) => {
      const { dtype, shape } = this.declared.get(name) ??
        this.promised.get(name) ?? { dtype: null, shape: null };
      if (dtype === null || shape === null) throw error;
      return { dtype, shape: this.bound(shape) };
    });
  }

  /**
   * A type whose open sizes the file itself states. What it says of inner values is believed only where the operands'
   * sizes are `known`: files whose inputs were opened afterwards keep the old numbers inside.
   */
  private refined(type: TensorType, name: string | undefined, known: boolean): TensorType {
    if (name === undefined || isStatic(type.shape)) return type;
    const stated = this.promised.get(name)?.shape ?? (known ? this.declared.get(name)?.shape : null);
    if (stated?.length !== type.shape.length) return type;
    const bound = this.bound(stated);
    return {
      ...type,
      shape: type.shape.map((d, axis) =>
        typeof d === 'string' && typeof bound[axis] === 'number' ? bound[axis] : d,
      ),
    };
  }

  /** Marks the model's outputs. @throws {GraphError} where the file gives one a type that it does not have */
  outputs(outputs: readonly OutputInfo[]): void {
    for (const { name, dtype } of outputs) {
      const value = this.scope.get(name);
      if (value === undefined)
        throw new GraphError(`The model's output '${name}' is a result that its node does not have here.`);
      if (dtype !== null && value.dtype !== dtype)
        throw new GraphError(
          `The model says that its output '${name}' is ${dtype}, but it is ${value.dtype}.`,
        );
      this.g.output(value, name);
    }
  }

  /** Replaces an If by the branch that its condition chooses. */
  private branch(node: Node): void {
    const condition = this.knownOf(this.scope.get(node.inputs[0] ?? ''))?.tensor;
    if (condition === undefined) {
      throw new UnsupportedOpError(
        `${describeNode(node)} chooses its branch while running, which is not handled.`,
        {
          hint: 'Bind the named dimensions and the integer inputs; a condition on them is then known.',
        },
      );
    }
    const attribute = node.attributes[Number(condition.data[0]) === 0 ? 'else_branch' : 'then_branch'];
    const [graph] = attribute === undefined ? [] : subgraphsOf(attribute);
    if (graph === undefined) throw new GraphError(`${describeNode(node)} lacks a branch.`);
    const around = this.scope;
    const order = sortedNodes(graph, (name) => around.has(name));
    this.scope = new Map(around);
    this.initializers(graph);
    this.nodes(order);
    const results = graph.outputs.map((output) => this.scope.get(output.name)!);
    this.scope = around;
    node.outputs.forEach((name, i) => {
      if (results[i] === undefined)
        throw new GraphError(`${describeNode(node)}: its branch gives too few results.`);
      this.same(name, results[i]);
    });
  }
}

/** The value of an integer input that the caller knows. @throws {ParameterError} where the input cannot hold it */
function boundInteger(name: string, dtype: DType, shape: Shape, value: number): Tensor {
  if (!isStatic(shape) || sizeOf(shape) !== 1)
    throw new ParameterError(
      `The input '${name}' holds ${formatShape(shape)} numbers; only a single integer can be bound.`,
    );
  const data = allocate(dtype, 1);
  const big = dtype === 'int64' || dtype === 'uint64';
  data[0] = big ? BigInt(value) : value;
  if (Number(data[0]) !== value || (dtype === 'bool' && value > 1))
    throw new ParameterError(`The input '${name}' is ${dtype}, which cannot be ${value}.`);
  return { dtype, dims: [...shape], data };
}

/** Whether a tensor of that shape can exist: sizes are whole, so is their product, and they are not too many. */
function isPossible(shape: Shape): boolean {
  if (shape.length > 64) return false;
  let count = 1;
  for (const d of shape) {
    if (typeof d === 'string') continue;
    if (!Number.isSafeInteger(d) || d < 0) return false;
    count *= Math.max(d, 1);
  }
  return Number.isSafeInteger(count);
}

/** The error, with the node named in its sentence. */
function naming(error: EarshotError, node: Node): EarshotError {
  const { message, hint } = error;
  if ([node.name, ...node.outputs].some((name) => name !== '' && message.includes(`'${name}`))) return error;
  const said = `${describeNode(node)}: ${message}`;
  const options = { hint, cause: error };
  if (error instanceof ShapeError) return new ShapeError(said, options);
  if (error instanceof UnsupportedOpError) return new UnsupportedOpError(said, options);
  return new GraphError(said, options);
}

/**
 * @file Builds a graph node by node, knowing every type as it goes. Used for networks and front ends, and by the
 * gradient pass, which appends to the same builder. Equal calls are made once (common subexpressions are shared).
 */
import { GraphError, ShapeError } from '../core/errors.ts';
import { type DType, tensor as makeTensor, type Tensor } from '../core/tensor.ts';
import type { Attribute, Graph, Model, Node, OutputInfo, Shape, ValueInfo } from './model.ts';
import { inferTypes } from './operators/index.ts';
import { describeNode, type TensorType } from './operators/schema.ts';
import { isImpure } from './randomness.ts';
import { formatShape } from './shape.ts';

/** A typed edge: an input, a constant or an operator's result. Belongs to the builder that made it. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Attribute values as a caller writes them; integers and floats are told apart by the attribute's name. */
export type AttributeInput = number | string | boolean | readonly number[] | readonly string[] | Tensor;

export interface OpOptions {
  /** Operator domain; default the standard one. */
  readonly domain?: string;
  /** Name of the first result; default made from the operator. */
  readonly name?: string;
  /** Number of results; default 1. */
  readonly outputs?: number;
}

const floatAttributes = new Set([
  ...[
    'alpha',
    'beta',
    'gamma',
    'epsilon',
    'momentum',
    'ratio',
    'bias',
    'lambd',
    'low',
    'high',
    'mean',
    'scale',
  ],
  ...['cubic_coeff_a', 'extrapolation_value', 'value_float', 'value_floats'],
  ...['clip', 'activation_alpha', 'activation_beta', 'activation_gamma', 'activation_params'],
]);

/**
 * Shown each node as it is made; what it returns stands in place of the node's results. It may append nodes, which
 * it is not shown.
 */
export type NodeRewriter = (
  node: Node,
  inputs: readonly (Value | null)[],
  results: readonly Value[],
) => readonly Value[];

export class GraphBuilder {
  readonly opset: number;
  readonly graph: Graph = {
    name: 'earshot',
    inputs: [],
    outputs: [],
    initializers: new Map(),
    nodes: [],
    valueInfo: new Map(),
  };
  private readonly values = new Map<string, Value>();
  private readonly calls = new Map<string, readonly Value[]>();
  private readonly smallConstants = new Map<string, Value>();
  /** Domains beside the standard one that nodes are of, and the versions that callers stated. */
  private readonly domains = new Set<string>();
  private readonly domainVersions = new Map<string, number>();
  private readonly counters = new Map<string, number>();
  private unknowns = 0;
  private rewriter: NodeRewriter | null = null;

  private readonly reserved: ReadonlySet<string>;

  /** @param options.reserved names that only a caller who asks for them by name gets */
  constructor(options: { opset?: number; name?: string; reserved?: Iterable<string> } = {}) {
    this.opset = options.opset ?? 20;
    this.reserved = new Set(options.reserved);
    if (options.name !== undefined) this.graph.name = options.name;
  }

  /** A name not yet taken that starts with `stem`. */
  uniqueName(stem: string): string {
    const taken = (name: string) => this.values.has(name) || this.reserved.has(name);
    if (!taken(stem)) return stem;
    let n = this.counters.get(stem) ?? 1;
    while (taken(`${stem}_${n}`)) n++;
    this.counters.set(stem, n + 1);
    return `${stem}_${n}`;
  }

  private define(name: string, dtype: DType, shape: Shape): Value {
    if (name === '') throw new GraphError('A value needs a name.');
    if (this.values.has(name)) throw new GraphError(`The graph already has a value named '${name}'.`);
    const value: Value = { name, dtype, shape };
    this.values.set(name, value);
    return value;
  }

  /** The value of that name, if there is one. */
  find(name: string): Value | undefined {
    return this.values.get(name);
  }

  /** A graph input. */
  input(name: string, dtype: DType, shape: Shape): Value {
    const value = this.define(name, dtype, shape);
    this.graph.inputs.push({ name, dtype, shape });
    return value;
  }

  /** A named constant, such as a weight. */
  initializer(name: string, tensor: Tensor): Value {
    const value = this.define(name, tensor.dtype, tensor.dims);
    this.graph.initializers.set(name, tensor);
    return value;
  }

  /** An unnamed constant; equal small ones are made once. */
  constant(tensor: Tensor, stem = 'const'): Value {
    const small = tensor.data.length <= 32;
    const key = small
      ? `${tensor.dtype}[${tensor.dims}]${Array.from(tensor.data as ArrayLike<number>, exactText)}`
      : '';
    const known = small ? this.smallConstants.get(key) : undefined;
    if (known !== undefined) return known;
    const value = this.initializer(this.uniqueName(stem), tensor);
    if (small) this.smallConstants.set(key, value);
    return value;
  }

  /** A float scalar constant (shape []) of the given float dtype. */
  scalar(x: number, dtype: 'float32' | 'float64' = 'float32'): Value {
    return this.constant(
      dtype === 'float32'
        ? makeTensor(dtype, [], Float32Array.of(x))
        : makeTensor(dtype, [], Float64Array.of(x)),
      'scalar',
    );
  }

  /** A vector of int64 constants, as shape-like inputs take. */
  ints(values: readonly number[]): Value {
    return this.constant(
      makeTensor('int64', [values.length], BigInt64Array.from(values.map(BigInt))),
      'ints',
    );
  }

  /** The constant behind a value, if it is one. */
  constantOf(value: Value): Tensor | undefined {
    return this.graph.initializers.get(value.name);
  }

  /** Appends one operator call with a single result. See {@link GraphBuilder.ops}. */
  op(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, AttributeInput>> = {},
    options: OpOptions = {},
  ): Value {
    return this.ops(opType, inputs, attributes, options)[0];
  }

  /**
   * Appends one operator call and returns its results, types inferred. `null` marks an absent optional input.
   * @throws {ShapeError} when the operands do not fit
   * @throws {UnsupportedOpError} when the operator has no shape rule
   */
  ops(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, AttributeInput>> = {},
    options: OpOptions = {},
  ): readonly Value[] {
    const held: Record<string, Attribute> = {};
    for (const [name, value] of Object.entries(attributes)) held[name] = toAttribute(name, value);
    return this.append(opType, options.domain ?? '', inputs, held, options.outputs ?? 1, options.name);
  }

  private append(
    opType: string,
    domain: string,
    inputs: readonly (Value | null)[],
    attributes: Record<string, Attribute>,
    outputCount: number,
    name: string | undefined,
  ): readonly Value[] {
    const shareable = name === undefined && !isImpure({ opType, domain, attributes });
    const key = shareable ? callKey(opType, domain, inputs, attributes, outputCount) : '';
    const known = shareable ? this.calls.get(key) : undefined;
    if (known !== undefined) return known;

    for (const input of inputs) {
      if (input !== null && this.values.get(input.name) !== input) {
        throw new GraphError(`${opType} was given '${input.name}', which belongs to another graph.`);
      }
    }
    const stem = name ?? opType;
    const names = Array.from({ length: outputCount }, (_, i) =>
      i === 0 && name !== undefined && !this.values.has(name)
        ? name
        : this.uniqueName(i === 0 ? stem : `${stem}_out${i}`),
    );
    const node: Node = {
      opType,
      domain,
      name: `${names[0]}/node`,
      inputs: inputs.map((v) => v?.name ?? ''),
      outputs: names,
      attributes,
    };
    const types = this.infer(node, inputs);
    if (types.length < outputCount)
      throw new ShapeError(`${describeNode(node)} has no ${outputCount} outputs.`);
    const made = names.map((n, i) => this.define(n, types[i].dtype, types[i].shape));
    this.graph.nodes.push(node);
    if (domain !== '') this.domains.add(domain);
    const results = this.rewritten(node, inputs, made);
    if (shareable) this.calls.set(key, results);
    return results;
  }

  /**
   * Appends a node as a file holds it: attributes untouched, outputs under their own names. A call equal to an earlier
   * one is not made again, its names become aliases; an absent output (empty name) gets a name.
   * @param options.types the outputs' types, where the caller knows them or the operator has no shape rule
   * @param options.distinct make the call even if there is an equal one, and share it with none
   * @throws {GraphError} when an output's name is taken
   */
  addNode(
    node: Node,
    inputs: readonly (Value | null)[],
    options: { types?: readonly TensorType[]; distinct?: boolean } = {},
  ): readonly Value[] {
    const { opType, domain, attributes } = node;
    const shareable = options.distinct !== true && !isImpure(node);
    const key = shareable ? callKey(opType, domain, inputs, attributes, node.outputs.length) : '';
    const known = shareable ? this.calls.get(key) : undefined;
    if (known !== undefined) {
      node.outputs.forEach((name, i) => {
        if (name !== '') this.alias(name, known[i]);
      });
      return known;
    }
    const outputs = node.outputs.map((name, i) =>
      name === '' ? this.uniqueName(`${node.outputs.find((n) => n !== '')}_out${i}`) : name,
    );
    const added: Node = { ...node, inputs: inputs.map((v) => v?.name ?? ''), outputs };
    const types = options.types ?? this.infer(added, inputs);
    if (types.length < outputs.length)
      throw new ShapeError(
        `${describeNode(node)} has ${outputs.length} outputs, at most ${types.length} fit.`,
      );
    const made = outputs.map((name, i) => this.define(name, types[i].dtype, types[i].shape));
    this.graph.nodes.push(added);
    if (domain !== '') this.domains.add(domain);
    const results = this.rewritten(added, inputs, made);
    if (shareable) this.calls.set(key, results);
    return results;
  }

  /**
   * Says in which version of operator domains nodes are written; 1 where nobody says.
   * @throws {GraphError} where that contradicts what was said before
   */
  declareDomains(versions: Iterable<readonly [string, number]>): void {
    for (const [domain, version] of versions) {
      if (domain === '') continue;
      const before = this.domainVersions.get(domain) ?? version;
      if (before !== version)
        throw new GraphError(
          `The graph cannot hold operators of the domain '${domain}' in version ${before} and in version ${version}.`,
        );
      this.domainVersions.set(domain, version);
    }
  }

  /** The versions of the domains, as {@link GraphBuilder.declareDomains} takes them. */
  declaredDomains(): Iterable<readonly [string, number]> {
    return this.domainVersions;
  }

  /** Runs `build`, showing every node it makes to `rewriter`: adapters join a network's layers in this way. */
  rewriting<T>(rewriter: NodeRewriter, build: () => T): T {
    const before = this.rewriter;
    this.rewriter = rewriter;
    try {
      return build();
    } finally {
      this.rewriter = before;
    }
  }

  private rewritten(
    node: Node,
    inputs: readonly (Value | null)[],
    results: readonly Value[],
  ): readonly Value[] {
    const { rewriter } = this;
    if (rewriter === null) return results;
    this.rewriter = null;
    try {
      return rewriter(node, inputs, results);
    } finally {
      this.rewriter = rewriter;
    }
  }

  /** A second name under which {@link GraphBuilder.find} gives `value`. @throws {GraphError} when it is taken */
  alias(name: string, value: Value): void {
    if (this.values.has(name)) throw new GraphError(`The graph already has a value named '${name}'.`);
    this.values.set(name, value);
  }

  private infer(node: Node, inputs: readonly (Value | null)[]): readonly TensorType[] {
    return inferTypes({
      node,
      opset: this.opset,
      inputs: inputs.map((v) => v ?? undefined),
      constant: (i) => {
        const value = inputs[i];
        return value ? this.constantOf(value) : undefined;
      },
      unknown: () => `unknown_${this.unknowns++}`,
    });
  }

  /** Marks a value as a graph output; with `name`, under that name (an Identity is added where it differs). */
  output(value: Value, name: string = value.name): Value {
    // An alias becomes a value of its own.
    if (name !== value.name && this.values.get(name) === value) this.values.delete(name);
    const named = name === value.name ? value : this.op('Identity', [value], {}, { name });
    if (named.name !== name) throw new GraphError(`The graph already has a value named '${name}'.`);
    this.graph.outputs.push({ name, dtype: value.dtype, shape: value.shape });
    return named;
  }

  /** The model so far, without nodes and constants that no output needs. */
  model(metadata: Readonly<Record<string, string>> = {}): Model {
    const graph = prune(this.graph);
    const valueInfo = new Map<string, ValueInfo>();
    return {
      irVersion: 9,
      producerName: 'earshot',
      producerVersion: '',
      opsets: new Map([
        ['', this.opset],
        ...[...this.domains].map((d): [string, number] => [d, this.domainVersions.get(d) ?? 1]),
      ]),
      graph: { ...graph, valueInfo },
      metadata: new Map(Object.entries(metadata)),
    };
  }
}

/** A copy of `graph` that keeps only what its outputs depend on. Inputs stay, used or not. */
export function prune(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map((o) => o.name));
  const nodes: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) if (name !== '') needed.add(name);
  }
  nodes.reverse();
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  return { ...graph, nodes, initializers };
}

/** Equal keys, equal results. Names are quoted, since files may have commas in theirs. */
function callKey(
  opType: string,
  domain: string,
  inputs: readonly (Value | null)[],
  attributes: Readonly<Record<string, Attribute>>,
  outputs: number,
): string {
  const names = Object.keys(attributes).sort();
  return JSON.stringify(
    [domain, opType, inputs.map((v) => v?.name ?? ''), names.map((n) => [n, attributes[n]]), outputs],
    replaceData,
  );
}

function toAttribute(name: string, value: AttributeInput): Attribute {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'boolean') return { kind: 'int', value: value ? 1 : 0 };
  if (typeof value === 'number') {
    return floatAttributes.has(name)
      ? { kind: 'float', value }
      : { kind: 'int', value: wholeNumber(name, value) };
  }
  if ('dtype' in value) return { kind: 'tensor', value };
  if (value.length > 0 && typeof value[0] === 'string')
    return { kind: 'strings', value: value as readonly string[] };
  const numbers = value as readonly number[];
  if (floatAttributes.has(name)) return { kind: 'floats', value: numbers };
  return { kind: 'ints', value: numbers.map((v) => wholeNumber(name, v)) };
}

function wholeNumber(name: string, value: number): number {
  if (!Number.isInteger(value)) throw new ShapeError(`Attribute '${name}' takes integers, got ${value}.`);
  return value;
}

/** Numbers as text that tells −0 from 0 and keeps NaN. */
function exactText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function replaceData(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0) ? value : exactText(value);
  return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>, String) : value;
}

/** A graph as readable text: one line per input, node and output, with types. */
export function printGraph(graph: Graph): string {
  const line = (v: OutputInfo) => `${v.name}: ${v.dtype ?? '?'}${formatShape(v.shape)}`;
  const nodes = graph.nodes.map((n) => {
    const attributes = Object.entries(n.attributes).map(
      ([k, a]) =>
        `${k}=${a.kind === 'opaque' ? '…' : a.kind === 'tensor' ? formatShape(a.value.dims) : JSON.stringify(a.value)}`,
    );
    const domain = n.domain === '' ? '' : `${n.domain}.`;
    return `  ${n.outputs.join(', ')} = ${domain}${n.opType}(${n.inputs.join(', ')})${attributes.length ? ` {${attributes.join(', ')}}` : ''}`;
  });
  return [
    `graph ${graph.name} (${graph.inputs.map(line).join(', ')})`,
    ...nodes,
    `return ${graph.outputs.map(line).join(', ')}`,
  ].join('\n');
}

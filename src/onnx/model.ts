/** @file An ONNX model as plain data: what the codec reads and writes and the builder makes. */
import { GraphError } from '../core/errors.ts';
import type { DType, Tensor } from '../core/tensor.ts';

/** A known size, or a name for one that is known only when the model runs (such as `N`). */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** A typed edge of the graph. `shape` is null where not even the rank is known. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape | null;
}

/** An output of a graph. Its type is null where the file gives none, as PyTorch does in the branches of nested Ifs. */
export interface OutputInfo extends Omit<ValueInfo, 'dtype'> {
  readonly dtype: DType | null;
}

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  /** Subgraphs, sparse tensors and the like: kept byte for byte, so that a file survives a round trip. */
  | { readonly kind: 'opaque'; readonly type: number; readonly bytes: Uint8Array };

/** One operator call. An empty input or output name means "absent". */
export interface Node {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Graph {
  name: string;
  inputs: ValueInfo[];
  outputs: OutputInfo[];
  initializers: Map<string, Tensor>;
  nodes: Node[];
  /** Known types of inner edges, by name. */
  valueInfo: Map<string, ValueInfo>;
}

export interface Model {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  /** Operator set versions by domain; `''` is the standard one. */
  opsets: Map<string, number>;
  graph: Graph;
  metadata: Map<string, string>;
}

function attributeOf<K extends Attribute['kind']>(
  node: Node,
  name: string,
  kind: K,
): Extract<Attribute, { kind: K }> | undefined {
  const attribute = node.attributes[name];
  if (attribute === undefined) return undefined;
  if (attribute.kind !== kind) {
    throw new GraphError(
      `Attribute '${name}' of node '${node.name}' (${node.opType}) should be of kind ${kind}, got ${attribute.kind}.`,
    );
  }
  return attribute as Extract<Attribute, { kind: K }>;
}

export function intAttribute(node: Node, name: string, fallback: number): number {
  return attributeOf(node, name, 'int')?.value ?? fallback;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  return attributeOf(node, name, 'float')?.value ?? fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  return attributeOf(node, name, 'string')?.value ?? fallback;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  return attributeOf(node, name, 'ints')?.value;
}

export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  return attributeOf(node, name, 'tensor')?.value;
}

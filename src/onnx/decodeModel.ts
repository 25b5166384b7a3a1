/** @file Reads an ONNX file's bytes into a {@link Model}. Field numbers are those of onnx.proto (IR version 10). */
import { GraphError } from '../core/errors.ts';
import { fileKind } from '../core/fileKind.ts';
import {
  bytesPerElement,
  type DType,
  sizeOf,
  type Tensor,
  type TensorData,
  viewBytes,
} from '../core/tensor.ts';
import { dtypeFromNumber, ElementTypeError } from './dataTypes.ts';
import { decodeEntry, type ExternalDataReader, readExternal, withoutExternalData } from './externalData.ts';
import type { Attribute, Dim, Graph, Model, Node, OutputInfo, ValueInfo } from './model.ts';
import { IntegerList, ProtobufReader, textOf } from './protobuf.ts';

export interface DecodeModelOptions {
  /** Without it, a model that keeps weights in another file is refused. */
  readonly externalData?: ExternalDataReader;
}

/** No network comes near these; a hostile file must not make objects by the million from a few bytes each. */
const limits = { nodes: 2 ** 18, rank: 64 } as const;

/**
 * Decodes an ONNX model. Tensor data are views of `bytes` where alignment allows.
 * @throws {GraphError} when the bytes are no ONNX model, or are truncated or damaged.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeModelOptions = {}): Model {
  try {
    return decodeFields(bytes, options);
  } catch (error) {
    // Another kind of file looks like a damaged model.
    const kind = error instanceof GraphError ? fileKind(bytes) : null;
    if (kind === null) throw error;
    throw new GraphError(`It is ${kind.what}, not an ONNX model.`, {
      ...(kind.hint === undefined ? {} : { hint: kind.hint }),
      cause: error,
    });
  }
}

function decodeFields(bytes: Uint8Array, options: DecodeModelOptions): Model {
  const model: Model = {
    irVersion: 0,
    producerName: '',
    producerVersion: '',
    opsets: new Map(),
    graph: { name: '', inputs: [], outputs: [], initializers: new Map(), nodes: [], valueInfo: new Map() },
    metadata: new Map(),
  };
  let sawGraph = false;
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) model.irVersion = r.int();
    else if (r.field === 2) model.producerName = r.string();
    else if (r.field === 3) model.producerVersion = r.string();
    else if (r.field === 7) {
      model.graph = decodeGraph(r.message(), options);
      sawGraph = true;
    } else if (r.field === 8) {
      const { domain, version } = decodeOpset(r.message());
      model.opsets.set(domain, version);
    } else if (r.field === 14) {
      const [key, value] = decodeEntry(r.message());
      model.metadata.set(key, value);
    } else if (r.field === 25) {
      throw new GraphError('The model defines functions of its own, which Earshot does not read.', {
        hint: 'Inline them with onnx.inliner.inline_local_functions before importing.',
      });
    } else r.skip();
  }
  if (!sawGraph) throw new GraphError('The file holds no ONNX graph.', { hint: 'Is it an .onnx file?' });
  return model;
}

function decodeOpset(bytes: Uint8Array): { domain: string; version: number } {
  let domain = '';
  let version = 1;
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) domain = r.string();
    else if (r.field === 2) version = r.int();
    else r.skip();
  }
  return { domain: domain === 'ai.onnx' ? '' : domain, version };
}

function decodeGraph(bytes: Uint8Array, options: DecodeModelOptions): Graph {
  const graph: Graph = {
    name: '',
    inputs: [],
    outputs: [],
    initializers: new Map(),
    nodes: [],
    valueInfo: new Map(),
  };
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) {
      if (graph.nodes.length === limits.nodes)
        throw new GraphError(`The graph has more than ${limits.nodes} nodes; that is no network.`);
      graph.nodes.push(decodeNode(r.message(), options));
    } else if (r.field === 2) graph.name = r.string();
    else if (r.field === 5) {
      const [name, tensor] = decodeNamedTensor(r.message(), options);
      if (name === '') throw new GraphError('An initializer has no name.');
      if (graph.initializers.has(name)) throw new GraphError(`Two initializers are named '${name}'.`);
      graph.initializers.set(name, tensor);
    } else if (r.field === 11) graph.inputs.push(inputInfo(r.message()));
    else if (r.field === 12) graph.outputs.push(outputInfo(r.message()));
    else if (r.field === 13) {
      const info = innerValueInfo(r.message());
      if (info !== null) graph.valueInfo.set(info.name, info);
    } else if (r.field === 15) {
      throw new GraphError('The graph has sparse initializers, which Earshot does not read.');
    } else r.skip();
  }
  // Before IR version 4 every initializer was listed as an input too; it is a constant all the same.
  graph.inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  return graph;
}

function decodeNode(bytes: Uint8Array, options: DecodeModelOptions): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Record<string, Attribute> = {};
  let name = '';
  let opType = '';
  let domain = '';
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) inputs.push(r.string());
    else if (r.field === 2) outputs.push(r.string());
    else if (r.field === 3) name = r.string();
    else if (r.field === 4) opType = r.string();
    else if (r.field === 5) {
      const [key, attribute] = decodeAttribute(r.message(), options);
      attributes[key] = attribute;
    } else if (r.field === 7) domain = r.string();
    else r.skip();
  }
  if (domain === 'ai.onnx') domain = '';
  if (opType === '') throw new GraphError(`Node '${name}' does not say which operator it is.`);
  return { opType, domain, name, inputs, outputs, attributes };
}

const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

function decodeAttribute(bytes: Uint8Array, options: DecodeModelOptions): [string, Attribute] {
  let name = '';
  let type = 0;
  let f = 0;
  let i = 0n;
  let s: string | null = '';
  let t: Tensor | undefined;
  const floats: number[] = [];
  const ints = new IntegerList();
  const strings: string[] = [];
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) name = r.string();
    else if (r.field === 20) type = r.int();
    else if (r.field === 2) f = r.float();
    else if (r.field === 3) i = r.bigint();
    else if (r.field === 4) s = textOf(r.message());
    else if (r.field === 5) t = decodeNamedTensor(r.message(), options)[1];
    else if (r.field === 7) r.floats(floats);
    else if (r.field === 8) r.bigints(ints);
    else if (r.field === 9) strings.push(r.string());
    else r.skip();
  }
  if (name === '') throw new GraphError('An attribute has no name.');
  // Carried along as it is, but for data in other files: what runs the graph must not look for them.
  const opaque = (): Attribute => ({
    kind: 'opaque',
    type,
    bytes: withoutExternalData('attribute', bytes, options.externalData),
  });
  switch (type) {
    case attributeTypes.float:
      return [name, { kind: 'float', value: f }];
    case attributeTypes.int:
      return [name, { kind: 'int', value: Number(i) }];
    case attributeTypes.string:
      // Some runtimes keep binary data in a string; it is carried along as it is.
      return [name, s === null ? opaque() : { kind: 'string', value: s }];
    case attributeTypes.tensor:
      if (t === undefined) throw new GraphError(`Attribute '${name}' says it is a tensor but holds none.`);
      return [name, { kind: 'tensor', value: t }];
    case attributeTypes.floats:
      return [name, { kind: 'floats', value: floats }];
    case attributeTypes.ints:
      return [name, { kind: 'ints', value: Array.from(ints.values(), Number) }];
    case attributeTypes.strings:
      return [name, { kind: 'strings', value: strings }];
    default:
      return [name, opaque()];
  }
}

function inputInfo(bytes: Uint8Array): ValueInfo {
  const { name, dtype, shape } = decodeValueInfo(bytes, 'input');
  if (dtype === null) throw new GraphError(`The model does not say which type its input '${name}' has.`);
  return { name, dtype, shape };
}

function outputInfo(bytes: Uint8Array): OutputInfo {
  return decodeValueInfo(bytes, 'output');
}

/** What a file says of an inner edge helps but binds nobody: a type that is not handled is left out. */
function innerValueInfo(bytes: Uint8Array): ValueInfo | null {
  try {
    const { name, dtype, shape } = decodeValueInfo(bytes, 'value');
    return dtype === null ? null : { name, dtype, shape };
  } catch (error) {
    if (error instanceof ElementTypeError) return null;
    throw error;
  }
}

/** A type that is not there is null. @throws {ElementTypeError} for what is no tensor, or one of a type not handled */
function decodeValueInfo(bytes: Uint8Array, role: 'input' | 'output' | 'value'): OutputInfo {
  let name = '';
  let type: Uint8Array | null = null;
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) name = r.string();
    else if (r.field === 2) type = r.message();
    else r.skip();
  }
  let other = false;
  const t = new ProtobufReader(type ?? new Uint8Array());
  while (t.next()) {
    if (t.field === 1) return { name, ...decodeTensorType(t.message(), name) };
    // Field 6 is a denotation; the others are sequences, maps, optionals and sparse tensors.
    other ||= t.field !== 6;
    t.skip();
  }
  if (other)
    throw new ElementTypeError(`The graph's ${role} '${name}' is not a tensor; only tensors are handled.`);
  return { name, dtype: null, shape: null };
}

function decodeTensorType(bytes: Uint8Array, name: string): { dtype: DType | null; shape: Dim[] | null } {
  let type = 0;
  let shape: Dim[] | null = null;
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) type = r.int();
    else if (r.field === 2) {
      shape = [];
      const dims = new ProtobufReader(r.message());
      while (dims.next()) {
        if (dims.field === 1) shape.push(decodeDim(dims.message(), `${name}_${shape.length}`));
        else dims.skip();
        if (shape.length > limits.rank)
          throw new GraphError(`Value '${name}' has more than ${limits.rank} dimensions.`);
      }
    } else r.skip();
  }
  // 0 is "undefined".
  return { dtype: type === 0 ? null : dtypeFromNumber(type, `Value '${name}'`), shape };
}

function decodeDim(bytes: Uint8Array, unnamed: string): Dim {
  const r = new ProtobufReader(bytes);
  let dim: Dim = unnamed;
  while (r.next()) {
    if (r.field === 1) dim = r.int();
    else if (r.field === 2) dim = r.string() || unnamed;
    else r.skip();
  }
  // Some exporters write −1 for a size known only at run time.
  return typeof dim === 'number' && dim < 0 ? unnamed : dim;
}

/**
 * Decodes a tensor in a file of its own (a serialised TensorProto, as ONNX's operator tests have them).
 * @throws {GraphError} when the bytes are none, or damaged
 */
export function decodeTensor(bytes: Uint8Array): { readonly name: string; readonly tensor: Tensor } {
  const [name, tensor] = decodeNamedTensor(bytes, {});
  return { name, tensor };
}

/** Decodes a TensorProto into its name and value. */
function decodeNamedTensor(bytes: Uint8Array, options: DecodeModelOptions): [string, Tensor] {
  const dims = new IntegerList();
  let name = '';
  let type = 0;
  let raw: Uint8Array | null = null;
  const numbers: number[] = [];
  const integers = new IntegerList();
  const external = new Map<string, string>();
  let location = 0;
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) r.bigints(dims);
    else if (r.field === 2) type = r.int();
    else if (r.field === 4) r.floats(numbers);
    else if (r.field === 5 || r.field === 7 || r.field === 11) r.bigints(integers);
    else if (r.field === 8) name = r.string();
    else if (r.field === 9) raw = r.message();
    else if (r.field === 10) r.doubles(numbers);
    else if (r.field === 13) {
      const [key, value] = decodeEntry(r.message());
      external.set(key, value);
    } else if (r.field === 14) location = r.int();
    else r.skip();
  }
  const where = `Tensor '${name}'`;
  const dtype = dtypeFromNumber(type, where);
  if (dims.length > limits.rank) throw new GraphError(`${where} has more than ${limits.rank} dimensions.`);
  const shape = Array.from(dims.values(), Number);
  if (shape.some((d) => d < 0 || !Number.isSafeInteger(d)) || !Number.isSafeInteger(sizeOf(shape))) {
    throw new GraphError(`${where} has an impossible shape [${shape.join(', ')}].`);
  }
  if (location === 1) raw = readExternal(where, external, options.externalData);
  const count = sizeOf(shape);
  const expected = count * bytesPerElement(dtype);
  if (raw !== null) {
    if (raw.byteLength !== expected) {
      throw new GraphError(
        `${where} of shape [${shape.join(', ')}] and type ${dtype} needs ${expected} bytes, the file has ${raw.byteLength}.`,
      );
    }
    return [name, { dtype, dims: shape, data: viewBytes(dtype, raw) }];
  }
  const stored = dtype === 'float32' || dtype === 'float64' ? numbers.length : integers.length;
  if (stored !== count) {
    throw new GraphError(
      `${where} of shape [${shape.join(', ')}] needs ${count} values, the file has ${stored}.`,
    );
  }
  return [name, { dtype, dims: shape, data: fromLists(dtype, numbers, integers.values()) }];
}

function fromLists(dtype: DType, numbers: readonly number[], integers: BigInt64Array): TensorData {
  if (dtype === 'int64') return integers;
  if (dtype === 'uint64') return new BigUint64Array(integers.slice().buffer);
  if (dtype === 'float64') return Float64Array.from(numbers);
  if (dtype === 'float32') return Float32Array.from(numbers);
  const small = Array.from(integers, Number);
  switch (dtype) {
    case 'int32':
      return Int32Array.from(small);
    case 'int16':
      return Int16Array.from(small);
    case 'int8':
      return Int8Array.from(small);
    case 'uint32':
      return Uint32Array.from(small);
    case 'uint16':
    case 'float16':
      return Uint16Array.from(small);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(small);
  }
}

/**
 * The graphs inside an attribute (the branches of an If, the body of a Loop), which {@link decodeModel} leaves as bytes.
 * @throws {GraphError} when they are damaged
 */
export function subgraphsOf(attribute: Attribute, options: DecodeModelOptions = {}): Graph[] {
  if (attribute.kind !== 'opaque') return [];
  const graphs: Graph[] = [];
  const r = new ProtobufReader(attribute.bytes);
  while (r.next()) {
    if (r.field === 6 || r.field === 11) graphs.push(decodeGraph(r.message(), options));
    else r.skip();
  }
  return graphs;
}

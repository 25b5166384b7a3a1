/**
 * @file Tensors that a model keeps in other files, wherever in the model they stand: in initializers, in attributes, in
 * the subgraphs of If, Loop and Scan, in sparse tensors and in functions. ONNX Runtime would look for them in the
 * process's working folder; so none of them ever reaches it.
 */
import { GraphError } from '../core/errors.ts';
import { ProtobufReader, ProtobufWriter, WireType } from './protobuf.ts';

/** Where the bytes of an external tensor come from: `location` is relative to the model's folder. */
export type ExternalDataReader = (location: string, offset: number, length: number | null) => Uint8Array;

type Message = 'model' | 'training' | 'function' | 'graph' | 'node' | 'attribute' | 'sparse' | 'tensor';

/** Fields of onnx.proto that lead to tensors, by message and field number. */
const inside: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
};

/** Of a tensor: the name, the data, and where they are if not here. */
const tensorField = { name: 8, raw: 9, external: 13, location: 14 } as const;

/** Branches within branches beyond this depth are no program anybody wrote. */
const deepest = 16;

/**
 * The message with the data of all its external tensors put into it; the same bytes where there are none.
 * @param read without it, external tensors are refused
 * @throws {GraphError} for one that cannot be read
 */
export function withoutExternalData(
  kind: 'model' | 'attribute',
  bytes: Uint8Array,
  read?: ExternalDataReader,
): Uint8Array {
  return inlined(kind, bytes, read, 0);
}

function inlined(
  kind: Message,
  bytes: Uint8Array,
  read: ExternalDataReader | undefined,
  depth: number,
): Uint8Array {
  // The graph of a model is no subgraph.
  if (depth > deepest + 1)
    throw new GraphError(`The model's subgraphs are nested more than ${deepest} deep.`);
  if (kind === 'tensor') return inlinedTensor(bytes, read);
  const children = inside[kind];
  let copied = 0;
  let writer: ProtobufWriter | null = null;
  const r = new ProtobufReader(bytes);
  for (let start = 0; r.next(); start = r.offset) {
    const child = r.wire === WireType.bytes ? children[r.field] : undefined;
    if (child === undefined) {
      r.skip();
      continue;
    }
    const before = r.message();
    const after = inlined(child, before, read, child === 'graph' ? depth + 1 : depth);
    if (after === before) continue;
    writer ??= new ProtobufWriter();
    writer.raw(bytes.subarray(copied, start));
    writer.bytes(r.field, after);
    copied = r.offset;
  }
  if (writer === null) return bytes;
  writer.raw(bytes.subarray(copied));
  return writer.finish();
}

function inlinedTensor(bytes: Uint8Array, read: ExternalDataReader | undefined): Uint8Array {
  let name = '';
  let external = false;
  const entries = new Map<string, string>();
  const kept: [start: number, end: number][] = [];
  const r = new ProtobufReader(bytes);
  for (let start = 0; r.next(); start = r.offset) {
    const { field, wire } = r;
    if (field === tensorField.location && wire === WireType.varint) external = r.int() === 1;
    else if (field === tensorField.external && wire === WireType.bytes)
      entries.set(...decodeEntry(r.message()));
    else if (field === tensorField.name && wire === WireType.bytes) name = r.string();
    else r.skip();
    if (field !== tensorField.location && field !== tensorField.external && field !== tensorField.raw)
      kept.push([start, r.offset]);
  }
  if (!external) return bytes;
  const data = readExternal(`Tensor '${name}'`, entries, read);
  const writer = new ProtobufWriter();
  for (const [start, end] of kept) writer.raw(bytes.subarray(start, end));
  writer.bytes(tensorField.raw, data);
  return writer.finish();
}

/** A key and its value. */
export function decodeEntry(bytes: Uint8Array): [string, string] {
  let key = '';
  let value = '';
  const r = new ProtobufReader(bytes);
  while (r.next()) {
    if (r.field === 1) key = r.string();
    else if (r.field === 2) value = r.string();
    else r.skip();
  }
  return [key, value];
}

/** The bytes that an external tensor's entries name. @throws {GraphError} where they name none, or may not be read */
export function readExternal(
  where: string,
  entries: ReadonlyMap<string, string>,
  read: ExternalDataReader | undefined,
): Uint8Array {
  const location = entries.get('location');
  if (location === undefined)
    throw new GraphError(`${where} is said to be in another file, which is not named.`);
  if (read === undefined) {
    throw new GraphError(`${where} keeps its data in '${location}', beside the model.`, {
      hint: 'Here a model must be one file: save it again with its data inside (onnx.save_model with save_as_external_data=False).',
    });
  }
  const offset = Number(entries.get('offset') ?? 0);
  const length = entries.has('length') ? Number(entries.get('length')) : null;
  if (
    !Number.isSafeInteger(offset) ||
    offset < 0 ||
    (length !== null && (!Number.isSafeInteger(length) || length < 0))
  ) {
    throw new GraphError(`${where} has an impossible external offset or length.`);
  }
  return read(location, offset, length);
}

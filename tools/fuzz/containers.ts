/** @file Changes to containers of numbers that keep lengths and checksums right: protobuf, safetensors, zip, HDF5, gzip. */
import { gzipSync } from 'node:zlib';
import { crc32, type Random } from '../../src/core/index.ts';
import { concat, edge, type Mutate, mutateBytes, mutateList } from './bytes.ts';
import { mutateJsonText } from './texts.ts';

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

interface Field {
  readonly tag: number;
  /** The value as it is coded; of a length-delimited field without its length. */
  readonly value: Uint8Array;
}

/** Fields of a message, or null where bytes are none. */
function fieldsOf(bytes: Uint8Array): Field[] | null {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number | null => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return null;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    return null;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === null || tag < 8 || tag > 4000) return null;
    const start = at;
    const wire = tag & 7;
    if (wire === 0) {
      while (at < bytes.length && bytes[at] >= 128) at++;
      at++;
      fields.push({ tag, value: bytes.subarray(start, at) });
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
      fields.push({ tag, value: bytes.subarray(start, at) });
    } else if (wire === 2) {
      const length = varint();
      if (length === null || at + length > bytes.length) return null;
      fields.push({ tag, value: bytes.subarray(at, at + length) });
      at += length;
    } else return null;
    if (at > bytes.length || fields.length > 2000) return null;
  }
  return fields;
}

function codeVarint(value: number | bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return Uint8Array.from(out);
}

function coded(fields: readonly Field[]): Uint8Array {
  return concat(
    fields.flatMap(({ tag, value }) =>
      (tag & 7) === 2 ? [codeVarint(tag), codeVarint(value.length), value] : [codeVarint(tag), value],
    ),
  );
}

/** Protobuf: at some depth a field is changed, left out, doubled, or taken from elsewhere; all lengths are right. */
export const mutateProtobuf: Mutate = (bytes, random, others) => inMessage(bytes, random, others, 0);

function inMessage(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
  depth: number,
): Uint8Array {
  const fields = fieldsOf(bytes);
  if (fields === null || fields.length === 0 || depth > 12) return mutateBytes(bytes, random, others);
  // Mostly further in, where the meaning is.
  const nested = fields.flatMap(({ tag, value }, i) => ((tag & 7) === 2 && value.length > 1 ? [i] : []));
  if (nested.length > 0 && random.integer(4) !== 0) {
    const at = random.pick(nested);
    const { tag, value } = fields[at];
    const result = [...fields];
    result[at] = { tag, value: inMessage(value, random, others, depth + 1) };
    return coded(result);
  }
  return coded(
    mutateList(fields, random, ({ tag, value }) => {
      const wire = tag & 7;
      if (random.integer(6) === 0)
        return { tag: 8 * (1 + random.integer(26)) + random.pick([wire, 0, 2]), value };
      if (wire === 0)
        return { tag, value: codeVarint(random.pick([edge(random), -1, -edge(random), 2n ** 63n - 1n])) };
      return { tag, value: mutateBytes(value, random, others) };
    }),
  );
}

/** Safetensors: the header's JSON is changed and its length set right, or the data. */
export const mutateSafetensors: Mutate = (bytes, random, others) => {
  if (bytes.length < 10 || random.integer(6) === 0) return mutateBytes(bytes, random, others);
  const length = Math.min(Number(view(bytes).getBigUint64(0, true)), bytes.length - 8);
  const json = mutateJsonText(
    bytes.subarray(8, 8 + length),
    random,
    others.map((other) => other.subarray(8, 8 + length)),
  );
  const head = new Uint8Array(8);
  view(head).setBigUint64(0, BigInt(json.length), true);
  return concat([head, json, bytes.subarray(8 + length)]);
};

/** Zip without compression, as `numpy.savez` writes it: an entry's content is changed, and its checksum set right. */
export const mutateZip: Mutate = (bytes, random, others) => {
  const copy = random.integer(3) === 0 ? mutateBytes(bytes, random, others) : bytes.slice();
  const v = view(copy);
  let end = copy.length - 22;
  while (end >= 0 && v.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return copy;
  let at = v.getUint32(end + 16, true);
  const entries = v.getUint16(end + 10, true);
  const chosen = random.integer(Math.max(1, Math.min(entries, 8)));
  for (let i = 0; i < entries && i < 8 && at + 46 < copy.length; i++) {
    const length = v.getUint32(at + 20, true);
    const local = v.getUint32(at + 42, true);
    if (local + 30 > copy.length) return copy;
    const from = local + 30 + v.getUint16(local + 26, true) + v.getUint16(local + 28, true);
    if (i === chosen && length > 0 && from + length <= copy.length) {
      const content = copy.subarray(from, from + length);
      // The header of the array, or its numbers.
      const within = Math.min(content.length, random.pick([128, 128, content.length]));
      for (let times = 1 + random.integer(4); times > 0; times--)
        content[random.integer(within)] = random.pick([
          random.integer(256),
          0x30 + random.integer(10),
          0x2c,
          0x2d,
          0x29,
        ]);
      if (v.getUint16(at + 10, true) === 0) v.setUint32(at + 16, crc32(content), true);
    }
    at += 46 + v.getUint16(at + 28, true) + v.getUint16(at + 30, true) + v.getUint16(at + 32, true);
  }
  return copy;
};

const hdf5Marks = ['TREE', 'SNOD', 'HEAP', 'GCOL', 'OHDR', 'FRHP', 'BTHD', 'OCHK', 'FSHD'].map((text) =>
  new TextEncoder().encode(text),
);

/** HDF5: numbers behind the marks of its inner structures. (What carries checksums of its own is changed as bytes.) */
export const mutateHdf5: Mutate = (bytes, random, others) => {
  if (random.integer(3) === 0) return mutateBytes(bytes, random, others);
  const copy = bytes.slice();
  const mark = random.pick(hdf5Marks);
  const places: number[] = [0];
  for (let at = copy.indexOf(mark[0]); at >= 0; at = copy.indexOf(mark[0], at + 1))
    if (mark.every((byte, i) => copy[at + i] === byte)) places.push(at);
  const at = random.pick(places) + random.integer(96);
  if (at + 8 > copy.length) return copy;
  const size = random.pick([1, 2, 4, 8]);
  if (size === 1) copy[at] = random.integer(256);
  else if (size === 2) view(copy).setUint16(at, edge(random), true);
  else if (size === 4) view(copy).setUint32(at, edge(random), true);
  else view(copy).setBigUint64(at, BigInt(random.pick([edge(random), random.integer(copy.length)])), true);
  return copy;
};

/** What another way made, in gzip. */
export function inGzip(mutate: Mutate): Mutate {
  return (bytes, random, others) => gzipSync(mutate(bytes, random, others), { level: 1 });
}

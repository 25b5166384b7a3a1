/**
 * @file The protobuf wire format, as far as ONNX needs it: varints, fixed widths, length-delimited fields.
 * Reading is zero-copy (bytes are views of the input) and bounds-checked, so a hostile length cannot allocate.
 */
import { GraphError } from '../core/errors.ts';

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** Text of UTF-8 bytes, or null if they are none. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** A growing list of 64-bit integers at 8 to 16 bytes each, where an array of BigInts would take 32. */
export class IntegerList {
  private data = new BigInt64Array(8);
  length = 0;

  push(value: bigint): void {
    if (this.length === this.data.length) {
      const grown = new BigInt64Array(2 * this.length);
      grown.set(this.data);
      this.data = grown;
    }
    this.data[this.length++] = value;
  }

  /** The integers, a view. */
  values(): BigInt64Array {
    return this.data.subarray(0, this.length);
  }
}

/** Walks the fields of one protobuf message. */
export class ProtobufReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private position = 0;
  field = 0;
  wire = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far: where the next field begins. */
  get offset(): number {
    return this.position;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.position >= this.bytes.length) return false;
    const tag = this.uint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.field === 0) throw damaged('a field has number 0.');
    return true;
  }

  /** An unsigned varint as a number; values above 2^53 lose precision, so lengths and tags only. */
  private uint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= this.bytes.length) throw truncated();
      const byte = this.bytes[this.position++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw damaged('a varint is longer than ten bytes.');
  }

  /** A signed 64-bit varint. */
  bigint(): bigint {
    this.expect(WireType.varint);
    return this.rawBigint();
  }

  private rawBigint(): bigint {
    let low = 0;
    let shift = 0;
    // Up to four bytes fit a 32-bit integer: the common case without BigInt arithmetic.
    for (; shift < 28; shift += 7) {
      if (this.position >= this.bytes.length) throw truncated();
      const byte = this.bytes[this.position++];
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (; shift < 70; shift += 7) {
      if (this.position >= this.bytes.length) throw truncated();
      const byte = this.bytes[this.position++];
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw damaged('a varint is longer than ten bytes.');
  }

  /** A signed varint that must be a safe integer. */
  int(): number {
    const value = Number(this.bigint());
    if (!Number.isSafeInteger(value))
      throw new GraphError(`The integer ${value} is too large to be used here.`);
    return value;
  }

  /** The bytes of a length-delimited field, as a view. */
  message(): Uint8Array {
    this.expect(WireType.bytes);
    const length = this.uint();
    if (length > this.bytes.length - this.position) throw truncated();
    const start = this.position;
    this.position += length;
    return this.bytes.subarray(start, this.position);
  }

  /** Text. @throws {GraphError} where the bytes are not UTF-8 */
  string(): string {
    const text = textOf(this.message());
    if (text === null) throw damaged(`field ${this.field} is not UTF-8 text.`);
    return text;
  }

  float(): number {
    this.expect(WireType.fixed32);
    return this.take(4, (at) => this.view.getFloat32(at, true));
  }

  /** Repeated signed varints, packed or not; appends to `into`. */
  bigints(into: IntegerList): void {
    if (this.wire === WireType.varint) {
      into.push(this.rawBigint());
      return;
    }
    const packed = new ProtobufReader(this.message());
    while (packed.position < packed.bytes.length) into.push(packed.rawBigint());
  }

  /** Repeated fixed32 floats, packed or not. */
  floats(into: number[]): void {
    this.fixed(into, WireType.fixed32, 4, (view, at) => view.getFloat32(at, true));
  }

  /** Repeated fixed64 doubles, packed or not. */
  doubles(into: number[]): void {
    this.fixed(into, WireType.fixed64, 8, (view, at) => view.getFloat64(at, true));
  }

  skip(): void {
    switch (this.wire) {
      case WireType.varint:
        this.uint();
        break;
      case WireType.fixed64:
        this.take(8, () => 0);
        break;
      case WireType.bytes:
        this.message();
        break;
      case WireType.fixed32:
        this.take(4, () => 0);
        break;
      default:
        throw damaged(`unknown wire type ${this.wire}.`);
    }
  }

  private fixed(
    into: number[],
    wire: number,
    size: number,
    read: (view: DataView, at: number) => number,
  ): void {
    if (this.wire === wire) {
      into.push(this.take(size, (at) => read(this.view, at)));
      return;
    }
    const packed = this.message();
    if (packed.length % size !== 0) throw truncated();
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    for (let at = 0; at < packed.length; at += size) into.push(read(view, at));
  }

  private take<T>(size: number, read: (at: number) => T): T {
    if (size > this.bytes.length - this.position) throw truncated();
    const value = read(this.position);
    this.position += size;
    return value;
  }

  private expect(wire: number): void {
    if (this.wire !== wire) {
      throw damaged(`field ${this.field} has wire type ${this.wire}, expected ${wire}.`);
    }
  }
}

const hint = 'The file is truncated or is not an ONNX model; fetch or export it again.';

function truncated(): GraphError {
  return new GraphError('The protobuf data ends in the middle of a field.', { hint });
}

function damaged(what: string): GraphError {
  return new GraphError(`The protobuf data is damaged: ${what}`, { hint });
}

const largest = 2n ** 63n - 1n;

/** As a 64-bit integer: "to the end" (2⁶³ − 1) is 2⁶³ once it has been a number, and must not turn negative. */
function saturated(value: number | bigint): bigint {
  const whole = BigInt(value);
  return whole > largest ? largest : whole < -largest - 1n ? -largest - 1n : whole;
}

/**
 * Collects fields as chunks and joins them once: large tensors are copied a single time.
 * Child messages are writers of their own whose length is known before the parent is joined.
 */
export class ProtobufWriter {
  private readonly chunks: Uint8Array[] = [];
  private scratch: number[] = [];
  private size = 0;

  get length(): number {
    return this.size + this.scratch.length;
  }

  private varint(value: number): void {
    while (value >= 128) {
      this.scratch.push((value % 128) | 0x80);
      value = Math.floor(value / 128);
    }
    this.scratch.push(value);
  }

  private bigVarint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 128n) {
      this.scratch.push(Number(rest & 127n) | 0x80);
      rest >>= 7n;
    }
    this.scratch.push(Number(rest));
  }

  private flush(): void {
    if (this.scratch.length === 0) return;
    this.chunks.push(Uint8Array.from(this.scratch));
    this.size += this.scratch.length;
    this.scratch = [];
  }

  int(field: number, value: number | bigint): void {
    this.varint(field * 8 + WireType.varint);
    this.bigVarint(saturated(value));
  }

  float(field: number, value: number): void {
    this.varint(field * 8 + WireType.fixed32);
    this.scratch.push(...new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, value: Uint8Array): void {
    this.varint(field * 8 + WireType.bytes);
    this.varint(value.length);
    this.flush();
    this.chunks.push(value);
    this.size += value.length;
  }

  /** Fields that are encoded already. */
  raw(fields: Uint8Array): void {
    this.flush();
    this.chunks.push(fields);
    this.size += fields.length;
  }

  string(field: number, value: string): void {
    this.bytes(field, utf8Encoder.encode(value));
  }

  message(field: number, write: (child: ProtobufWriter) => void): void {
    const child = new ProtobufWriter();
    write(child);
    child.flush();
    this.varint(field * 8 + WireType.bytes);
    this.varint(child.size);
    this.flush();
    for (const chunk of child.chunks) this.chunks.push(chunk);
    this.size += child.size;
  }

  packedInts(field: number, values: readonly (number | bigint)[]): void {
    const child = new ProtobufWriter();
    for (const value of values) child.bigVarint(saturated(value));
    child.flush();
    this.bytes(field, child.finish());
  }

  packedFloats(field: number, values: readonly number[]): void {
    this.bytes(field, new Uint8Array(Float32Array.from(values).buffer));
  }

  finish(): Uint8Array {
    this.flush();
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

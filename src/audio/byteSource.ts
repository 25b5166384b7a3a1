/** @file Bytes read by offset, so that no decoder needs a whole file in memory. Runs in Node and in browsers. */

/** A file, an array of bytes, a Blob: whatever has a length and can be read anywhere. */
export interface ByteSource {
  /** Bytes in all; `Infinity` for a pipe, whose end shows when reading. */
  readonly size: number;
  /** `length` bytes from `offset` on, or as many as there are before the end. The result is not written to later. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** The part of `Blob` that is used here: a `File` in a browser, or Node's `Blob`. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

export function blobSource(blob: BlobLike): ByteSource {
  return {
    size: blob.size,
    read: async (offset, length) => {
      const end = Math.min(blob.size, offset + length);
      return new Uint8Array(await blob.slice(Math.min(offset, end), end).arrayBuffer());
    },
  };
}

/** The bytes of `source` from `start` up to `end`, numbered from 0. */
export function partOf(source: ByteSource, start: number, end = source.size): ByteSource {
  if (start === 0 && end === source.size) return source;
  const size = Math.max(0, Math.min(end, source.size) - start);
  return {
    size,
    read: (offset, length) => source.read(start + offset, Math.max(0, Math.min(length, size - offset))),
  };
}

const CHUNK = 2 ** 18;

/**
 * A window that slides over a source. Parsers look into `bytes`, whose first byte lies at offset `start` of the
 * source, and await only when they leave it. Views into `bytes` stay valid: a new window is a new array.
 */
export class SlidingWindow {
  readonly source: ByteSource;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  private readonly chunk: number;

  constructor(source: ByteSource, chunk = CHUNK) {
    this.source = source;
    this.chunk = chunk;
  }

  /** Bytes of the window from `offset` on; negative or 0 if it lies outside. */
  available(offset: number): number {
    return offset < this.start ? 0 : this.start + this.bytes.length - offset;
  }

  /**
   * Makes the window hold `length` bytes from `offset` on, or all that are left. What lies before `offset` is
   * forgotten when more must be read.
   * @returns the bytes available from `offset` on
   */
  async fill(offset: number, length: number): Promise<number> {
    const have = Math.max(0, this.available(offset));
    if (have >= length || (have > 0 && this.start + this.bytes.length >= this.source.size)) return have;
    const wanted = Math.max(length, this.chunk) - have;
    const more = await this.source.read(offset + have, wanted);
    if (have === 0) {
      this.bytes = more;
    } else if (more.length > 0) {
      const joined = new Uint8Array(have + more.length);
      joined.set(this.bytes.subarray(offset - this.start, offset - this.start + have));
      joined.set(more, have);
      this.bytes = joined;
    } else {
      this.bytes = this.bytes.subarray(offset - this.start);
    }
    this.start = offset;
    return this.bytes.length;
  }
}

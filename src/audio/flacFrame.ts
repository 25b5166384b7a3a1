/**
 * @file One frame of FLAC (RFC 9639, 9) to samples. Every frame says how long it is and holds two checksums, so a file
 * is decoded frame by frame, from any frame on, and what is damaged is known to be.
 */

/** What STREAMINFO (RFC 9639, 8.2) tells of the frames. */
export interface FlacInfo {
  sampleRate: number;
  channels: number;
  bitsPerSample: number;
  /** Samples per channel; null if unknown. */
  frames: number | null;
  /** Samples in a frame, if all but the last have equally many; else null. */
  blockSize: number | null;
}

export interface FlacFrameHeader {
  /** Bytes, its CRC-8 included. */
  length: number;
  /** Samples per channel. */
  blockSize: number;
  channels: number;
  /** 0–7: as they are; 8: left, side; 9: side, right; 10: mid, side. */
  assignment: number;
  /** null: as STREAMINFO says. */
  bitsPerSample: number | null;
  /** Number of the frame, or where `counted` is 'samples', of its first sample. */
  number: number;
  counted: 'frames' | 'samples';
}

const BITS = [null, 8, 12, undefined, 16, 20, 24, 32] as const;

const CRC8 = Uint8Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 7) & 0xff : crc << 1;
  return crc;
});

/** CRC16[k][byte]: the checksum of `byte` and k zero bytes behind it. */
const CRC16: Uint16Array[] = [];
for (let k = 0; k < 4; k++) {
  CRC16.push(
    Uint16Array.from({ length: 256 }, (_, byte) => {
      let crc = byte << 8;
      for (let bit = 0; bit < 8 * (k + 1); bit++)
        crc = crc & 0x8000 ? ((crc << 1) ^ 0x8005) & 0xffff : crc << 1;
      return crc;
    }),
  );
}

function crc16(bytes: Uint8Array, from: number, to: number): number {
  const [t0, t1, t2, t3] = CRC16;
  let crc = 0;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    crc ^= (bytes[i] << 8) | bytes[i + 1];
    crc = t3[crc >>> 8] ^ t2[crc & 255] ^ t1[bytes[i + 2]] ^ t0[bytes[i + 3]];
  }
  for (; i < to; i++) crc = ((crc << 8) & 0xffff) ^ t0[(crc >>> 8) ^ bytes[i]];
  return crc;
}

/** The header of the frame at `at`, or null if there is none: its marks and its CRC-8 must be right. */
export function readFlacFrameHeader(bytes: Uint8Array, at: number): FlacFrameHeader | null {
  if (bytes[at] !== 0xff || (bytes[at + 1] & 0xfe) !== 0xf8 || at + 6 > bytes.length) return null;
  const sizeCode = bytes[at + 2] >> 4;
  const rateCode = bytes[at + 2] & 15;
  const assignment = bytes[at + 3] >> 4;
  const bitsPerSample = BITS[(bytes[at + 3] >> 1) & 7];
  if (
    sizeCode === 0 ||
    rateCode === 15 ||
    assignment > 10 ||
    bitsPerSample === undefined ||
    bytes[at + 3] & 1
  ) {
    return null;
  }
  // The number is written like a letter in UTF-8, of up to seven bytes.
  let next = at + 4;
  const lead = bytes[next++];
  const following = lead < 0x80 ? 0 : Math.clz32(~(lead << 24)) - 1;
  if (lead === 0xff || (lead >= 0x80 && following < 1)) return null;
  let number = following === 0 ? lead : lead & (0x3f >> following);
  for (let n = 0; n < following; n++) {
    if ((bytes[next] & 0xc0) !== 0x80) return null;
    number = number * 64 + (bytes[next++] & 0x3f);
  }
  let blockSize = sizeCode === 1 ? 192 : sizeCode < 6 ? 576 << (sizeCode - 2) : 256 << (sizeCode - 8);
  if (sizeCode === 6) blockSize = bytes[next++] + 1;
  if (sizeCode === 7) {
    blockSize = ((bytes[next] << 8) | bytes[next + 1]) + 1;
    next += 2;
  }
  next += rateCode === 12 ? 1 : rateCode > 12 ? 2 : 0;
  if (next >= bytes.length) return null;
  let crc = 0;
  for (let i = at; i < next; i++) crc = CRC8[crc ^ bytes[i]];
  if (crc !== bytes[next]) return null;
  const channels = assignment < 8 ? assignment + 1 : 2;
  const counted = bytes[at + 1] & 1 ? 'samples' : 'frames';
  return { length: next + 1 - at, blockSize, channels, assignment, bitsPerSample, number, counted };
}

/** Thrown within this file where a frame contradicts itself. */
class BadFrame extends Error {}

export type FlacFrameResult =
  | { state: 'decoded'; length: number; channelData: Float32Array[] }
  /** The data end before the frame does. */
  | { state: 'unfinished' }
  /** `samples`: how many were computed before that showed, the measure of the work. */
  | { state: 'damaged'; samples: number };

/** What a subframe holds: its samples, or one value that they all have. */
type Subframe = Int32Array | Float64Array | number;

/** Zero bytes that must follow the data given to {@link decodeFlacFrame}, so that whole words can be read. */
export const FLAC_PADDING = 8;

/**
 * Decodes the frame at `at`, whose header has been read. The last {@link FLAC_PADDING} bytes of `bytes` are not part of
 * the data.
 */
export function decodeFlacFrame(
  bytes: Uint8Array,
  at: number,
  header: FlacFrameHeader,
  streamBits: number,
): FlacFrameResult {
  const end = bytes.length - FLAC_PADDING;
  const reader = new FrameReader(bytes, at, end);
  const bits = header.bitsPerSample ?? streamBits;
  const { channels, assignment, blockSize } = header;
  reader.skip(8 * header.length);
  const subframes: Subframe[] = [];
  try {
    for (let c = 0; c < channels; c++) {
      const isSide = assignment === 9 ? c === 0 : assignment > 7 && c === 1;
      subframes.push(reader.subframe(blockSize, bits + Number(isSide)));
    }
    const stop = reader.byteOffset();
    if (stop + 2 > end) return { state: 'unfinished' };
    if (crc16(bytes, at, stop) !== ((bytes[stop] << 8) | bytes[stop + 1])) {
      return { state: 'damaged', samples: reader.computed };
    }
    return { state: 'decoded', length: stop + 2 - at, channelData: toFloat(subframes, header, bits) };
  } catch (error) {
    // DataView's RangeError: a word beyond the data.
    if (error instanceof RangeError) return { state: 'unfinished' };
    if (error instanceof BadFrame) return { state: 'damaged', samples: reader.computed };
    throw error;
  }
}

/** Joint stereo undone, and integers divided by 2^(bits − 1). */
function toFloat(
  subframes: Subframe[],
  { assignment, blockSize }: FlacFrameHeader,
  bits: number,
): Float32Array[] {
  const scale = 2 ** (1 - bits);
  if (assignment < 8) {
    return subframes.map((values) => {
      const samples = new Float32Array(blockSize);
      if (typeof values === 'number') return samples.fill(values * scale);
      for (let n = 0; n < blockSize; n++) samples[n] = values[n] * scale;
      return samples;
    });
  }
  const [first, second] = subframes.map((values) =>
    typeof values === 'number' ? new Float64Array(blockSize).fill(values) : values,
  );
  const left = new Float32Array(blockSize);
  const right = new Float32Array(blockSize);
  for (let n = 0; n < blockSize; n++) {
    const a = first[n];
    const b = second[n];
    if (assignment === 8) {
      left[n] = a * scale;
      right[n] = (a - b) * scale;
    } else if (assignment === 9) {
      left[n] = (a + b) * scale;
      right[n] = b * scale;
    } else {
      // mid = (left + right) >> 1 lost the lowest bit, which side = left − right has too.
      const odd = Math.abs(b % 2);
      left[n] = (a + (b + odd) / 2) * scale;
      right[n] = (a + (odd - b) / 2) * scale;
    }
  }
  return [left, right];
}

class FrameReader {
  /** Samples computed so far. */
  computed = 0;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly end: number;
  /** Position in bits. */
  private position: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = 8 * end;
    this.position = 8 * at;
  }

  skip(bits: number): void {
    this.position += bits;
  }

  /** Offset of the next whole byte. */
  byteOffset(): number {
    return Math.ceil(this.position / 8);
  }

  private peek(): number {
    const at = Math.floor(this.position / 8);
    const shift = this.position & 7;
    const word = this.view.getUint32(at);
    return (shift === 0 ? word : (word << shift) | (this.bytes[at + 4] >>> (8 - shift))) >>> 0;
  }

  /** `count` bits as an unsigned number, at most 32. */
  private unsigned(count: number): number {
    if (count === 0) return 0;
    const value = this.peek() >>> (32 - count);
    this.position += count;
    return value;
  }

  /** `count` bits as a signed number, at most 33. */
  private signed(count: number): number {
    if (count === 33) return -this.unsigned(1) * 2 ** 32 + this.unsigned(32);
    if (count === 0) return 0;
    const value = (this.peek() | 0) >> (32 - count);
    this.position += count;
    return value;
  }

  private unary(): number {
    let zeros = 0;
    while (true) {
      if (this.position > this.end) throw new RangeError();
      const ahead = Math.clz32(this.peek());
      this.position += ahead;
      zeros += ahead;
      if (ahead < 32) break;
    }
    this.position++;
    return zeros;
  }

  subframe(blockSize: number, sampleBits: number): Subframe {
    const head = this.unsigned(8);
    if (head & 0x80) throw new BadFrame();
    const type = (head >> 1) & 0x3f;
    const wasted = head & 1 ? this.unary() + 1 : 0;
    const bits = sampleBits - wasted;
    if (bits < 1) throw new BadFrame();
    const scale = 2 ** wasted;
    if (type === 0) return this.signed(bits) * scale;
    const samples = sampleBits > 32 ? new Float64Array(blockSize) : new Int32Array(blockSize);
    this.computed += blockSize;
    if (type === 1) {
      for (let n = 0; n < blockSize; n++) samples[n] = this.signed(bits);
    } else if (type >= 8 && type <= 12) {
      this.fixed(samples, type - 8, bits);
    } else if (type >= 32) {
      this.linear(samples, type - 31, bits);
    } else {
      throw new BadFrame();
    }
    if (wasted > 0) for (let n = 0; n < blockSize; n++) samples[n] *= scale;
    return samples;
  }

  private warmUp(samples: Int32Array | Float64Array, order: number, bits: number): void {
    if (order > samples.length) throw new BadFrame();
    for (let n = 0; n < order; n++) samples[n] = this.signed(bits);
  }

  private fixed(samples: Int32Array | Float64Array, order: number, bits: number): void {
    this.warmUp(samples, order, bits);
    this.residual(samples, order);
    const length = samples.length;
    // The sums stay far below 2^53, so they are exact before they are stored.
    if (order === 1) {
      for (let n = 1; n < length; n++) samples[n] += samples[n - 1];
    } else if (order === 2) {
      for (let n = 2; n < length; n++) samples[n] += 2 * samples[n - 1] - samples[n - 2];
    } else if (order === 3) {
      for (let n = 3; n < length; n++) samples[n] += 3 * (samples[n - 1] - samples[n - 2]) + samples[n - 3];
    } else if (order === 4) {
      for (let n = 4; n < length; n++) {
        samples[n] += 4 * (samples[n - 1] + samples[n - 3]) - 6 * samples[n - 2] - samples[n - 4];
      }
    }
  }

  private linear(samples: Int32Array | Float64Array, order: number, bits: number): void {
    this.warmUp(samples, order, bits);
    const precision = this.unsigned(4) + 1;
    const shift = this.signed(5);
    if (precision === 16 || shift < 0) throw new BadFrame();
    const coefficients = new Int32Array(order);
    for (let n = 0; n < order; n++) coefficients[n] = this.signed(precision);
    this.residual(samples, order);
    const fits = bits + precision + Math.ceil(Math.log2(order)) <= 32;
    if (fits && samples instanceof Int32Array) predict32(samples, coefficients, shift);
    else predict53(samples, Float64Array.from(coefficients), shift);
  }

  /** Residuals in Rice codes (RFC 9639, 9.2.7), stored from `order` on. */
  private residual(samples: Int32Array | Float64Array, order: number): void {
    const method = this.unsigned(2);
    if (method > 1) throw new BadFrame();
    const parameterBits = method === 0 ? 4 : 5;
    const rawCode = method === 0 ? 15 : 31;
    const partitionOrder = this.unsigned(4);
    const partitionLength = samples.length >> partitionOrder;
    if (partitionLength << partitionOrder !== samples.length || partitionLength < order) throw new BadFrame();
    for (let partition = 0; partition < 1 << partitionOrder; partition++) {
      const from = partition === 0 ? order : partition * partitionLength;
      const to = (partition + 1) * partitionLength;
      const parameter = this.unsigned(parameterBits);
      if (parameter === rawCode) {
        const bits = this.unsigned(5);
        for (let n = from; n < to; n++) samples[n] = this.signed(bits);
      } else {
        this.rice(samples, from, to, parameter);
      }
    }
  }

  private rice(samples: Int32Array | Float64Array, from: number, to: number, parameter: number): void {
    const { view, bytes, end } = this;
    let position = this.position;
    const scale = 2 ** parameter;
    for (let n = from; n < to; n++) {
      const at = position >>> 3;
      const bit = position & 7;
      let word = view.getUint32(at) << bit;
      if (bit !== 0) word |= bytes[at + 4] >>> (8 - bit);
      const zeros = Math.clz32(word);
      let folded: number;
      if (zeros + 1 + parameter <= 32) {
        // The whole code lies in this word.
        const low = parameter === 0 ? 0 : (word << (zeros + 1)) >>> (32 - parameter);
        folded = ((zeros << parameter) | (zeros > 30 ? 0 : low)) >>> 0;
        position += zeros + 1 + parameter;
      } else {
        this.position = position;
        const quotient = this.unary();
        folded = quotient * scale + this.unsigned(parameter);
        position = this.position;
        if (folded >= 2 ** 32) throw new BadFrame();
      }
      samples[n] = (folded >>> 1) ^ -(folded & 1);
    }
    if (position > end + 8) throw new RangeError();
    this.position = position;
  }
}

/** Adds the prediction to the residuals, in 32 bits. */
function predict32(samples: Int32Array, coefficients: Int32Array, shift: number): void {
  const order = coefficients.length;
  for (let n = order; n < samples.length; n++) {
    let sum = 0;
    for (let k = 0; k < order; k++) sum = (sum + Math.imul(coefficients[k], samples[n - 1 - k])) | 0;
    samples[n] += sum >> shift;
  }
}

/** The same in double precision, which is exact for all that FLAC allows: 15 + 33 + 5 bits. */
function predict53(samples: Int32Array | Float64Array, coefficients: Float64Array, shift: number): void {
  const order = coefficients.length;
  const scale = 2 ** -shift;
  for (let n = order; n < samples.length; n++) {
    let sum = 0;
    for (let k = 0; k < order; k++) sum += coefficients[k] * samples[n - 1 - k];
    samples[n] += Math.floor(sum * scale);
  }
}

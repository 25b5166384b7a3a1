/** @file Changes to sound files that keep sizes and checksums right, so that they get past the first look. */
import { concat, edge, type Mutate, mutateBytes, mutateList } from './bytes.ts';

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const ascii = (text: string) => new TextEncoder().encode(text);

/** RIFF: chunks are changed, left out, doubled, moved; their sizes are set right, or wrong on purpose. */
export const mutateRiff: Mutate = (bytes, random, others) => {
  const chunks = riffChunks(bytes);
  const changed = mutateList(
    chunks,
    random,
    ({ id, data }) =>
      random.integer(6) === 0
        ? { id: ascii(random.pick(['data', 'fmt ', 'LIST', 'fact', 'JUNK', 'ds64', 'ID3 ', 'cue '])), data }
        : { id, data: data.length > 4096 ? sparse(data) : mutateBytes(data, random, others) },
    riffChunks(random.pick(others)),
  );
  function sparse(data: Uint8Array): Uint8Array {
    const copy = data.slice(0, random.integer(3) === 0 ? random.integer(data.length) : data.length);
    for (let i = 0; i < 4 && copy.length > 0; i++) copy[random.integer(copy.length)] = random.integer(256);
    return copy;
  }
  const lie = random.integer(5) === 0 ? random.integer(Math.max(1, changed.length)) : -1;
  const little = bytes[3] !== 0x58;
  const parts = changed.map(({ id, data }, i) => {
    const head = new Uint8Array(8);
    head.set(id.subarray(0, 4));
    view(head).setUint32(4, i === lie ? edge(random) : data.length, little);
    return concat([head, data, new Uint8Array(data.length & 1)]);
  });
  const body = concat(parts);
  const head = bytes.slice(0, 12);
  if (head.length === 12 && random.integer(8) !== 0) view(head).setUint32(4, body.length + 4, little);
  return concat([head, body]);
};

function riffChunks(bytes: Uint8Array): { id: Uint8Array; data: Uint8Array }[] {
  const chunks: { id: Uint8Array; data: Uint8Array }[] = [];
  const little = bytes[3] !== 0x58;
  for (let at = 12; at + 8 <= bytes.length && chunks.length < 64; ) {
    const size = Math.min(view(bytes).getUint32(at + 4, little), bytes.length - at - 8);
    chunks.push({ id: bytes.subarray(at, at + 4), data: bytes.subarray(at + 8, at + 8 + size) });
    at += 8 + size + (size & 1);
  }
  return chunks;
}

const oggTable = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** Ogg: pages are changed, left out, doubled, exchanged; their checksums are right. */
export const mutateOgg: Mutate = (bytes, random, others) => {
  const pages = oggPages(bytes);
  const changed = mutateList(
    pages,
    random,
    (page) => {
      const copy = page.slice();
      const body = 27 + (copy[26] ?? 0);
      switch (random.integer(5)) {
        case 0:
          copy[5] ^= 1 << random.integer(3);
          break;
        case 1:
          if (copy.length > 14)
            view(copy).setBigInt64(6, BigInt(edge(random)) * random.pick([1n, -1n, 4294967296n]), true);
          break;
        case 2:
          if (copy.length > 27 && copy[26] > 0)
            copy[27 + random.integer(Math.min(copy[26], copy.length - 27))] = random.integer(256);
          break;
        case 3:
          if (copy.length > 22) view(copy).setUint32(random.pick([14, 18]), random.integer(5), true);
          break;
        default:
          for (let i = 1 + random.integer(8); i > 0 && copy.length > body; i--)
            copy[body + random.integer(copy.length - body)] = random.integer(256);
      }
      return copy;
    },
    oggPages(random.pick(others)),
  );
  return concat(changed.map(sealPage));
};

function oggPages(bytes: Uint8Array): Uint8Array[] {
  const pages: Uint8Array[] = [];
  for (let at = 0; at + 27 <= bytes.length; ) {
    const segments = bytes[at + 26];
    let length = 27 + segments;
    for (let i = 0; i < segments; i++) length += bytes[at + 27 + i] ?? 0;
    pages.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pages;
}

function sealPage(page: Uint8Array): Uint8Array {
  const sealed = page.slice();
  if (sealed.length < 27) return sealed;
  sealed.fill(0, 22, 26);
  let crc = 0;
  for (const byte of sealed) crc = (crc << 8) ^ oggTable[((crc >>> 24) ^ byte) & 255];
  view(sealed).setUint32(22, crc >>> 0, true);
  return sealed;
}

/** MP3: frames are changed, left out, doubled, exchanged. */
export const mutateMp3: Mutate = (bytes, random, others) =>
  concat(
    mutateList(
      mp3Parts(bytes),
      random,
      (part) => {
        const copy = part.slice();
        // The header, side information, or main data.
        const within = random.pick([4, 36, copy.length]);
        for (let i = 1 + random.integer(4); i > 0 && copy.length > 0; i--)
          copy[random.integer(Math.min(within, copy.length))] = random.integer(256);
        return copy;
      },
      mp3Parts(random.pick(others)),
    ),
  );

function mp3Parts(bytes: Uint8Array): Uint8Array[] {
  const starts: number[] = [0];
  for (let at = 1; at + 4 < bytes.length; at++)
    if (bytes[at] === 0xff && (bytes[at + 1] & 0xe0) === 0xe0 && at - starts.at(-1)! >= 96) starts.push(at);
  return starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length));
}

/** FLAC: metadata and frames are changed, left out, doubled; the frames' checksums are right. */
export const mutateFlac: Mutate = (bytes, random, others) => {
  const { head, frames } = flacParts(bytes);
  if (random.integer(4) === 0) {
    const copy = head.slice();
    for (let i = 1 + random.integer(3); i > 0; i--)
      copy[4 + random.integer(Math.max(1, Math.min(copy.length - 4, 60)))] = random.integer(256);
    return concat([copy, ...frames]);
  }
  const changed = mutateList(
    frames,
    random,
    (frame) => {
      const copy = frame.slice();
      const within = random.pick([6, 16, copy.length]);
      for (let i = 1 + random.integer(3); i > 0 && copy.length > 4; i--)
        copy[2 + random.integer(Math.max(1, Math.min(within, copy.length) - 2))] ^= 1 << random.integer(8);
      return sealFrame(copy);
    },
    flacParts(random.pick(others)).frames,
  );
  return concat([head, ...changed]);
};

function flacParts(bytes: Uint8Array): { head: Uint8Array; frames: Uint8Array[] } {
  let at = 4;
  for (let last = false; !last && at + 4 <= bytes.length; ) {
    last = (bytes[at] & 0x80) !== 0;
    at += 4 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
  }
  const head = bytes.subarray(0, Math.min(at, bytes.length));
  const starts: number[] = [];
  for (; at + 8 < bytes.length; at++)
    if (bytes[at] === 0xff && (bytes[at + 1] & 0xfe) === 0xf8 && headerEnd(bytes.subarray(at)) !== null)
      starts.push(at);
  return { head, frames: starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length)) };
}

const crc8 = (bytes: Uint8Array) => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 7) & 0xff : crc << 1;
  }
  return crc;
};
const crc16 = (bytes: Uint8Array) => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x8005) & 0xffff : crc << 1;
  }
  return crc;
};

/** Where the CRC-8 of a frame's header stands, if it is right; by the lengths that it codes. */
function headerEnd(frame: Uint8Array): number | null {
  const end = headerLength(frame);
  return end !== null && end < frame.length && crc8(frame.subarray(0, end)) === frame[end] ? end : null;
}

function headerLength(frame: Uint8Array): number | null {
  const first = frame[4];
  if (first === undefined) return null;
  let number = 1;
  while (number < 8 && first & (0x80 >> number)) number++;
  const blockCode = frame[2] >> 4;
  const rateCode = frame[2] & 15;
  return (
    4 +
    (first < 0x80 ? 1 : number) +
    (blockCode === 6 ? 1 : blockCode === 7 ? 2 : 0) +
    (rateCode === 12 ? 1 : rateCode > 12 ? 2 : 0)
  );
}

function sealFrame(frame: Uint8Array): Uint8Array {
  const end = headerLength(frame);
  if (end === null || end + 3 > frame.length) return frame;
  frame[end] = crc8(frame.subarray(0, end));
  view(frame).setUint16(frame.length - 2, crc16(frame.subarray(0, -2)));
  return frame;
}

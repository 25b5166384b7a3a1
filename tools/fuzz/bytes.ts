/** @file Changes to bytes that know nothing of what they mean. */
import type { Random } from '../../src/core/index.ts';

/** A changed copy of some bytes; `others` are more of the same kind, to take parts from. */
export type Mutate = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

/** Numbers at which programs go wrong. */
const edges = [
  0,
  1,
  2,
  4,
  7,
  8,
  15,
  16,
  31,
  32,
  63,
  64,
  100,
  127,
  128,
  255,
  256,
  1000,
  4096,
  32767,
  32768,
  65535,
  65536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

export function edge(random: Random): number {
  return random.pick(edges);
}

/** Changes of one place: a bit, a byte, a number of 2, 4 or 8 bytes, a stretch that is removed, doubled, filled or moved. */
export const mutateBytes: Mutate = (bytes, random, others) => {
  let result: Uint8Array = bytes.slice();
  for (let times = 1 + (random.integer(3) === 0 ? random.integer(6) : 0); times > 0; times--)
    result = changeOnce(result, random, others);
  return result;
};

function changeOnce(bytes: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  const { length } = bytes;
  if (length === 0) return Uint8Array.of(random.integer(256));
  const at = random.integer(length);
  const run = 1 + random.integer(Math.min(length - at, random.pick([1, 4, 16, 256])));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (random.integer(11)) {
    case 0:
      bytes[at] ^= 1 << random.integer(8);
      return bytes;
    case 1:
      bytes[at] = random.integer(256);
      return bytes;
    case 2:
      bytes[at] += random.pick([1, 255]);
      return bytes;
    case 3:
      if (at + 2 <= length) view.setUint16(at, edge(random), random.integer(2) === 0);
      return bytes;
    case 4:
      if (at + 4 <= length) view.setUint32(at, edge(random), random.integer(2) === 0);
      return bytes;
    case 5:
      if (at + 8 <= length)
        view.setBigUint64(at, BigInt.asUintN(64, BigInt(edge(random)) * random.pick([1n, -1n])), true);
      return bytes;
    case 6:
      return concat([bytes.subarray(0, at), bytes.subarray(at + run)]);
    case 7:
      return concat([bytes.subarray(0, at + run), bytes.subarray(at)]);
    case 8:
      return bytes.fill(random.pick([0, 255, 0x20, random.integer(256)]), at, at + run);
    case 9:
      return random.integer(4) === 0
        ? bytes.slice(0, at)
        : bytes.copyWithin(at, random.integer(length), length);
    default: {
      const other = random.pick(others);
      const from = random.integer(other.length);
      return concat([bytes.subarray(0, at), other.subarray(from, from + run), bytes.subarray(at)]);
    }
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Changes to a list of parts: one is changed, left out, doubled, moved, or taken from elsewhere. */
export function mutateList<T>(
  parts: readonly T[],
  random: Random,
  change: (part: T) => T,
  others: readonly T[] = parts,
): T[] {
  const result = [...parts];
  for (let times = 1 + (random.integer(3) === 0 ? random.integer(4) : 0); times > 0; times--) {
    if (result.length === 0) return [...others];
    const at = random.integer(result.length);
    switch (random.integer(8)) {
      case 0:
        result.splice(at, 1);
        break;
      case 1:
        result.splice(at, 0, result[random.integer(result.length)]);
        break;
      case 2: {
        const to = random.integer(result.length);
        [result[at], result[to]] = [result[to], result[at]];
        break;
      }
      case 3:
        if (others.length > 0) result.splice(at, 0, random.pick(others));
        break;
      default:
        result[at] = change(result[at]);
    }
  }
  return result;
}

/** One of several ways to change bytes, by weight. */
export function oneOf(ways: readonly (readonly [weight: number, mutate: Mutate])[]): Mutate {
  const total = ways.reduce((sum, [weight]) => sum + weight, 0);
  return (bytes, random, others) => {
    let left = random.integer(total);
    for (const [weight, mutate] of ways) {
      left -= weight;
      if (left < 0) return mutate(bytes, random, others);
    }
    return bytes;
  };
}

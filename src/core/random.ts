/**
 * @file Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32.
 * The same seed and the same calls give the same numbers on every platform.
 */
import { ParameterError } from './errors.ts';

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;
  private spare: number | null = null;

  /** @param seed integer, or a string (hashed), so that a stream can be named: `new Random('seed/epoch 3')`. */
  constructor(seed: number | string) {
    let state = typeof seed === 'number' ? seed | 0 : hash(seed);
    if (typeof seed === 'number' && !Number.isInteger(seed)) {
      throw new ParameterError(`A seed must be an integer, got ${seed}.`);
    }
    const next = () => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return (z ^ (z >>> 15)) | 0;
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.counter = 1;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** An independent stream, named by `label`; does not advance this one. */
  fork(label: string): Random {
    return new Random(`${this.a},${this.b},${this.c},${this.counter}/${label}`);
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const u = ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
    return low + u * (high - low);
  }

  /** Uniform integer in [0, n). */
  integer(n: number): number {
    if (!(n > 0)) throw new ParameterError(`Random.integer needs n ≥ 1, got ${n}.`);
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal (polar Box–Muller). */
  normal(mean = 0, deviation = 1): number {
    if (this.spare !== null) {
      const z = this.spare;
      this.spare = null;
      return mean + deviation * z;
    }
    let u: number;
    let v: number;
    let s: number;
    do {
      u = 2 * this.uniform() - 1;
      v = 2 * this.uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s === 0);
    const factor = Math.sqrt((-2 * Math.log(s)) / s);
    this.spare = v * factor;
    return mean + deviation * u * factor;
  }

  /** Gamma(shape, 1) by Marsaglia and Tsang (2000). */
  gamma(shape: number): number {
    if (!(shape > 0)) throw new ParameterError(`Random.gamma needs a shape > 0, got ${shape}.`);
    if (shape < 1) return this.gamma(shape + 1) * this.uniform() ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v <= 0) continue;
      const u = this.uniform();
      if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  /** Beta(a, b), as mixup draws its weights. */
  beta(a: number, b: number): number {
    const x = this.gamma(a);
    const y = this.gamma(b);
    return x + y === 0 ? 0.5 : x / (x + y);
  }

  /** One of `items`, uniformly. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)];
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
}

/** 32-bit FNV-1a of a string's UTF-16 code units: stable names to seeds. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  return h | 0;
}

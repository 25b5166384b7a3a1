/**
 * @file Discrete Fourier transforms of any length in float64: Stockham's self-sorting form with radices 4, 2, 3, 5
 * and small primes (Van Loan, Computational Frameworks for the FFT, 1992, section 1.7), Bluestein's chirp
 * convolution (1970) when a large prime is among the factors. A real signal of even length takes a complex
 * transform of half the length.
 */
import { ParameterError } from '../core/errors.ts';

/** Primes above this go to Bluestein's algorithm: the direct small DFT costs their square. */
const largestDirectPrime = 31;

/** A complex transform of fixed length, forward (e^{−i…}), unscaled. `re` and `im` are overwritten. */
export interface ComplexFft {
  readonly n: number;
  forward(re: Float64Array, im: Float64Array): void;
}

/** A transform of real signals: `re` and `im` receive the floor(n/2) + 1 non-redundant bins. */
export interface RealFft {
  readonly n: number;
  readonly nBins: number;
  forward(signal: Float64Array, re: Float64Array, im: Float64Array): void;
}

/** Prime factors of `n` in the order the passes take them, fours first: 400 → [4, 4, 5, 5]. */
export function radices(n: number): number[] {
  const out: number[] = [];
  while (n % 4 === 0) {
    out.push(4);
    n /= 4;
  }
  for (let p = 2; p * p <= n; p++) {
    while (n % p === 0) {
      out.push(p);
      n /= p;
    }
  }
  if (n > 1) out.push(n);
  return out;
}

/** Plans a complex transform of length `n` ≥ 1. A plan has scratch memory: one call at a time. */
export function complexFft(n: number): ComplexFft {
  if (!Number.isInteger(n) || n < 1)
    throw new ParameterError(`An FFT needs an integer length ≥ 1, got ${n}.`);
  const factors = radices(n);
  return factors.some((r) => r > largestDirectPrime) ? bluestein(n) : stockham(n, factors);
}

/** Plans a transform of real signals of length `n` ≥ 1. A plan has scratch memory: one call at a time. */
export function realFft(n: number): RealFft {
  return n > 1 && n % 2 === 0 ? evenRealFft(n) : oddRealFft(n);
}

function oddRealFft(n: number): RealFft {
  const inner = complexFft(n);
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  const nBins = (n >> 1) + 1;
  return {
    n,
    nBins,
    forward(signal, outRe, outIm) {
      re.set(signal.subarray(0, n));
      im.fill(0);
      inner.forward(re, im);
      for (let k = 0; k < nBins; k++) {
        outRe[k] = re[k];
        outIm[k] = im[k];
      }
    },
  };
}

function evenRealFft(n: number): RealFft {
  const half = n / 2;
  const inner = complexFft(half);
  const re = new Float64Array(half);
  const im = new Float64Array(half);
  const [cos, sin] = roots(n, half + 1);
  return {
    n,
    nBins: half + 1,
    forward(signal, outRe, outIm) {
      for (let i = 0; i < half; i++) {
        re[i] = signal[2 * i];
        im[i] = signal[2 * i + 1];
      }
      inner.forward(re, im);
      for (let k = 0; k <= half; k++) {
        const a = k === half ? 0 : k;
        const b = k === 0 ? 0 : half - k;
        // Even and odd samples' spectra from the packed one: E = (Z[k] + Z*[h−k])/2, O = (Z[k] − Z*[h−k])/2i.
        const evenRe = 0.5 * (re[a] + re[b]);
        const evenIm = 0.5 * (im[a] - im[b]);
        const oddRe = 0.5 * (im[a] + im[b]);
        const oddIm = -0.5 * (re[a] - re[b]);
        outRe[k] = evenRe + cos[k] * oddRe - sin[k] * oddIm;
        outIm[k] = evenIm + cos[k] * oddIm + sin[k] * oddRe;
      }
    },
  };
}

/** cos and sin of −2πk/n for k < count. */
function roots(n: number, count: number): [Float64Array, Float64Array] {
  const cos = new Float64Array(count);
  const sin = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    cos[k] = Math.cos((2 * Math.PI * k) / n);
    sin[k] = -Math.sin((2 * Math.PI * k) / n);
  }
  return [cos, sin];
}

interface Pass {
  radix: number;
  /** Sub-transform length after this pass. */
  m: number;
  stride: number;
  /** w^{jp} for p < m and 1 ≤ j < radix, p-major. */
  cos: Float64Array;
  sin: Float64Array;
}

function stockham(n: number, factors: number[]): ComplexFft {
  const passes: Pass[] = [];
  let length = n;
  let stride = 1;
  for (const radix of factors) {
    const m = length / radix;
    const cos = new Float64Array(m * (radix - 1));
    const sin = new Float64Array(m * (radix - 1));
    for (let p = 0; p < m; p++) {
      for (let j = 1; j < radix; j++) {
        cos[p * (radix - 1) + j - 1] = Math.cos((2 * Math.PI * p * j) / length);
        sin[p * (radix - 1) + j - 1] = -Math.sin((2 * Math.PI * p * j) / length);
      }
    }
    passes.push({ radix, m, stride, cos, sin });
    length = m;
    stride *= radix;
  }
  const scratchRe: Float64Array = new Float64Array(n);
  const scratchIm: Float64Array = new Float64Array(n);
  return {
    n,
    forward(re, im) {
      let [fromRe, fromIm, toRe, toIm] = [re, im, scratchRe, scratchIm];
      for (const pass of passes) {
        if (pass.radix === 4) radix4(pass, fromRe, fromIm, toRe, toIm);
        else if (pass.radix === 2) radix2(pass, fromRe, fromIm, toRe, toIm);
        else anyRadix(pass, fromRe, fromIm, toRe, toIm);
        [fromRe, fromIm, toRe, toIm] = [toRe, toIm, fromRe, fromIm];
      }
      if (fromRe !== re) {
        re.set(scratchRe);
        im.set(scratchIm);
      }
    },
  };
}

type Arrays = [xr: Float64Array, xi: Float64Array, yr: Float64Array, yi: Float64Array];

function radix2({ m, stride, cos, sin }: Pass, ...[xr, xi, yr, yi]: Arrays): void {
  for (let p = 0; p < m; p++) {
    const c = cos[p];
    const s = sin[p];
    for (let q = 0; q < stride; q++) {
      const a = q + stride * p;
      const b = a + stride * m;
      const to = q + stride * 2 * p;
      const dr = xr[a] - xr[b];
      const di = xi[a] - xi[b];
      yr[to] = xr[a] + xr[b];
      yi[to] = xi[a] + xi[b];
      yr[to + stride] = dr * c - di * s;
      yi[to + stride] = dr * s + di * c;
    }
  }
}

function radix4({ m, stride, cos, sin }: Pass, ...[xr, xi, yr, yi]: Arrays): void {
  const step = stride * m;
  for (let p = 0; p < m; p++) {
    const [c1, c2, c3] = [cos[3 * p], cos[3 * p + 1], cos[3 * p + 2]];
    const [s1, s2, s3] = [sin[3 * p], sin[3 * p + 1], sin[3 * p + 2]];
    for (let q = 0; q < stride; q++) {
      const i0 = q + stride * p;
      const i1 = i0 + step;
      const i2 = i1 + step;
      const i3 = i2 + step;
      const sumR = xr[i0] + xr[i2];
      const sumI = xi[i0] + xi[i2];
      const differenceR = xr[i0] - xr[i2];
      const differenceI = xi[i0] - xi[i2];
      const oddSumR = xr[i1] + xr[i3];
      const oddSumI = xi[i1] + xi[i3];
      // −i·(x1 − x3)
      const oddR = xi[i1] - xi[i3];
      const oddI = xr[i3] - xr[i1];
      const o = q + stride * 4 * p;
      yr[o] = sumR + oddSumR;
      yi[o] = sumI + oddSumI;
      const br = differenceR + oddR;
      const bi = differenceI + oddI;
      yr[o + stride] = br * c1 - bi * s1;
      yi[o + stride] = br * s1 + bi * c1;
      const cr = sumR - oddSumR;
      const ci = sumI - oddSumI;
      yr[o + 2 * stride] = cr * c2 - ci * s2;
      yi[o + 2 * stride] = cr * s2 + ci * c2;
      const dr = differenceR - oddR;
      const di = differenceI - oddI;
      yr[o + 3 * stride] = dr * c3 - di * s3;
      yi[o + 3 * stride] = dr * s3 + di * c3;
    }
  }
}

function anyRadix({ radix, m, stride, cos, sin }: Pass, ...[xr, xi, yr, yi]: Arrays): void {
  const [unitCos, unitSin] = roots(radix, radix);
  for (let p = 0; p < m; p++) {
    for (let q = 0; q < stride; q++) {
      for (let j = 0; j < radix; j++) {
        let sumR = 0;
        let sumI = 0;
        for (let i = 0, w = 0; i < radix; i++) {
          const at = q + stride * (p + i * m);
          sumR += xr[at] * unitCos[w] - xi[at] * unitSin[w];
          sumI += xr[at] * unitSin[w] + xi[at] * unitCos[w];
          w += j;
          if (w >= radix) w -= radix;
        }
        const to = q + stride * (radix * p + j);
        const c = j === 0 ? 1 : cos[p * (radix - 1) + j - 1];
        const s = j === 0 ? 0 : sin[p * (radix - 1) + j - 1];
        yr[to] = sumR * c - sumI * s;
        yi[to] = sumR * s + sumI * c;
      }
    }
  }
}

function bluestein(n: number): ComplexFft {
  let size = 1;
  while (size < 2 * n - 1) size *= 2;
  const inner = stockham(size, radices(size));
  const chirpRe = new Float64Array(n);
  const chirpIm = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    // k² mod 2n keeps the angle small and exact.
    const angle = (Math.PI * Number((BigInt(k) * BigInt(k)) % BigInt(2 * n))) / n;
    chirpRe[k] = Math.cos(angle);
    chirpIm[k] = -Math.sin(angle);
  }
  const kernelRe = new Float64Array(size);
  const kernelIm = new Float64Array(size);
  for (let k = 0; k < n; k++) {
    kernelRe[k] = chirpRe[k];
    kernelIm[k] = -chirpIm[k];
    if (k > 0) {
      kernelRe[size - k] = chirpRe[k];
      kernelIm[size - k] = -chirpIm[k];
    }
  }
  inner.forward(kernelRe, kernelIm);
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  return {
    n,
    forward(xr, xi) {
      re.fill(0);
      im.fill(0);
      for (let k = 0; k < n; k++) {
        re[k] = xr[k] * chirpRe[k] - xi[k] * chirpIm[k];
        im[k] = xr[k] * chirpIm[k] + xi[k] * chirpRe[k];
      }
      inner.forward(re, im);
      for (let k = 0; k < size; k++) {
        const r = re[k] * kernelRe[k] - im[k] * kernelIm[k];
        // Conjugated, so that the forward transform below acts as the inverse.
        im[k] = -(re[k] * kernelIm[k] + im[k] * kernelRe[k]);
        re[k] = r;
      }
      inner.forward(re, im);
      for (let k = 0; k < n; k++) {
        const r = re[k] / size;
        const i = -im[k] / size;
        xr[k] = r * chirpRe[k] - i * chirpIm[k];
        xi[k] = r * chirpIm[k] + i * chirpRe[k];
      }
    },
  };
}

/** @file The regularised upper incomplete gamma function, which is the tail of chi-square and Poisson distributions. */
import { ParameterError } from '../core/index.ts';

/** Below this, Stirling's series is not exact to double precision, so the recurrence of Γ lifts the argument first. */
const stirlingFrom = 12;
const smallest = Number.MIN_VALUE / Number.EPSILON;

/**
 * Q(a, x) = Γ(a, x) / Γ(a), in [0, 1], to about 1e-13 relative for a up to 10⁵.
 * By the series of P(a, x) left of the distribution's bulk and by Legendre's continued fraction (in Lentz's form) right
 * of it, so that tails keep their relative precision (Abramowitz and Stegun 6.5.29 and 6.5.31).
 * @param a shape, > 0 @param x lower limit of the integral, ≥ 0
 * @throws {ParameterError} for arguments out of range
 * @example upperIncompleteGamma(1, 2) // e⁻² = 0.1353…
 */
export function upperIncompleteGamma(a: number, x: number): number {
  if (!(a > 0 && a < Number.POSITIVE_INFINITY && x >= 0)) {
    throw new ParameterError(`The incomplete gamma function needs a > 0 and x ≥ 0, got a = ${a}, x = ${x}.`);
  }
  if (x === 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const scale = gammaDensity(a, x);
  return x < a + 1 ? 1 - (scale / a) * lowerSeries(a, x) : scale * upperFraction(a, x);
}

/** Σ xⁿ / ((a + 1)…(a + n)), n from 0. */
function lowerSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; term > sum * Number.EPSILON; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** 1/(x + 1 − a − 1·(1 − a)/(x + 3 − a − 2·(2 − a)/(x + 5 − a − …))). */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / smallest;
  let d = 1 / b;
  let value = d;
  for (let n = 1; ; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / nonZero(numerator * d + b);
    c = nonZero(b + numerator / c);
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) <= Number.EPSILON) return value;
  }
}

function nonZero(value: number): number {
  return Math.abs(value) < smallest ? smallest : value;
}

/**
 * xᵃ e⁻ˣ / Γ(a). Written as √(s / 2π) · exp(−s·φ(x/s) − δ(s)) with φ(r) = r − 1 − ln r and Stirling's remainder δ, so that
 * large powers never meet; a small `a` is first lifted to s = a + n by Γ(a + n) = Γ(a)·a·(a + 1)…
 */
function gammaDensity(a: number, x: number): number {
  let s = a;
  let lift = 1;
  while (s < stirlingFrom) {
    lift *= s / x;
    s++;
  }
  const r = x / s;
  const phi = Math.abs(r - 1) < 0.5 ? r - 1 - Math.log1p(r - 1) : r - 1 - Math.log(r);
  const t = 1 / (s * s);
  const remainder =
    (1 / 12 - t * (1 / 360 - t * (1 / 1260 - t * (1 / 1680 - t * (1 / 1188 - (t * 691) / 360360))))) / s;
  return lift * Math.sqrt(s / (2 * Math.PI)) * Math.exp(-s * phi - remainder);
}

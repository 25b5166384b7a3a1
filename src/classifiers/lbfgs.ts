/**
 * @file Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.5) with a line search by
 * bisection that ends at the weak Wolfe conditions (Lewis and Overton 2013).
 */

export interface Minimum {
  readonly value: number;
  readonly iterations: number;
  /** False where the limit of iterations, or a step too small to tell, ended the search. */
  readonly converged: boolean;
}

export interface LbfgsOptions {
  /** Largest component of the gradient at which to stop. */
  readonly tol: number;
  readonly maxIterations: number;
  /** Steps remembered. Default 10. */
  readonly memory?: number;
}

/**
 * Minimises a smooth function.
 * @param x the start; holds the minimum at the end
 * @param evaluate the value at its first argument; writes the gradient into its second
 */
export function minimize(
  x: Float64Array,
  evaluate: (at: Float64Array, gradient: Float64Array) => number,
  options: LbfgsOptions,
): Minimum {
  const { tol, maxIterations, memory = 10 } = options;
  const n = x.length;
  let gradient = new Float64Array(n);
  let nextGradient = new Float64Array(n);
  const next = new Float64Array(n);
  const direction = new Float64Array(n);
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  let value = evaluate(x, gradient);
  for (let iteration = 0; ; iteration++) {
    if (largest(gradient) <= tol) return { value, iterations: iteration, converged: true };
    if (iteration === maxIterations) return { value, iterations: iteration, converged: false };
    downhill(direction, gradient, steps);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      // Rounding has spoilt the memory: start again from steepest descent.
      steps.length = 0;
      downhill(direction, gradient, steps);
      slope = dot(direction, gradient);
    }
    let low = 0;
    let high = Number.POSITIVE_INFINITY;
    let step = steps.length === 0 ? 1 / Math.sqrt(-slope) : 1;
    let nextValue = value;
    let found = false;
    for (let trial = 0; trial < 60 && !found; trial++) {
      for (let i = 0; i < n; i++) next[i] = x[i] + step * direction[i];
      nextValue = evaluate(next, nextGradient);
      const nextSlope = dot(nextGradient, direction);
      // Near the minimum rounding hides the descent; there the slopes tell (Hager and Zhang 2005, section 2).
      const descends =
        nextValue <= value + 1e-4 * step * slope ||
        (nextValue <= value + 1e-13 * Math.abs(value) && nextSlope <= -0.8 * slope);
      if (!descends) high = step;
      else if (nextSlope < 0.9 * slope) low = step;
      else found = true;
      if (!found) step = high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
    }
    if (!found) {
      // The function's own rounding hides any further descent.
      return { value, iterations: iteration, converged: false };
    }
    const s = next.map((v, i) => v - x[i]);
    const y = nextGradient.map((v, i) => v - gradient[i]);
    const curvature = dot(s, y);
    if (curvature > 0) {
      steps.push({ s, y, rho: 1 / curvature });
      if (steps.length > memory) steps.shift();
    }
    x.set(next);
    value = nextValue;
    [gradient, nextGradient] = [nextGradient, gradient];
  }
}

/** The two-loop recursion: −H·gradient. */
function downhill(
  direction: Float64Array,
  gradient: Float64Array,
  steps: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): void {
  for (let i = 0; i < gradient.length; i++) direction[i] = -gradient[i];
  const factors = steps.map(() => 0);
  for (let k = steps.length - 1; k >= 0; k--) {
    const { s, y, rho } = steps[k];
    factors[k] = rho * dot(s, direction);
    addScaled(direction, -factors[k], y);
  }
  const last = steps.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  }
  steps.forEach(({ s, y, rho }, k) => {
    addScaled(direction, factors[k] - rho * dot(y, direction), s);
  });
}

function addScaled(to: Float64Array, scale: number, v: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += scale * v[i];
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function largest(v: Float64Array): number {
  let most = 0;
  for (let i = 0; i < v.length; i++) most = Math.max(most, Math.abs(v[i]));
  return most;
}

/**
 * @file A two-class linear support vector machine by dual coordinate descent with shrinking: Hsieh, Chang, Lin, Keerthi
 * and Sundararajan (2008), "A dual coordinate descent method for large-scale linear SVM", algorithms 1 and 3, as in
 * LIBLINEAR's `solve_l2r_l1l2_svc`.
 */
import type { Random } from '../core/index.ts';
import type { RowKernel } from './rowKernel.ts';

export interface DualProblem {
  /** The data. Vector `v` must be zero at first and holds the weights at the end. */
  readonly kernel: RowKernel;
  readonly v: number;
  /** +1 or −1 for each row. */
  readonly signs: Int8Array;
  /** Cost of a unit of loss, of rows of each sign, ≥ 0; rows of cost 0 are left out. */
  readonly positiveCost: number;
  readonly negativeCost: number;
  readonly squared: boolean;
  /** Largest spread of projected gradients at which to stop. */
  readonly tol: number;
  readonly maxIterations: number;
  readonly random: Random;
}

/** Squared lengths of the rows: the diagonal of the dual's Hessian, the same for every class. */
export function squaredLengths(kernel: RowKernel, rows: number, scratch: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) => {
    kernel.load(i, scratch);
    return kernel.dot(i, scratch);
  });
}

/**
 * Minimises ½‖w‖² + Σ cost·loss by single multipliers in random order. A multiplier at its bound whose gradient says
 * that it will stay there is set aside; when the others are done, all are looked at once more.
 */
export function solveDual(
  problem: DualProblem,
  lengths: Float64Array,
): { iterations: number; converged: boolean } {
  const { kernel, v, signs, positiveCost, negativeCost, squared, tol, maxIterations, random } = problem;
  const n = signs.length;
  const alpha = new Float64Array(n);
  const order = new Int32Array(n);
  let total = 0;
  for (let i = 0; i < n; i++) if ((signs[i] > 0 ? positiveCost : negativeCost) > 0) order[total++] = i;
  // The squared hinge has no upper bound, and a diagonal term instead.
  const diagonal = (cost: number) => (squared ? 0.5 / cost : 0);
  const bound = (cost: number) => (squared ? Number.POSITIVE_INFINITY : cost);
  const [positiveDiagonal, negativeDiagonal] = [diagonal(positiveCost), diagonal(negativeCost)];
  const [positiveBound, negativeBound] = [bound(positiveCost), bound(negativeCost)];

  let active = total;
  let highest = Number.POSITIVE_INFINITY;
  let lowest = Number.NEGATIVE_INFINITY;
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    let newHighest = Number.NEGATIVE_INFINITY;
    let newLowest = Number.POSITIVE_INFINITY;
    for (let s = 0; s < active; s++) {
      const j = s + random.integer(active - s);
      const i = order[j];
      order[j] = order[s];
      order[s] = i;
    }
    for (let s = 0; s < active; s++) {
      const i = order[s];
      const sign = signs[i];
      const before = alpha[i];
      const upper = sign > 0 ? positiveBound : negativeBound;
      const extra = sign > 0 ? positiveDiagonal : negativeDiagonal;
      const gradient = sign * kernel.dot(i, v) - 1 + extra * before;
      let projected = gradient;
      if (before === 0) {
        if (gradient > highest) {
          order[s--] = order[--active];
          order[active] = i;
          continue;
        }
        projected = Math.min(gradient, 0);
      } else if (before === upper) {
        if (gradient < lowest) {
          order[s--] = order[--active];
          order[active] = i;
          continue;
        }
        projected = Math.max(gradient, 0);
      }
      if (projected > newHighest) newHighest = projected;
      if (projected < newLowest) newLowest = projected;
      if (Math.abs(projected) <= 1e-12) continue;
      const curvature = lengths[i] + extra;
      // A row of zeros without a constant column has no curvature; its multiplier goes to its bound.
      const step = curvature > 0 ? gradient / curvature : Math.sign(gradient) * Number.POSITIVE_INFINITY;
      const after = Math.min(Math.max(before - step, 0), upper);
      alpha[i] = after;
      if (after !== before) kernel.add(i, v, (after - before) * sign);
    }
    if (newHighest - newLowest <= tol) {
      if (active === total) return { iterations: iteration, converged: true };
      active = total;
      highest = Number.POSITIVE_INFINITY;
      lowest = Number.NEGATIVE_INFINITY;
      continue;
    }
    highest = newHighest > 0 ? newHighest : Number.POSITIVE_INFINITY;
    lowest = newLowest < 0 ? newLowest : Number.NEGATIVE_INFINITY;
  }
  return { iterations: maxIterations, converged: false };
}

/**
 * @file A two-class support vector machine by sequential minimal optimisation, as in LIBSVM: working sets by
 * second-order information (Fan, Chen and Lin 2005, WSS 2), shrinking with gradients reconstructed (Chang and Lin 2011,
 * section 5).
 */

export interface SmoProblem {
  /** Rows of the problem, as the kernel numbers them. */
  readonly rows: Int32Array;
  /** +1 or −1 for each of `rows`. */
  readonly signs: Int8Array;
  /** Upper bound of each multiplier, > 0. */
  readonly bounds: Float64Array;
  /** K(i, ·) by the kernel's numbers, K(i, i) = 1; two rows must stay valid at a time. */
  readonly kernelRow: (i: number) => Float32Array;
  /** Largest violation of the optimality conditions at which to stop. */
  readonly tol: number;
  readonly maxIterations: number;
}

export interface SmoSolution {
  /** Multiplier times sign of each row. */
  readonly coefficients: Float64Array;
  /** The decision is Σ coefficient·K − rho. */
  readonly rho: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** What stands for a curvature that is not positive. */
const tau = 1e-12;

export function solveSmo(problem: SmoProblem): SmoSolution {
  const solver = new Smo(problem);
  return solver.solve();
}

class Smo {
  private readonly alpha: Float64Array;
  /** Gradient of the dual, ½αᵀQα − Σα; of rows set aside it is out of date. */
  private readonly gradient: Float64Array;
  /** The part of the gradient that comes from multipliers at their upper bound. */
  private readonly fromBounds: Float64Array;
  /** Positions in `rows` still looked at: the first `active` of `order`. */
  private readonly order: Int32Array;
  private active: number;
  private unshrunk = false;

  constructor(private readonly problem: SmoProblem) {
    const n = problem.rows.length;
    this.alpha = new Float64Array(n);
    this.gradient = new Float64Array(n).fill(-1);
    this.fromBounds = new Float64Array(n);
    this.order = Int32Array.from({ length: n }, (_, t) => t);
    this.active = n;
  }

  private atUpper(t: number): boolean {
    return this.alpha[t] >= this.problem.bounds[t];
  }

  private atLower(t: number): boolean {
    return this.alpha[t] <= 0;
  }

  solve(): SmoSolution {
    const { rows, signs, maxIterations } = this.problem;
    const n = rows.length;
    let counter = Math.min(n, 1000) + 1;
    let iterations = 0;
    let converged = false;
    while (iterations < maxIterations) {
      if (--counter === 0) {
        counter = Math.min(n, 1000);
        this.shrink();
      }
      let pair = this.selectPair();
      if (pair === null) {
        this.reconstruct();
        this.active = n;
        pair = this.selectPair();
        if (pair === null) {
          converged = true;
          break;
        }
        counter = 1;
      }
      iterations++;
      this.update(pair[0], pair[1]);
    }
    if (this.active < n) this.reconstruct();
    const coefficients = this.alpha.map((a, t) => a * signs[t]);
    return { coefficients, rho: this.rho(), iterations, converged };
  }

  /** The pair that promises the greatest descent, or null where none violates the conditions by more than `tol`. */
  private selectPair(): readonly [number, number] | null {
    const { rows, signs, kernelRow, tol } = this.problem;
    const { gradient, order, active } = this;
    let most = Number.NEGATIVE_INFINITY;
    let i = -1;
    for (let a = 0; a < active; a++) {
      const t = order[a];
      const up = signs[t] > 0 ? !this.atUpper(t) : !this.atLower(t);
      const value = -signs[t] * gradient[t];
      if (up && value >= most) {
        most = value;
        i = t;
      }
    }
    if (i < 0) return null;
    const K = kernelRow(rows[i]);
    let opposite = Number.NEGATIVE_INFINITY;
    let best = Number.POSITIVE_INFINITY;
    let j = -1;
    for (let a = 0; a < active; a++) {
      const t = order[a];
      const down = signs[t] > 0 ? !this.atLower(t) : !this.atUpper(t);
      if (!down) continue;
      const value = signs[t] * gradient[t];
      if (value >= opposite) opposite = value;
      const difference = most + value;
      if (difference <= 0) continue;
      const curvature = 2 - 2 * K[rows[t]];
      const descent = -(difference * difference) / (curvature > 0 ? curvature : tau);
      if (descent <= best) {
        best = descent;
        j = t;
      }
    }
    return most + opposite < tol || j < 0 ? null : [i, j];
  }

  /** Minimises over two multipliers, keeping Σ sign·α and the bounds. */
  private update(i: number, j: number): void {
    const { rows, signs, bounds, kernelRow } = this.problem;
    const { alpha, gradient, order, active, fromBounds } = this;
    const Ki = kernelRow(rows[i]);
    const Kj = kernelRow(rows[j]);
    const curvature = Math.max(2 - 2 * Ki[rows[j]], tau);
    const [oldI, oldJ] = [alpha[i], alpha[j]];
    const [Ci, Cj] = [bounds[i], bounds[j]];
    const [upperI, upperJ] = [this.atUpper(i), this.atUpper(j)];
    if (signs[i] !== signs[j]) {
      const step = (-gradient[i] - gradient[j]) / curvature;
      const difference = oldI - oldJ;
      let [a, b] = [oldI + step, oldJ + step];
      if (difference > 0 && b < 0) [a, b] = [difference, 0];
      else if (difference <= 0 && a < 0) [a, b] = [0, -difference];
      if (difference > Ci - Cj && a > Ci) [a, b] = [Ci, Ci - difference];
      else if (difference <= Ci - Cj && b > Cj) [a, b] = [Cj + difference, Cj];
      alpha[i] = a;
      alpha[j] = b;
    } else {
      const step = (gradient[i] - gradient[j]) / curvature;
      const sum = oldI + oldJ;
      let [a, b] = [oldI - step, oldJ + step];
      if (sum > Ci && a > Ci) [a, b] = [Ci, sum - Ci];
      else if (sum <= Ci && b < 0) [a, b] = [sum, 0];
      if (sum > Cj && b > Cj) [a, b] = [sum - Cj, Cj];
      else if (sum <= Cj && a < 0) [a, b] = [0, sum];
      alpha[i] = a;
      alpha[j] = b;
    }
    const byI = signs[i] * (alpha[i] - oldI);
    const byJ = signs[j] * (alpha[j] - oldJ);
    for (let a = 0; a < active; a++) {
      const t = order[a];
      const row = rows[t];
      gradient[t] += signs[t] * (byI * Ki[row] + byJ * Kj[row]);
    }
    for (const [t, K, before] of [
      [i, Ki, upperI],
      [j, Kj, upperJ],
    ] as const) {
      const after = this.atUpper(t);
      if (after === before) continue;
      const change = (after ? 1 : -1) * bounds[t] * signs[t];
      for (let s = 0; s < rows.length; s++) fromBounds[s] += signs[s] * change * K[rows[s]];
    }
  }

  /** The two sides of the optimality conditions, over what is active. */
  private violations(): readonly [up: number, down: number] {
    const { signs } = this.problem;
    let up = Number.NEGATIVE_INFINITY;
    let down = Number.NEGATIVE_INFINITY;
    for (let a = 0; a < this.active; a++) {
      const t = this.order[a];
      const value = signs[t] * this.gradient[t];
      const [canRise, canFall] = [!this.atUpper(t), !this.atLower(t)];
      if (signs[t] > 0 ? canRise : canFall) up = Math.max(up, -value);
      if (signs[t] > 0 ? canFall : canRise) down = Math.max(down, value);
    }
    return [up, down];
  }

  /** Sets aside multipliers at a bound that are sure to stay there. */
  private shrink(): void {
    const { signs, tol } = this.problem;
    const { gradient, order } = this;
    let [up, down] = this.violations();
    if (!this.unshrunk && up + down <= 10 * tol) {
      this.unshrunk = true;
      this.reconstruct();
      this.active = order.length;
      [up, down] = this.violations();
    }
    for (let a = 0; a < this.active; a++) {
      const t = order[a];
      const positive = signs[t] > 0;
      const stays = this.atUpper(t)
        ? -gradient[t] > (positive ? up : down)
        : this.atLower(t) && gradient[t] > (positive ? down : up);
      if (!stays) continue;
      order[a--] = order[--this.active];
      order[this.active] = t;
    }
  }

  /** Brings the gradients of rows set aside up to date. */
  private reconstruct(): void {
    const { rows, signs, kernelRow } = this.problem;
    const { alpha, gradient, order, active, fromBounds } = this;
    const n = rows.length;
    if (active === n) return;
    for (let a = active; a < n; a++) gradient[order[a]] = fromBounds[order[a]] - 1;
    for (let i = 0; i < n; i++) {
      if (this.atLower(i) || this.atUpper(i)) continue;
      const K = kernelRow(rows[i]);
      const factor = alpha[i] * signs[i];
      for (let a = active; a < n; a++) {
        const t = order[a];
        gradient[t] += signs[t] * factor * K[rows[t]];
      }
    }
  }

  /** The threshold: the mean over free multipliers, or the middle of what the others allow. */
  private rho(): number {
    const { signs } = this.problem;
    let [sum, free] = [0, 0];
    let [above, below] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let t = 0; t < signs.length; t++) {
      const value = signs[t] * this.gradient[t];
      if (this.atUpper(t) || this.atLower(t)) {
        if (this.atUpper(t) === signs[t] < 0) above = Math.min(above, value);
        else below = Math.max(below, value);
      } else {
        free++;
        sum += value;
      }
    }
    if (free > 0) return sum / free;
    // Rows of one sign alone bound it on one side.
    if (above === Number.POSITIVE_INFINITY) return below === Number.NEGATIVE_INFINITY ? 0 : below;
    return below === Number.NEGATIVE_INFINITY ? above : (above + below) / 2;
  }
}

/**
 * @file Platt's sigmoid: probabilities from scores (Platt 1999), by the Newton method of Lin, Lin and Weng (2007), "A
 * note on Platt's probabilistic outputs for support vector machines".
 */
import { logistic } from './softmax.ts';

/** P(positive | score) = 1 / (1 + e^(slope·score + offset)); slope is negative for scores that mean something. */
export interface Sigmoid {
  readonly kind: 'sigmoid';
  readonly slope: number;
  readonly offset: number;
}

/**
 * The sigmoid of greatest likelihood. Targets are not 0 and 1 but (1 / (negatives + 2)) and
 * ((positives + 1) / (positives + 2)), Platt's guard against certainty from few items.
 */
export function fitSigmoid(scores: ArrayLike<number>, positive: ArrayLike<boolean>): Sigmoid {
  const n = scores.length;
  let positives = 0;
  for (let i = 0; i < n; i++) if (positive[i]) positives++;
  const negatives = n - positives;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  const target = (i: number) => (positive[i] ? high : low);
  /** Negative log-likelihood, in a form that does not overflow. */
  const loss = (a: number, b: number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const z = a * scores[i] + b;
      sum += (z >= 0 ? target(i) : target(i) - 1) * z + Math.log1p(Math.exp(-Math.abs(z)));
    }
    return sum;
  };
  let slope = 0;
  let offset = Math.log((negatives + 1) / (positives + 1));
  let value = loss(slope, offset);
  for (let iteration = 0; iteration < 100; iteration++) {
    // Gradient and Hessian, its diagonal raised a little so that it can be inverted.
    let [haa, hbb, hab, ga, gb] = [1e-12, 1e-12, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const s = scores[i];
      const p = logistic(-(slope * s + offset));
      const curvature = p * (1 - p);
      haa += s * s * curvature;
      hbb += curvature;
      hab += s * curvature;
      const residual = target(i) - p;
      ga += s * residual;
      gb += residual;
    }
    if (Math.abs(ga) < 1e-9 && Math.abs(gb) < 1e-9) break;
    const determinant = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / determinant;
    const db = -(haa * gb - hab * ga) / determinant;
    const descent = ga * da + gb * db;
    let step = 1;
    for (; step >= 1e-10; step /= 2) {
      const next = loss(slope + step * da, offset + step * db);
      if (next < value + 1e-4 * step * descent) {
        slope += step * da;
        offset += step * db;
        value = next;
        break;
      }
    }
    if (step < 1e-10) break;
  }
  return { kind: 'sigmoid', slope, offset };
}

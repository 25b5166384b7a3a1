/**
 * @file Permutation tests (Fisher 1935; Phipson and Smyth 2010): how often does a statistic get as large when labels
 * are dealt out anew? Labels are exchanged within strata, so that what the strata hold of each class stays as it is.
 */
import { ParameterError, type Random } from '../core/index.ts';

/**
 * Numbers 0 … n − 1 shuffled within strata: item i gets the label of item `result[i]`, which is of its own stratum.
 * @param strata the stratum of each item
 */
export function permutedWithin(strata: ArrayLike<number>, random: Random): Uint32Array {
  const members = new Map<number, number[]>();
  for (let i = 0; i < strata.length; i++) {
    const list = members.get(strata[i]);
    if (list) list.push(i);
    else members.set(strata[i], [i]);
  }
  const result = new Uint32Array(strata.length);
  for (const places of members.values()) {
    random.shuffle(places).forEach((from, i) => {
      result[places[i]] = from;
    });
  }
  return result;
}

/**
 * How many distinct labellings exchange within strata gives: ∏ over strata of n! / ∏ over classes of n_c!. With few,
 * no p-value can be small. Infinite beyond the range of numbers.
 */
export function labellings(labels: ArrayLike<string | number>, strata: ArrayLike<number>): number {
  if (labels.length !== strata.length) {
    throw new ParameterError(
      `There are ${labels.length} labels but ${strata.length} strata; each needs both.`,
    );
  }
  const counts = new Map<number, Map<string | number, number>>();
  for (let i = 0; i < labels.length; i++) {
    const inside = counts.get(strata[i]) ?? new Map<string | number, number>();
    counts.set(strata[i], inside.set(labels[i], (inside.get(labels[i]) ?? 0) + 1));
  }
  let product = 1;
  for (const inside of counts.values()) {
    let placed = 0;
    // A product of binomial coefficients, each a whole number at every step.
    for (const count of inside.values()) {
      for (let i = 1; i <= count; i++) product = (product * ++placed) / i;
    }
  }
  return Math.round(product);
}

/**
 * Share of the permutations, the observed one counted among them, whose statistic is at least the observed:
 * (1 + #{null ≥ observed}) / (1 + #null). It is never 0, and right at any number of permutations.
 * @throws {ParameterError} for no permutations
 */
export function permutationP(observed: number, drawn: ArrayLike<number>): number {
  if (drawn.length === 0) throw new ParameterError('A permutation test needs at least one permutation.');
  let reached = 1;
  // Sums in another order may differ in the last digit: that is no difference.
  const tolerance = 1e-9 * Math.max(1, Math.abs(observed));
  for (let i = 0; i < drawn.length; i++) if (drawn[i] >= observed - tolerance) reached++;
  return reached / (drawn.length + 1);
}

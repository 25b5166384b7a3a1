/**
 * @file Target matrices: everything in which classification recipes differ (mean over the batch, class weights,
 * label smoothing, mixup) as the coefficients of −log p in the loss.
 */
import { ParameterError } from '../core/index.ts';

export interface TargetOptions {
  readonly classes: number;
  /** ε: the true class gets 1 − ε + ε/C, every other ε/C. Default 0. */
  readonly labelSmoothing?: number;
  /** One factor per class; rows are divided by the factors' sum over the batch, as PyTorch's weighted mean. */
  readonly classWeights?: readonly number[];
}

/** A clip's classes: one with weight 1, or two after mixup. */
export interface SoftLabel {
  readonly label: number;
  readonly other: number;
  /** Share of `label`; `other` has the rest. */
  readonly share: number;
}

export function hardLabel(label: number): SoftLabel {
  return { label, other: label, share: 1 };
}

/**
 * The coefficients [N, classes] whose weighted sum of −log p is the batch's loss.
 * With hard labels, no smoothing and no weights: one-hot rows divided by N (PyTorch's `CrossEntropyLoss`).
 * @throws {ParameterError} on a label outside [0, classes) or smoothing outside [0, 1)
 */
export function targetMatrix(labels: readonly SoftLabel[], options: TargetOptions): Float32Array {
  const { classes, labelSmoothing = 0, classWeights } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ParameterError(`Label smoothing must be in [0, 1), got ${labelSmoothing}.`);
  }
  if (classWeights !== undefined && classWeights.length !== classes) {
    throw new ParameterError(`There are ${classes} classes but ${classWeights.length} class weights.`);
  }
  const weight = (c: number) => classWeights?.[c] ?? 1;
  const targets = new Float32Array(labels.length * classes);
  let total = 0;
  labels.forEach(({ label, other, share }, n) => {
    for (const c of [label, other]) requireClass(c, classes);
    const row = n * classes;
    for (let c = 0; c < classes; c++) targets[row + c] = (labelSmoothing / classes) * weight(c);
    targets[row + label] += (1 - labelSmoothing) * share * weight(label);
    targets[row + other] += (1 - labelSmoothing) * (1 - share) * weight(other);
    total += share * weight(label) + (1 - share) * weight(other);
  });
  for (let i = 0; i < targets.length; i++) targets[i] /= total;
  return targets;
}

/** @throws {ParameterError} for a label outside [0, classes) */
export function requireClass(label: number, classes: number): void {
  if (Number.isInteger(label) && label >= 0 && label < classes) return;
  throw new ParameterError(`Label ${label} is not one of the ${classes} classes.`);
}

/** Weights inversely proportional to class counts, with mean 1 over the clips (scikit-learn's `balanced`). */
export function balancedClassWeights(labels: readonly number[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]++;
  return counts.map((n) => (n === 0 ? 0 : labels.length / (classes * n)));
}

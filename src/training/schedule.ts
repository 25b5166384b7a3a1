/** @file Learning-rate schedules: a factor of the peak rate for every step. */
import { ParameterError } from '../core/index.ts';

export type ScheduleSpec =
  | { readonly kind: 'constant'; readonly warmupEpochs?: number }
  /** Half a cosine from 1 to `floor` over what follows the warm-up. */
  | { readonly kind: 'cosine'; readonly warmupEpochs?: number; readonly floor?: number }
  /** Times `factor` after every `everyEpochs`. */
  | {
      readonly kind: 'step';
      readonly warmupEpochs?: number;
      readonly everyEpochs: number;
      readonly factor: number;
    };

/**
 * @throws {ParameterError} on a value out of range, on a warm-up longer than the run, and on a step schedule whose first
 *   step would come after the last epoch
 */
export function checkSchedule(spec: ScheduleSpec, epochs: number): void {
  const { warmupEpochs = 0 } = spec;
  if (!(warmupEpochs >= 0 && warmupEpochs <= epochs)) {
    throw new ParameterError(`The warm-up must last from 0 to all ${epochs} epochs, got ${warmupEpochs}.`);
  }
  if (spec.kind === 'cosine') {
    const { floor = 0 } = spec;
    if (!(floor >= 0 && floor <= 1))
      throw new ParameterError(`The floor of a cosine schedule must lie in [0, 1], got ${floor}.`);
  }
  if (spec.kind !== 'step') return;
  const { everyEpochs, factor } = spec;
  if (!(factor > 0 && factor <= 1))
    throw new ParameterError(`The factor of a step schedule must be above 0 and at most 1, got ${factor}.`);
  if (!(everyEpochs > 0))
    throw new ParameterError(`A step schedule needs everyEpochs > 0, got ${everyEpochs}.`);
  if (everyEpochs >= epochs) {
    throw new ParameterError(
      `A step schedule that steps every ${everyEpochs} epochs never steps within ${epochs}.`,
      { hint: 'Train for more epochs, or choose the schedule constant or cosine.' },
    );
  }
}

/**
 * The factor for step `step` (from 0) of `epochs · stepsPerEpoch`. The warm-up rises linearly and reaches 1 with its
 * last step. Cosine falls from 1 towards its floor as in PyTorch's CosineAnnealingLR and Keras's CosineDecay, whose
 * denominator is the number of steps: the floor itself would be reached one step after the last, so that a floor of 0
 * leaves no step without effect.
 */
export function scheduleFactor(
  spec: ScheduleSpec,
  step: number,
  epochs: number,
  stepsPerEpoch: number,
): number {
  const total = epochs * stepsPerEpoch;
  const warmup = Math.min(total, Math.round((spec.warmupEpochs ?? 0) * stepsPerEpoch));
  if (step < warmup) return (step + 1) / warmup;
  switch (spec.kind) {
    case 'constant':
      return 1;
    case 'cosine': {
      const { floor = 0 } = spec;
      const progress = (step - warmup) / (total - warmup);
      return floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
    }
    case 'step':
      return spec.factor ** Math.floor(step / stepsPerEpoch / spec.everyEpochs);
  }
}

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
 * The factor for step `step` (from 0) of `epochs · stepsPerEpoch`. The warm-up rises linearly and reaches 1 with its
 * last step; cosine ends at its floor with the last step.
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
      const floor = spec.floor ?? 0;
      const rest = total - warmup;
      const progress = rest <= 1 ? 1 : (step - warmup) / (rest - 1);
      return floor + ((1 - floor) * (1 + Math.cos(Math.PI * Math.min(1, progress)))) / 2;
    }
    case 'step':
      if (!(spec.everyEpochs > 0))
        throw new ParameterError(`A step schedule needs everyEpochs > 0, got ${spec.everyEpochs}.`);
      return spec.factor ** Math.floor(step / stepsPerEpoch / spec.everyEpochs);
  }
}

/** @file The settings of one training run, all of them resolved: what is stored with the run and replayed. */
import { adam, adamW, type Optimizer, sgd } from '../autodiff/index.ts';
import { ParameterError } from '../core/index.ts';
import type { Network, ParameterSpec } from '../networks/network.ts';
import type { Augmentation } from './augment/augmentation.ts';
import type { ScheduleSpec } from './schedule.ts';

export interface OptimizerSpec {
  readonly kind: 'sgd' | 'adam' | 'adamw';
  /** Peak learning rate. */
  readonly learningRate: number;
  readonly weightDecay: number;
  /** SGD only. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/** What is trained: the last linear layer, the last stage and what follows it, or everything. */
export type TrainablePart = 'head' | 'last-stage' | 'all';

export interface TrainingConfig {
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Largest global gradient norm, or null. */
  readonly clipNorm: number | null;
  readonly labelSmoothing: number;
  readonly classWeights: 'none' | 'balanced';
  readonly augmentation: Augmentation;
  readonly trainable: TrainablePart;
  /** Batch normalisation keeps its running statistics (usual when only a part is trained). */
  readonly frozenStatistics: boolean;
  /** Activations are computed again in the backward pass instead of being kept: less memory for larger batches. */
  readonly checkpointActivations?: boolean;
  /** Stop after that many epochs without a lower validation loss; null to run all epochs. */
  readonly patience: number | null;
  /** Which epoch's parameters become the model: the lowest validation loss, or the last. */
  readonly select: 'best' | 'last';
  readonly seed: number;
}

/** @throws {ParameterError} on settings out of range */
export function checkTrainingConfig(config: TrainingConfig): void {
  const whole: [string, number][] = [
    ['epochs', config.epochs],
    ['batchSize', config.batchSize],
  ];
  for (const [name, value] of whole) {
    if (!Number.isInteger(value) || value < 1)
      throw new ParameterError(`${name} must be a whole number ≥ 1, got ${value}.`);
  }
  if (!(config.optimizer.learningRate > 0)) {
    throw new ParameterError(`The learning rate must be above 0, got ${config.optimizer.learningRate}.`);
  }
  if (config.clipNorm !== null && !(config.clipNorm > 0)) {
    throw new ParameterError(`clipNorm must be above 0, got ${config.clipNorm}.`);
  }
  if (config.patience !== null && !(config.patience >= 1)) {
    throw new ParameterError(`patience must be at least 1 epoch, got ${config.patience}.`);
  }
  if (!Number.isInteger(config.seed))
    throw new ParameterError(`The seed must be an integer, got ${config.seed}.`);
}

export function makeOptimizer(spec: OptimizerSpec): Optimizer {
  switch (spec.kind) {
    case 'sgd':
      return sgd({
        weightDecay: spec.weightDecay,
        ...(spec.momentum === undefined ? {} : { momentum: spec.momentum }),
        ...(spec.nesterov === undefined ? {} : { nesterov: spec.nesterov }),
      });
    case 'adam':
      return adam({ weightDecay: spec.weightDecay });
    case 'adamw':
      return adamW({ weightDecay: spec.weightDecay });
  }
}

/** Tells which parameters a choice trains; a parameter that says so itself is trained always or never. */
export function trainableParameters(network: Network, part: TrainablePart): (spec: ParameterSpec) => boolean {
  const stages = network.stages.slice(part === 'head' ? -1 : -2);
  const prefixes = stages.flatMap((stage) => stage.prefixes);
  return (spec) =>
    spec.trained ?? (part === 'all' || prefixes.some((prefix) => spec.name.startsWith(prefix)));
}

/** @file The settings of one training run, all of them resolved: what is stored with the run and replayed. */
import { adam, adamW, type Optimizer, sgd } from '../autodiff/index.ts';
import { ParameterError } from '../core/index.ts';
import type { Network, ParameterSpec } from '../networks/network.ts';
import type { Augmentation } from './augment/augmentation.ts';
import { checkSchedule, type ScheduleSpec } from './schedule.ts';

export interface OptimizerSpec {
  readonly kind: 'sgd' | 'adam' | 'adamw';
  /** Peak learning rate. */
  readonly learningRate: number;
  readonly weightDecay: number;
  /** The head's learning rate, as a multiple of that of the stage before it; default 1. */
  readonly headRate?: number;
  /**
   * The first stage's learning rate as a share of that of the last stage before the head, in (0, 1], whatever the
   * network's depth; those between follow in equal ratios. Default 1: all alike.
   */
  readonly depthDecay?: number;
  /** SGD only. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/**
 * What is trained: the last linear layer; the last stage and what follows it; the last N parameters before the head,
 * and the head; or everything.
 */
export type TrainablePart = 'head' | 'last-stage' | 'all' | `last:${number}`;

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
  /** So many epochs at first train the head alone, everything else staying as it is; default 0. */
  readonly warmHeadEpochs?: number;
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

/** @throws {ParameterError} on settings out of range, before anything is computed with them */
export function checkTrainingConfig(config: TrainingConfig): void {
  const { epochs, batchSize, clipNorm, labelSmoothing, patience, seed, warmHeadEpochs = 0 } = config;
  for (const [name, value] of Object.entries({ epochs, batchSize })) {
    mustHold(Number.isInteger(value) && value >= 1, `${name} must be a whole number ≥ 1, got ${value}.`);
  }
  checkOptimizer(config.optimizer);
  checkSchedule(config.schedule, epochs);
  checkAugmentation(config.augmentation);
  mustHold(clipNorm === null || clipNorm > 0, `clipNorm must be above 0, got ${clipNorm}.`);
  mustHold(
    labelSmoothing >= 0 && labelSmoothing < 1,
    `Label smoothing must be in [0, 1), got ${labelSmoothing}.`,
  );
  mustHold(patience === null || patience >= 1, `patience must be at least 1 epoch, got ${patience}.`);
  mustHold(
    Number.isInteger(warmHeadEpochs) && warmHeadEpochs >= 0 && warmHeadEpochs < epochs,
    `The head can learn alone for a whole number of epochs below all ${epochs}, got ${warmHeadEpochs}.`,
    'To train the head alone to the end, choose it as the part that is trained.',
  );
  mustHold(Number.isInteger(seed), `The seed must be an integer, got ${seed}.`);
}

function checkOptimizer(spec: OptimizerSpec): void {
  const { learningRate, weightDecay, headRate = 1, depthDecay = 1, momentum = 0, nesterov = false } = spec;
  mustHold(isAbove0(learningRate), `The learning rate must be above 0, got ${learningRate}.`);
  mustHold(
    Number.isFinite(weightDecay) && weightDecay >= 0,
    `weightDecay must be at least 0, got ${weightDecay}.`,
  );
  mustHold(isAbove0(headRate), `headRate must be above 0, got ${headRate}.`);
  mustHold(depthDecay > 0 && depthDecay <= 1, `depthDecay must be above 0 and at most 1, got ${depthDecay}.`);
  mustHold(momentum >= 0 && momentum < 1, `momentum must be in [0, 1), got ${momentum}.`);
  mustHold(
    !(nesterov && spec.momentum === 0),
    "Nesterov's method looks ahead along the momentum, which is 0.",
    'Give a momentum above 0, or use plain SGD.',
  );
}

function checkAugmentation(augmentation: Augmentation): void {
  const { timeShift, gain, noiseSnr, noiseProbability, specAugment, mixup } = augmentation;
  mustHold(timeShift >= 0 && timeShift <= 1, `timeShift must be in [0, 1], got ${timeShift}.`);
  mustHold(
    noiseProbability >= 0 && noiseProbability <= 1,
    `noiseProbability must be in [0, 1], got ${noiseProbability}.`,
  );
  for (const [name, value] of Object.entries({ gain, mixup, ...specAugment })) {
    mustHold(Number.isFinite(value) && value >= 0, `${name} must be at least 0, got ${value}.`);
  }
  if (noiseSnr === null) return;
  const [low, high] = noiseSnr;
  mustHold(
    Number.isFinite(low) && Number.isFinite(high) && low <= high,
    `noiseSnr must be two numbers of dB, the lower one first, got ${low}, ${high}.`,
  );
}

function mustHold(holds: boolean, message: string, hint?: string): void {
  if (!holds) throw new ParameterError(message, hint === undefined ? {} : { hint });
}

function isAbove0(value: number): boolean {
  return Number.isFinite(value) && value > 0;
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

/** Whether a parameter belongs to the network's head: its last stage. */
export function inHead(network: Network): (spec: Pick<ParameterSpec, 'name'>) => boolean {
  const prefixes = network.stages.at(-1)?.prefixes ?? [];
  return (spec) => prefixes.some((prefix) => spec.name.startsWith(prefix));
}

/**
 * A parameter's learning rate as a multiple of the run's: `headRate` in the head, 1 in the stage before it, `depthDecay`
 * in the first stage, and geometric in between (discriminative fine-tuning, Howard and Ruder 2018). The ratio from one
 * stage to the next follows from the number of stages: a fixed ratio tuned on a shallow network would leave the first
 * layers of a deep one with no learning rate at all.
 */
export function learningRateFactor(
  network: Network,
  { headRate = 1, depthDecay = 1 }: Pick<OptimizerSpec, 'headRate' | 'depthDecay'>,
): (spec: Pick<ParameterSpec, 'name'>) => number {
  const head = inHead(network);
  const body = network.stages.slice(0, -1);
  const last = Math.max(0, body.length - 1);
  return (spec) => {
    if (head(spec)) return headRate;
    // The longest prefix decides: `layer1.` begins the names of `layer1.conv.` too.
    let best = { index: body.length - 1, length: 0 };
    body.forEach(({ prefixes }, index) => {
      for (const prefix of prefixes)
        if (spec.name.startsWith(prefix) && prefix.length > best.length)
          best = { index, length: prefix.length };
    });
    return last === 0 ? 1 : depthDecay ** ((last - best.index) / last);
  };
}

/**
 * Tells which parameters a choice trains; a parameter that says so itself is trained always or never.
 * @param specs the network's parameters in order of first use, as `last:N` counts them
 * @throws {ParameterError} when `last:N` asks for more parameters than there are
 */
export function trainableParameters(
  network: Network,
  part: TrainablePart,
  specs: readonly ParameterSpec[],
): (spec: ParameterSpec) => boolean {
  const chosen = chosenPart(network, part, specs);
  return (spec) => spec.trained ?? chosen(spec);
}

function chosenPart(
  network: Network,
  part: TrainablePart,
  specs: readonly ParameterSpec[],
): (spec: ParameterSpec) => boolean {
  if (part === 'all') return () => true;
  if (part.startsWith('last:')) {
    const head = inHead(network);
    const body = specs.filter(
      (spec) => spec.role !== 'statistic' && spec.trained === undefined && !head(spec),
    );
    const last = Number(part.slice('last:'.length));
    if (!Number.isInteger(last) || last < 0 || last > body.length) {
      throw new ParameterError(
        `'${part}' trains the last ${part.slice('last:'.length)} parameters before the head, but ${network.name} has ${body.length} there.`,
        { hint: `Give a whole number up to ${body.length}, or train all.` },
      );
    }
    const names = new Set(body.slice(body.length - last).map((spec) => spec.name));
    return (spec) => names.has(spec.name) || head(spec);
  }
  const stages = network.stages.slice(part === 'head' ? -1 : -2);
  const prefixes = stages.flatMap((stage) => stage.prefixes);
  return (spec) => prefixes.some((prefix) => spec.name.startsWith(prefix));
}

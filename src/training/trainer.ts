/** @file The training loop: batches, steps, validation, checkpoints, early stopping, resuming. */
import { mkdir } from 'node:fs/promises';
import { packTensor, unpackTensor } from '../autodiff/index.ts';
import {
  alongside,
  CancelledError,
  float32,
  ParameterError,
  type ProgressListener,
  Random,
  sizeOf,
  type Tensor,
  TrainingError,
} from '../core/index.ts';
import {
  learntNumbers,
  type Network,
  type ParameterSpec,
  type ParameterValues,
  parameterSpecs,
} from '../networks/network.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { type DeviceChoice, Engine, type LoadedModel } from '../runtime/index.ts';
import {
  type BatchOptions,
  batchesPerEpoch,
  effectiveBatchSize,
  epochOrder,
  makeBatch,
  type TrainingClip,
} from './batches.ts';
import {
  type Checkpoint,
  damagedCheckpointHint,
  type EpochRecord,
  loadCheckpoint,
  saveCheckpoint,
  type TrainingProgress,
} from './checkpoint.ts';
import { checkTrainingConfig, learningRateFactor, makeOptimizer, type TrainingConfig } from './config.ts';
import type { BandStatistics } from './normalization.ts';
import { type Phase, phaseAt, trainingPhases } from './phases.ts';
import { scheduleFactor } from './schedule.ts';
import { buildStepGraph, ownFramesInput, type StepGraph } from './stepGraph.ts';
import { balancedClassWeights, requireClass } from './targets.ts';
import { loadValidation, type Validation } from './validation.ts';

export interface TrainingTask {
  readonly network: Network;
  readonly config: TrainingConfig;
  /** Starting values of all parameters. */
  readonly initial: ParameterValues;
  /** Null where pictures are not standardised. */
  readonly statistics: BandStatistics | null;
  readonly nMels: number;
  readonly nFrames: number;
  /** Frames of a picture that are not the clip's own are kept from the network, if it asks which; default false. */
  readonly masked?: boolean;
  readonly train: readonly TrainingClip[];
  /** May be empty: then the last epoch is the model. Never the test side. */
  readonly validation: readonly TrainingClip[];
  /**
   * What the network up to its head makes of all clips, as it starts: then the head is trained on that in the epochs in
   * which it learns alone. Only where clips are not augmented.
   */
  readonly frozen?: FrozenPart;
  /** The front end, needed only when waveforms are augmented. */
  readonly frontEnd?: (samples: Float32Array) => Float32Array;
  /** Where checkpoints go; null to keep none. */
  readonly checkpoints: string | null;
  /** Continue from the last checkpoint, if there is one. */
  readonly resume?: boolean;
  /** Identifies configuration and data, so that a checkpoint of another run is refused. */
  readonly fingerprint?: string;
  readonly threads?: number;
  /** Where the network runs; default the CPU. */
  readonly device?: DeviceChoice;
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressListener;
  /** Called for every step, epoch and checkpoint: the run's JSON-lines log. */
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Also save within an epoch when the last checkpoint is older than this; default 300 s. */
  readonly checkpointSeconds?: number;
}

/** Clips as the head of a frozen network sees them. */
export interface FrozenPart {
  /** The head alone ({@link headNetwork}). */
  readonly network: Network;
  /** Numbers in an embedding. */
  readonly size: number;
  /** The task's clips in the same order, an embedding in the place of each window's picture. */
  readonly train: readonly TrainingClip[];
  readonly validation: readonly TrainingClip[];
}

export type TrainingEvent =
  | { readonly event: 'resume'; readonly epoch: number; readonly step: number }
  | {
      readonly event: 'step';
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly learningRate: number;
      readonly gradientNorm?: number;
    }
  | ({ readonly event: 'epoch' } & EpochRecord)
  | { readonly event: 'checkpoint'; readonly step: number };

export interface TrainingResult {
  /** The chosen epoch's parameters. */
  readonly parameters: Map<string, Tensor<'float32'>>;
  readonly history: readonly EpochRecord[];
  /** From 1. */
  readonly chosenEpoch: number;
  readonly stoppedEarly: boolean;
  /** Time spent training, over all sittings. */
  readonly seconds: number;
  /** Clips per second over the last sitting. */
  readonly throughput: number;
  readonly parameterCount: number;
  readonly trainedParameterCount: number;
}

/**
 * Trains a network and returns the chosen parameters.
 * @throws {ParameterError} on settings or labels out of range, before anything is trained
 * @throws {CancelledError} when `signal` aborts; the checkpoint written then resumes at the very next batch
 * @throws {TrainingError} when the loss or a parameter is no longer finite, or a checkpoint is of another run or damaged
 */
export async function trainNetwork(task: TrainingTask): Promise<TrainingResult> {
  checkTrainingConfig(task.config);
  if (task.train.length === 0) throw new ParameterError('There is no clip to train on.');
  for (const { label } of [...task.train, ...task.validation]) requireClass(label, task.network.classes);
  const engine = new Engine({ threads: task.threads, device: task.device });
  try {
    return await new Trainer(task, engine, await engine.blockSize()).run();
  } finally {
    await engine.close();
  }
}

/** The network that a phase trains, and its clips. */
type TrainingView = Required<
  Pick<TrainingTask, 'network' | 'statistics' | 'nMels' | 'nFrames' | 'masked' | 'train' | 'validation'>
>;

/** One training run in progress; lives as long as {@link trainNetwork}. */
class Trainer {
  private readonly task: TrainingTask;
  private readonly engine: Engine;
  private readonly blockSize: number | null;
  private readonly batchOptions: Omit<BatchOptions, 'nMels' | 'nFrames'>;
  /** All parameters of the network. */
  private readonly specs: readonly ParameterSpec[];
  /** Values of those that the phase's step does not take. */
  private resting: ReadonlyMap<string, Tensor> = new Map();
  private readonly phases: readonly Phase[];
  private phase: Phase;
  private step: StepGraph;
  private readonly optimizer;
  private readonly batches: number;
  private progress: TrainingProgress;
  private bestParameters: ReadonlyMap<string, Tensor> | null = null;
  private startedAt = performance.now();
  private savedAt = performance.now();
  private clipsDone = 0;

  constructor(task: TrainingTask, engine: Engine, blockSize: number | null) {
    this.task = task;
    this.engine = engine;
    this.blockSize = blockSize;
    const { config, network } = task;
    const labels = task.train.map((clip) => clip.label);
    this.batchOptions = {
      batchSize: effectiveBatchSize(config.batchSize, task.train.length),
      seed: config.seed,
      augmentation: config.augmentation,
      targets: {
        classes: network.classes,
        labelSmoothing: config.labelSmoothing,
        ...(config.classWeights === 'balanced'
          ? { classWeights: balancedClassWeights(labels, network.classes) }
          : {}),
      },
      ...(task.frontEnd === undefined ? {} : { frontEnd: task.frontEnd }),
    };
    this.optimizer = makeOptimizer(config.optimizer);
    this.batches = batchesPerEpoch(task.train.length, config.batchSize);
    this.specs = networkParameters(network, task.nMels, task.nFrames);
    this.phases = trainingPhases(network, config, this.specs);
    this.phase = this.phases[0];
    this.step = this.stepOf(this.phase);
    this.progress = {
      epoch: 0,
      batch: 0,
      step: 0,
      lossSum: 0,
      history: [],
      bestEpoch: null,
      bestLoss: null,
      seconds: 0,
      fingerprint: task.fingerprint ?? '',
    };
  }

  /** What is trained in a phase, and on what. */
  private view({ headAlone }: Phase): TrainingView {
    const { frozen, network, statistics, nMels, nFrames, masked = false, train, validation } = this.task;
    if (frozen === undefined || !headAlone)
      return { network, statistics, nMels, nFrames, masked, train, validation };
    const { size, ...part } = frozen;
    return { ...part, statistics: null, nMels: size, nFrames: 1, masked: false };
  }

  private stepOf(phase: Phase): StepGraph {
    const { config } = this.task;
    const { network, statistics, nMels, nFrames, masked } = this.view(phase);
    return buildStepGraph({
      ...{ network, statistics, nMels, nFrames, masked, optimizer: this.optimizer },
      batchSize: this.batchOptions.batchSize,
      clipNorm: config.clipNorm,
      trainable: phase.trainable,
      rateFactor: learningRateFactor(network, config.optimizer),
      frozenStatistics: phase.frozenStatistics,
      blockSize: this.blockSize,
      checkpointActivations: config.checkpointActivations ?? false,
    });
  }

  async run(): Promise<TrainingResult> {
    const { config, checkpoints, onEvent } = this.task;
    if (checkpoints !== null) await mkdir(checkpoints, { recursive: true });
    await this.restore();
    let graphs = await this.load();
    this.startedAt = performance.now();
    this.savedAt = performance.now();

    let stoppedEarly = this.outOfPatience();
    while (this.progress.epoch < config.epochs && !stoppedEarly) {
      const began = performance.now();
      if (phaseAt(this.phases, this.progress.epoch) !== this.phase) {
        await this.engine.unload(graphs.model);
        await graphs.validation?.close();
        await this.beginPhase((await this.parameters()) as Map<string, Tensor<'float32'>>);
        graphs = await this.load();
      }
      await this.trainEpoch(graphs.model);
      const trainLoss = this.progress.lossSum / this.batches;
      const validation = graphs.validation === null ? null : await graphs.validation.run();
      const record: EpochRecord = {
        epoch: this.progress.epoch + 1,
        trainLoss,
        // A loss that is not finite (the probabilities overflowed) is none, and no epoch is chosen by it.
        validationLoss: finiteOrNull(validation?.loss),
        validationAccuracy: validation?.accuracy ?? null,
        learningRate: this.learningRate(this.progress.step - 1),
        seconds: (performance.now() - began) / 1000,
      };
      const { validationLoss: loss } = record;
      const better = loss !== null && (this.progress.bestLoss === null || loss < this.progress.bestLoss);
      this.progress = {
        ...this.progress,
        epoch: record.epoch,
        batch: 0,
        lossSum: 0,
        history: [...this.progress.history, record],
        ...(better ? { bestEpoch: record.epoch, bestLoss: loss } : {}),
      };
      onEvent?.({ event: 'epoch', ...record });
      if (better && config.select === 'best') await this.keepBest();
      stoppedEarly = this.outOfPatience();
      await this.save('last');
    }
    return this.result(stoppedEarly);
  }

  /** The phase's graphs. */
  private async load(): Promise<{ model: LoadedModel; validation: Validation | null }> {
    const { network, statistics, nMels, nFrames, masked, validation: clips } = this.view(this.phase);
    const options = { network, statistics, nMels, nFrames, masked, clips, blockSize: this.blockSize };
    return {
      model: await this.engine.load(this.step.model),
      validation:
        clips.length === 0
          ? null
          : await loadValidation(this.engine, { ...options, packed: this.step.packed }),
    };
  }

  /** Stores parameters for the phase of the epoch in progress; the optimiser starts with it. */
  private async beginPhase(values: ParameterValues): Promise<void> {
    this.enterPhase();
    this.rest(values);
    await this.put(this.parametersFrom(values));
    for (const [name, shape] of this.step.slots)
      await this.put([[name, float32(shape, new Float32Array(sizeOf(shape)))]]);
  }

  private enterPhase(): void {
    const phase = phaseAt(this.phases, this.progress.epoch);
    if (phase === this.phase) return;
    this.phase = phase;
    this.step = this.stepOf(phase);
  }

  private async trainEpoch(model: LoadedModel): Promise<void> {
    const { task, step } = this;
    const { train, nMels, nFrames } = this.view(this.phase);
    const batchOptions = { ...this.batchOptions, nMels, nFrames };
    const { epoch } = this.progress;
    const order = epochOrder(task.train.length, task.config.batchSize, task.config.seed, epoch);
    const prepare = (b: number) => makeBatch(train, order[b], batchOptions, epoch, b);
    let next = this.progress.batch < order.length ? prepare(this.progress.batch) : null;
    for (let b = this.progress.batch; b < order.length; b++) {
      await this.pauseIfAborted();
      const batch = next!;
      const learningRate = this.learningRate(this.progress.step);
      const running = this.engine.run(model, {
        feeds: {
          x: batch.x,
          targets: batch.targets,
          ...this.scalars(learningRate),
          ...this.noise(epoch, b),
          ...(step.takesFrames ? { [ownFramesInput]: batch.ownFrames } : {}),
        },
        resident: step.resident,
        keep: step.keep,
        fetch: step.fetch,
      });
      // The engine works in a thread of its own: the next batch is made meanwhile.
      const [outputs, prepared] = await alongside(running, () =>
        b + 1 < order.length ? prepare(b + 1) : null,
      );
      next = prepared;
      const loss = Number(outputs['loss'].data[0]);
      if (!Number.isFinite(loss)) {
        throw new TrainingError(
          `The loss became ${loss} in epoch ${epoch + 1}, step ${this.progress.step + 1}.`,
          { hint: divergenceHint },
        );
      }
      this.clipsDone += batch.x.dims[0];
      this.progress = {
        ...this.progress,
        batch: b + 1,
        step: this.progress.step + 1,
        lossSum: this.progress.lossSum + loss,
      };
      const norm = outputs['gradient_norm'];
      task.onEvent?.({
        event: 'step',
        step: this.progress.step,
        epoch: epoch + 1,
        loss,
        learningRate,
        ...(norm === undefined ? {} : { gradientNorm: Number(norm.data[0]) }),
      });
      this.report(loss);
      const elapsed = (performance.now() - this.savedAt) / 1000;
      if (elapsed > (task.checkpointSeconds ?? 300) && b + 1 < order.length) await this.save('last');
    }
  }

  private report(loss: number): void {
    const { epoch, batch, history } = this.progress;
    const total = this.task.config.epochs * this.batches;
    const last = history.at(-1);
    const validation =
      last?.validationAccuracy != null ? `, validation ${(100 * last.validationAccuracy).toFixed(1)} %` : '';
    const rate = this.clipsDone / ((performance.now() - this.startedAt) / 1000);
    this.task.onProgress?.({
      task: 'train',
      done: epoch * this.batches + batch,
      total,
      unit: 'batches',
      detail: `epoch ${epoch + 1}/${this.task.config.epochs}, loss ${loss.toFixed(3)}${validation}, ${rate.toFixed(0)} clips/s`,
    });
  }

  private learningRate(step: number): number {
    const { config } = this.task;
    return config.optimizer.learningRate * scheduleFactor(config.schedule, step, config.epochs, this.batches);
  }

  private scalars(learningRate: number): Record<string, Tensor> {
    // The optimiser corrects for starting from nothing, as it does with every phase.
    const step = this.progress.step + 1 - this.phase.from * this.batches;
    return Object.fromEntries(
      this.step.scalars.map(({ input, scalar, factor }) => [
        input,
        float32([], [this.optimizer.scalars(learningRate * factor, step)[scalar]]),
      ]),
    );
  }

  private noise(epoch: number, batch: number): Record<string, Tensor> {
    const random = new Random(`${this.task.config.seed}/epoch ${epoch}/batch ${batch}/noise`);
    return Object.fromEntries(
      this.step.noise.map(({ name, shape }) => [
        name,
        float32(
          shape,
          Float32Array.from({ length: sizeOf(shape) }, () => random.uniform()),
        ),
      ]),
    );
  }

  private outOfPatience(): boolean {
    const { patience } = this.task.config;
    const { bestEpoch, epoch } = this.progress;
    return patience !== null && bestEpoch !== null && epoch - bestEpoch >= patience;
  }

  private async pauseIfAborted(): Promise<void> {
    if (!this.task.signal?.aborted) return;
    await this.save('last');
    const where = this.task.checkpoints === null ? 'Nothing was saved.' : 'What was done is saved.';
    throw new CancelledError(
      `Training stopped in epoch ${this.progress.epoch + 1} of ${this.task.config.epochs}. ${where}`,
    );
  }

  private elapsed(): number {
    return this.progress.seconds + (performance.now() - this.startedAt) / 1000;
  }

  private async restore(): Promise<void> {
    const { checkpoints, resume, initial, onEvent } = this.task;
    const saved = resume && checkpoints !== null ? await loadCheckpoint(checkpoints, 'last') : null;
    if (saved === null) {
      await this.beginPhase(initial);
      return;
    }
    this.requireSameRun(saved);
    this.progress = saved.progress;
    const { epoch, batch } = saved.progress;
    if (batch === 0 && this.phases.some(({ from }) => from === epoch)) {
      await this.beginPhase(saved.tensors as ParameterValues);
    } else {
      this.enterPhase();
      const missing = this.step.resident.filter((name) => !saved.tensors.has(name));
      if (missing.length > 0)
        throw new TrainingError(
          `The checkpoint lacks ${missing.length} tensors, '${missing[0]}' among them.`,
        );
      this.rest(saved.tensors);
      await this.put(this.step.resident.map((name) => [name, saved.tensors.get(name)!] as const));
    }
    if (saved.progress.bestEpoch !== null && this.task.config.select === 'best') {
      const best = await loadCheckpoint(checkpoints!, 'best');
      if (best === null) {
        throw new TrainingError(
          `The checkpoint of epoch ${saved.progress.bestEpoch}, the best so far, is missing in ${checkpoints}.`,
          { hint: damagedCheckpointHint },
        );
      }
      this.bestParameters = best.tensors;
    }
    onEvent?.({ event: 'resume', epoch: saved.progress.epoch + 1, step: saved.progress.step });
  }

  private requireSameRun(saved: Checkpoint): void {
    if (saved.progress.fingerprint === (this.task.fingerprint ?? '')) return;
    throw new TrainingError('The checkpoint belongs to a run with other settings or other data.', {
      hint: 'Resume with the options of that run, or choose another --out directory.',
    });
  }

  /**
   * Stores tensors in the engine, kernels in the order that the step reads them in; one at a time, so that no second
   * set of them is about.
   */
  private async put(tensors: Iterable<readonly [string, Tensor]>): Promise<void> {
    for (const [name, tensor] of tensors) {
      const own = this.ordered(name, tensor, packTensor);
      await this.engine.put(new Map([[name, own]]), { transfer: own !== tensor });
    }
  }

  /** Reads tensors from the engine, all in ONNX's layout. */
  private async get(names: readonly string[]): Promise<Map<string, Tensor>> {
    const held = await this.engine.get(names);
    return new Map([...held].map(([name, tensor]) => [name, this.ordered(name, tensor, unpackTensor)]));
  }

  /** A kernel that the step wants packed, moved; any other tensor as it is. */
  private ordered(name: string, tensor: Tensor, move: typeof packTensor): Tensor {
    return this.step.packed.has(name) ? move(tensor as Tensor<'float32'>, this.blockSize!) : tensor;
  }

  private *parametersFrom(values: ParameterValues): Iterable<[string, Tensor]> {
    for (const spec of this.step.parameters) {
      const value = values.get(spec.name);
      if (value === undefined)
        throw new ParameterError(`There is no starting value for parameter '${spec.name}'.`);
      yield [spec.name, value];
    }
  }

  /** Keeps what the phase's step does not take. */
  private rest(values: ReadonlyMap<string, Tensor>): void {
    const taken = new Set(this.step.resident);
    this.resting = new Map([...values].filter(([name]) => !taken.has(name)));
  }

  /** All parameters, in the network's order. */
  private async parameters(): Promise<Map<string, Tensor>> {
    const held = await this.get(this.step.parameters.map((spec) => spec.name));
    return new Map(this.specs.map(({ name }) => [name, held.get(name) ?? this.resting.get(name)!]));
  }

  /**
   * The tensors, of which no number may be lost: an update that overflows shows in the loss only one step later.
   * @throws {TrainingError} naming the first tensor that is not finite
   */
  private requireFinite(tensors: Map<string, Tensor>): Map<string, Tensor> {
    for (const [name, { dtype, data }] of tensors) {
      if (dtype !== 'float32' || allFinite(data as Float32Array)) continue;
      const { epoch, step } = this.progress;
      throw new TrainingError(
        `After ${step} steps (epoch ${epoch + 1}) '${name}' holds numbers that are not finite.`,
        { hint: divergenceHint },
      );
    }
    return tensors;
  }

  private async keepBest(): Promise<void> {
    this.bestParameters = this.requireFinite(await this.parameters());
    const { checkpoints } = this.task;
    if (checkpoints !== null) {
      await saveCheckpoint(checkpoints, 'best', { progress: this.progress, tensors: this.bestParameters });
    }
  }

  private async save(name: 'last'): Promise<void> {
    const { checkpoints, onEvent } = this.task;
    this.savedAt = performance.now();
    if (checkpoints === null) return;
    const held = this.requireFinite(await this.get(this.step.resident));
    const tensors = new Map([...this.resting, ...held]);
    await saveCheckpoint(checkpoints, name, {
      progress: { ...this.progress, seconds: this.elapsed() },
      tensors,
    });
    onEvent?.({ event: 'checkpoint', step: this.progress.step });
  }

  private async result(stoppedEarly: boolean): Promise<TrainingResult> {
    const { history, bestEpoch } = this.progress;
    const best = this.task.config.select === 'best' ? this.bestParameters : null;
    const parameters = best ?? this.requireFinite(await this.parameters());
    const trained = new Set(this.step.trained);
    return {
      parameters: parameters as Map<string, Tensor<'float32'>>,
      history,
      chosenEpoch: best === null ? history.length : bestEpoch!,
      stoppedEarly,
      seconds: this.elapsed(),
      throughput: this.clipsDone / ((performance.now() - this.startedAt) / 1000),
      parameterCount: learntNumbers(this.specs),
      trainedParameterCount: learntNumbers(this.step.parameters.filter(({ name }) => trained.has(name))),
    };
  }
}

const divergenceHint = 'Lower --learning-rate or set --clip-norm; the last checkpoint is from before this.';

function allFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Names and shapes of a network's parameters for pictures of that size. */
export function networkParameters(network: Network, nMels: number, nFrames: number) {
  return parameterSpecs(network, [1, 1, nMels, nFrames], new GraphBuilder());
}

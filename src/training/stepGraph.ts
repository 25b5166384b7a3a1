/**
 * @file The step graph: one ONNX model that takes a batch, the parameters and the optimiser's state, and gives the
 * loss, the new parameters and the new state. The trainer runs it once per batch.
 */
import {
  alignChannels,
  clipByGlobalNorm,
  gradients,
  lower,
  type Optimizer,
  packedKernels,
  softCrossEntropy,
} from '../autodiff/index.ts';
import { ParameterError } from '../core/index.ts';
import {
  forwardContext,
  inputParameter,
  type Network,
  type NetworkContext,
  type ParameterSpec,
  ParameterTable,
} from '../networks/network.ts';
import { GraphBuilder, type Model, type Value } from '../onnx/index.ts';
import { type BandStatistics, standardizeNodes } from './normalization.ts';

export interface StepGraphOptions {
  readonly network: Network;
  /** Null where pictures are not standardised. */
  readonly statistics: BandStatistics | null;
  readonly batchSize: number;
  readonly nMels: number;
  readonly nFrames: number;
  readonly optimizer: Optimizer;
  /** Largest global norm of the gradient; null for no clipping. */
  readonly clipNorm: number | null;
  /** Which parameters are trained. */
  readonly trainable: (spec: ParameterSpec) => boolean;
  /** A parameter's learning rate as a multiple of the run's; default 1 for all. */
  readonly rateFactor?: (spec: ParameterSpec) => number;
  /** Batch normalisation keeps its running statistics. */
  readonly frozenStatistics: boolean;
  /** Channels in a block of the engine's blocked layout ({@link Engine.blockSize}); default null: there is none. */
  readonly blockSize?: number | null;
  /** Compute parts of the forward pass again instead of keeping them: less memory, more time, equal results. */
  readonly checkpointActivations?: boolean;
  /** Pictures come with the number of frames that are the recording's own; default false: every frame counts. */
  readonly masked?: boolean;
}

/** A graph input, which of the optimiser's scalars it takes, and at which multiple of the run's learning rate. */
export interface ScalarInput {
  readonly input: string;
  readonly scalar: string;
  readonly factor: number;
}

export interface NoiseInput {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface StepGraph {
  readonly model: Model;
  /** All parameters, in the network's order. */
  readonly parameters: readonly ParameterSpec[];
  /** Names of the parameters that are trained. */
  readonly trained: readonly string[];
  /** Optimiser state: resident name → shape; starts from zeros. */
  readonly slots: ReadonlyMap<string, readonly number[]>;
  /** Graph inputs read from resident tensors of the same name. */
  readonly resident: readonly string[];
  /** Resident tensors that are kernels, or an optimiser's state of one, in the packed order of the engine's blocks. */
  readonly packed: ReadonlySet<string>;
  /** Graph output → resident tensor that it replaces. */
  readonly keep: Readonly<Record<string, string>>;
  /** The optimiser's scalar inputs: one set for each learning rate. */
  readonly scalars: readonly ScalarInput[];
  /** Inputs to be filled with uniform random numbers each step. */
  readonly noise: readonly NoiseInput[];
  /** Whether the network asked for the pictures' own frames: then the step takes {@link ownFramesInput}. */
  readonly takesFrames: boolean;
  /** Outputs to send back: `loss`, and `gradient_norm` when clipping. */
  readonly fetch: readonly string[];
}

/** Name of the graph input, float32 [N], for {@link NetworkContext.ownFrames}. */
export const ownFramesInput = 'own_frames';

/** The graph input, made when a network asks for it first. */
function framesInput(g: GraphBuilder, batchSize: number): () => Value {
  return () => g.find(ownFramesInput) ?? g.input(ownFramesInput, 'float32', [batchSize]);
}

/** Name of the resident tensor that holds an optimiser slot of a parameter. */
export function slotName(slot: string, parameter: string): string {
  return `${slot}/${parameter}`;
}

/**
 * Builds the step graph for one batch size. Inputs: `x` [N, 1, nMels, nFrames] in dB, `targets` [N, classes]
 * (see `targetMatrix`), the optimiser's scalars, noise, parameters and slots; and `own_frames` [N] where pictures are
 * masked and the network asks for it.
 * @throws {ParameterError} if nothing is trainable
 * @throws {UnsupportedOpError} if an operator between the loss and a trained parameter has no gradient
 */
export function buildStepGraph(options: StepGraphOptions): StepGraph {
  const { network, optimizer, blockSize = null } = options;
  const forward = new GraphBuilder({ name: `${network.name} training step` });
  const x = forward.input('x', 'float32', [options.batchSize, 1, options.nMels, options.nFrames]);
  const table = new ParameterTable();
  const updates = new Map<string, Value>();
  const noise: NoiseInput[] = [];
  const context: NetworkContext = {
    g: forward,
    training: true,
    frozenStatistics: options.frozenStatistics,
    parameter: (spec) => table.get(spec, () => forward.input(spec.name, 'float32', spec.shape)),
    update: (name, value) => updates.set(name, value),
    ...(options.masked ? { ownFrames: framesInput(forward, options.batchSize) } : {}),
    noise: (name, shape) => {
      noise.push({ name, shape });
      return forward.input(name, 'float32', shape);
    },
  };
  const { logits } = network.forward(context, standardizeNodes(forward, x, options.statistics));
  const { g, of } = alignChannels(forward, blockSize);
  const targets = g.input('targets', 'float32', [options.batchSize, network.classes]);
  const loss = softCrossEntropy(g, of(logits), targets);
  const trained = table.specs.filter((spec) => spec.role !== 'statistic' && options.trainable(spec));
  if (trained.length === 0) throw new ParameterError(`No parameter of ${network.name} is trainable.`);

  let derived = gradients(
    g,
    loss,
    trained.map((spec) => g.find(spec.name)!),
    { deferred: true, checkpointActivations: options.checkpointActivations ?? false },
  );
  const fetch = ['loss'];
  g.output(loss, 'loss');
  if (options.clipNorm !== null) {
    const clipped = clipByGlobalNorm(g, derived, options.clipNorm);
    derived = clipped.gradients;
    g.output(clipped.norm, 'gradient_norm');
    fetch.push('gradient_norm');
  }

  const { rateFactor = () => 1 } = options;
  const scalars: ScalarInput[] = [];
  const scalarsByFactor = new Map<number, Record<string, Value>>();
  const scalarsFor = (factor: number) => {
    const known = scalarsByFactor.get(factor);
    if (known !== undefined) return known;
    const values: Record<string, Value> = {};
    for (const scalar of optimizer.inputs) {
      const input = factor === 1 ? scalar : `${scalar}/${factor}`;
      scalars.push({ input, scalar, factor });
      values[scalar] = g.input(input, 'float32', []);
    }
    scalarsByFactor.set(factor, values);
    return values;
  };
  const packed = blockSize === null ? new Set<string>() : packedKernels(g, blockSize);
  const slots = new Map<string, readonly number[]>();
  const keep: Record<string, string> = {};
  const replace = (name: string, value: Value) => {
    const output = `next/${name}`;
    g.output(value, output);
    keep[output] = name;
  };
  trained.forEach((spec, i) => {
    const names = optimizer.slots.map((slot) => slotName(slot, spec.name));
    const held = names.map((name) => {
      slots.set(name, spec.shape);
      if (packed.has(spec.name)) packed.add(name);
      return g.input(name, 'float32', spec.shape);
    });
    const next = optimizer.update(
      g,
      { parameter: g.find(spec.name)!, gradient: derived[i], slots: held, decay: spec.role === 'weight' },
      scalarsFor(rateFactor(spec)),
    );
    replace(spec.name, next.parameter);
    names.forEach((name, k) => {
      replace(name, next.slots[k]);
    });
  });
  for (const [name, value] of updates) replace(name, of(value));

  return {
    model: lower(g, { blockSize, packed: withOutputs(packed, keep) }).model(),
    parameters: table.specs,
    trained: trained.map((spec) => spec.name),
    slots,
    resident: [...table.specs.map((spec) => spec.name), ...slots.keys()],
    packed,
    keep,
    scalars,
    noise,
    takesFrames: g.find(ownFramesInput) !== undefined,
    fetch,
  };
}

/** Resident tensors as the graph inputs and outputs that bear them. */
function withOutputs(residents: ReadonlySet<string>, keep: Readonly<Record<string, string>>): Set<string> {
  const outputs = Object.keys(keep).filter((output) => residents.has(keep[output]));
  return new Set([...residents, ...outputs]);
}

export interface ForwardGraphOptions {
  readonly network: Network;
  readonly statistics: BandStatistics | null;
  readonly batchSize: number;
  readonly nMels: number;
  readonly nFrames: number;
  /** As in {@link StepGraphOptions}. */
  readonly blockSize: number | null;
  /** Parameters in the packed order ({@link StepGraph.packed}). */
  readonly packed: ReadonlySet<string>;
  /** As in {@link StepGraphOptions}. */
  readonly masked?: boolean;
}

/** The forward pass alone, on running statistics, with parameters as resident inputs: for validation while training. */
export function buildForwardGraph(options: ForwardGraphOptions): {
  model: Model;
  resident: readonly string[];
  takesFrames: boolean;
} {
  const { network, blockSize, packed, batchSize, masked = false } = options;
  const forward = new GraphBuilder({ name: `${network.name} forward` });
  const x = forward.input('x', 'float32', [batchSize, 1, options.nMels, options.nFrames]);
  const table = new ParameterTable();
  const { logits } = network.forward(
    {
      ...forwardContext(forward, table, inputParameter(forward)),
      ...(masked ? { ownFrames: framesInput(forward, batchSize) } : {}),
    },
    standardizeNodes(forward, x, options.statistics),
  );
  const { g, of } = alignChannels(forward, blockSize);
  g.output(g.op('Softmax', [of(logits)], { axis: 1 }), 'probabilities');
  return {
    model: lower(g, { blockSize, packed }).model(),
    resident: table.specs.map((spec) => spec.name),
    takesFrames: g.find(ownFramesInput) !== undefined,
  };
}

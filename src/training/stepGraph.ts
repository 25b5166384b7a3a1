/**
 * @file The step graph: one ONNX model that takes a batch, the parameters and the optimiser's state, and gives the
 * loss, the new parameters and the new state. The trainer runs it once per batch.
 */
import { clipByGlobalNorm, gradients, lower, type Optimizer, softCrossEntropy } from '../autodiff/index.ts';
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
  /** Parameters that learn at a rate of their own: their scalars are inputs of their own, see {@link headScalar}. */
  readonly atHeadRate?: (spec: ParameterSpec) => boolean;
  /** Batch normalisation keeps its running statistics. */
  readonly frozenStatistics: boolean;
  /** Channels in a block of the engine's blocked layout ({@link Engine.blockSize}); default null: there is none. */
  readonly blockSize?: number | null;
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
  /** Graph output → resident tensor that it replaces. */
  readonly keep: Readonly<Record<string, string>>;
  /** The optimiser's scalar inputs. */
  readonly scalars: readonly string[];
  /** Inputs to be filled with uniform random numbers each step. */
  readonly noise: readonly NoiseInput[];
  /** Outputs to send back: `loss`, and `gradient_norm` when clipping. */
  readonly fetch: readonly string[];
}

/** Name of the resident tensor that holds an optimiser slot of a parameter. */
export function slotName(slot: string, parameter: string): string {
  return `${slot}/${parameter}`;
}

/** Name of the input that carries the optimiser's scalar `name` for parameters with the head's learning rate. */
export function headScalar(name: string): string {
  return `head/${name}`;
}

/**
 * Builds the step graph for one batch size. Inputs: `x` [N, 1, nMels, nFrames] in dB, `targets` [N, classes]
 * (see `targetMatrix`), the optimiser's scalars, noise, parameters and slots.
 * @throws {ParameterError} if nothing is trainable
 * @throws {UnsupportedOpError} if an operator between the loss and a trained parameter has no gradient
 */
export function buildStepGraph(options: StepGraphOptions): StepGraph {
  const { network, optimizer } = options;
  const g = new GraphBuilder({ name: `${network.name} training step` });
  const x = g.input('x', 'float32', [options.batchSize, 1, options.nMels, options.nFrames]);
  const targets = g.input('targets', 'float32', [options.batchSize, network.classes]);
  const table = new ParameterTable();
  const updates = new Map<string, Value>();
  const noise: NoiseInput[] = [];
  const context: NetworkContext = {
    g,
    training: true,
    frozenStatistics: options.frozenStatistics,
    parameter: (spec) => table.get(spec, () => g.input(spec.name, 'float32', spec.shape)),
    update: (name, value) => updates.set(name, value),
    noise: (name, shape) => {
      noise.push({ name, shape });
      return g.input(name, 'float32', shape);
    },
  };
  const { logits } = network.forward(context, standardizeNodes(g, x, options.statistics));
  const loss = softCrossEntropy(g, logits, targets);
  const trained = table.specs.filter((spec) => spec.role !== 'statistic' && options.trainable(spec));
  if (trained.length === 0) throw new ParameterError(`No parameter of ${network.name} is trainable.`);

  let derived = gradients(
    g,
    loss,
    trained.map((spec) => g.find(spec.name)!),
    { deferred: true },
  );
  const fetch = ['loss'];
  g.output(loss, 'loss');
  if (options.clipNorm !== null) {
    const clipped = clipByGlobalNorm(g, derived, options.clipNorm);
    derived = clipped.gradients;
    g.output(clipped.norm, 'gradient_norm');
    fetch.push('gradient_norm');
  }

  const { atHeadRate = () => false } = options;
  const scalarInputs = (named: (name: string) => string) =>
    Object.fromEntries(optimizer.inputs.map((name) => [name, g.input(named(name), 'float32', [])]));
  const scalars = trained.every(atHeadRate) ? {} : scalarInputs((name) => name);
  const headScalars = trained.some(atHeadRate) ? scalarInputs(headScalar) : {};
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
      return g.input(name, 'float32', spec.shape);
    });
    const next = optimizer.update(
      g,
      { parameter: g.find(spec.name)!, gradient: derived[i]!, slots: held, decay: spec.role === 'weight' },
      atHeadRate(spec) ? headScalars : scalars,
    );
    replace(spec.name, next.parameter);
    names.forEach((name, k) => {
      replace(name, next.slots[k]!);
    });
  });
  for (const [name, value] of updates) replace(name, value);

  return {
    model: lower(g, { blockSize: options.blockSize ?? null }).model(),
    parameters: table.specs,
    trained: trained.map((spec) => spec.name),
    slots,
    resident: [...table.specs.map((spec) => spec.name), ...slots.keys()],
    keep,
    scalars: [...Object.keys(scalars), ...Object.keys(headScalars).map(headScalar)],
    noise,
    fetch,
  };
}

/** The forward pass alone, on running statistics, with parameters as resident inputs: for validation while training. */
export function buildForwardGraph(
  network: Network,
  statistics: BandStatistics | null,
  batchSize: number,
  nMels: number,
  nFrames: number,
): { model: Model; resident: readonly string[] } {
  const g = new GraphBuilder({ name: `${network.name} forward` });
  const x = g.input('x', 'float32', [batchSize, 1, nMels, nFrames]);
  const table = new ParameterTable();
  const { logits } = network.forward(
    forwardContext(g, table, inputParameter(g)),
    standardizeNodes(g, x, statistics),
  );
  g.output(g.op('Softmax', [logits], { axis: 1 }), 'probabilities');
  return { model: g.model(), resident: table.specs.map((spec) => spec.name) };
}

/** @file The gradient of any ONNX model as a model of its own. */
import { gradients } from '../autodiff/index.ts';
import { GraphError, type Notice, ParameterError, ShapeError } from '../core/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import {
  encodeModel,
  type GraphBuilder,
  importGraph,
  isFloat,
  type Model,
  type Shape,
  type Value,
} from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import { nearestNames } from './nearestNames.ts';

export interface GradientModelOptions {
  /** Name of the tensor to differentiate: a float scalar. */
  readonly loss: string;
  /** Names to differentiate by: inputs, initializers or inner tensors. */
  readonly wrt: readonly string[];
  /** Sizes of the inputs' named dimensions. */
  readonly bind?: Readonly<Record<string, number>>;
  readonly onNotice?: (notice: Notice) => void;
}

/**
 * A model with the inputs of `model` and the outputs `LOSS` and, for each name in `wrt`, `NAME_grad`. It is written in
 * opset 20 and uses, beside the standard operators, only ONNX Runtime's own FusedMatMul.
 * @throws {ParameterError} for a name that the model does not have (with the nearest that it has), or sizes left open
 * @throws {ShapeError} when the loss is no float scalar
 * @throws {UnsupportedOpError} naming the node, where there is no shape or gradient rule on the way
 * @throws {GraphError} when the model is malformed
 */
export function gradientModel(model: Model, options: GradientModelOptions): Model {
  const { loss, bind = {} } = options;
  const wrt = [...new Set(options.wrt)];
  if (wrt.length === 0) throw new ParameterError('Name at least one tensor to differentiate by.');
  const { graph } = model;
  const all = [
    ...graph.inputs.map((v) => v.name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap((n) => n.outputs.filter((name) => name !== '')),
  ];
  const existing = new Set(all);
  for (const name of [loss, ...wrt]) if (!existing.has(name)) throw unknownName(name, all);
  const open = new Set(
    graph.inputs
      .flatMap((v) => v.shape ?? [])
      .filter((d) => typeof d === 'string' && !Object.hasOwn(bind, d)),
  );
  if (open.size > 0) {
    throw new ParameterError(
      `The model leaves ${open.size === 1 ? 'this size' : 'these sizes'} open: ${[...open].join(', ')}.`,
      { hint: `A gradient graph is made for given sizes: bind each (--bind), such as ${[...open][0]}=4.` },
    );
  }
  const g = importGraph(model, { bind, tensors: [loss, ...wrt] });
  const find = (name: string): Value => {
    const value = g.find(name);
    if (value === undefined) throw new GraphError(`'${name}' did not survive the import of the model.`);
    return value;
  };
  const lossValue = find(loss);
  if (lossValue.dtype !== 'float32' && lossValue.dtype !== 'float64') {
    throw new ShapeError(`The loss '${loss}' must be float32 or float64, got ${lossValue.dtype}.`);
  }
  const values = wrt.map((name) => {
    const value = find(name);
    if (value.dtype === 'float16') {
      throw new ParameterError(`'${name}' has type float16; gradients are derived in float32 and float64.`, {
        hint: 'Convert the model to float32 first.',
      });
    }
    if (!isFloat(value.dtype)) {
      throw new ParameterError(`'${name}' has type ${value.dtype}; only floats have gradients.`, {
        hint: 'To differentiate by what an embedding looks up, name its table.',
      });
    }
    return value;
  });
  const touched = dependencies(g, lossValue.name);
  for (const value of values) {
    if (!touched.has(value.name))
      options.onNotice?.({
        subject: value.name,
        message: `The loss does not depend on '${value.name}': its gradient is zero.`,
      });
  }
  const derived = gradients(g, lossValue, values);
  g.output(lossValue, loss);
  derived.forEach((gradient, i) => {
    g.output(gradient, `${wrt[i]}_grad`);
  });
  return { ...g.model(Object.fromEntries(model.metadata)) };
}

/** Names of all values that `name` is computed from, itself included. */
function dependencies(g: GraphBuilder, name: string): Set<string> {
  const found = new Set([name]);
  for (const node of [...g.graph.nodes].reverse()) {
    if (node.outputs.some((output) => found.has(output))) for (const input of node.inputs) found.add(input);
  }
  return found;
}

function unknownName(name: string, all: readonly string[]): ParameterError {
  const near = nearestNames(name, all, 3);
  return new ParameterError(`The model has no tensor named '${name}'.`, {
    hint: `${near.length === 0 ? '' : `Nearest: ${near.join(', ')}. `}List all with: earshot gradient MODEL.onnx --list`,
  });
}

export interface ModelTensor {
  readonly name: string;
  readonly kind: 'input' | 'initializer' | 'result';
  /** The operator that makes a result. */
  readonly operator: string | null;
  readonly dtype: string;
  /** Null where not even the number of dimensions is known. */
  readonly shape: Shape | null;
}

/**
 * Every tensor of a model that `gradient` can name, in the order of the file.
 * @throws what {@link importGraph} throws
 */
export function listTensors(model: Model, bind: Readonly<Record<string, number>> = {}): ModelTensor[] {
  const g = importGraph(model, { bind });
  const { graph } = model;
  const typed = (name: string, kind: ModelTensor['kind'], operator: string | null): ModelTensor[] => {
    const value = g.find(name);
    return value === undefined ? [] : [{ name, kind, operator, dtype: value.dtype, shape: value.shape }];
  };
  return [
    ...graph.inputs.flatMap((v) => typed(v.name, 'input', null)),
    ...[...graph.initializers.keys()].flatMap((name) => typed(name, 'initializer', null)),
    ...graph.nodes.flatMap((n) =>
      n.opType === 'Constant' ? [] : n.outputs.flatMap((name) => typed(name, 'result', n.opType)),
    ),
  ];
}

export interface GradientOptions extends GradientModelOptions {
  /** ONNX file. */
  readonly model: string;
  /** File to write. */
  readonly out: string;
}

export interface GradientOutcome {
  out: string;
  bytes: number;
  nodes: number;
  inputs: { name: string; dtype: string; shape: Shape }[];
  outputs: { name: string; dtype: string; shape: Shape }[];
}

/**
 * Reads a model, derives its gradient and writes it as a model of its own, which any ONNX Runtime runs.
 * @throws what {@link readModel} and {@link gradientModel} throw
 */
export async function gradient(options: GradientOptions): Promise<GradientOutcome> {
  const derived = gradientModel(await readModel(options.model), options);
  const bytes = encodeModel(derived);
  await writeFileAtomic(options.out, bytes);
  const { inputs, outputs, nodes } = derived.graph;
  const told = (v: (typeof outputs)[number]) => ({
    name: v.name,
    dtype: v.dtype ?? 'float32',
    shape: v.shape ?? [],
  });
  return {
    out: options.out,
    bytes: bytes.length,
    nodes: nodes.length,
    inputs: inputs.map(told),
    outputs: outputs.map(told),
  };
}

/** Every tensor of the model in the file `path`. See {@link listTensors}. */
export async function listModelTensors(
  path: string,
  bind: Readonly<Record<string, number>> = {},
): Promise<ModelTensor[]> {
  return listTensors(await readModel(path), bind);
}

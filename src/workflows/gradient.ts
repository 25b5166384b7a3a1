/** @file The gradient of any ONNX model as a model of its own. */
import { gradients, nonDifferentiable } from '../autodiff/index.ts';
import { GraphError, type Notice, ParameterError, ShapeError } from '../core/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import {
  describeNode,
  encodeModel,
  formatShape,
  type GraphBuilder,
  importGraph,
  isFloat,
  type Model,
  type Node,
  type OutputInfo,
  type Shape,
  type Value,
} from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import { nearestNames } from './nearestNames.ts';

export interface GradientModelOptions {
  /** Name of the tensor to differentiate: a float scalar, unless `of` says otherwise. */
  readonly loss: string;
  /**
   * How a tensor of several elements becomes one number: their sum, or Σ element · cotangent, where the cotangent is an
   * input of the new model, `LOSS_cotangent`, of the tensor's shape (a vector–Jacobian product).
   */
  readonly of?: 'sum' | 'cotangent';
  /** Names to differentiate by: inputs, initializers or inner tensors. */
  readonly wrt: readonly string[];
  /** Sizes of the inputs' named dimensions, and values of inputs that are single integers. */
  readonly bind?: Readonly<Record<string, number>>;
  readonly onNotice?: (notice: Notice) => void;
}

/**
 * A model with the inputs of `model` and the outputs `LOSS` and, for each name in `wrt`, `NAME_grad`. It is written in
 * opset 20 and uses, beside the standard operators, only ONNX Runtime's own FusedMatMul. Integer inputs that are bound
 * are constants in it.
 * @throws {ParameterError} for a name that the model does not have (with the nearest that it has), or sizes left open
 * @throws {ShapeError} when the loss is no float, or has several elements and `of` does not say what to do with them
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
  for (const value of values) {
    const message = whyZero(g, lossValue.name, value.name);
    if (message !== null) options.onNotice?.({ subject: value.name, message });
  }
  const derived = gradients(g, scalarOf(g, lossValue, options.of), values);
  g.output(lossValue, loss);
  derived.forEach((gradient, i) => {
    g.output(gradient, `${wrt[i]}_grad`);
  });
  return { ...g.model(Object.fromEntries(model.metadata)) };
}

/** The number that is differentiated. */
function scalarOf(g: GraphBuilder, loss: Value, of: GradientModelOptions['of']): Value {
  if (of === undefined) {
    if (loss.shape.every((d) => d === 1)) return loss;
    throw new ShapeError(
      `The loss '${loss.name}' must be a single number, got ${loss.dtype}${formatShape(loss.shape)}.`,
      { hint: 'Differentiate the sum of its elements (--sum), or weight them by an input (--cotangent).' },
    );
  }
  const weighted =
    of === 'sum'
      ? loss
      : g.op('Mul', [loss, g.input(g.uniqueName(`${loss.name}_cotangent`), loss.dtype, loss.shape)]);
  return g.op('ReduceSum', [weighted], { keepdims: 0 });
}

/**
 * What lies between `name` and the loss: whether anything does, whether some way meets no operator without a gradient,
 * and which such operators are met first.
 */
function waysTo(
  g: GraphBuilder,
  loss: string,
  name: string,
): { readonly any: boolean; readonly open: boolean; readonly blocking: readonly Node[] } {
  const needed = new Set([loss]);
  for (const node of [...g.graph.nodes].reverse())
    if (node.outputs.some((output) => needed.has(output))) for (const input of node.inputs) needed.add(input);
  const any = new Set([name]);
  const open = new Set([name]);
  const blocking: Node[] = [];
  for (const node of g.graph.nodes) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    if (!node.inputs.some((input) => any.has(input))) continue;
    for (const output of node.outputs) any.add(output);
    if (!node.inputs.some((input) => open.has(input))) continue;
    if (node.domain === '' && nonDifferentiable.has(node.opType)) blocking.push(node);
    else for (const output of node.outputs) if (isFloat(g.find(output)!.dtype)) open.add(output);
  }
  return { any: any.has(loss), open: open.has(loss), blocking };
}

/** Why the gradient by `name` is zero, or lacks what is quantised on the way; null where it does neither. */
function whyZero(g: GraphBuilder, loss: string, name: string): string | null {
  const { any, open, blocking } = waysTo(g, loss, name);
  if (!any) return `The loss does not depend on '${name}': its gradient is zero.`;
  const named = (nodes: readonly Node[]) =>
    `${nodes.slice(0, 3).map(describeNode).join(', ')}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ''}`;
  if (!open) {
    return `Every way from '${name}' to the loss goes through operators whose gradient is zero (${named(blocking)}): its gradient is zero.`;
  }
  const rounding = blocking.filter((node) => node.opType === 'QuantizeLinear');
  if (rounding.length === 0) return null;
  return `Some ways from '${name}' to the loss go through ${named(rounding)}, which let no gradient pass: their share is left out.`;
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
  const told = ({ name, dtype, shape }: OutputInfo) => ({
    ...{ name, dtype: dtype ?? 'unknown', shape: shape ?? [] },
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

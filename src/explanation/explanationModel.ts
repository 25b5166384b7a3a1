/**
 * @file From a classifier to the graph that explains it: what the network sees becomes the input, and the gradient of one
 * class's score is appended, by that input and by the last map of features before pooling.
 */
import { gradients } from '../autodiff/index.ts';
import { GraphError, ParameterError, ShapeError } from '../core/errors.ts';
import {
  type Graph,
  type GraphBuilder,
  importGraph,
  type Model,
  type Node,
  prune,
  type Value,
} from '../onnx/index.ts';
import { lastFeatureMap, type MapAxes, mapAxes } from './featureMap.ts';

export interface ExplanationModelOptions {
  /** Sizes of the model's named dimensions, such as batch and samples. */
  readonly bind: Readonly<Record<string, number>>;
  /** The tensor that the network sees: pictures, float32 [windows, 1, bands, frames]. */
  readonly input: string;
  /** The output with the classes' probabilities, [1, classes]. Default `probabilities`. */
  readonly probabilities?: string;
  /** The map of features for Grad-CAM; default the last before pooling, where there is one. */
  readonly map?: string;
}

/** A graph of three parts; run it with {@link ExplanationGraph.names}. */
export interface ExplanationGraph {
  /** Inputs `picture` and `class` (weights of the classes, [1, classes]). */
  readonly model: Model;
  /** [windows, 1, bands, frames] */
  readonly inputDims: readonly number[];
  readonly classes: number;
  /** What is differentiated: the class's value before the softmax, or ln of its probability where there is none. */
  readonly score: 'logit' | 'log-probability';
  /** The map of features, [windows, channels, …]; null where the network has none. */
  readonly map: { readonly name: string; readonly dims: readonly number[]; readonly axes: MapAxes } | null;
}

/** Names of the graph's outputs. `map` and `mapGradient` are there only with a map. */
export const explanationOutputs = {
  probabilities: 'probabilities',
  /** Of the class chosen by the weights, a scalar. */
  score: 'class_score',
  inputGradient: 'picture_gradient',
  map: 'feature_map',
  mapGradient: 'feature_map_gradient',
} as const;

/**
 * Cuts the model at `input` and appends the gradients.
 * @throws {ParameterError} for a tensor that the model does not have
 * @throws {ShapeError} where `input` is no picture, or `map` no map of features
 * @throws {UnsupportedOpError} naming the node, where an operator of the network has no gradient rule
 */
export function explanationModel(model: Model, options: ExplanationModelOptions): ExplanationGraph {
  const { probabilities = 'probabilities' } = options;
  const g = importGraph(cutAt(model, options, probabilities), {
    tensors: [probabilities, ...(options.map === undefined ? [] : [options.map])],
  });
  const picture = tensorNamed(g, options.input);
  const inputDims = picture.shape.map((d) => d as number);
  if (inputDims.length !== 4 || inputDims[1] !== 1 || inputDims.some((d) => typeof d !== 'number')) {
    throw new ShapeError(
      `'${options.input}' has the shape [${picture.shape.join(', ')}]; a picture has [windows, 1, bands, frames].`,
    );
  }
  const rows = tensorNamed(g, probabilities);
  const logits = beforeSoftmax(g, rows);
  const classes = rows.shape.at(-1);
  if (rows.shape.length !== 2 || rows.shape[0] !== 1 || typeof classes !== 'number') {
    throw new ShapeError(`'${probabilities}' must be [1, classes], got [${rows.shape.join(', ')}].`);
  }
  const scores = logits ?? g.op('Log', [g.op('Max', [rows, g.scalar(1e-30)])]);
  const chosen = g.input('class', 'float32', [1, classes]);
  const loss = g.op('ReduceSum', [g.op('Mul', [scores, chosen])], { keepdims: 0 });
  const map = options.map === undefined ? lastFeatureMap(g, picture, loss) : tensorNamed(g, options.map);
  const axes = map === null ? null : mapAxes(g, picture, map);
  if (options.map !== undefined && axes === null) {
    throw new ShapeError(
      `'${options.map}' has the shape [${map!.shape.join(', ')}]; a map of features has [windows, channels, height, width].`,
    );
  }
  const derived = gradients(g, loss, map === null ? [picture] : [picture, map]);
  const names = explanationOutputs;
  g.output(rows, names.probabilities);
  g.output(loss, names.score);
  g.output(derived[0], names.inputGradient);
  if (map !== null) {
    g.output(map, names.map);
    g.output(derived[1], names.mapGradient);
  }
  return {
    model: renamedInput(g.model(), picture.name),
    inputDims,
    classes,
    score: logits === null ? 'log-probability' : 'logit',
    map:
      map === null || axes === null
        ? null
        : { name: map.name, dims: map.shape.map((d) => d as number), axes },
  };
}

/**
 * The model from its waveform to what the network sees.
 * @returns outputs `picture`
 * @throws as {@link explanationModel}
 */
export function pictureModel(model: Model, { bind, input }: ExplanationModelOptions): Model {
  const g = importGraph(model, { bind, tensors: [input] });
  g.output(tensorNamed(g, input), 'picture');
  return g.model();
}

/** The model with `input` as its only input, every size known. */
function cutAt(model: Model, { bind, input, map }: ExplanationModelOptions, probabilities: string): Model {
  // Sizes that follow from the waveform's are worked out first: behind the cut there is no waveform.
  const g = importGraph(model, {
    bind,
    tensors: [input, probabilities, ...(map === undefined ? [] : [map])],
  });
  const picture = tensorNamed(g, input);
  if (picture.dtype !== 'float32') throw new ShapeError(`'${input}' has type ${picture.dtype}, not float32.`);
  const kept = g.graph.nodes.filter((node) => !node.outputs.includes(picture.name));
  const wanted = [probabilities, ...(map === undefined ? [] : [map])].map((name) => {
    const { dtype, shape } = tensorNamed(g, name);
    return { name: tensorNamed(g, name).name, dtype, shape };
  });
  const graph: Graph = {
    ...g.graph,
    nodes: kept,
    inputs: [{ name: picture.name, dtype: picture.dtype, shape: picture.shape }],
    outputs: wanted,
  };
  const cut = prune(graph);
  const made = new Set([...cut.nodes.flatMap((n) => n.outputs), ...cut.initializers.keys(), picture.name]);
  const lost = cut.nodes.flatMap((n) => n.inputs).find((name) => name !== '' && !made.has(name));
  if (lost !== undefined) {
    throw new GraphError(`What follows '${input}' also takes '${lost}', so the model cannot be cut there.`);
  }
  return { ...g.model(), graph: cut };
}

function tensorNamed(g: GraphBuilder, name: string): Value {
  const value = g.find(name);
  if (value === undefined) throw new ParameterError(`The model has no tensor named '${name}'.`);
  return value;
}

/** What the softmax that makes `probabilities` is taken of; null where something else makes them. */
function beforeSoftmax(g: GraphBuilder, probabilities: Value): Value | null {
  let name = probabilities.name;
  for (;;) {
    const node: Node | undefined = g.graph.nodes.find((n) => n.outputs.includes(name));
    if (node?.opType === 'Identity') name = node.inputs[0];
    else if (node?.opType === 'Softmax') return g.find(node.inputs[0]) ?? null;
    else return null;
  }
}

/** The picture is called `picture`, whatever it was called within the model. */
function renamedInput(model: Model, name: string): Model {
  const swap = (other: string) => (other === name ? 'picture' : other);
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map((v) => ({ ...v, name: swap(v.name) })),
      nodes: graph.nodes.map((n) => ({ ...n, inputs: n.inputs.map(swap) })),
    },
  };
}

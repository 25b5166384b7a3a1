/** @file How the parameters of an imported model start where its own weights are not wanted: by where they are used. */
import { sizeOf, type Tensor } from '../core/tensor.ts';
import { intAttribute, type Model, type Node } from '../onnx/index.ts';
import { constantInitializer, type Initializer } from './network.ts';

const recurrent = new Set(['LSTM', 'GRU', 'RNN']);

/**
 * The usual random start of the parameter that `node` reads at `slot`: kernels of convolutions normal with variance 2 over
 * the fan-in (He et al. 2015), matrices uniform within ±1/√fan-in (PyTorch's linear layers), recurrent layers within
 * ±1/√hidden size, tables and positions normal with deviation 0.02; scales 1, biases and means 0, variances 1.
 */
export function freshInitializer(node: Node, slot: number, { dims }: Tensor): Initializer {
  const { opType } = node;
  if (opType === 'BatchNormalization') return constantInitializer(slot === 1 || slot === 4 ? 1 : 0);
  if (opType.endsWith('Normalization')) return constantInitializer(slot === 1 ? 1 : 0);
  if (opType === 'PRelu') return constantInitializer(0.25);
  if (recurrent.has(opType)) return uniform(1 / Math.sqrt(intAttribute(node, 'hidden_size', dims.at(-1)!)));
  if (dims.length < 2) return constantInitializer(opType === 'Mul' || opType === 'Div' ? 1 : 0);
  if (opType === 'Conv') return normal(Math.sqrt(2 / sizeOf(dims.slice(1))));
  if (opType === 'ConvTranspose') {
    const fanIn = (dims[0] * sizeOf(dims.slice(2))) / intAttribute(node, 'group', 1);
    return normal(Math.sqrt(2 / fanIn));
  }
  const fanIn = matrixFanIn(node, slot, dims);
  return fanIn === null ? normal(0.02) : uniform(1 / Math.sqrt(fanIn));
}

/** Numbers that each result of a matrix product sums over; null for what is no such product. */
function matrixFanIn(node: Node, slot: number, dims: readonly number[]): number | null {
  const [rows, columns] = dims.slice(-2) as [number, number];
  if (node.opType === 'MatMul') return slot === 1 ? rows : columns;
  if (node.opType !== 'Gemm' || slot > 1) return null;
  const turned = intAttribute(node, slot === 1 ? 'transB' : 'transA', 0) === 1;
  return (slot === 1) === turned ? columns : rows;
}

function normal(deviation: number): Initializer {
  return (shape, random) => Float32Array.from({ length: sizeOf(shape) }, () => random.normal(0, deviation));
}

function uniform(bound: number): Initializer {
  return (shape, random) => Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-bound, bound));
}

/**
 * The model with equal tensors apart. PyTorch writes them once and has the others refer to them by Identity; layers that
 * start alike are not one layer.
 */
export function untied(model: Model): Model {
  const { graph } = model;
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    const tensor = node.opType === 'Identity' ? graph.initializers.get(node.inputs[0]) : undefined;
    if (tensor === undefined || graph.outputs.some(({ name }) => name === node.outputs[0])) return true;
    initializers.set(node.outputs[0], tensor);
    return false;
  });
  return { ...model, graph: { ...graph, nodes, initializers } };
}

/**
 * @file Tells sequences of vectors [N, positions, size], as transformers give them, from maps [N, channels, positions], as
 * convolutions over time do: the shape does not say which axis is which, the nodes that made it do.
 */
import { intAttribute, intsAttribute, type Model, type Node } from '../onnx/index.ts';

/** Operators that mix the last axis, or scale it: its elements are then features. */
const ofLastAxis = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'LayerNormalization', 'RMSNormalization']);
/** Operators that mix axis 1, and so take it for channels. */
const ofChannels = new Set(['Conv', 'ConvTranspose', 'BatchNormalization', 'InstanceNormalization']);

/** Whether a tensor of three axes holds its features along the last one. */
export function isSequence(model: Model, tensor: string): boolean {
  const { graph } = model;
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  // Transposes on the way from the tensor back to its maker exchange the axes' parts.
  let exchanged = false;
  let name = tensor;
  for (let node = makers.get(name); node !== undefined; node = makers.get(name)) {
    if (ofChannels.has(node.opType)) return exchanged;
    if (ofLastAxis.has(node.opType) && !isOfOtherAxis(node)) return !exchanged;
    if (scalesLastAxis(model, node)) return !exchanged;
    if (node.opType === 'Transpose' && intsAttribute(node, 'perm')?.join() === '0,2,1')
      exchanged = !exchanged;
    const next = node.inputs.find((input) => makers.has(input));
    if (next === undefined) return false;
    name = next;
  }
  return false;
}

/** A normalisation of all axes from 1 on is of neither. */
function isOfOtherAxis(node: Node): boolean {
  return node.opType === 'LayerNormalization' && ![-1, 2].includes(intAttribute(node, 'axis', -1));
}

/** A vector that is added or multiplied in is broadcast along the last axis: a bias, or a norm's scale in parts. */
function scalesLastAxis({ graph }: Model, { opType, inputs }: Node): boolean {
  if (opType !== 'Add' && opType !== 'Mul') return false;
  return inputs.some((input) => {
    const constant = graph.initializers.get(input);
    return constant !== undefined && constant.dims.length === 1 && constant.dims[0] > 1;
  });
}

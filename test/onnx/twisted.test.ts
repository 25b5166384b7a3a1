/** @file Well-formed files of wrong content: operands swapped, dropped or exchanged, attributes and constants changed. */
import { describe, expect, it } from 'vitest';
import { EarshotError, Random, type Tensor } from '../../src/core/index.ts';
import { type Attribute, decodeModel, type Model, type Node } from '../../src/onnx/index.ts';
import { gradientModel } from '../../src/workflows/gradient.ts';
import { exportedModel, exportedNames } from './exportedModels.ts';

const oddNumbers = [0, -1, 1, 2, 3, 7, -5, 64, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, 1e9];

/** The attribute with one of its numbers, or its kind, changed. */
function twistAttribute(attribute: Attribute, random: Random): Attribute {
  const odd = oddNumbers[random.integer(oddNumbers.length)];
  if (random.integer(8) === 0) return { kind: 'float', value: 0.5 };
  if (attribute.kind === 'int' || attribute.kind === 'float') return { ...attribute, value: odd };
  if (attribute.kind === 'ints') {
    const value = [...attribute.value];
    const way = random.integer(3);
    if (way === 0) value.push(odd);
    else if (way === 1) value.pop();
    else value[random.integer(Math.max(value.length, 1))] = odd;
    return { kind: 'ints', value };
  }
  if (attribute.kind === 'string') return { kind: 'string', value: `${attribute.value}?` };
  return attribute.kind === 'tensor'
    ? { kind: 'tensor', value: twistTensor(attribute.value, random) }
    : attribute;
}

/** Another value or another shape. */
function twistTensor(tensor: Tensor, random: Random): Tensor {
  if (random.integer(2) === 0 && tensor.data.length > 0) {
    const data = tensor.data.slice() as Float32Array;
    const odd = oddNumbers[random.integer(oddNumbers.length)];
    data[random.integer(data.length)] = (tensor.dtype === 'int64' ? BigInt(odd) : odd) as number;
    return { ...tensor, data } as Tensor;
  }
  const dims = [[tensor.data.length], [1, ...tensor.dims], [...tensor.dims, 1], [...tensor.dims].reverse()];
  return { ...tensor, dims: dims[random.integer(dims.length)] };
}

function twistNode(node: Node, names: readonly string[], random: Random): Node {
  const inputs = [...node.inputs];
  const other = names[random.integer(names.length)];
  const attributes = Object.entries(node.attributes);
  switch (random.integer(6)) {
    case 0:
      inputs.pop();
      return { ...node, inputs };
    case 1:
      inputs[random.integer(Math.max(inputs.length, 1))] = other;
      return { ...node, inputs };
    case 2:
      return { ...node, inputs: inputs.reverse() };
    case 3:
      inputs[random.integer(Math.max(inputs.length, 1))] = '';
      return { ...node, inputs };
    default: {
      if (attributes.length === 0) return { ...node, inputs: [...inputs, other] };
      const [name, attribute] = attributes[random.integer(attributes.length)];
      const changed = random.integer(5) === 0 ? undefined : twistAttribute(attribute, random);
      const kept = attributes.filter(([key]) => key !== name);
      return { ...node, attributes: Object.fromEntries(changed ? [...kept, [name, changed]] : kept) };
    }
  }
}

function twisted(model: Model, random: Random): Model {
  const { graph } = model;
  const names = [...graph.initializers.keys(), ...graph.nodes.flatMap((n) => n.outputs)];
  const nodes = [...graph.nodes];
  const initializers = new Map(graph.initializers);
  for (let k = 1 + random.integer(3); k > 0; k--) {
    const at = random.integer(nodes.length);
    if (random.integer(4) === 0) {
      const name = [...initializers.keys()][random.integer(initializers.size)];
      initializers.set(name, twistTensor(initializers.get(name)!, random));
    } else nodes[at] = twistNode(nodes[at], names, random);
  }
  return { ...model, graph: { ...graph, nodes, initializers } };
}

describe('a model with changed content gives a gradient or a typed error, at once', () => {
  for (const name of exportedNames()) {
    it(name, () => {
      const { bytes, bind, gradients } = exportedModel(name);
      const model = decodeModel(bytes);
      const random = new Random(name);
      const rounds = 60;
      let refused = 0;
      for (let round = 0; round < rounds; round++) {
        const changed = twisted(model, random);
        const start = performance.now();
        try {
          gradientModel(changed, { loss: 'loss', wrt: Object.keys(gradients), bind });
        } catch (error) {
          if (!(error instanceof EarshotError)) throw error;
          refused++;
        }
        expect(performance.now() - start).toBeLessThan(2000);
      }
      expect(refused).toBeGreaterThan(rounds / 10);
    });
  }
});

/**
 * @file Which weights of a network low-rank adapters can join: matrices that only matrix products read, and kernels of
 * ungrouped convolutions; and how each product reads its matrix.
 */
import { ParameterError } from '../core/errors.ts';
import { GraphBuilder, intAttribute, intsAttribute, type Node } from '../onnx/index.ts';
import {
  forwardContext,
  inputParameter,
  type Network,
  type ParameterSpec,
  ParameterTable,
} from './network.ts';

/** How a node reads a weight W: y = x·M (`right`) or y = M·x (`left`), M being W or its transpose; or as kernels. */
export type WeightUse =
  | { readonly kind: 'product'; readonly side: 'left' | 'right'; readonly transposed: boolean }
  | { readonly kind: 'convolution' };

/** A weight that adapters can join. */
export interface LoraCandidate {
  readonly spec: ParameterSpec;
  /** The first use on the way; it decides which of the two factors faces the input. */
  readonly use: WeightUse;
}

/** The use of a weight as operand `slot`; null where no adapter can join. @param transposed W reaches the node as Wᵀ */
export function useOf(node: Node, slot: number, transposed: boolean): WeightUse | null {
  if (node.domain !== '' || slot > 1) return null;
  if (node.inputs[0] === node.inputs[1]) return null;
  const side = slot === 0 ? 'left' : 'right';
  switch (node.opType) {
    case 'MatMul':
      return { kind: 'product', side, transposed };
    case 'Gemm': {
      const turned = intAttribute(node, slot === 0 ? 'transA' : 'transB', 0) === 1;
      return { kind: 'product', side, transposed: turned !== transposed };
    }
    case 'Conv':
      return slot === 1 && !transposed && intAttribute(node, 'group', 1) === 1
        ? { kind: 'convolution' }
        : null;
    default:
      return null;
  }
}

/** True for a node that exchanges the two axes of a matrix. */
export function isMatrixTranspose(node: Node): boolean {
  if (node.opType !== 'Transpose') return false;
  const perm = intsAttribute(node, 'perm');
  return perm === undefined || (perm.length === 2 && perm[0] === 1);
}

/**
 * The weights outside the head that adapters can join, in order of first use. A weight that anything else reads too
 * (an embedding table that is also the last product, say) is none: the merged weight would change that as well.
 */
export function loraCandidates(network: Network, inputShape: readonly number[]): LoraCandidate[] {
  const g = new GraphBuilder();
  const table = new ParameterTable();
  network.forward(
    forwardContext(g, table, inputParameter(g)),
    g.input(g.uniqueName('x'), 'float32', inputShape),
  );
  const weights = new Map(
    table.specs
      .filter((spec) => spec.role === 'weight' && spec.shape.length > 1 && !inHead(network, spec.name))
      .map((spec) => [spec.name, spec]),
  );
  /** What a value is: a weight, or a weight transposed. */
  const meant = new Map([...weights.keys()].map((name) => [name, { name, transposed: false }]));
  const uses = new Map<string, (WeightUse | null)[]>();
  for (const node of g.graph.nodes) {
    node.inputs.forEach((read, slot) => {
      const weight = meant.get(read);
      if (weight === undefined) return;
      if (weights.get(weight.name)!.shape.length === 2 && isMatrixTranspose(node)) {
        meant.set(node.outputs[0], { ...weight, transposed: !weight.transposed });
        return;
      }
      const list = uses.get(weight.name) ?? [];
      list.push(useOf(node, slot, weight.transposed));
      uses.set(weight.name, list);
    });
  }
  return [...weights.values()].flatMap((spec): LoraCandidate[] => {
    const [use, ...others] = uses.get(spec.name) ?? [];
    if (use == null) return [];
    const kind = spec.shape.length === 2 ? 'product' : 'convolution';
    return [use, ...others].every((u) => u?.kind === kind) ? [{ spec, use }] : [];
  });
}

/** True for the parameters of the network's last stage. */
export function inHead(network: Network, name: string): boolean {
  return network.stages.at(-1)?.prefixes.some((prefix) => name.startsWith(prefix)) ?? false;
}

/**
 * The candidates that patterns select: `*` stands for any characters, `?` for one. Without patterns, the matrices of
 * all products.
 * @throws {ParameterError} listing the candidates, where a pattern (or the default) selects none
 */
export function chooseLoraTargets(
  network: Network,
  candidates: readonly LoraCandidate[],
  patterns?: readonly string[],
): LoraCandidate[] {
  if (patterns === undefined) {
    const products = candidates.filter((candidate) => candidate.use.kind === 'product');
    if (products.length > 0) return products;
    throw new ParameterError(`${network.name} has no matrix product before its head that LoRA could adapt.`, {
      hint: `Name weights by patterns (--lora-targets). ${inWords(candidates)}`,
    });
  }
  const chosen = new Set<LoraCandidate>();
  for (const pattern of patterns) {
    const expression = globExpression(pattern);
    const found = candidates.filter((candidate) => expression.test(candidate.spec.name));
    if (found.length === 0) {
      throw new ParameterError(`No weight of ${network.name} that LoRA can adapt matches '${pattern}'.`, {
        hint: inWords(candidates),
      });
    }
    for (const candidate of found) chosen.add(candidate);
  }
  return candidates.filter((candidate) => chosen.has(candidate));
}

function inWords(candidates: readonly LoraCandidate[]): string {
  const of = (kind: WeightUse['kind'], what: string) => {
    const names = candidates.filter((c) => c.use.kind === kind).map((c) => c.spec.name);
    return names.length === 0 ? [] : [`${what}: ${names.join(', ')}`];
  };
  const parts = [...of('product', 'of matrix products'), ...of('convolution', 'of convolutions')];
  return parts.length === 0 ? 'It has none.' : `There are the weights ${parts.join('; ')}.`;
}

function globExpression(pattern: string): RegExp {
  const text = pattern.replace(/[.+^${}()|[\]\\*?]/g, (special) =>
    special === '*' ? '.*' : special === '?' ? '.' : `\\${special}`,
  );
  return new RegExp(`^${text}$`, 's');
}

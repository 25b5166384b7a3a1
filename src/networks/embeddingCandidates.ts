/** @file Which tensors of a model a head could stand on. */
import { EarshotError } from '../core/errors.ts';
import { formatShape, importGraph, isStatic, type Model, type Shape } from '../onnx/index.ts';

export interface EmbeddingCandidate {
  readonly name: string;
  /** [N, size] or feature maps [N, channels, …]. */
  readonly shape: Shape;
}

/**
 * Tensors that can be an embedding, those nearest to the model's end first: float32, a batch of vectors or of maps of
 * known size. Vectors come before maps. Empty where the model's shapes cannot be worked out.
 */
export function embeddingCandidates(model: Model): EmbeddingCandidate[] {
  try {
    const g = importGraph(model);
    const batch = g.graph.inputs[0]?.shape?.[0];
    const found = g.graph.nodes
      .flatMap((node) => node.outputs)
      .map((name) => g.find(name))
      .filter((value) => value !== undefined)
      .filter(
        ({ dtype, shape }) =>
          dtype === 'float32' && shape.length >= 2 && shape[0] === batch && isStatic(shape.slice(1)),
      )
      .map(({ name, shape }) => ({ name, shape }))
      .reverse();
    return [...found.filter((v) => v.shape.length === 2), ...found.filter((v) => v.shape.length > 2)];
  } catch (error) {
    // Open sizes that a picture would settle, or an operator that is not handled: training will say which.
    if (error instanceof EarshotError) return [];
    throw error;
  }
}

/** The first candidates in words, for messages. */
export function candidatesText(candidates: readonly EmbeddingCandidate[], count = 8): string {
  const shown = candidates.slice(0, count).map(({ name, shape }) => `${name} ${formatShape(shape)}`);
  return shown.join(', ') + (candidates.length > count ? ', …' : '');
}

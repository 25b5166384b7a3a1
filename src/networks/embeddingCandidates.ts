/** @file Which tensors of a model a head could stand on. */
import { EarshotError } from '../core/errors.ts';
import { formatShape, importGraph, isStatic, type Model, type Shape } from '../onnx/index.ts';
import { pictureInputs } from './importedPicture.ts';

export interface EmbeddingCandidate {
  readonly name: string;
  /** [N, size] or feature maps [N, channels, …]. */
  readonly shape: Shape;
}

export interface EmbeddingCandidates {
  readonly candidates: readonly EmbeddingCandidate[];
  /** Size of the pictures that the shapes are of, where the model leaves it open. */
  readonly pictureSize: readonly [height: number, width: number] | null;
  /** Why inner tensors are missing; null where all shapes could be worked out. */
  readonly problem: string | null;
}

/** Where a model does not say and nobody else does: what most networks for pictures were trained at. */
const usualSize = [224, 224] as const;

/**
 * Tensors that can be an embedding, those nearest to the model's end first: float32, a batch of vectors or of maps of
 * known size. Vectors come before maps. Where shapes inside the model cannot be worked out, the outputs that it declares.
 * @param size of pictures, where the model leaves it open
 */
export function embeddingCandidates(
  model: Model,
  size: readonly [height: number, width: number] = usualSize,
): EmbeddingCandidates {
  const bind = openSizes(model, size);
  const pictureSize = Object.keys(bind).length === 0 ? null : size;
  try {
    const g = importGraph(model, { bind });
    const batch = g.graph.inputs[0]?.shape?.[0];
    const found = g.graph.nodes
      .flatMap((node) => node.outputs)
      .map((name) => g.find(name))
      .filter((value) => value !== undefined)
      .filter((value) => canBeEmbedding(value) && value.shape[0] === batch)
      .map(({ name, shape }) => ({ name, shape }))
      .reverse();
    return { candidates: vectorsFirst(found), pictureSize, problem: null };
  } catch (error) {
    if (!(error instanceof EarshotError)) throw error;
    const declared = model.graph.outputs.flatMap(({ name, dtype, shape }) =>
      shape !== null && canBeEmbedding({ dtype, shape }) ? [{ name, shape }] : [],
    );
    return { candidates: vectorsFirst(declared), pictureSize: null, problem: error.message };
  }
}

function canBeEmbedding({ dtype, shape }: { readonly dtype: string | null; readonly shape: Shape }): boolean {
  return dtype === 'float32' && shape.length >= 2 && isStatic(shape.slice(1));
}

function vectorsFirst(found: readonly EmbeddingCandidate[]): EmbeddingCandidate[] {
  return [...found.filter((v) => v.shape.length === 2), ...found.filter((v) => v.shape.length > 2)];
}

/** Sizes for the open dimensions of a model's picture but for the batch: a channel that is open is one. */
function openSizes(model: Model, [height, width]: readonly [number, number]): Record<string, number> {
  const bind: Record<string, number> = {};
  for (const { shape } of pictureInputs(model)) {
    const colours = (axis: number) => shape[axis] === 1 || shape[axis] === 3;
    const channel = shape.length === 3 ? null : colours(3) && !colours(1) ? 3 : 1;
    const spatial = shape.map((_, axis) => axis).filter((axis) => axis > 0 && axis !== channel);
    for (const [axis, size] of [
      [channel, 1],
      [spatial[0], height],
      [spatial[1], width],
    ] as const) {
      const dim = axis === null ? undefined : shape[axis];
      if (typeof dim === 'string' && dim !== shape[0]) bind[dim] = size;
    }
  }
  return bind;
}

/** The first candidates in words, for messages. */
export function candidatesText({ candidates, pictureSize }: EmbeddingCandidates, count = 8): string {
  const shown = candidates.slice(0, count).map(({ name, shape }) => `${name} ${formatShape(shape)}`);
  const sized = pictureSize === null ? '' : ` (for pictures of ${pictureSize.join(' × ')})`;
  return shown.join(', ') + (candidates.length > count ? ', …' : '') + sized;
}

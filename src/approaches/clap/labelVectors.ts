/** @file Labels as directions in CLAP's common space, and sounds compared with them: as numbers, and as nodes. */
import { softmaxRows } from '../../classifiers/browser.ts';
import { float32, RuntimeError, rowsOf, sizeOf, type Tensor, tensor } from '../../core/index.ts';
import { type ClapSpec, clapNodes, clapWindow } from '../../features/index.ts';
import { GraphBuilder, staticShape, type Value } from '../../onnx/index.ts';
import type { Engine } from '../../runtime/index.ts';
import type { ArtifactParts } from '../artifact.ts';
import type { ClipVectors } from '../clipVectors.ts';
import type { ClapModel } from './clapModel.ts';
import type { PromptedLabel } from './prompts.ts';
import type { TokenBatch } from './tokenizer.ts';

export interface LabelVectors {
  readonly labels: readonly string[];
  /** Numbers in a direction. */
  readonly size: number;
  /** Unit vectors, shape [labels, size]. */
  readonly data: Float32Array;
}

/** Prompts in one run of the text encoder. */
const promptsPerRun = 32;

/**
 * Embeds the prompts. A label's direction is the mean of its prompts' directions, brought to length 1.
 * @param engine runs the text encoder, which is unloaded again
 */
export async function embedLabels(
  model: ClapModel,
  labels: readonly PromptedLabel[],
  engine: Engine,
): Promise<LabelVectors> {
  const prompts = labels.flatMap((label) => label.prompts);
  const rows = await embedTexts(model, prompts, engine);
  const size = rows[0].length;
  const data = new Float32Array(labels.length * size);
  let at = 0;
  labels.forEach((label, i) => {
    const own = rows.slice(at, at + label.prompts.length).map(direction);
    at += own.length;
    data.set(
      direction(Float64Array.from({ length: size }, (_, k) => own.reduce((sum, v) => sum + v[k], 0))),
      i * size,
    );
  });
  return { labels: labels.map(({ label }) => label), size, data };
}

/** What the text encoder makes of texts, not normalised. */
async function embedTexts(
  model: ClapModel,
  texts: readonly string[],
  engine: Engine,
): Promise<Float32Array[]> {
  const whole = model.tokenizer.batch(texts);
  const tokens = whole.ids.dims[1];
  const { model: graph, output } = await model.text(tokens);
  const loaded = await engine.load(graph);
  const rows: Float32Array[] = [];
  for (let from = 0; from < texts.length; from += promptsPerRun) {
    const { ids, mask } = part(whole, from, Math.min(texts.length, from + promptsPerRun));
    const feeds = { input_ids: ids, attention_mask: mask };
    const { [output]: embeds } = await engine.run(loaded, { feeds, fetch: [output] });
    rows.push(...rowsOf(embeds as Tensor<'float32'>));
  }
  await engine.unload(loaded);
  return rows;
}

function part({ ids, mask }: TokenBatch, from: number, to: number): TokenBatch {
  const tokens = ids.dims[1];
  const cut = ({ data }: Tensor<'int64'>) =>
    tensor('int64', [to - from, tokens], data.slice(from * tokens, to * tokens));
  return { ids: cut(ids), mask: cut(mask) };
}

/** A vector brought to length 1. @throws {RuntimeError} for one that has no direction */
function direction(v: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(v);
  const length = Math.hypot(...values);
  if (!(length > 0 && Number.isFinite(length)))
    throw new RuntimeError(
      'An encoder of CLAP gave a vector that has no direction; its weights are damaged.',
    );
  return values.map((x) => x / length);
}

/** Cosines of a sound's embedding with every label, in the labels' order. */
export function cosines(embedding: Float32Array, { labels, size, data }: LabelVectors): number[] {
  const unit = direction(embedding);
  return labels.map((_, i) => unit.reduce((sum, x, k) => sum + x * data[i * size + k], 0));
}

/** Softmax of scale · cosine over the labels. */
export function labelProbabilities(similarities: readonly number[], logitScale: number): Float32Array {
  const data = Float64Array.from(similarities, (cosine) => cosine * logitScale);
  return Float32Array.from(softmaxRows({ data, rows: 1, columns: data.length }).data);
}

/**
 * The same as nodes, from the waveform on: probabilities are the softmax of scale · cosine, the embedding is a unit
 * vector. Of a recording longer than 10 s the first window is heard.
 */
export function promptScore(
  model: ClapModel,
  vectors: LabelVectors,
  { frontEnd, logitScale }: { readonly frontEnd: ClapSpec; readonly logitScale: number },
): ArtifactParts['score'] {
  return (g, waveform) => {
    const embedding = soundNodes(model, g, waveform, frontEnd);
    const { labels, size, data } = vectors;
    const columns = new Float32Array(size * labels.length);
    labels.forEach((_, i) => {
      for (let k = 0; k < size; k++) columns[k * labels.length + i] = data[i * size + k];
    });
    const cosine = g.op('MatMul', [
      embedding,
      g.constant(float32([size, labels.length], columns), 'label_vectors'),
    ]);
    const logits = g.op('Mul', [cosine, g.scalar(logitScale)]);
    return { probabilities: g.op('Softmax', [logits], { axis: 1 }), embedding };
  };
}

/** From waveforms [N, samples] of at most 10 s to directions in the common space, [N, size]. */
function soundNodes(model: ClapModel, g: GraphBuilder, waveform: Value, frontEnd: ClapSpec): Value {
  const pictures = g.op('Unsqueeze', [clapNodes(g, waveform, frontEnd), g.ints([1])]);
  return unitNodes(g, model.appendAudio(g, pictures));
}

/**
 * Clips as directions in the common space, and classes beside them: the vectors that classifiers are fitted to, of which a
 * clip's windows of 10 s each give one.
 */
export function clapVectors(model: ClapModel, frontEnd: ClapSpec): ClipVectors {
  const { description, sha256 } = model.weights;
  const { sampleRate } = frontEnd;
  const { size, parameters } = clapAudioSide(model);
  return {
    spec: {
      kind: 'clap',
      frontEnd,
      windowSeconds: clapWindow.samples / sampleRate,
      weights: { description, sha256 },
    },
    ...{ sampleRate, size, weights: description, networkParameters: parameters },
    windows: () => 1,
    nodes: (g, waveform) => ({ vector: soundNodes(model, g, waveform, frontEnd) }),
  };
}

/** Numbers in an embedding, and those that the audio encoder holds. */
export function clapAudioSide(model: ClapModel): { readonly size: number; readonly parameters: number } {
  const g = new GraphBuilder();
  const embedding = model.appendAudio(g, g.input('x', 'float32', [1, ...model.audio.inputDims]));
  const [, size] = staticShape(embedding.shape, 'The embedding of CLAP') as readonly [number, number];
  g.output(embedding, 'embedding');
  let parameters = 0;
  for (const { dtype, dims } of g.model().graph.initializers.values())
    if (dtype === 'float32') parameters += sizeOf(dims);
  return { size, parameters };
}

/** Rows brought to length 1. */
function unitNodes(g: GraphBuilder, x: Value): Value {
  const squares = g.op('ReduceSum', [g.op('Mul', [x, x]), g.ints([1])], { keepdims: 1 });
  return g.op('Div', [x, g.op('Sqrt', [squares])]);
}

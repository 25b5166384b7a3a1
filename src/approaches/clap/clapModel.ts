/**
 * @file A CLAP model, ready to be put to use: its two encoders as graphs, from ONNX exports (run as they are) or built here
 * for safetensors; its tokenizer; and the factor on cosines.
 */
import { join, relative } from 'node:path';
import * as z from 'zod';
import { GraphError, type Tensor, WeightsError } from '../../core/index.ts';
import type { EmbedderGraph } from '../../embeddings/browser.ts';
import { digest } from '../../extraction/index.ts';
import { clapSpec, clapWindow } from '../../features/index.ts';
import { hashFile, requireRecord } from '../../files/index.ts';
import {
  type ClapConfig,
  clapAudioEncoder,
  clapConfig,
  clapLogitScale,
  clapTextEncoder,
  finiteFloat32,
  forwardContext,
  importedBody,
  inferenceContext,
  inputParameter,
  ParameterTable,
  type ParameterValues,
} from '../../networks/index.ts';
import { formatShape, GraphBuilder, type Model, type Node, type Value } from '../../onnx/index.ts';
import { readModel } from '../../runtime/index.ts';
import { readSafetensors } from '../../weights/index.ts';
import { appendFrozen } from '../modelEmbedder.ts';
import { type ClapFiles, findClap } from './clapFiles.ts';
import { ClapTokenizer } from './tokenizer.ts';

/** A graph that takes `input_ids` and `attention_mask`, int64 [N, tokens]. */
export interface ClapTextGraph {
  readonly model: Model;
  /** [N, size], not normalised. */
  readonly output: string;
}

export interface ClapModel {
  readonly weights: { readonly description: string; readonly sha256: string };
  readonly tokenizer: ClapTokenizer;
  /** What cosines are multiplied with before softmax. */
  readonly logitScale: number;
  /** Whether that factor was trained; ONNX exports of the encoders leave it out. */
  readonly logitScaleTrained: boolean;
  /** Pictures [N, 1, 64, 1001] to embeddings [N, size], not normalised. */
  readonly audio: EmbedderGraph;
  /** The graph for prompts of so many tokens; read and made when it is asked for, as it is large and used once. */
  text(tokens: number): Promise<ClapTextGraph>;
  /** Appends the audio encoder to a graph. @param pictures float32 [N, 1, 64, 1001] @returns [N, size], not normalised */
  appendAudio(g: GraphBuilder, pictures: Value): Value;
}

const pictureDims = [1, clapSpec.nMels, clapWindow.frames] as const;

/**
 * Opens a model.
 * @param weights a folder, a safetensors file in one, the name of fetched weights, or undefined: those of `clap-htsat-unfused`
 * @throws {WeightsError} when files lack, cannot be read or do not fit; says how to get them
 * @throws {GraphError} when an ONNX file is not an encoder of CLAP
 */
export async function openClap(weights?: string): Promise<ClapModel> {
  const files = await findClap(weights);
  const path = join(files.folder, 'config.json');
  const config = clapConfig(
    await requireRecord(path, z.looseObject({}), { what: 'the shape of a CLAP model', error: WeightsError }),
    path,
  );
  const tokenizer = await ClapTokenizer.open(files.folder, config.text.padToken);
  const parts = files.kind === 'onnx' ? await exported(files, config) : await built(files, config);
  const identity = await Promise.all(
    [...parts.paths, join(files.folder, 'tokenizer.json'), path].map(hashFile),
  );
  const names = parts.paths.map((file) => relative(files.folder, file)).join(' and ');
  const sha256 = digest(...identity);
  return {
    ...parts,
    tokenizer,
    weights: {
      description: `CLAP from ${names} in ${files.folder} (SHA-256 ${sha256.slice(0, 12)}…).`,
      sha256,
    },
  };
}

type ClapParts = Omit<ClapModel, 'tokenizer' | 'weights'> & { readonly paths: readonly string[] };

/** ONNX exports, such as those of transformers.js. */
async function exported(files: ClapFiles & { kind: 'onnx' }, config: ClapConfig): Promise<ClapParts> {
  const { audio, text } = files;
  const audioModel = await readModel(audio);
  const input = soundInput(audioModel, audio);
  const output = embeddingOf(audioModel, audio, 'audio_embeds');
  const body = importedBody(audioModel, { name: audio, embedding: output, picture: 'frames-mel' });
  return {
    paths: [audio, text],
    logitScale: config.initialLogitScale,
    logitScaleTrained: false,
    audio: { ...pictureFirst(audioModel, input), inputDims: pictureDims, output },
    text: () => exportedText(text),
    appendAudio: (g, pictures) => appendFrozen(body, g, pictures),
  };
}

async function exportedText(path: string): Promise<ClapTextGraph> {
  const model = await readModel(path);
  for (const { name } of model.graph.inputs) {
    if (name !== 'input_ids' && name !== 'attention_mask')
      throw new GraphError(`${path} takes '${name}', which is nothing that a text encoder of CLAP takes.`);
  }
  return { model, output: embeddingOf(model, path, 'text_embeds') };
}

/** The input that takes pictures. @throws {GraphError} for an encoder that takes anything else */
function soundInput(model: Model, path: string): string {
  const inputs = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  const [input] = inputs;
  if (inputs.length === 1 && input?.dtype === 'float32' && input.shape?.length === 4) return input.name;
  const fused = inputs.some(({ name }) => name === 'is_longer');
  const taken = inputs.map(({ name, dtype, shape }) => `${name} ${dtype} ${formatShape(shape)}`).join(', ');
  throw new GraphError(
    `${path} takes ${taken || 'nothing'}; an audio encoder of CLAP takes one float32 input [N, 1, 1001, 64].`,
    {
      ...(fused
        ? { hint: 'It is of a fusion model; only unfused ones are handled, such as clap-htsat-unfused.' }
        : {}),
    },
  );
}

function embeddingOf(model: Model, path: string, name: string): string {
  const { outputs } = model.graph;
  if (outputs.some((output) => output.name === name)) return name;
  throw new GraphError(`${path} gives no '${name}' but ${outputs.map((output) => output.name).join(', ')}.`, {
    hint: 'Export the encoder together with its projection.',
  });
}

/**
 * The file's graph with a node before it, so that it takes pictures as front ends here give them: nothing else of it is
 * touched, so whatever the runtime can run is run.
 */
function pictureFirst(model: Model, input: string): { model: Model; input: string } {
  const { graph } = model;
  const name = `${input}/bands_first`;
  const turn: Node = {
    ...{ opType: 'Transpose', domain: '', name: 'frames_first', inputs: [name], outputs: [input] },
    attributes: { perm: { kind: 'ints', value: [0, 1, 3, 2] } },
  };
  const pictures = { name, dtype: 'float32', shape: ['N', ...pictureDims] } as const;
  const inputs = [pictures, ...graph.inputs.filter((v) => v.name !== input)];
  return { input: name, model: { ...model, graph: { ...graph, inputs, nodes: [turn, ...graph.nodes] } } };
}

/** Graphs built here, with the numbers of a safetensors file. */
async function built(files: ClapFiles & { kind: 'safetensors' }, config: ClapConfig): Promise<ClapParts> {
  const { tensors } = await readSafetensors(files.weights);
  const values = clapValues(config, tensors, files.weights);
  const g = new GraphBuilder({ name: 'clap audio' });
  const x = g.input('x', 'float32', ['N', ...pictureDims]);
  g.output(clapAudioEncoder(inferenceContext(g, values), x, config), 'audio_embeds');
  return {
    paths: [files.weights],
    logitScale: Math.exp(values.get('logit_scale_a')!.data[0]),
    logitScaleTrained: true,
    audio: { model: g.model(), input: 'x', inputDims: pictureDims, output: 'audio_embeds' },
    text: async (tokens) => ({ model: textGraph(values, tokens, config), output: 'text_embeds' }),
    appendAudio: (around, pictures) => clapAudioEncoder(inferenceContext(around, values), pictures, config),
  };
}

function textGraph(values: ParameterValues, tokens: number, config: ClapConfig): Model {
  const g = new GraphBuilder({ name: 'clap text' });
  const ids = g.input('input_ids', 'int64', ['N', tokens]);
  const mask = g.input('attention_mask', 'int64', ['N', tokens]);
  g.output(clapTextEncoder(inferenceContext(g, values), ids, mask, config), 'text_embeds');
  return g.model();
}

/**
 * The numbers of all parameters, by their published names.
 * @throws {WeightsError} naming the first that lacks, has another shape, or holds what is no number
 */
function clapValues(
  config: ClapConfig,
  tensors: ReadonlyMap<string, Tensor>,
  source: string,
): Map<string, Tensor<'float32'>> {
  const g = new GraphBuilder();
  const table = new ParameterTable();
  const c = forwardContext(g, table, inputParameter(g));
  clapAudioEncoder(c, g.input('x', 'float32', ['N', ...pictureDims]), config);
  const tokens = g.input('input_ids', 'int64', ['N', 2]);
  clapTextEncoder(c, tokens, g.input('attention_mask', 'int64', ['N', 2]), config);
  clapLogitScale(c);
  return new Map(
    table.specs.map(({ name, shape }) => {
      const held = tensors.get(name);
      if (held === undefined) {
        throw new WeightsError(`${source} holds no '${name}', which CLAP has.`, {
          hint: 'It must be the model.safetensors of a ClapModel, with the config.json that it was published with.',
        });
      }
      if (held.dims.length !== shape.length || held.dims.some((d, i) => d !== shape[i])) {
        throw new WeightsError(
          `${source}: '${name}' has the shape ${formatShape(held.dims)}, by config.json it must be ${formatShape(shape)}.`,
        );
      }
      return [name, finiteFloat32(name, held, source)];
    }),
  );
}

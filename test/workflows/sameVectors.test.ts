/**
 * One model and one tensor give one vector, whoever asks: the artefact of a head trained on the frozen model, `embed`,
 * and the vectors of `onnx-svm` and few shots.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  artifactInfo,
  embeddingTensor,
  type InputChoices,
  importedApproach,
  openEmbedder,
  openImportedModel,
  openVectors,
  resolveConfig,
  resolveVectorRun,
  vectorApproaches,
} from '../../src/approaches/index.ts';
import { float32, ParameterError, Random, UsageError } from '../../src/core/index.ts';
import { Embedder, windowInputs } from '../../src/embeddings/browser.ts';
import { decodeModel, encodeModel, GraphBuilder } from '../../src/onnx/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import { cutWindows } from '../../src/windows/index.ts';
import { type TrainOptions, train } from '../../src/workflows/index.ts';
import { ints, madeModel, node } from '../onnx/madeModel.ts';
import { runModel } from '../support/runModel.ts';
import { tone, toneRate, writeToneDataset } from '../support/tones.ts';

const nMels = 16;
const random = new Random(8);
const weight = (...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.2 * random.normal()),
  );
/** Three colour channels, open height and width, as picture networks are published. */
const model = madeModel({
  opset: 13,
  inputs: { picture: ['float32', ['N', 3, 'height', 'width']] },
  outputs: { embedding: 'float32' },
  initializers: { 'conv.weight': weight(6, 3, 3, 3), 'conv.bias': weight(6) },
  nodes: [
    node('Conv', ['picture', 'conv.weight', 'conv.bias'], ['a'], { strides: ints(2, 2) }),
    node('Tanh', ['a'], ['maps']),
    node('GlobalAveragePool', ['maps'], ['pooled']),
    node('Flatten', ['pooled'], ['embedding']),
  ],
});

let folder: string;
let file: string;
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-vectors-'));
  file = join(folder, 'eyes.onnx');
  await writeFile(file, encodeModel(model));
  await writeToneDataset(join(folder, 'tones'), 3, 2);
  engine = new Engine({ threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const windowSeconds = 0.5;
const choice = { network: file!, embedding: 'embedding', sampleRate: toneRate, nMels, windowSeconds };

function options(out: string, changes: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: join(folder, 'tones'),
    network: { file, embedding: 'embedding' },
    ...{ out: join(folder, out), command: 'earshot train tones', cacheDir: join(folder, 'cache') },
    ...{ threads: 1, seed: 5, split: { kind: 'folds', testFolds: [3] } },
    ...changes,
    overrides: { sampleRate: toneRate, nMels, windowSeconds, ...changes.overrides },
  };
}

/** What `embed` makes of a recording of one window. */
async function embedded(network: string, samples: Float32Array, input: InputChoices, plain = false) {
  const description = await openEmbedder(
    plain ? { network } : { ...choice, network, ...input, pictureSize: [20, 12] },
  );
  const embedder = await Embedder.load(description, engine);
  return embedder.embed(windowInputs([samples], description.spec).inputs);
}

const distance = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / Math.max(...b.map(Math.abs));

const inputs: [string, InputChoices][] = [
  ['as it comes', {}],
  ['raw', { pictureScaling: 'none' }],
  ['a range', { pictureRange: [-1, 1] }],
  [
    "torchvision's",
    { pictureRange: [0, 1], pictureMean: [0.485, 0.456, 0.406], pictureDeviation: [0.229, 0.224, 0.225] },
  ],
  ['a stated mean and deviation', { pictureMean: [-40], pictureDeviation: [18] }],
];

describe('the same model and tensor give the same vector', () => {
  const samples = tone('low', windowSeconds, new Random(3));

  // The others differ in numbers alone; training takes seconds.
  it.each([inputs[0], inputs[3]])(
    'in embed, in the model that a trained head leaves, and in few shots: %s',
    async (name, input) => {
      const outcome = await train(
        options(`head ${name}`, {
          overrides: { ...input, trainable: 'head', epochs: 1, pictureSize: [20, 12] },
        }),
      );
      const own = await embedded(file, samples, input);
      expect(own.length).toBe(6);
      const artefact = outcome.models[0];
      // The model file says what its graph does.
      const { input: said } = artifactInfo(decodeModel(await readFile(artefact)), artefact);
      expect(said).toMatchObject({ standardize: false, pictureSize: [20, 12], layout: 'mel-frames' });
      if (input.pictureRange === undefined) expect(said!.scaling).toEqual({ kind: 'clip' });
      else
        expect(said).toMatchObject({
          scaling: { kind: 'range', low: 0, high: 1, depth: 80 },
          channels: { mean: input.pictureMean, deviation: input.pictureDeviation },
        });
      expect(distance(await embedded(artefact, samples, {}, true), own)).toBeLessThan(1e-4);
      const { embedding } = await runModel(decodeModel(await readFile(artefact)), {
        waveform: float32([1, samples.length], samples),
      });
      expect(distance(embedding!.data as Float32Array, own)).toBeLessThan(1e-4);
      const vectors = await openVectors(
        { ...choice, network: file, ...input, pictureSize: [20, 12] },
        'mean',
      );
      const g = new GraphBuilder();
      const { vector } = vectors.nodes(
        g,
        g.input('waveform', 'float32', ['batch', 'samples']),
        samples.length,
      );
      g.output(vector, 'vector');
      const made = await runModel(g.model(), { waveform: float32([1, samples.length], samples) });
      expect(distance(made['vector'].data as Float32Array, own)).toBeLessThan(1e-4);
    },
  );

  it('and different input gives different vectors, under different keys', async () => {
    const keys = new Set<string>();
    const vectors: Float32Array[] = [];
    for (const [, input] of inputs) {
      const { spec } = await openEmbedder({ ...choice, network: file, ...input });
      keys.add(JSON.stringify(spec.settings));
      vectors.push(await embedded(file, samples, input));
    }
    expect(keys.size).toBe(inputs.length);
    for (let i = 0; i < vectors.length; i++)
      for (let j = 0; j < i; j++) expect(distance(vectors[i], vectors[j])).toBeGreaterThan(1e-2);
  });

  it('statistics of a training side are refused where there is none, with the ways out', async () => {
    const refused = openEmbedder({ ...choice, network: file, pictureScaling: 'bands' });
    await expect(refused).rejects.toThrow(UsageError);
    const { hint } = await refused.catch((error) => error);
    expect(hint).toContain('--picture-range');
    expect(hint).toContain('--picture-mean');
  });

  it('choices that exclude each other are refused', () => {
    const wrong: InputChoices[] = [
      { pictureRange: [0, 1], pictureScaling: 'clip' },
      { pictureScaling: 'bands', pictureMean: [1] },
    ];
    for (const input of wrong) expect(() => resolveConfig(importedApproach, 1, 0, input)).toThrow(UsageError);
    expect(() => resolveConfig(importedApproach, 1, 0, { pictureDeviation: [0] })).toThrow(ParameterError);
  });
});

describe('onnx-svm', () => {
  it('fits a linear SVM to the vectors of a model as it is, and leaves a model that holds both', async () => {
    const outcome = await train(options('svm', { approach: 'onnx-svm' }));
    expect(outcome.approach).toBe('onnx-svm');
    expect(outcome.evaluation.accuracy).toBeGreaterThan(0.7);
    expect(outcome.parity).toBeLessThan(1e-4);
    // A factor per number of the vector and a shift, for each class; the model's 6 · 3 · 3 · 3 + 6 beside them.
    expect(outcome.trainedParameters).toBe(2 * (6 + 1));
    expect(outcome.parameters).toBe(2 * (6 + 1) + 6 * 27 + 6);
    const samples = tone('high', windowSeconds, new Random(4));
    const description = await openEmbedder({ ...choice, network: file });
    const embedder = await Embedder.load(description, engine);
    const own = await embedder.embed(windowInputs([samples], description.spec).inputs);
    const { embedding } = await runModel(decodeModel(await readFile(outcome.models[0])), {
      waveform: float32([1, samples.length], samples),
    });
    expect(distance(embedding!.data as Float32Array, own)).toBeLessThan(1e-4);
  });

  it('needs a model; settings of training and of OpenL3 are refused', async () => {
    const row = vectorApproaches.find(({ name }) => name === 'onnx-svm')!;
    await expect(resolveVectorRun(row, 1, 0)).rejects.toThrow(/needs an ONNX model/);
    const imported = await openImportedModel(file);
    for (const overrides of [{ epochs: 3 }, { vectors: { contentType: 'env' as const } }])
      await expect(
        resolveVectorRun(row, 1, 0, overrides, { imported, embedding: 'embedding' }),
      ).rejects.toThrow(UsageError);
    expect(() => embeddingTensor(imported, undefined, 'are the vectors')).toThrow(UsageError);
  });
});

describe('windows that are moved back', () => {
  it.each([false, true])('are cut in the graph as they are outside it (centred: %s)', async (center) => {
    const own = { ...choice, network: file, center, hopSeconds: 0.2 };
    const description = await openEmbedder(own);
    const { windowing } = description.spec;
    const embedder = await Embedder.load(description, engine);
    const vectors = await openVectors(own, 'mean');
    for (const length of [700, 2000, 3999, 4000, 4001, 5600, 9000, 12000]) {
      const draw = new Random(length);
      const data = Float32Array.from({ length }, () => draw.normal(0, 0.1));
      // Up to 0.5 % more than a window is no second one.
      const beyond = Math.max(0, length + windowing.leading - 4000 - 20);
      const count = 1 + Math.ceil(beyond / windowing.hopSamples);
      const { inputs: pictures } = windowInputs(cutWindows(data, windowing), description.spec);
      const each = await embedder.embed(pictures);
      const mean = Float32Array.from({ length: 6 }, (_, k) => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += each[i * 6 + k];
        return sum / count;
      });
      const g = new GraphBuilder();
      g.output(
        vectors.nodes(g, g.input('waveform', 'float32', ['batch', 'samples']), 12000).vector,
        'vector',
      );
      const { vector } = await runModel(g.model(), { waveform: float32([1, length], data) });
      expect(distance(vector!.data as Float32Array, mean), `${length} samples`).toBeLessThan(1e-4);
    }
  });
});

import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactInfo } from '../../src/approaches/index.ts';
import {
  float32,
  GraphError,
  ParameterError,
  Random,
  ShapeError,
  type Tensor,
  TrainingError,
  UsageError,
} from '../../src/core/index.ts';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { loadCheckpoint } from '../../src/training/index.ts';
import { evaluate, type TrainOptions, train } from '../../src/workflows/index.ts';
import { float, ints, madeModel, node } from '../onnx/madeModel.ts';
import { toneRate, writeToneDataset } from '../support/tones.ts';

const nMels = 32;
/** Of half a second at 8 kHz, a frame every 512 samples. */
const nFrames = 8;

function noise(seed: number, scale: number, ...dims: number[]): Tensor<'float32'> {
  const random = new Random(seed);
  const size = dims.reduce((a, b) => a * b, 1);
  return float32(
    dims,
    Float32Array.from({ length: size }, () => scale * random.normal()),
  );
}

/** Two convolutions with a batch norm between, and a classifier of their maps that is not wanted. */
function smallModel({ seed = 1, batch = 'N' as string | number, picture = [nMels, nFrames] } = {}) {
  const [height, width] = picture.map((n, i) => (i === 0 ? (n - 8) >> 2 : n - 4)) as [number, number];
  return madeModel({
    opset: 13,
    inputs: { mel: ['float32', [batch, 1, ...picture]] },
    outputs: { scores: 'float32' },
    initializers: {
      'conv1.weight': noise(seed, 0.3, 8, 1, 5, 3),
      'conv1.bias': noise(seed + 1, 0.1, 8),
      'norm.scale': float32([8], new Float32Array(8).fill(1)),
      'norm.bias': noise(seed + 2, 0.1, 8),
      'norm.mean': noise(seed + 3, 0.1, 8),
      'norm.variance': float32([8], new Float32Array(8).fill(2)),
      'conv2.weight': noise(seed + 4, 0.1, 12, 8, 3, 3),
      'conv2.bias': noise(seed + 5, 0.1, 12),
      'old.weight': noise(seed + 6, 0.1, 12 * height * width, 3),
    },
    nodes: [
      node('Conv', ['mel', 'conv1.weight', 'conv1.bias'], ['a'], { strides: ints(2, 1) }),
      node('BatchNormalization', ['a', 'norm.scale', 'norm.bias', 'norm.mean', 'norm.variance'], ['b'], {
        epsilon: float(1e-3),
      }),
      node('Relu', ['b'], ['c']),
      node('Conv', ['c', 'conv2.weight', 'conv2.bias'], ['d'], { strides: ints(2, 1) }),
      node('Relu', ['d'], ['maps']),
      node('Flatten', ['maps'], ['features']),
      node('MatMul', ['features', 'old.weight'], ['scores']),
    ],
  });
}

const bodyParameters = [
  ...['conv1.weight', 'conv1.bias', 'norm.scale', 'norm.bias', 'norm.mean', 'norm.variance'],
  ...['conv2.weight', 'conv2.bias'],
];

let folder: string;
let data: string;

async function save(name: string, model = smallModel()): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, encodeModel(model));
  return path;
}

function options(out: string, file: string, changes: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: data,
    network: { file, embedding: 'features' },
    out: join(folder, out),
    command: 'earshot train tones',
    cacheDir: join(folder, 'cache'),
    threads: 1,
    seed: 5,
    split: { kind: 'folds', testFolds: [3] },
    ...changes,
    overrides: {
      ...{ epochs: 15, sampleRate: toneRate, nMels, batchSize: 8, windowSeconds: 0.5, timeShift: 0 },
      ...{ learningRate: 3e-3, headRate: 3, specAugment: false },
      ...changes.overrides,
    },
  };
}

/** Names of the parameters whose values are no longer the model's, after a run. */
async function changed(directory: string, model = smallModel()): Promise<string[]> {
  const { tensors } = (await loadCheckpoint(join(directory, 'checkpoints'), 'last'))!;
  return bodyParameters.filter((name) => {
    const now = tensors.get(name)!.data as Float32Array;
    const then = model.graph.initializers.get(name)!.data as Float32Array;
    return now.some((value, i) => value !== then[i]);
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-network-'));
  data = join(folder, 'tones');
  await writeToneDataset(data);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('train with a network from an ONNX model', () => {
  it('fine-tunes all of it, says what it started from, and leaves an artefact of waveforms', async () => {
    const file = await save('ears.onnx');
    const outcome = await train(options('all', file));
    expect(outcome.evaluation.accuracy).toBeGreaterThan(0.9);
    expect(outcome.parity).toBeLessThan(1e-4);
    expect(outcome.approach).toBe('network');
    expect(outcome.weights).toMatch(/^Weights from ears\.onnx \(SHA-256 [0-9a-f]{12}…\).*'features'/);
    const markdown = await readFile(outcome.report.markdown, 'utf8');
    expect(markdown).toContain('ears.onnx');
    expect(markdown).not.toMatch(/random weights/i);
    const { config } = JSON.parse(await readFile(join(outcome.directory, 'config.json'), 'utf8'));
    expect(config.network).toMatchObject({
      name: 'ears',
      imported: { file: 'ears.onnx', embedding: 'features', layout: 'mel-frames' },
    });
    expect(config.network.imported.sha256).toMatch(/^[0-9a-f]{64}$/);
    // Log-mel pictures are each scaled by themselves; batch statistics are the model's own.
    expect(config.standardize).toBe(false);
    expect(config.network.input).toEqual({ scaling: { kind: 'clip' } });
    expect(await changed(outcome.directory)).toEqual(
      bodyParameters.filter((name) => name !== 'norm.mean' && name !== 'norm.variance'),
    );
    const info = artifactInfo(decodeModel(await readFile(outcome.models[0])), 'model');
    expect(info).toMatchObject({ approach: 'network', network: 'ears', embeddingSize: 288 });
    expect(info.weights).toBe(outcome.weights);
    const again = await evaluate({
      model: outcome.models[0],
      dataset: data,
      folds: [3],
      threads: 1,
      cacheDir: join(folder, 'cache'),
    });
    expect(again.evaluation.accuracy).toBe(outcome.evaluation.accuracy);
  });

  it.each([
    ['head', []],
    ['last:0', []],
    ['last:1', ['conv2.bias']],
    ['last:3', ['norm.bias', 'conv2.weight', 'conv2.bias']],
  ] as const)('with --train %s changes exactly %j of the model', async (trainable, expected) => {
    const file = await save('ears.onnx');
    const outcome = await train(
      options(`part-${trainable.replace(':', '-')}`, file, { overrides: { trainable, epochs: 2 } }),
    );
    expect(await changed(outcome.directory)).toEqual(expected);
    const { tensors } = (await loadCheckpoint(join(outcome.directory, 'checkpoints'), 'last'))!;
    const head = tensors.get('head.bias')!.data as Float32Array;
    expect(Math.max(...head.map(Math.abs))).toBeGreaterThan(0);
    // Only what is trained has optimiser state: the rest is not differentiated.
    const slots = [...tensors.keys()].filter((name) => name.startsWith('exp_avg/')).map((n) => n.slice(8));
    expect(slots.sort()).toEqual([...expected, 'head.bias', 'head.weight'].sort());
  });

  it('resumes with the same model wherever it lies, and with no other', async () => {
    const file = await save('resumed.onnx');
    const first = await train(options('resumed', file, { overrides: { epochs: 1 } }));
    await rm(join(first.directory, 'run.json'));
    await mkdir(join(folder, 'moved'), { recursive: true });
    const moved = join(folder, 'moved/resumed.onnx');
    await rename(file, moved);
    const again = await train(options('resumed', moved, { overrides: { epochs: 1 }, resume: true }));
    expect(again.evaluation).toEqual(first.evaluation);
    await save('resumed.onnx', smallModel({ seed: 40 }));
    await expect(train(options('resumed', file, { overrides: { epochs: 1 }, resume: true }))).rejects.toThrow(
      TrainingError,
    );
  });

  it("hears through YAMNet's front end without standardising, in the model's own layout", async () => {
    const file = await save('patches.onnx', smallModel({ picture: [96, 64] }));
    const outcome = await train({
      ...options('yamnet', file),
      overrides: { frontEnd: 'yamnet', epochs: 12, batchSize: 8, learningRate: 1e-3, headRate: 1, gain: 6 },
    });
    const { config } = JSON.parse(await readFile(join(outcome.directory, 'config.json'), 'utf8'));
    expect(config.standardize).toBe(false);
    expect(config.pipeline).toMatchObject({ sampleRate: 16000, windowSeconds: 0.975, pad: 'zero' });
    expect(config.network.imported.layout).toBe('frames-mel');
    expect(config.training.augmentation.gainOn).toBe('waveform');
    expect(outcome.parity).toBeLessThan(1e-4);
    expect(outcome.evaluation.accuracy).toBeGreaterThan(0.8);
    const initializers = decodeModel(await readFile(outcome.models[0])).graph.initializers;
    expect([...initializers.keys()].some((name) => name.includes('features.mean'))).toBe(false);
  });
});

describe('a network that cannot be trained is refused before any clip is read', () => {
  const fails = async (file: string, changes: Partial<TrainOptions> = {}) =>
    train(options('refused', file, changes)).then(
      () => {
        throw new Error('It was not refused.');
      },
      (error: unknown) => error as Error & { hint?: string },
    );

  it('without the name of a tensor, or with a wrong one: the hint lists those that would do', async () => {
    const file = await save('ears.onnx');
    const missing = await fails(file, { network: { file } });
    expect(missing).toBeInstanceOf(UsageError);
    expect(missing.message).toContain('--embedding');
    expect(missing.hint).toContain('scores [N, 3], features [N, 288], maps [N, 12, 6, 4]');
    const unknown = await fails(file, { network: { file, embedding: 'feature' } });
    expect(unknown).toBeInstanceOf(ParameterError);
    expect(unknown.message).toContain("no tensor named 'feature'");
    expect(unknown.hint).toContain('features [N, 288]');
  });

  it('for a batch of fixed size, and for pictures of another size', async () => {
    const fixed = await fails(await save('fixed.onnx', smallModel({ batch: 1 })));
    expect(fixed).toBeInstanceOf(ShapeError);
    expect(fixed.hint).toContain('named batch dimension');
    const other = await fails(await save('ears.onnx'), { overrides: { nMels: 40 } });
    expect(other).toBeInstanceOf(ShapeError);
    expect(other.message).toContain('the front end gives 40 mel bands by 8 frames');
  });

  it('when it cannot be read, or is given beside an approach or weights', async () => {
    const absent = await fails(join(folder, 'absent.onnx'));
    expect(absent).toBeInstanceOf(GraphError);
    expect(absent.message).toContain('there is no such file');
    await writeFile(join(folder, 'text.onnx'), 'no model');
    expect(await fails(join(folder, 'text.onnx'))).toBeInstanceOf(GraphError);
    const file = await save('ears.onnx');
    expect(await fails(file, { approach: 'cnn' })).toBeInstanceOf(UsageError);
    expect(await fails(file, { overrides: { weights: 'w.safetensors' } })).toBeInstanceOf(UsageError);
  });

  it('when more parameters are to be trained than there are', async () => {
    const many = await fails(await save('ears.onnx'), { overrides: { trainable: 'last:7' } });
    expect(many).toBeInstanceOf(ParameterError);
    expect(many.message).toContain("'last:7'");
    expect(many.message).toContain('has 6 there');
  });
});

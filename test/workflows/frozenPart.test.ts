/** The frozen part of a network, computed once: the same training as when it is computed in every step. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, Random } from '../../src/core/index.ts';
import { cnn, initializeParameters } from '../../src/networks/index.ts';
import {
  bandStatistics,
  networkParameters,
  noAugmentation,
  type TrainingEvent,
  type TrainingTask,
  trainNetwork,
} from '../../src/training/index.ts';
import { frozenPart } from '../../src/workflows/frozenPart.ts';

const [nMels, nFrames] = [16, 12];
const network = cnn({ classes: 2, widths: [4, 8], dropout: 0.2 });
const random = new Random(1);
const train = Array.from({ length: 16 }, (_, i) => ({
  label: i % 2,
  windows: Array.from({ length: 1 + (i % 3) }, () =>
    Float32Array.from({ length: nMels * nFrames }, (_, k) => random.normal() + ((k + i) % 2)),
  ),
}));

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'earshot-frozen-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

type Config = TrainingTask['config'];
const config: Config = {
  ...{ epochs: 3, batchSize: 8, schedule: { kind: 'constant' }, clipNorm: 1, labelSmoothing: 0.1 },
  optimizer: { kind: 'adamw', learningRate: 0.01, weightDecay: 0.05 },
  ...{ classWeights: 'none', augmentation: noAugmentation, trainable: 'head', frozenStatistics: true },
  ...{ patience: null, select: 'last', seed: 5 },
};
const task = (changes: Partial<Config> = {}): TrainingTask => ({
  ...{ network, config: { ...config, ...changes }, nMels, nFrames, train, validation: train.slice(0, 4) },
  initial: initializeParameters(networkParameters(network, nMels, nFrames), new Random(7)),
  statistics: bandStatistics(
    train.flatMap(({ windows }) => windows),
    nMels,
  ),
  ...{ checkpoints: null, threads: 1 },
});
const hooks = () => ({ cacheDir, threads: 1 });

async function losses(start: TrainingTask) {
  const events: TrainingEvent[] = [];
  const result = await trainNetwork({ ...start, onEvent: (event) => events.push(event) });
  return { result, losses: events.flatMap((event) => (event.event === 'step' ? [event.loss] : [])) };
}

/** Tensors of this size differ by rounding alone. */
function expectAlike(a: TrainingTask['initial'], b: TrainingTask['initial']) {
  expect([...a.keys()]).toEqual([...b.keys()]);
  for (const [name, { data }] of a) {
    const other = b.get(name)!.data;
    const scale = Math.max(1e-3, ...data.map(Math.abs));
    data.forEach((value, i) => {
      expect(Math.abs(value - other[i]) / scale, name).toBeLessThan(2e-4);
    });
  }
}

describe('the frozen part of a network', () => {
  it.each([
    ['the head alone', {}],
    ['the head alone first', { trainable: 'all', warmHeadEpochs: 2, frozenStatistics: false } as const],
  ])('is computed once, and training (%s) takes the same course', async (_, changes) => {
    const start = task(changes);
    const frozen = (await frozenPart(start, hooks()))!;
    expect(frozen.train.map(({ windows }) => windows.length)).toEqual(
      train.map(({ windows }) => windows.length),
    );
    const [plain, once] = [await losses(start), await losses({ ...start, frozen })];
    expect(once.losses.length).toBe(plain.losses.length);
    once.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(plain.losses[i], 4);
    });
    expectAlike(once.result.parameters, plain.result.parameters);
    expect(once.result.parameterCount).toBe(plain.result.parameterCount);
    expect(once.result.trainedParameterCount).toBe(plain.result.trainedParameterCount);
    once.result.history.forEach(({ validationLoss }, i) => {
      expect(validationLoss).toBeCloseTo(plain.result.history[i].validationLoss!, 4);
    });
  });

  it('is resumed with the very same losses, within the head’s epochs and behind them', async () => {
    const start = task({ trainable: 'all', warmHeadEpochs: 2, frozenStatistics: false });
    const frozen = (await frozenPart(start, hooks()))!;
    const whole = await losses({ ...start, frozen });
    for (const steps of [1, 4, 5]) {
      const checkpoints = await mkdtemp(join(cacheDir, 'run-'));
      const controller = new AbortController();
      const first: number[] = [];
      const stopped = trainNetwork({
        ...{ ...start, frozen, checkpoints, signal: controller.signal },
        onEvent: (event) => {
          if (event.event !== 'step') return;
          first.push(event.loss);
          if (event.step === steps) controller.abort();
        },
      });
      await expect(stopped).rejects.toThrow(CancelledError);
      const rest = await losses({ ...start, frozen, checkpoints, resume: true });
      expect([...first, ...rest.losses]).toEqual(whole.losses);
      for (const [name, { data }] of whole.result.parameters)
        expect(rest.result.parameters.get(name)!.data, name).toEqual(data);
    }
  });

  it('comes from the cache the second time, whatever the head and the division into sides', async () => {
    const entries = async () => (await readdir(join(cacheDir, 'embeddings'), { recursive: true })).sort();
    await frozenPart(task(), hooks());
    const before = await entries();
    const other = { ...task({ seed: 9 }), train: [...train].reverse(), validation: [] };
    const initial = new Map(other.initial);
    initial.set('fc.bias', { ...initial.get('fc.bias')!, data: new Float32Array([3, 4]) });
    const again = (await frozenPart({ ...other, initial }, hooks()))!;
    expect(await entries()).toEqual(before);
    const first = (await frozenPart(task(), hooks()))!;
    expect(again.train.at(-1)!.windows).toEqual(first.train[0].windows);
    // Other weights before the head are another network.
    const moved = new Map(initial);
    const kernel = moved.get('blocks.0.conv1.weight')!;
    moved.set('blocks.0.conv1.weight', { ...kernel, data: kernel.data.map((v) => v + 1) });
    await frozenPart({ ...other, initial: moved }, hooks());
    expect((await entries()).length).toBeGreaterThan(before.length);
  });

  it('is not taken where clips change from epoch to epoch, or more than the head does', async () => {
    const refused: Partial<Config>[] = [
      { trainable: 'all' },
      { frozenStatistics: false },
      { augmentation: { ...noAugmentation, timeShift: 0.1 } },
      { augmentation: { ...noAugmentation, mixup: 0.3 } },
    ];
    for (const changes of refused) expect(await frozenPart(task(changes), hooks())).toBeNull();
  });
});

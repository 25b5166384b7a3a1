import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CancelledError, ParameterError, Random } from '../../src/core/index.ts';
import { cnn, initializeParameters, loraNetwork } from '../../src/networks/index.ts';
import {
  bandStatistics,
  loadCheckpoint,
  networkParameters,
  noAugmentation,
  type TrainingConfig,
  type TrainingEvent,
  type TrainingTask,
  trainNetwork,
} from '../../src/training/index.ts';

const nMels = 16;
const nFrames = 12;
const network = cnn({ classes: 2, widths: [4, 8], dropout: 0.2 });
const stepsPerEpoch = 2;

const config: TrainingConfig = {
  epochs: 4,
  batchSize: 8,
  optimizer: { kind: 'adamw', learningRate: 0.01, weightDecay: 0.05 },
  schedule: { kind: 'constant' },
  clipNorm: 1,
  labelSmoothing: 0,
  classWeights: 'none',
  augmentation: { ...noAugmentation, timeShift: 0.3 },
  trainable: 'all',
  warmHeadEpochs: 2,
  frozenStatistics: false,
  patience: null,
  select: 'last',
  seed: 5,
};

const folders: string[] = [];
async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-warm-'));
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

function task(changes: Partial<TrainingTask> = {}): TrainingTask {
  const random = new Random(1);
  const train = Array.from({ length: 16 }, (_, i) => ({
    label: i % 2,
    windows: [Float32Array.from({ length: nMels * nFrames }, (_, k) => random.normal() + ((k + i) % 2))],
  }));
  return {
    ...{ network, config, nMels, nFrames, train, validation: train.slice(0, 4), threads: 1 },
    initial: initializeParameters(networkParameters(network, nMels, nFrames), new Random(7)),
    statistics: bandStatistics(
      train.flatMap((clip) => clip.windows),
      nMels,
    ),
    checkpoints: null,
    ...changes,
  };
}

const losses = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));

/** Runs until that many steps are done; the checkpoint written then. */
async function stopAfter(steps: number, start: TrainingTask, checkpoints: string, events: TrainingEvent[]) {
  const controller = new AbortController();
  const stopped = trainNetwork({
    ...start,
    checkpoints,
    signal: controller.signal,
    onEvent: (event) => {
      events.push(event);
      if (event.event === 'step' && event.step === steps) controller.abort();
    },
  });
  await expect(stopped).rejects.toThrow(CancelledError);
  return (await loadCheckpoint(checkpoints, 'last'))!.tensors;
}

describe('a head that learns alone first', () => {
  it('leaves everything else as it was, running statistics too, and then trains it', async () => {
    const start = task();
    const events: TrainingEvent[] = [];
    const directory = await temporary();
    // Stopped before the first step of the third epoch.
    const warm = await stopAfter(2 * stepsPerEpoch, start, directory, events);
    for (const [name, tensor] of start.initial) {
      const same = tensor.data.every((value, i) => value === warm.get(name)!.data[i]);
      expect(same, name).toBe(!name.startsWith('fc.'));
    }
    const end = await trainNetwork({ ...start, checkpoints: directory, resume: true });
    for (const [name, tensor] of start.initial) {
      const same = tensor.data.every((value, i) => value === end.parameters.get(name)!.data[i]);
      expect(same, name).toBe(false);
    }
    expect(end.trainedParameterCount).toBe(end.parameterCount);
  });

  it('is what training the head alone is, for as long as it lasts', async () => {
    const events: TrainingEvent[] = [];
    const alone: TrainingEvent[] = [];
    await trainNetwork(task({ onEvent: (event) => events.push(event) }));
    const { warmHeadEpochs: _, ...rest } = config;
    await trainNetwork(
      task({
        config: { ...rest, trainable: 'head', frozenStatistics: true },
        onEvent: (event) => alone.push(event),
      }),
    );
    const n = 2 * stepsPerEpoch;
    expect(losses(events).slice(0, n)).toEqual(losses(alone).slice(0, n));
    expect(losses(events).slice(n + 1)).not.toEqual(losses(alone).slice(n + 1));
  });

  it('is resumed with the very same losses wherever it is stopped', async () => {
    const whole: TrainingEvent[] = [];
    const uninterrupted = await trainNetwork(task({ onEvent: (event) => whole.push(event) }));
    for (const steps of [1, 2 * stepsPerEpoch, 2 * stepsPerEpoch + 1]) {
      const directory = await temporary();
      const parts: TrainingEvent[] = [];
      await stopAfter(steps, task(), directory, parts);
      const resumed = await trainNetwork(
        task({ checkpoints: directory, resume: true, onEvent: (event) => parts.push(event) }),
      );
      expect(losses(parts), `after step ${steps}`).toEqual(losses(whole));
      for (const [name, tensor] of uninterrupted.parameters)
        expect(resumed.parameters.get(name)!.data, name).toEqual(tensor.data);
    }
  });

  it('starts the optimiser with the phase: the first joint step is Adam’s first, ±learning rate', async () => {
    const start = task();
    const directory = await temporary();
    const step = { ...config, optimizer: { ...config.optimizer, weightDecay: 0 }, clipNorm: null };
    const before = await stopAfter(2 * stepsPerEpoch, { ...start, config: step }, directory, []);
    const after = await stopAfter(
      2 * stepsPerEpoch + 1,
      { ...start, config: step, resume: true },
      directory,
      [],
    );
    for (const name of ['blocks.1.conv1.weight', 'fc.weight']) {
      const [now, then] = [after, before].map((tensors) => tensors.get(name)!.data as Float32Array);
      const moves = Array.from(now!, (value, i) => Math.abs(value - then![i])).filter((move) => move > 0);
      expect(moves.length, name).toBeGreaterThan(10);
      // g/√g² is ±1, less where ε counts.
      expect(Math.max(...moves)).toBeLessThan(0.01 * 1.001);
      expect(Math.max(...moves)).toBeGreaterThan(0.01 * 0.99);
    }
  });

  it('keeps adapters at rest as well', async () => {
    const adapted = loraNetwork(network, { rank: 2, targets: ['*conv1.weight'] }, [1, 1, nMels, nFrames]);
    const initial = initializeParameters(networkParameters(adapted, nMels, nFrames), new Random(7));
    const start = task({ network: adapted, initial, config: { ...config, trainable: 'head' } });
    const warm = await stopAfter(2 * stepsPerEpoch, start, await temporary(), []);
    for (const name of warm.keys())
      if (name.endsWith('.lora_B')) expect(warm.get(name)!.data.every((v) => v === 0)).toBe(true);
    const { parameters } = await trainNetwork(start);
    const moved = [...parameters].filter(([name]) => name.endsWith('.lora_B'));
    expect(moved.length).toBeGreaterThan(0);
    for (const [name, { data }] of moved)
      expect(
        data.some((v) => v !== 0),
        name,
      ).toBe(true);
  });

  it('lasts a whole number of epochs, fewer than all', async () => {
    for (const warmHeadEpochs of [4, 1.5, -1])
      await expect(trainNetwork(task({ config: { ...config, warmHeadEpochs } }))).rejects.toThrow(
        ParameterError,
      );
  });
});

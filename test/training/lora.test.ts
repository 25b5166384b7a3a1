/** Training with adapters: what moves, what stays, checkpoints, and the merged network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CancelledError, float32, Random, type Tensor } from '../../src/core/index.ts';
import { cnn, initializeParameters, loraNetwork } from '../../src/networks/index.ts';
import {
  networkParameters,
  noAugmentation,
  type TrainingClip,
  type TrainingEvent,
  type TrainingTask,
  trainNetwork,
} from '../../src/training/index.ts';
import { infer, relativeDifference } from '../networks/runNetwork.ts';

const nMels = 16;
const nFrames = 20;
const base = cnn({ classes: 2, widths: [4, 8, 8], dropout: 0.2 });
const network = loraNetwork(base, { rank: 3, targets: ['blocks.?.conv?.weight'] }, [1, 1, nMels, nFrames]);

/** Pictures whose class decides which half of the bands is loud. */
function clips(count: number): TrainingClip[] {
  const random = new Random(3);
  return Array.from({ length: count }, (_, i) => ({
    label: i % 2,
    windows: [
      Float32Array.from(
        { length: nMels * nFrames },
        (_, k) => random.normal() + (Math.floor(k / nFrames / 8) === i % 2 ? 2 : 0),
      ),
    ],
  }));
}

function task(changes: Partial<TrainingTask> = {}): TrainingTask {
  return {
    network,
    config: {
      epochs: 3,
      batchSize: 8,
      optimizer: { kind: 'adamw', learningRate: 0.02, weightDecay: 0.01 },
      schedule: { kind: 'constant' },
      clipNorm: 1,
      labelSmoothing: 0,
      classWeights: 'none',
      augmentation: noAugmentation,
      trainable: 'head',
      frozenStatistics: true,
      patience: null,
      select: 'last',
      seed: 2,
    },
    initial: initializeParameters(networkParameters(network, nMels, nFrames), new Random(7)),
    statistics: { mean: new Array(nMels).fill(0), deviation: new Array(nMels).fill(1) },
    nMels,
    nFrames,
    train: clips(24),
    validation: [],
    checkpoints: null,
    threads: 1,
    ...changes,
  };
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describe('training with adapters', () => {
  it('learns by A, B and the head alone; every other parameter stays bit for bit', async () => {
    const start = task();
    const result = await trainNetwork(start);
    expect(result.history.at(-1)!.trainLoss).toBeLessThan(0.8 * result.history[0].trainLoss);
    let trained = 0;
    for (const [name, tensor] of result.parameters) {
      const before = start.initial.get(name)!.data;
      const same = tensor.data.every((value, i) => Object.is(value, before[i]));
      const moves = name.startsWith('fc.') || /\.lora_[AB]$/.test(name);
      expect(same, name).toBe(!moves);
      if (moves) trained += tensor.data.length;
    }
    expect(result.trainedParameterCount).toBe(trained);
    expect(result.parameterCount).toBeGreaterThan(trained);

    const merged = network.merge(result.parameters);
    expect([...merged.keys()].sort()).toEqual(
      networkParameters(base, nMels, nFrames)
        .map((spec) => spec.name)
        .sort(),
    );
    const random = new Random(8);
    const x = float32(
      [5, 1, nMels, nFrames],
      Float32Array.from({ length: 5 * nMels * nFrames }, () => random.normal()),
    );
    const apart = (await infer(network, result.parameters, x))['logits'].data as Float32Array;
    const together = (await infer(base, merged, x))['logits'].data as Float32Array;
    expect(relativeDifference(apart, Array.from(together))).toBeLessThan(1e-5);
  });

  it('resumes within an epoch with the very same result', async () => {
    const whole = await trainNetwork(task());
    const checkpoints = await mkdtemp(join(tmpdir(), 'earshot-lora-'));
    folders.push(checkpoints);
    const controller = new AbortController();
    const onEvent = (event: TrainingEvent) => {
      if (event.event === 'step' && event.step === 4) controller.abort();
    };
    const stopped = trainNetwork(task({ checkpoints, signal: controller.signal, onEvent }));
    await expect(stopped).rejects.toThrow(CancelledError);
    const resumed = await trainNetwork(task({ checkpoints, resume: true }));
    const plain = (values: ReadonlyMap<string, Tensor>) =>
      Object.fromEntries([...values].map(([name, { data }]) => [name, data]));
    expect(plain(resumed.parameters)).toEqual(plain(whole.parameters));
  });
});

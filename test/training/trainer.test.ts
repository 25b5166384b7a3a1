import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CancelledError, ParameterError, Random, TrainingError } from '../../src/core/index.ts';
import { cnn } from '../../src/networks/index.ts';
import { initializeParameters } from '../../src/networks/network.ts';
import {
  bandStatistics,
  checkTrainingConfig,
  learningRateFactor,
  networkParameters,
  noAugmentation,
  type TrainingClip,
  type TrainingConfig,
  type TrainingEvent,
  type TrainingTask,
  trainableParameters,
  trainNetwork,
} from '../../src/training/index.ts';

const nMels = 16;
const nFrames = 20;
const network = cnn({ classes: 3, widths: [4, 8], dropout: 0.3 });

/** Pictures whose class decides which third of the bands is loud. */
function clips(count: number, seed: number): TrainingClip[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const label = i % 3;
    const window = Float32Array.from({ length: nMels * nFrames }, (_, k) => {
      const band = Math.floor(k / nFrames);
      return -60 + 5 * random.normal() + (Math.floor(band / 6) === label ? 12 : 0);
    });
    return { windows: [window], label };
  });
}

const config: TrainingConfig = {
  epochs: 4,
  batchSize: 8,
  optimizer: { kind: 'adamw', learningRate: 0.01, weightDecay: 0.01 },
  schedule: { kind: 'cosine', warmupEpochs: 1 },
  clipNorm: 5,
  labelSmoothing: 0.05,
  classWeights: 'none',
  augmentation: {
    ...noAugmentation,
    timeShift: 0.5,
    gain: 3,
    mixup: 0.2,
    specAugment: { frequencyMasks: 1, frequencyWidth: 2, timeMasks: 1, timeWidth: 4 },
  },
  trainable: 'all',
  frozenStatistics: false,
  patience: null,
  select: 'best',
  seed: 3,
};

const folders: string[] = [];
async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-trainer-'));
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

function task(changes: Partial<TrainingTask> = {}): TrainingTask {
  const train = clips(30, 1);
  return {
    network,
    config,
    initial: initializeParameters(networkParameters(network, nMels, nFrames), new Random(7)),
    statistics: bandStatistics(
      train.flatMap((clip) => clip.windows),
      nMels,
    ),
    nMels,
    nFrames,
    train,
    validation: clips(12, 2),
    checkpoints: null,
    threads: 1,
    ...changes,
  };
}

const stepLosses = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));

describe('trainNetwork', () => {
  it('learns what tells the classes apart', async () => {
    const result = await trainNetwork(task({ config: { ...config, epochs: 12 } }));
    expect(result.history).toHaveLength(12);
    expect(result.history.at(-1)!.trainLoss).toBeLessThan(0.8 * result.history[0].trainLoss);
    expect(Math.max(...result.history.map((epoch) => epoch.validationAccuracy!))).toBeGreaterThan(0.9);
    const losses = result.history.map((epoch) => epoch.validationLoss!);
    expect(result.chosenEpoch).toBe(losses.indexOf(Math.min(...losses)) + 1);
  });

  it('gives the same losses for the same seed, and others for another', async () => {
    const run = async (seed: number) => {
      const events: TrainingEvent[] = [];
      await trainNetwork(
        task({ config: { ...config, seed, epochs: 2 }, onEvent: (event) => events.push(event) }),
      );
      return stepLosses(events);
    };
    const first = await run(3);
    expect(first).toHaveLength(8);
    expect(await run(3)).toEqual(first);
    expect(await run(4)).not.toEqual(first);
  });

  it('resumes a run stopped in the middle of an epoch with the very same losses', async () => {
    const whole: TrainingEvent[] = [];
    const uninterrupted = await trainNetwork(task({ onEvent: (event) => whole.push(event) }));

    const checkpoints = await temporary();
    const parts: TrainingEvent[] = [];
    const controller = new AbortController();
    const stopped = trainNetwork(
      task({
        checkpoints,
        fingerprint: 'a',
        signal: controller.signal,
        onEvent: (event) => {
          parts.push(event);
          if (event.event === 'step' && event.step === 6) controller.abort();
        },
      }),
    );
    await expect(stopped).rejects.toThrow(CancelledError);
    expect(stepLosses(parts)).toHaveLength(6);
    const resumed = await trainNetwork(
      task({ checkpoints, fingerprint: 'a', resume: true, onEvent: (event) => parts.push(event) }),
    );
    expect(stepLosses(parts)).toEqual(stepLosses(whole));
    expect(resumed.history.map((e) => e.validationLoss)).toEqual(
      uninterrupted.history.map((e) => e.validationLoss),
    );
    expect(resumed.chosenEpoch).toBe(uninterrupted.chosenEpoch);
    for (const [name, tensor] of uninterrupted.parameters) {
      expect(resumed.parameters.get(name)!.data, name).toEqual(tensor.data);
    }
  });

  it('goes on from a checkpoint written within an epoch', async () => {
    const whole: TrainingEvent[] = [];
    await trainNetwork(task({ onEvent: (event) => whole.push(event) }));
    const checkpoints = await temporary();
    const parts: TrainingEvent[] = [];
    // Every step is saved; the failure right after step 3 stands for a kill: nothing more is written.
    const killed = trainNetwork(
      task({
        checkpoints,
        checkpointSeconds: 0,
        onEvent: (event) => {
          if (event.event === 'step' && event.step === 4) throw new Error('killed');
          parts.push(event);
        },
      }),
    );
    await expect(killed).rejects.toThrow('killed');
    await trainNetwork(task({ checkpoints, resume: true, onEvent: (event) => parts.push(event) }));
    expect(stepLosses(parts)).toEqual(stepLosses(whole));
  });

  it('keeps one last and one best checkpoint', async () => {
    const checkpoints = await temporary();
    await trainNetwork(task({ checkpoints }));
    const files = (await readdir(checkpoints)).sort();
    expect(files.filter((name) => name.startsWith('last-'))).toHaveLength(1);
    expect(files.filter((name) => name.startsWith('best-'))).toHaveLength(1);
    expect(files.filter((name) => name.endsWith('.json'))).toEqual(['best.json', 'last.json']);
  });

  it('refuses a checkpoint of another run', async () => {
    const checkpoints = await temporary();
    await trainNetwork(task({ checkpoints, fingerprint: 'a', config: { ...config, epochs: 1 } }));
    const other = trainNetwork(task({ checkpoints, fingerprint: 'b', resume: true }));
    await expect(other).rejects.toThrow(TrainingError);
    await expect(other).rejects.toThrow(/other settings or other data/);
  });

  it('stops early when the validation loss no longer falls', async () => {
    const result = await trainNetwork(
      task({
        config: {
          ...config,
          epochs: 40,
          patience: 2,
          schedule: { kind: 'constant' },
          optimizer: { kind: 'sgd', learningRate: 1e-9, weightDecay: 0, momentum: 0 },
          frozenStatistics: true,
        },
      }),
    );
    expect(result.stoppedEarly).toBe(true);
    expect(result.history.length).toBe(result.chosenEpoch + 2);
  });

  it('says so when the loss is no longer finite', async () => {
    const wild = trainNetwork(
      task({
        config: { ...config, clipNorm: null, optimizer: { kind: 'sgd', learningRate: 1e30, weightDecay: 0 } },
      }),
    );
    await expect(wild).rejects.toThrow(/The loss became/);
  });

  it('throws what went wrong in preparing a batch while a step ran', async () => {
    const train = clips(30, 1).map((clip) => ({ ...clip, waveforms: [new Float32Array(64)] }));
    let made = 0;
    const failing = trainNetwork(
      task({
        train,
        config: {
          ...config,
          augmentation: { ...noAugmentation, gain: 3, gainOn: 'waveform' },
        },
        // The first batch of 8 is made before a step runs; the second beside it.
        frontEnd: () => {
          if (++made > 8) throw new RangeError('the ninth picture is broken');
          return new Float32Array(nMels * nFrames);
        },
      }),
    );
    await expect(failing).rejects.toThrow(new RangeError('the ninth picture is broken'));
    expect(made).toBe(9);
  });

  it('refuses a label that is none of the classes before it trains', async () => {
    const wrong = clips(30, 1).map((clip, i) => (i === 20 ? { ...clip, label: 3 } : clip));
    const events: TrainingEvent[] = [];
    const run = trainNetwork(task({ train: wrong, onEvent: (event) => events.push(event) }));
    await expect(run).rejects.toThrow('Label 3 is not one of the 3 classes.');
    expect(events).toEqual([]);
  });

  it('learns in a cosine schedule of one step', async () => {
    const start = task({
      train: clips(8, 1),
      config: { ...config, epochs: 1, schedule: { kind: 'cosine' } },
    });
    const { parameters } = await trainNetwork(start);
    expect(parameters.get('fc.weight')!.data).not.toEqual(start.initial.get('fc.weight')!.data);
  });

  it('never chooses an epoch whose validation loss is no number', async () => {
    const validation = clips(12, 2);
    const result = await trainNetwork(
      task({
        validation: validation.map((clip, i) =>
          i === 0 ? { ...clip, windows: [clip.windows[0].map(() => Number.NaN)] } : clip,
        ),
        config: { ...config, epochs: 2 },
      }),
    );
    expect(result.history.map(({ validationLoss }) => validationLoss)).toEqual([null, null]);
    expect(result.chosenEpoch).toBe(2);
  });

  it('writes no checkpoint that holds what is no number', async () => {
    const checkpoints = await temporary();
    const events: TrainingEvent[] = [];
    // The first loss is finite; the update that follows is not, which only the second loss would show.
    const wild = trainNetwork(
      task({
        checkpoints,
        checkpointSeconds: 0,
        onEvent: (event) => events.push(event),
        config: { ...config, clipNorm: null, optimizer: { kind: 'sgd', learningRate: 1e39, weightDecay: 0 } },
      }),
    );
    await expect(wild).rejects.toThrow(/After 1 steps .* holds numbers that are not finite/);
    expect(stepLosses(events)).toHaveLength(1);
    expect(await readdir(checkpoints)).toEqual([]);
  });

  it('starts anew only where there is no checkpoint, never over one it cannot read', async () => {
    const checkpoints = await temporary();
    const resume = () => trainNetwork(task({ checkpoints, resume: true, config: { ...config, epochs: 1 } }));
    const path = join(checkpoints, 'last.json');
    for (const [text, message] of [
      ['{"format": 1, "epoch"', /holds no valid JSON/],
      ['{"format": 1, "epoch": "two"}', /is not an Earshot checkpoint: .*epoch/],
      ['{"format": 7}', /of format 7; this version of Earshot reads 1/],
    ] as const) {
      await writeFile(path, text);
      const run = resume();
      await expect(run).rejects.toThrow(TrainingError);
      await expect(run).rejects.toThrow(message);
      expect(await readFile(path, 'utf8')).toBe(text);
    }
    await rm(path);
    await mkdir(path);
    await expect(resume()).rejects.toThrow(/last\.json could not be read/);
    await rm(path, { recursive: true });
    expect((await resume()).history).toHaveLength(1);
  });

  it.each([
    ['labelSmoothing', { labelSmoothing: 1 }],
    ['mixup', { augmentation: { ...noAugmentation, mixup: Number.NaN } }],
    ['noiseSnr', { augmentation: { ...noAugmentation, noiseSnr: [30, 5] } }],
    ['momentum', { optimizer: { ...config.optimizer, kind: 'sgd', momentum: 1 } }],
    ['weightDecay', { optimizer: { ...config.optimizer, weightDecay: -1 } }],
    ['learning rate', { optimizer: { ...config.optimizer, learningRate: Number.POSITIVE_INFINITY } }],
    ['schedule', { schedule: { kind: 'step', everyEpochs: 4, factor: 0.1 } }],
  ] as [string, Partial<TrainingConfig>][])('refuses settings out of range: %s', (_, change) => {
    expect(() => checkTrainingConfig({ ...config, ...change })).toThrow(ParameterError);
  });

  it('takes the same steps when activations are computed again', async () => {
    const run = async (checkpointActivations: boolean) => {
      const events: TrainingEvent[] = [];
      await trainNetwork(
        task({ config: { ...config, checkpointActivations }, onEvent: (event) => events.push(event) }),
      );
      return stepLosses(events);
    };
    const [plain, again] = [await run(false), await run(true)];
    expect(again).toHaveLength(plain.length);
    again.forEach((loss, i) => {
      expect(Math.abs(loss - plain[i]), `step ${i + 1}`).toBeLessThan(1e-4);
    });
  });

  it('trains only the head when asked, and leaves the rest as it was', async () => {
    const start = task();
    const result = await trainNetwork({
      ...start,
      config: { ...config, trainable: 'head', frozenStatistics: true, select: 'last' },
    });
    for (const [name, tensor] of result.parameters) {
      const same = tensor.data.every((value, i) => value === start.initial.get(name)!.data[i]);
      expect(same, name).toBe(!name.startsWith('fc.'));
    }
    expect(result.trainedParameterCount).toBe(8 * 3 + 3);
  });

  it('lets the head learn at its own rate', async () => {
    const changes = async (headRate: number, depthDecay = 1) => {
      const start = task({ validation: [] });
      const optimizer = {
        kind: 'sgd',
        learningRate: 0.01,
        weightDecay: 0,
        momentum: 0,
        headRate,
        depthDecay,
      } as const;
      const { parameters } = await trainNetwork({
        ...start,
        train: start.train.slice(0, 8),
        config: {
          ...config,
          ...{ optimizer, epochs: 1, schedule: { kind: 'constant' }, clipNorm: null, frozenStatistics: true },
        },
      });
      return (name: string) => {
        const [now, then] = [parameters.get(name)!.data, start.initial.get(name)!.data];
        return Array.from(now, (value, i) => Number(value) - Number(then[i]));
      };
    };
    const [once, tenfold] = [await changes(1), await changes(10)];
    expect(tenfold('blocks.1.conv1.weight')).toEqual(once('blocks.1.conv1.weight'));
    const plain = once('fc.weight');
    const largest = Math.max(...plain.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-5);
    // With plain SGD one step is proportional to the rate.
    const decayed = await changes(1, 0.5);
    const first = once('blocks.0.conv1.weight');
    const span = Math.max(...first.map(Math.abs));
    decayed('blocks.0.conv1.weight').forEach((step, i) => {
      expect(Math.abs(step - 0.5 * first[i])).toBeLessThan(1e-3 * span);
    });
    tenfold('fc.weight').forEach((step, i) => {
      expect(Math.abs(step - 10 * plain[i])).toBeLessThan(1e-3 * 10 * largest);
    });
  });

  it('lets layers learn more slowly the further they are from the head', async () => {
    const factor = learningRateFactor(network, { headRate: 5, depthDecay: 0.5 });
    const stages = network.stages.map(({ prefixes }) => factor({ name: `${prefixes[0]}weight` }));
    expect(stages).toEqual([0.5, 1, 5]);
    const nested = {
      ...network,
      stages: [
        { name: 'a', prefixes: ['layer1.'] },
        { name: 'b', prefixes: ['layer1.conv.'] },
        { name: 'c', prefixes: ['head.'] },
      ],
    };
    const ofNested = learningRateFactor(nested, { depthDecay: 0.5 });
    expect(['layer1.scale', 'layer1.conv.weight', 'head.bias'].map((name) => ofNested({ name }))).toEqual([
      0.5, 1, 1,
    ]);
  });

  it.each([10, 30, 50, 150])('gives the first layer of %i the same share of the last one’s rate', (depth) => {
    const stages = Array.from({ length: depth }, (_, i) => ({ name: `s${i}`, prefixes: [`s${i}.`] }));
    const deep = { ...network, stages: [...stages, { name: 'head', prefixes: ['head.'] }] };
    const factor = learningRateFactor(deep, { headRate: 30, depthDecay: 0.003 });
    const rates = stages.map(({ name }) => factor({ name: `${name}.weight` }));
    expect(rates[0]).toBeCloseTo(0.003, 12);
    expect(rates.at(-1)).toBe(1);
    expect(factor({ name: 'head.bias' })).toBe(30);
    const ratio = 0.003 ** (1 / (depth - 1));
    for (let i = 1; i < depth; i++) expect(rates[i - 1] / rates[i]).toBeCloseTo(ratio, 9);
  });

  it('counts the last parameters before the head, statistics left out', () => {
    const specs = networkParameters(network, nMels, nFrames);
    const trained = (part: TrainingConfig['trainable']) =>
      specs.filter(trainableParameters(network, part, specs)).map(({ name }) => name);
    expect(trained('last:0')).toEqual(trained('head'));
    expect(trained('last:2')).toEqual(['blocks.1.bn1.weight', 'blocks.1.bn1.bias', 'fc.weight', 'fc.bias']);
    const body = specs.filter(({ name, role }) => role !== 'statistic' && !name.startsWith('fc.'));
    expect(trained(`last:${body.length}`)).toEqual([...body.map(({ name }) => name), 'fc.weight', 'fc.bias']);
    for (const part of [`last:${body.length + 1}`, 'last:0.5', 'last:-1'] as TrainingConfig['trainable'][])
      expect(() => trained(part), part).toThrow(ParameterError);
  });

  it('works with fewer clips than a batch, and without validation', async () => {
    const result = await trainNetwork(
      task({ train: clips(3, 5), validation: [], config: { ...config, epochs: 2 } }),
    );
    expect(result.chosenEpoch).toBe(2);
    expect(result.history[0].validationLoss).toBeNull();
  });
});

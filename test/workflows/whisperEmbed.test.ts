/**
 * @file `embed` with Whisper's encoder beside the front end's function and the encoder on each window, which are compared
 * with other programs elsewhere. The checkpoint is of a reduced shape with all 1,500 positions, from hashed numbers.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVectors, vectorPipeline, writeWhisperCheckpoint } from '../../src/approaches/index.ts';
import { encodeWav } from '../../src/audio/index.ts';
import { float32, type Tensor, UsageError } from '../../src/core/index.ts';
import { decodeNpz } from '../../src/embeddings/index.ts';
import { type WhisperContext, whisperLogMel, whisperSpec } from '../../src/features/index.ts';
import { type WhisperConfig, whisper, whisperPositions } from '../../src/networks/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { type EmbedEvent, type EmbedOptions, embed } from '../../src/workflows/index.ts';
import { write } from '../cli/sounds.ts';
import { hashedParameter } from '../networks/hashedTensors.ts';
import { relativeDifference, specsOf } from '../networks/runNetwork.ts';
import { classifierWaveform, statesOf } from '../networks/whisperFixture.ts';
import { runModel } from '../support/runModel.ts';

vi.setConfig({ testTimeout: 120_000 });

const config: WhisperConfig = {
  ...{ width: 16, layers: 2, heads: 4, feedForward: 24, nMels: 80, projection: 12 },
  ...{ maxPositions: 1500, weightedLayerSum: false },
};
const lengths = [800, 64_000, 496_000];

let folder: string;
let values: Map<string, Tensor<'float32'>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-whisper-embed-'));
  const specs = specsOf(whisper({ classes: 2, config }), [1, 1, 80, 100]);
  values = new Map(specs.map(({ name, shape }) => [name, hashedParameter(name, shape)]));
  await mkdir(join(folder, 'checkpoint'));
  await writeWhisperCheckpoint(join(folder, 'checkpoint'), { config, classes: ['a', 'b'], values });
  for (const n of lengths) {
    const bytes = encodeWav(
      { sampleRate: 16_000, channelData: [classifierWaveform(n)] },
      { encoding: 'float32' },
    );
    write(join(folder, 'sounds', `${n}.wav`), bytes);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(choice: Partial<EmbedOptions['embedder']>, out: string): Promise<EmbedEvent[]> {
  const events: EmbedEvent[] = [];
  for await (const event of embed({
    paths: lengths.map((n) => join(folder, 'sounds', `${n}.wav`)),
    out: join(folder, out),
    embedder: { network: 'whisper', weights: join(folder, 'checkpoint'), ...choice },
    threads: 1,
  }))
    events.push(event);
  return events;
}

/** The two arrays of a file of embeddings. */
async function arraysOf(out: string, n: number): Promise<{ embedding: number[]; timestamps: number[] }> {
  const { arrays } = decodeNpz(await readFile(join(folder, out, `${n}.npz`)));
  const array = (name: string) => [...(arrays.get(name)!.data as Float32Array)];
  return { embedding: array('embedding'), timestamps: array('timestamps') };
}

/** Positions of one window, [T, width]: those of its own sound alone. */
async function positionsOf(samples: Float32Array, context: WhisperContext): Promise<Float32Array[]> {
  const { data, nFrames } = whisperLogMel(samples, whisperSpec('whisper', context));
  const states = await statesOf(config, values, float32([1, 1, 80, nFrames], data));
  const last = states.at(-1)!.data as Float32Array;
  const own = whisperPositions(Math.floor(Math.max(samples.length, 400) / 160));
  return Array.from({ length: own }, (_, t) => last.subarray(t * config.width, (t + 1) * config.width));
}

const mean = (rows: readonly Float32Array[]) =>
  Array.from({ length: config.width }, (_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);

const windowsOf = (samples: Float32Array) =>
  samples.length > 480_000 ? [samples.subarray(0, 480_000), samples.subarray(480_000)] : [samples];

describe.each(['clip', 'full'] as const)('in the %s context', (context) => {
  it('a window gives the mean of its own positions, 31 s two of them', async () => {
    const events = await run({ context }, `mean-${context}`);
    expect(
      events.map((event) => (event.state === 'written' ? [event.windows, event.warnings] : event)),
    ).toEqual([
      [1, []],
      [1, []],
      [2, []],
    ]);
    for (const n of lengths) {
      const { embedding, timestamps } = await arraysOf(`mean-${context}`, n);
      const windows = windowsOf(classifierWaveform(n));
      expect(timestamps).toEqual(windows.map((_, i) => 30 * i));
      for (const [i, window] of windows.entries()) {
        const row = embedding.slice(i * config.width, (i + 1) * config.width);
        expect(relativeDifference(row, mean(await positionsOf(window, context))), `${n}/${i}`).toBeLessThan(
          1e-4,
        );
      }
    }
  });

  it('without pooling every 20 ms of sound have a vector', async () => {
    await run({ context, pool: 'none' }, `none-${context}`);
    for (const n of lengths) {
      const { embedding, timestamps } = await arraysOf(`none-${context}`, n);
      const windows = await Promise.all(
        windowsOf(classifierWaveform(n)).map((window) => positionsOf(window, context)),
      );
      const times = windows.flatMap((rows, i) => rows.map((_, j) => 30 * i + 0.02 * j));
      expect(timestamps).toHaveLength(Math.ceil(n / 320));
      expect(relativeDifference(timestamps, times)).toBeLessThan(1e-9);
      const expected = windows.flatMap((rows) => rows.flatMap((row) => [...row]));
      expect(relativeDifference(embedding, expected)).toBeLessThan(1e-4);
    }
  });
});

describe('what cannot be', () => {
  it('is said: no weights, options of others, a checkpoint that is none', async () => {
    await expect(run({ weights: undefined as unknown as string }, 'x')).rejects.toThrow(
      /needs its pretrained weights/,
    );
    await expect(run({ hopSeconds: 1 }, 'x')).rejects.toThrow(
      /--hop-size does not apply to the network whisper/,
    );
    await expect(run({ weights: join(folder, 'sounds') }, 'x')).rejects.toThrow(
      /holds neither model\.safetensors/,
    );
    await expect(run({ weights: 'whisper-tiny' }, 'x')).rejects.toMatchObject({
      hint: expect.stringContaining('earshot models pull whisper-tiny'),
    });
  });
});

describe('as the vectors of clips', () => {
  const choice = () => ({ network: 'whisper', weights: join(folder, 'checkpoint') });

  it.each(['clip', 'full'] as const)('they are what embed writes (%s context)', async (context) => {
    const vectors = await openVectors({ ...choice(), context }, 'mean');
    const pipeline = vectorPipeline(vectors, 4);
    expect([vectors.size, vectors.sampleRate, pipeline.windowSeconds]).toEqual([config.width, 16_000, 4]);
    expect(vectorPipeline(vectors, 60).windowSeconds).toBe(30);
    const g = new GraphBuilder();
    const waveform = g.input('waveform', 'float32', ['batch', 'samples']);
    g.output(vectors.nodes(g, waveform, 64_000).vector, 'vector');
    for (const n of lengths.slice(0, 2)) {
      const samples = float32([1, n], classifierWaveform(n));
      const { vector } = await runModel(g.model(), { waveform: samples });
      const wanted = await arraysOf(`mean-${context}`, n);
      expect(relativeDifference([...(vector!.data as Float32Array)], wanted.embedding)).toBeLessThan(1e-5);
    }
  });

  it('refuse what cannot be', async () => {
    await expect(openVectors(choice(), 'max')).rejects.toThrow(/is the mean over its positions/);
    await expect(openVectors({ ...choice(), pool: 'none' }, 'mean')).rejects.toThrow(UsageError);
  });
});

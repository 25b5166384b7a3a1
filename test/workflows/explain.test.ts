import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWav, readAudio, resample, toMono } from '../../src/audio/index.ts';
import { GraphError, ParameterError, Random } from '../../src/core/index.ts';
import { writeDemo } from '../../src/datasets/index.ts';
import {
  type Deletion,
  Explainer,
  type ExplanationMethod,
  explain,
  type TrainOptions,
  train,
} from '../../src/workflows/index.ts';
import { tone, toneRate, writeTone, writeToneDataset } from '../support/tones.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-explain-'));
  await writeToneDataset(join(folder, 'tones'));
  await writeTone(join(folder, 'high.wav'), tone('high', 1.7, new Random(1)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const trained = async (approach: string, overrides: TrainOptions['overrides']) => {
  const outcome = await train({
    dataset: join(folder, 'tones'),
    approach,
    out: join(folder, approach),
    command: 'earshot train tones',
    cacheDir: join(folder, 'cache'),
    threads: 1,
    seed: 5,
    split: { kind: 'folds', testFolds: [3] },
    overrides,
  });
  return outcome.models[0];
};

/** The share of a recording's saliency in bands around a frequency, beside the share of such bands. */
async function shareAround(model: string, method: ExplanationMethod, hz: number) {
  const explainer = await Explainer.open(model, { method, threads: 1 });
  try {
    const { sampleRate } = explainer.info;
    const samples = Float32Array.from(
      { length: Math.round(1.2 * sampleRate) },
      (_, i) => 0.4 * Math.sin((2 * Math.PI * hz * i) / sampleRate) + 0.01 * Math.sin(i * i),
    );
    const { saliency } = await explainer.explain(samples, 'high');
    const { grid, hertz } = saliency;
    const near = Array.from(hertz, (f) => Math.abs(Math.log2(f / hz)) < 0.3);
    let [inside, all] = [0, 0];
    grid.data.forEach((value, i) => {
      all += value;
      if (near[Math.floor(i / grid.frames)]) inside += value;
    });
    return { share: inside / all, bands: near.filter(Boolean).length / near.length };
  } finally {
    await explainer.close();
  }
}

describe('explain', () => {
  let model: string;
  beforeAll(async () => {
    model = await trained('cnn', {
      ...{
        epochs: 15,
        sampleRate: toneRate,
        nMels: 32,
        batchSize: 8,
        learningRate: 0.005,
        mixup: 0,
        timeShift: 0,
      },
    });
  });

  it('leaves a picture, two sounds that add up, and what it found', async () => {
    const outcome = await explain({
      model,
      file: join(folder, 'high.wav'),
      out: join(folder, 'why'),
      threads: 1,
    });
    expect(outcome.label).toBe('high');
    expect(outcome.method).toBe('gradient-x-input');
    expect(outcome.probabilities['high']).toBe(outcome.probability);
    const stored = JSON.parse(await readFile(outcome.json, 'utf8'));
    expect(stored).toEqual(JSON.parse(JSON.stringify(outcome)));
    const png = await readFile(outcome.picture);
    expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    const [whole, salient, rest] = await Promise.all(
      [join(folder, 'high.wav'), outcome.salient, outcome.rest].map((path) => readAudio(path)),
    );
    expect(salient!.sampleRate).toBe(whole!.sampleRate);
    expect(salient!.channelData[0]).toHaveLength(whole!.channelData[0].length);
    // Each of the two was rounded to 16 bits.
    whole!.channelData[0].forEach((value, i) => {
      const sum = salient!.channelData[0][i] + rest!.channelData[0][i];
      expect(Math.abs(sum - value)).toBeLessThan(1.1 / 32768);
    });
    const again = await explain({
      model,
      file: join(folder, 'high.wav'),
      out: join(folder, 'again'),
      threads: 1,
    });
    expect(again.deletion).toEqual(outcome.deletion);
    expect(await readFile(again.picture)).toEqual(png);
  });

  it.each(['gradient-x-input', 'integrated-gradients'] as const)(
    'finds the tone that makes a clip "high" (%s)',
    async (method) => {
      const { share, bands } = await shareAround(model, method, 2200);
      expect(share).toBeGreaterThan(1.5 * bands);
    },
  );

  it('names a single absurd sample, and explains the rest in numbers', async () => {
    const samples = tone('high', 1.7, new Random(1));
    samples[2000] = 1e20;
    const file = join(folder, 'absurd.wav');
    await writeFile(
      file,
      encodeWav({ sampleRate: toneRate, channelData: [samples] }, { encoding: 'float32' }),
    );
    const outcome = await explain({ model, file, out: join(folder, 'absurd'), threads: 1 });
    expect(outcome.warnings).toEqual(['1 sample was beyond 2^32 times full scale and was replaced by 0.']);
    expect(Object.values(outcome.probabilities).every(Number.isFinite)).toBe(true);
    expect(Object.values(outcome.deletion.withoutSalient).every(Number.isFinite)).toBe(true);
    for (const path of [outcome.salient, outcome.rest])
      expect((await readAudio(path)).channelData[0].every(Number.isFinite)).toBe(true);
  });

  it('explains a part of a recording as it explains that part alone, and no more than ten minutes', async () => {
    const samples = tone('high', 3, new Random(4));
    await writeTone(join(folder, 'long.wav'), samples);
    await writeTone(join(folder, 'part.wav'), samples.subarray(toneRate, 2.5 * toneRate));
    const asked = { model, threads: 1 };
    const part = await explain({
      ...{ ...asked, file: join(folder, 'long.wav'), out: join(folder, 'p1') },
      ...{ fromSeconds: 1, toSeconds: 2.5 },
    });
    const alone = await explain({ ...asked, file: join(folder, 'part.wav'), out: join(folder, 'p2') });
    expect([part.startSeconds, part.seconds, alone.startSeconds]).toEqual([1, 1.5, 0]);
    expect(part.probabilities).toEqual(alone.probabilities);
    expect(part.deletion).toEqual(alone.deletion);
    expect(await readFile(part.salient)).toEqual(await readFile(alone.salient));
    const long = join(folder, 'hours.wav');
    await writeFile(
      long,
      encodeWav({ sampleRate: 1000, channelData: [new Float32Array(601_000).fill(0.1)] }),
    );
    const refused = explain({ ...asked, file: long, out: join(folder, 'p3') });
    await expect(refused).rejects.toThrow(
      /At most 600 s of a recording are explained at once, and .*hours\.wav has more/,
    );
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('--from and --to') });
    const behind = { ...asked, file: join(folder, 'part.wav'), out: join(folder, 'p4'), fromSeconds: 7 };
    await expect(explain(behind)).rejects.toThrow(/from 7 s on: the recording lasts 1\.500 s/);
  });

  it('says what it cannot do', async () => {
    const asked = { model, file: join(folder, 'high.wav'), out: join(folder, 'none'), threads: 1 };
    await expect(explain({ ...asked, label: 'hihg' })).rejects.toThrow(ParameterError);
    await expect(explain({ ...asked, label: 'hihg' })).rejects.toMatchObject({ hint: 'Nearest: high.' });
    await expect(explain({ ...asked, map: 'nothing' })).rejects.toThrow(/no tensor named 'nothing'/);
    await expect(explain({ ...asked, model: join(folder, 'high.wav') })).rejects.toThrow(GraphError);
    const svm = await trained('mfcc-svm', {});
    await expect(explain({ ...asked, model: svm })).rejects.toThrow(/holds no network that sees a picture/);
    // Its run's report shows the errors all the same, if there are any.
    expect(await readFile(join(folder, 'mfcc-svm/report.html'), 'utf8')).toContain('Worst errors');
  });

  it('explains frozen networks under a classifier too', async () => {
    const frozen = await trained('yamnet-svm', { weights: 'random' });
    for (const method of ['gradient-x-input', 'grad-cam'] as const) {
      const explainer = await Explainer.open(frozen, { threads: 1, method });
      try {
        const { saliency, map } = await explainer.explain(tone('low', 0.5, new Random(3)));
        expect([saliency.grid.bands, saliency.hertz.length]).toEqual([64, 64]);
        expect(Math.max(...saliency.grid.data)).toBe(1);
        expect(map === null).toBe(method !== 'grad-cam');
      } finally {
        await explainer.close();
      }
    }
  }, 180_000);
});

describe('faithfulness on the demo', () => {
  it('a class loses more when the most salient fifth is deleted than when a random fifth is', async () => {
    const cacheDir = join(folder, 'cache');
    const demo = join(folder, 'set');
    const { clips } = await writeDemo(demo, {
      ...{ recordingsPerClass: 4, slicesPerRecording: 2, seconds: 1, sampleRate: 16_000, folds: 2 },
    });
    const outcome = await train({
      dataset: demo,
      approach: 'cnn',
      overrides: { epochs: 12, nMels: 48, sampleRate: 16_000, batchSize: 8 },
      split: { kind: 'folds', testFolds: [2] },
      reportMegabytes: 0,
      out: join(folder, 'demo'),
      command: 'earshot train demo',
      cacheDir,
      threads: 1,
      seed: 0,
    });
    const tested = clips.filter(({ fold }) => fold === 2).filter((_, i) => i % 4 === 0);
    for (const method of ['gradient-x-input', 'integrated-gradients'] as const) {
      const explainer = await Explainer.open(outcome.models[0], { method, threads: 1 });
      try {
        const deletions: Deletion[] = [];
        for (const { path } of tested) {
          const audio = await readAudio(path);
          const samples = resample(toMono(audio), audio.sampleRate, explainer.info.sampleRate);
          deletions.push(await (await explainer.explain(samples)).deletion(0.2));
        }
        const mean = (of: (d: Deletion) => number) =>
          deletions.reduce((sum, d) => sum + of(d), 0) / deletions.length;
        expect(
          mean((d) => d.withoutSalient.score),
          method,
        ).toBeLessThan(mean((d) => d.withoutRandom.score));
        expect(deletions.every((d) => d.withoutSalient.score < d.withoutRandom.score)).toBe(true);
        expect(mean((d) => d.withoutSalient.probability)).toBeLessThan(
          0.6 * mean((d) => d.withoutRandom.probability),
        );
      } finally {
        await explainer.close();
      }
    }
  }, 180_000);
});

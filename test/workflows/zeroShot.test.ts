/** Zero-shot with a tiny CLAP, from sound files to probabilities, beside PyTorch's (tools/fixtures/clap.py). */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, float32, ParameterError, UsageError } from '../../src/core/index.ts';
import { clapCrop } from '../../src/features/index.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import {
  bakeZeroShot,
  type ClassifyEvent,
  classify,
  embed,
  evaluate,
  fewShot,
  train,
  type ZeroShotEvent,
  type ZeroShotSetting,
  zeroShot,
  zeroShotEvaluate,
} from '../../src/workflows/index.ts';
import {
  expected,
  tinyClap,
  tinyLabels,
  tinySound,
  writeFloatWav,
  writeTinySafetensors,
} from '../support/clap.ts';
import { runModel } from '../support/runModel.ts';

let folder: string;
/** chirp.wav and noise.wav at 48 kHz. */
let sounds: string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-zero-shot-'));
  sounds = ['chirp', 'noise'].map((name) => writeFloatWav(join(folder, `${name}.wav`), tinySound(name)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const usual = { labels: tinyLabels, weights: tinyClap, threads: 1 };

async function heard(options: Parameters<typeof zeroShot>[0]) {
  const events: ZeroShotEvent[] = [];
  for await (const event of zeroShot(options)) events.push(event);
  return events.map((event) => {
    if (!event.ok) throw new Error(event.message);
    return event.result;
  });
}

/** The scores in the order of the labels given. */
function inOrder(result: Awaited<ReturnType<typeof heard>>[number], labels = tinyLabels) {
  const found = labels.map((label) => result.scores.find((score) => score.label === label)!);
  return { cosine: found.map((s) => s.similarity), probability: found.map((s) => s.probability) };
}

function near(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  for (const [i, v] of got.entries()) expect(Math.abs(v - wanted[i])).toBeLessThan(tolerance);
}

describe('zero-shot', () => {
  it('gives the similarities and probabilities of PyTorch, from ONNX exports', async () => {
    let setting: ZeroShotSetting | undefined;
    const results = await heard({ ...usual, paths: sounds, onReady: (ready) => (setting = ready) });
    expect(results.map(({ file }) => file)).toEqual(sounds);
    results.forEach((result, i) => {
      near(inOrder(result).cosine, expected.cosine[i], 1e-5);
      near(inOrder(result).probability, expected.probabilities[i], 1e-4);
      const order = result.scores.map(({ probability }) => probability);
      expect(order).toEqual([...order].sort((a, b) => b - a));
    });
    expect(results[0].seconds).toBeCloseTo(2, 6);
    expect(setting).toMatchObject({ logitScale: expected.logitScale.config, logitScaleKnown: false });
    // Labels are told apart by far more than the tolerance.
    expect(Math.abs(expected.cosine[0][0] - expected.cosine[0][2])).toBeGreaterThan(0.05);
  });

  it('gives them from safetensors, with the trained factor', async () => {
    const weights = writeTinySafetensors(join(folder, 'safetensors'));
    const results = await heard({ ...usual, weights, paths: sounds, top: 3 });
    results.forEach((result, i) => {
      near(inOrder(result).cosine, expected.cosine[i], 1e-5);
      near(inOrder(result).probability, expected.trainedProbabilities[i], 1e-4);
    });
  });

  it('goes through 16 bits as the original does, and takes a factor of the user', async () => {
    const loud = writeFloatWav(join(folder, 'loud.wav'), tinySound('noise-16-bit'));
    const [exact] = await heard({
      ...usual,
      paths: [loud],
      int16: true,
      logitScale: expected.logitScale.trained,
    });
    near(inOrder(exact!).cosine, expected.cosine[2], 1e-5);
    near(inOrder(exact!).probability, expected.trainedProbabilities[2], 1e-4);
    // It clips, so it is another sound without.
    const [other] = await heard({ ...usual, paths: [loud] });
    expect(Math.abs(inOrder(other!).cosine[0] - expected.cosine[2][0])).toBeGreaterThan(1e-4);
    await expect(heard({ ...usual, paths: [loud], logitScale: 0 })).rejects.toThrow(ParameterError);
  });

  it('averages directions: of templates, and of descriptions in a file', async () => {
    const labelsFile = join(folder, 'labels.json');
    const [, siren, , hear] = expected.texts;
    writeFileSync(labelsFile, JSON.stringify({ wail: [siren, hear] }));
    const results = await heard({ ...usual, labels: ['dog bark'], labelsFile, paths: sounds });
    results.forEach((result, i) => {
      near(inOrder(result, ['wail', 'dog bark']).cosine, expected.ensemble[i], 1e-5);
    });
    const templates = ['This is a sound of {}.', 'I hear  a {},\tloud!'];
    const ensemble = await heard({ ...usual, labels: ['siren'], templates, paths: sounds });
    ensemble.forEach((result, i) => {
      near(inOrder(result, ['siren']).cosine, [expected.ensemble[i][0]], 1e-5);
      expect(result.scores[0].probability).toBe(1);
    });
    writeFileSync(labelsFile, JSON.stringify({ siren: [] }));
    await expect(heard({ ...usual, labelsFile, paths: sounds })).rejects.toThrow(UsageError);
  });

  it('hears a long recording in windows, the last moved back, or one piece of it', async () => {
    const [chirp, noise] = [tinySound('chirp'), tinySound('noise')];
    const long = new Float32Array(600000);
    for (let at = 0; at < 480000; at += 96000) long.set(chirp, at);
    // The last 10 s: 7.5 s of chirps and 2.5 s of noise.
    long.set(noise.subarray(0, 120000), 480000);
    const path = writeFloatWav(join(folder, 'long.wav'), long);
    const [result] = await heard({ ...usual, paths: [path] });
    expect(result!.windows.map(({ start, end }) => [start, end])).toEqual([
      [0, 10],
      [2.5, 12.5],
    ]);
    // The first window is what 2 s of chirp are filled up to.
    near(result!.windows[0].similarities, expected.cosine[0], 1e-5);
    const mean = [0, 1, 2].map((i) => result!.windows.reduce((sum, w) => sum + w.similarities[i] / 2, 0));
    near(inOrder(result!).cosine, mean, 1e-9);
    expect(Math.abs(result!.windows[1].similarities[0] - expected.cosine[0][0])).toBeGreaterThan(1e-3);
    const [start] = await heard({ ...usual, paths: [path], crop: 'start' });
    expect(start!.windows.length).toBe(1);
    near(inOrder(start!).cosine, expected.cosine[0], 1e-5);
    const [centre] = await heard({ ...usual, paths: [path], crop: 'centre' });
    expect(centre!.windows[0]).toMatchObject({ start: 1.25, end: 11.25 });
    const [drawn] = await heard({ ...usual, paths: [path], crop: { seed: 1 } });
    const from = drawn!.windows[0].start * 48000;
    expect(clapCrop(long, { seed: 1 })[100]).toBe(long[from + 100]);
    expect(from).toBeGreaterThan(0);
  });

  it('reports a file that cannot be read and goes on; stops when told', async () => {
    const bad = join(folder, 'bad.wav');
    writeFileSync(bad, 'no sound');
    const events: ZeroShotEvent[] = [];
    for await (const event of zeroShot({
      ...usual,
      paths: [bad, join(folder, 'none.wav'), sounds[0]],
      top: 1,
    }))
      events.push(event);
    expect(events.map(({ ok }) => ok)).toEqual([false, false, true]);
    expect(events[0]).toMatchObject({ file: bad });
    expect(events[2].ok && events[2].result.scores.length).toBe(1);
    const stop = new AbortController();
    stop.abort();
    await expect(heard({ ...usual, paths: sounds, signal: stop.signal })).rejects.toThrow(CancelledError);
    await expect(heard({ ...usual, paths: [join(folder, 'empty-folder')], labels: [] })).rejects.toThrow(
      ParameterError,
    );
    await expect(heard({ ...usual, paths: sounds, top: 0 })).rejects.toThrow(ParameterError);
  });
});

describe('labels baked into a model', () => {
  for (const kind of ['onnx', 'safetensors'] as const) {
    it(`give what the live path gives, from ${kind}: classify, and the bare runtime`, async () => {
      const weights = kind === 'onnx' ? tinyClap : writeTinySafetensors(join(folder, 'baked-safetensors'));
      const out = join(folder, `baked-${kind}.onnx`);
      const baked = await bakeZeroShot({ ...usual, weights, out });
      expect(baked.bytes).toBeGreaterThan(10_000);
      const long = writeFloatWav(
        join(folder, 'more.wav'),
        Float32Array.from({ length: 700000 }, (_, i) => Math.sin(i * i * 1e-7) / 3),
      );
      const paths = [...sounds, long];
      const live = await heard({ ...usual, weights, paths });
      const events: ClassifyEvent[] = [];
      for await (const event of classify({ model: out, paths, top: 3, threads: 1 })) events.push(event);
      events.forEach((event, i) => {
        if (!event.ok) throw new Error(event.message);
        expect(event.result.windows.length).toBe(live[i].windows.length);
        for (const { label, probability } of event.result.top) {
          const same = live[i].scores.find((score) => score.label === label)!;
          expect(Math.abs(probability - same.probability)).toBeLessThan(1e-5);
        }
      });
      const bytes = await readFile(out);
      const { metadata, graph } = decodeModel(bytes);
      expect(JSON.parse(metadata.get('classes')!)).toEqual(tinyLabels);
      expect(metadata.get('sample_rate')).toBe('48000');
      expect(graph.inputs.map(({ name }) => name)).toEqual(['waveform']);
      // Two lengths, and longer than a window: of that the first 10 s are heard.
      for (const [i, name] of ['chirp', 'noise'].entries()) {
        const x = tinySound(name);
        const scale = kind === 'onnx' ? expected.probabilities : expected.trainedProbabilities;
        for (const repeats of [1, 480000 / x.length + 1]) {
          const waveform = new Float32Array(x.length * repeats);
          for (let k = 0; k < repeats; k++) waveform.set(x, k * x.length);
          const { probabilities, embedding } = await runModel(bytes, {
            waveform: float32([1, waveform.length], waveform),
          });
          near(Array.from(probabilities!.data as Float32Array), scale[i], 1e-4);
          expect(Math.hypot(...(embedding!.data as Float32Array))).toBeCloseTo(1, 5);
        }
      }
    });
  }
});

describe('the approach clap', () => {
  it('needs no training: a report and a model, whose probabilities are the live path’s', async () => {
    const data = join(folder, 'data');
    for (const [label, name] of [
      ['dog_bark', 'chirp'],
      ['siren', 'noise'],
    ] as const) {
      mkdirSync(join(data, label), { recursive: true });
      for (let k = 0; k < 4; k++) {
        const x = tinySound(name).map((v, i) => v * (1 + 0.1 * k) * (i % (k + 2) === 0 ? 0.9 : 1));
        writeFloatWav(join(data, label, `${label}-${k}.wav`), x.subarray(0, 48000));
      }
    }
    const notices: string[] = [];
    const outcome = await train({
      ...{
        dataset: data,
        approach: 'clap',
        out: join(folder, 'run'),
        command: 'earshot train',
        threads: 1,
        seed: 3,
      },
      overrides: { weights: tinyClap },
      split: { kind: 'grouped', testFraction: 0.5 },
      cacheDir: join(folder, 'cache'),
      onNotice: ({ message }) => notices.push(message),
    });
    expect(outcome.trainedParameters).toBe(0);
    expect(outcome.parameters).toBeGreaterThan(5000);
    expect(outcome.parity).toBeLessThan(1e-5);
    expect(outcome.notices.some(({ message }) => message.startsWith('Never trained on this data'))).toBe(
      true,
    );
    expect(await readFile(outcome.report.markdown, 'utf8')).toContain('Never trained on this data');
    // The classes of the dataset became prompts, with blanks.
    const { config } = JSON.parse(await readFile(join(folder, 'run/config.json'), 'utf8')) as {
      config: { prompts: { labels: { label: string; prompts: string[] }[] } };
    };
    expect(config.prompts.labels).toEqual([
      { label: 'dog_bark', prompts: ['This is a sound of dog bark.'] },
      { label: 'siren', prompts: ['This is a sound of siren.'] },
    ]);
    const [row] = outcome.predictions.rows;
    const [live] = await heard({ ...usual, labels: ['dog_bark', 'siren'], paths: [join(data, row!.clip)] });
    near(inOrder(live!, ['dog_bark', 'siren']).probability, Array.from(row!.probabilities), 1e-5);
  }, 120_000);

  it('is a model that evaluate takes, and that refuses what is about training', async () => {
    const data = join(folder, 'data');
    // Evaluating it says nothing of clips that it has seen: it has seen none.
    const again = await evaluate({
      model: join(folder, 'run/model.onnx'),
      dataset: data,
      threads: 1,
      cacheDir: join(folder, 'cache'),
    });
    expect(again.notices.some(({ subject }) => subject === 'leak')).toBe(false);
    expect(again.predictions.rows.length).toBe(8);

    const run = (overrides: Parameters<typeof train>[0]['overrides'], approach = 'clap') =>
      train({ dataset: data, approach, out: join(folder, 'refused'), command: '', overrides, threads: 1 });
    await expect(run({ weights: tinyClap, epochs: 3 })).rejects.toThrow(/setting epochs is about training/);
    await expect(run({ prompts: { templates: ['{}'] } }, 'cnn')).rejects.toThrow(
      /setting templates is about prompts/,
    );
  });

  it('embeds recordings, 10 s at a time', async () => {
    const out = join(folder, 'embeddings');
    const written: string[] = [];
    for await (const event of embed({
      ...{ paths: [sounds[0]], out, threads: 1, format: 'json' },
      embedder: { network: 'clap', weights: tinyClap },
    })) {
      if (event.state !== 'written') throw new Error(event.state);
      written.push(event.output);
    }
    const { embedding } = JSON.parse(await readFile(written[0], 'utf8')) as { embedding: number[][] };
    near(embedding[0], expected.audioEmbeds[0], 1e-4);
  });

  it('gives prompts as what is known of classes, for few shots and for classes left out', async () => {
    const data = join(folder, 'four');
    const labels = ['dog_bark', 'siren', 'rain', 'engine'];
    labels.forEach((label, c) => {
      mkdirSync(join(data, label), { recursive: true });
      for (let k = 0; k < 4; k++) {
        const x = tinySound(c < 2 ? 'chirp' : 'noise').map(
          (v, i) => v * (i % (4 * c + 2 + k) === 0 ? 0.5 : 1),
        );
        writeFloatWav(join(data, label, `${label}-${k}.wav`), x.subarray(0, 36000));
      }
    });
    const common = {
      ...{ dataset: data, command: '', threads: 1, cacheDir: join(folder, 'cache') },
      source: { kind: 'frozen', embedder: { network: 'clap', weights: tinyClap } },
    } as const;
    const prompts = { templates: ['I can hear {}.'] };
    const out = join(folder, 'few-shot');
    const { points, report } = await fewShot({
      ...{ ...common, prompts, out, shots: [0, 1], splits: 2, draws: 2, novel: 2 },
    });
    expect(points.map(({ accuracy }) => Object.keys(accuracy))).toEqual([
      ['prompts + examples'],
      ['prompts + examples', 'prototypes', 'svm'],
    ]);
    expect(await readFile(report.markdown, 'utf8')).toContain('such as “I can hear dog bark.” for dog_bark');
    // The vectors of the classes are those that zero-shot compares sounds with.
    const stored = JSON.parse(await readFile(join(out, 'few-shot.json'), 'utf8')) as {
      config: { classVectors: { classes: string[]; rows: number[] } };
    };
    const { classes, rows } = stored.config.classVectors;
    const size = rows.length / classes.length;
    const paths = [join(data, 'siren', 'siren-2.wav')];
    const [live] = await heard({ ...usual, ...prompts, labels: classes, paths });
    const embedded = join(folder, 'siren');
    for await (const event of embed({
      ...{ paths, out: embedded, threads: 1, format: 'json', embedder: common.source.embedder },
    }))
      expect(event.state).toBe('written');
    const [file] = readdirSync(embedded, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /siren-2.*json$/.test(name),
    );
    const { embedding } = JSON.parse(await readFile(join(embedded, file!), 'utf8')) as {
      embedding: number[][];
    };
    const length = Math.hypot(...embedding[0]);
    const cosine = classes.map((_, c) =>
      embedding[0].reduce((sum, v, j) => sum + (v / length) * rows[c * size + j], 0),
    );
    near(cosine, inOrder(live!, classes).cosine, 1e-5);

    const left = await zeroShotEvaluate({
      ...{
        ...common,
        prompts,
        out: join(folder, 'left-out'),
        methods: ['eszsl'],
        permutations: 0,
        splits: 1,
      },
    });
    expect(left.vectors.columns).toBe(size);
    await expect(
      fewShot({ ...common, prompts, out: join(folder, 'no'), classVectors: 'esc50' }),
    ).rejects.toThrow(/from prompts or from --class-vectors, not from both/);
    const mfcc = { kind: 'frozen', embedder: { network: 'mfcc' } } as const;
    await expect(fewShot({ ...common, source: mfcc, prompts, out: join(folder, 'no') })).rejects.toThrow(
      /no other network takes sentences/,
    );
  }, 120_000);
});

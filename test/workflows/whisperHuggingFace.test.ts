/**
 * @file Whisper classifiers from and to Hugging Face's form: one that tools/fixtures/whisper.py wrote, beside what PyTorch
 * makes of a waveform with it; one that was trained here, written, and read again.
 */
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Classifier, openWhisperCheckpoint } from '../../src/approaches/index.ts';
import { type Tensor, WeightsError } from '../../src/core/index.ts';
import { type WhisperConfig, whisperConfigFields } from '../../src/networks/index.ts';
import { readSafetensors, writeSafetensors } from '../../src/weights/index.ts';
import { classify, exportToHuggingFace, importModel, train } from '../../src/workflows/index.ts';
import { classFolders, wav, write } from '../cli/sounds.ts';
import { relativeDifference } from '../networks/runNetwork.ts';
import { classifierWaveform, fixture } from '../networks/whisperFixture.ts';

const published = fileURLToPath(new URL('../fixtures/whisper/classifier/', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-huggingface-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function scores(model: string, clips: readonly Float32Array[]): Promise<number[][]> {
  const classifier = await Classifier.open(model);
  try {
    const { probabilities } = await classifier.score(clips);
    return probabilities.map((row) => [...row]);
  } finally {
    await classifier.close();
  }
}

/** A copy of the published classifier with some of its config changed. */
async function changed(file: string, change: Record<string, unknown>): Promise<string> {
  const copy = await mkdtemp(join(folder, 'changed-'));
  await cp(published, copy, { recursive: true });
  const fields = JSON.parse(await readFile(join(copy, file), 'utf8')) as Record<string, unknown>;
  await writeFile(join(copy, file), JSON.stringify({ ...fields, ...change }));
  return copy;
}

describe('a classifier of Hugging Face', () => {
  const { classes, answers } = fixture.classifier;
  const clips = answers.map(({ samples }) => classifierWaveform(samples));

  it.each([
    ['full', 'probabilities'],
    ['clip', 'alone'],
  ] as const)('in the %s context answers a waveform as PyTorch does', async (context, answer) => {
    const out = join(folder, `${context}.onnx`);
    const { info } = await importModel({ path: published, out, context });
    expect(info).toMatchObject({ classes, windowSeconds: 1, sampleRate: 16000, embeddingSize: 12 });
    expect(info.weights).toContain('last layer as in the file');
    const got = await scores(out, clips);
    for (const [i, expected] of answers.entries()) {
      expect(relativeDifference(got[i], expected[answer]), `${expected.samples} samples`).toBeLessThan(1e-4);
    }
  });

  it('classifies files of any length: 0.05 s, and longer ones in windows', async () => {
    const out = join(folder, 'files.onnx');
    await importModel({ path: published, out, context: 'clip' });
    const paths = [800, 40_000].map((n) => write(join(folder, `${n}.wav`), wav(classifierWaveform(n))));
    const results = [];
    for await (const event of classify({ model: out, paths })) if (event.ok) results.push(event.result);
    expect(results.map(({ windows }) => windows.map(({ start, end }) => [start, end]))).toEqual([
      [[0, 0.05]],
      [
        [0, 1],
        [1, 2],
        [1.5, 2.5],
      ],
    ]);
  });

  it('that is none, or lacks something, is refused', async () => {
    const refused = async (path: string, message: RegExp) =>
      expect(importModel({ path, out: join(folder, 'no.onnx') })).rejects.toThrow(message);
    await refused(await changed('config.json', { model_type: 'wav2vec2' }), /type "wav2vec2"/);
    await refused(await changed('config.json', { id2label: null }), /names no classes/);
    await refused(
      await changed('config.json', { id2label: { 0: 'a', 2: 'b' } }),
      /does not name the classes 0, 1, 2/,
    );
    await refused(
      await changed('config.json', { id2label: { 0: 'a', 1: 'b' } }),
      /'classifier\.weight' has shape/,
    );
    await refused(await changed('config.json', { encoder_layers: 3 }), /lacks 15 \(encoder\.layers\.2/);
    await refused(await changed('config.json', { num_mel_bins: 64 }), /sees 64 mel bands/);
    await refused(await changed('preprocessor_config.json', { n_fft: 512 }), /asks for n_fft 512/);
    await refused(await changed('preprocessor_config.json', { do_normalize: true }), /do_normalize true/);
    await refused(join(folder, 'nowhere'), /cannot be opened/);
    const recogniser = await changed('config.json', {});
    await Promise.all([1, 2].map((i) => rm(join(recogniser, `model-0000${i}-of-00002.safetensors`))));
    await rm(join(recogniser, 'model.safetensors.index.json'));
    await writeSafetensors(join(recogniser, 'model.safetensors'), new Map<string, Tensor>());
    await refused(recogniser, /no 'classifier\.weight' in it/);
  });

  it('a damaged config is named', async () => {
    const copy = await changed('config.json', {});
    await writeFile(join(copy, 'config.json'), '{"d_model":');
    await expect(openWhisperCheckpoint(copy)).rejects.toThrow(
      /config\.json is not a JSON object of settings/,
    );
    await writeFile(join(copy, 'config.json'), '[]');
    await expect(openWhisperCheckpoint(copy)).rejects.toThrow(WeightsError);
  });
});

describe('a classifier trained here', () => {
  const config: WhisperConfig = {
    ...{ width: 16, layers: 2, heads: 2, feedForward: 24, nMels: 80, projection: 12 },
    ...{ maxPositions: 60, weightedLayerSum: true },
  };

  it('trained for two steps, written and read again gives identical probabilities', {
    timeout: 60_000,
  }, async () => {
    const dataset = classFolders(join(folder, 'sounds'), 5);
    const { models } = await train({
      dataset,
      approach: 'whisper',
      out: join(folder, 'run'),
      seed: 1,
      command: 'test',
      split: { kind: 'stratified', testFraction: 0.2 },
      overrides: {
        whisper: { config, context: 'clip' },
        ...{ epochs: 2, batchSize: 32, windowSeconds: 1, pad: 'zero', weights: 'random' },
      },
    });
    const model = models[0];
    const out = join(folder, 'exported');
    const exported = await exportToHuggingFace({ model, out });
    expect(exported.differences).toEqual([]);
    expect(exported.config.maxPositions).toBe(50);

    // The public class's names and shapes, but for what this config has otherwise.
    const { tensors, metadata } = await readSafetensors(join(out, 'model.safetensors'));
    expect(metadata).toEqual({ format: 'pt' });
    const shapes = Object.fromEntries([...tensors].map(([name, { dims }]) => [name, dims]));
    expect(shapes).toEqual({
      ...fixture.names.reduced,
      'encoder.conv1.weight': [16, 80, 3],
      'encoder.embed_positions.weight': [50, 16],
    });
    const fields = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(fields).toMatchObject({
      ...whisperConfigFields({ ...config, maxPositions: 50 }),
      id2label: { 0: 'clicks', 1: 'noise', 2: 'tone' },
      label2id: { clicks: 0, noise: 1, tone: 2 },
    });
    const preprocessor = JSON.parse(await readFile(join(out, 'preprocessor_config.json'), 'utf8')) as object;
    expect(preprocessor).toMatchObject({
      chunk_length: 1,
      n_samples: 16000,
      nb_max_frames: 100,
      feature_size: 80,
    });

    const again = join(folder, 'again.onnx');
    await importModel({ path: out, out: again });
    const clips = [16_000, 9000, 800].map(classifierWaveform);
    const [before, after] = [await scores(model, clips), await scores(again, clips)];
    expect(after).toEqual(before);
    expect(new Set(before.map((row) => row.join())).size).toBe(3);
  });

  it('is refused where Hugging Face has no class for it', async () => {
    const other = join(folder, 'other.onnx');
    await copyFile(new URL('../fixtures/whisper/encoder.onnx', import.meta.url), other);
    await expect(exportToHuggingFace({ model: other, out: join(folder, 'x') })).rejects.toThrow(
      /not an Earshot artefact/,
    );
  });
});

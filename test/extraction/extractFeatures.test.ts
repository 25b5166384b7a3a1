import { copyFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav, resample } from '../../src/audio/index.ts';
import { CancelledError, ParameterError, Random } from '../../src/core/index.ts';
import type { Clip } from '../../src/datasets/index.ts';
import {
  type ClipPipeline,
  canonicalJson,
  type Extraction,
  extractFeatures,
  pipelineWindowing,
} from '../../src/extraction/index.ts';
import { logMel, logMelSpec } from '../../src/features/index.ts';
import { cutWindows } from '../../src/windows/index.ts';

const frontEnd = logMelSpec({ sampleRate: 16000, nFft: 512, hopLength: 160, nMels: 40 });
const pipeline: ClipPipeline = {
  sampleRate: 16000,
  windowSeconds: 0.5,
  pad: 'repeat',
  overlap: 0.5,
  frontEnd,
};

let folder: string;
let clips: Clip[];
const sounds = new Map<string, Float32Array>();

function clip(id: string): Clip {
  return { id, path: join(folder, id), label: 'x', fold: null, group: id };
}

/** A fresh cache folder. */
const freshCache = () => mkdtemp(join(tmpdir(), 'earshot-cache-'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-extraction-'));
  const past = new Date(Date.now() - 60_000);
  for (const [i, seconds] of [0.2, 0.5, 1.3, 0.7, 0.5, 2].entries()) {
    const random = new Random(i);
    const samples = Float32Array.from({ length: Math.round(seconds * 22050) }, () => 0.3 * random.normal());
    for (let n = 0; n < samples.length; n++) samples[n] = Math.max(-1, Math.min(1, samples[n]));
    sounds.set(`${i}.wav`, samples);
    await writeFile(
      join(folder, `${i}.wav`),
      encodeWav({ sampleRate: 22050, channelData: [samples] }, { encoding: 'float32' }),
    );
  }
  const good = await readFile(join(folder, '2.wav'));
  await writeFile(join(folder, 'cut.wav'), good.subarray(0, 58 + 4 * 15000));
  await writeFile(join(folder, 'empty.wav'), '');
  await writeFile(join(folder, 'text.wav'), 'This is a shopping list, and no sound at all.\n'.repeat(50));
  await writeFile(
    join(folder, 'silent.wav'),
    encodeWav({ sampleRate: 8000, channelData: [new Float32Array(8000).fill(0.25)] }),
  );
  for (const name of await readdir(folder)) await utimes(join(folder, name), past, past);
  clips = [
    '0.wav',
    'text.wav',
    '1.wav',
    '2.wav',
    'cut.wav',
    '3.wav',
    'empty.wav',
    '4.wav',
    'silent.wav',
    'gone.wav',
    '5.wav',
  ].map(clip);
});

/** What must be the same however the work was done. */
function essence({ features, failures, notices }: Extraction) {
  return {
    features: features.map((f) => ({ ...f, clip: f.clip.id })),
    failures: failures.map((f) => [f.clip.id, f.message]),
    notices,
  };
}

describe('extractFeatures', () => {
  it('gives what decoding, resampling, cutting and the front end give by hand', async () => {
    const { features } = await extractFeatures([clip('2.wav')], pipeline, {
      workers: 0,
      cacheDir: null,
      keepWaveforms: true,
    });
    const samples = resample(sounds.get('2.wav')!, 22050, 16000);
    const windows = cutWindows(samples, pipelineWindowing(pipeline));
    expect(windows.length).toBe(5);
    expect(features[0]).toMatchObject({
      nMels: 40,
      nFrames: 51,
      silent: false,
      seconds: sounds.get('2.wav')!.length / 22050,
    });
    expect(features[0].waveforms).toEqual(windows);
    expect(features[0].windows).toEqual(windows.map((window) => logMel(window, frontEnd).data));
  });

  it('hears only the stretch of a file that a segment names, and keeps segments apart in the cache', async () => {
    const segments: Clip[] = [
      { ...clip('2.wav'), id: '2.wav#t=0.1,0.45', start: 0.1, end: 0.45 },
      { ...clip('2.wav'), id: '2.wav#t=0.6', start: 0.6 },
    ];
    const cacheDir = await freshCache();
    const extract = (list: Clip[]) =>
      extractFeatures(list, pipeline, { workers: 0, cacheDir, keepWaveforms: true });
    const { features } = await extract([clip('2.wav'), ...segments]);
    const whole = sounds.get('2.wav')!;
    const parts = [whole, whole.subarray(2205, 9923), whole.subarray(13230)];
    expect(features.map(({ waveforms }) => waveforms)).toEqual(
      parts.map((part) => cutWindows(resample(part, 22050, 16000), pipelineWindowing(pipeline))),
    );
    const again = await extract([...segments, clip('2.wav')]);
    expect(again.fromCache).toBe(3);
    expect(again.features.map(({ seconds }) => seconds)).toEqual(
      [parts[1], parts[2], parts[0]].map((part) => part.length / 22050),
    );
  });

  it('fails only the segment that lies behind the end of its file, and warns of one that reaches beyond it', async () => {
    const { features, failures, notices } = await extractFeatures(
      [
        { ...clip('0.wav'), id: 'behind', start: 7, end: 8 },
        { ...clip('0.wav'), id: 'beyond', start: 0.1, end: 0.4 },
      ],
      pipeline,
      { workers: 0, cacheDir: null },
    );
    expect(failures.map(({ clip: { id }, message }) => [id, message])).toEqual([
      ['behind', expect.stringContaining('0.wav lasts 0.2 s')],
    ]);
    expect(features.map(({ clip: { id } }) => id)).toEqual(['beyond']);
    expect(notices).toEqual([{ subject: 'beyond', message: expect.stringContaining('ends at 0.4 s') }]);
  });

  it('goes on past files it cannot use, and names them', async () => {
    const result = await extractFeatures(clips, pipeline, { workers: 0, cacheDir: null });
    expect(result.features.map((f) => f.clip.id)).toEqual([
      '0.wav',
      '1.wav',
      '2.wav',
      'cut.wav',
      '3.wav',
      '4.wav',
      'silent.wav',
      '5.wav',
    ]);
    expect(result.failures.map((f) => f.clip.id)).toEqual(['text.wav', 'empty.wav', 'gone.wav']);
    for (const { clip: failed, message } of result.failures) expect(message).toContain(failed.path);
    expect(result.features.filter((f) => f.silent).map((f) => f.clip.id)).toEqual(['silent.wav']);
    expect(result.notices.map((n) => n.subject)).toEqual(['cut.wav', 'silent.wav']);
  });

  it('gives the same with threads, without, and from the cache', async () => {
    const cacheDir = await freshCache();
    const options = { keepWaveforms: true };
    const plain = await extractFeatures(clips, pipeline, { ...options, workers: 0, cacheDir: null });
    const seen: number[] = [];
    const threaded = await extractFeatures(clips, pipeline, {
      ...options,
      workers: 2,
      cacheDir,
      onProgress: ({ done, total }) => {
        expect(total).toBe(clips.length);
        seen.push(done);
      },
    });
    const again = await extractFeatures(clips, pipeline, { ...options, workers: 2, cacheDir });
    expect(seen).toEqual(clips.map((_, i) => i + 1));
    expect(threaded.fromCache).toBe(0);
    expect(again.fromCache).toBe(8);
    expect(essence(threaded)).toEqual(essence(plain));
    expect(essence(again)).toEqual(essence(plain));
  });

  it('knows content by content: a copy is found, a changed file or parameter is not', async () => {
    const cacheDir = await freshCache();
    const extract = (list: Clip[], p = pipeline) => extractFeatures(list, p, { workers: 0, cacheDir });
    await extract([clip('1.wav')]);
    await copyFile(join(folder, '1.wav'), join(folder, 'copy.wav'));
    expect((await extract([clip('copy.wav')])).fromCache).toBe(1);
    const wider = { ...pipeline, frontEnd: { ...frontEnd, nMels: 41 } };
    expect(await extract([clip('1.wav')], wider)).toMatchObject({ fromCache: 0, features: [{ nMels: 41 }] });
    expect((await extract([clip('1.wav')], { ...pipeline, pad: 'zero' })).fromCache).toBe(0);
    // The same path with other content.
    await copyFile(join(folder, '2.wav'), join(folder, 'copy.wav'));
    const changed = await extract([clip('copy.wav')]);
    const direct = await extractFeatures([clip('2.wav')], pipeline, { workers: 0, cacheDir: null });
    expect(changed.features[0].windows).toEqual(direct.features[0].windows);
  });

  it('makes damaged entries again', async () => {
    const cacheDir = await freshCache();
    const list = ['0.wav', '1.wav', '3.wav', '4.wav'].map(clip);
    const extract = () => extractFeatures(list, pipeline, { workers: 0, cacheDir });
    const first = await extract();
    const files = (await readdir(join(cacheDir, 'features'), { recursive: true })).filter((name) =>
      name.endsWith('.bin'),
    );
    expect(files).toHaveLength(4);
    const paths = files.map((name) => join(cacheDir, 'features', name));
    const flipped = await readFile(paths[0]);
    flipped[flipped.length >> 1] ^= 1;
    await writeFile(paths[0], flipped);
    await writeFile(paths[1], (await readFile(paths[1])).subarray(0, 1000));
    await writeFile(paths[2], '');
    const again = await extract();
    expect(again.fromCache).toBe(1);
    expect(essence(again)).toEqual(essence(first));
    expect((await extract()).fromCache).toBe(4);
  });

  it('adds the waveforms to a cache that lacks them', async () => {
    const cacheDir = await freshCache();
    const list = [clip('3.wav')];
    await extractFeatures(list, pipeline, { workers: 0, cacheDir });
    const kept = await extractFeatures(list, pipeline, { workers: 0, cacheDir, keepWaveforms: true });
    expect(kept.fromCache).toBe(0);
    expect(kept.features[0].waveforms).toHaveLength(2);
    expect(
      (await extractFeatures(list, pipeline, { workers: 0, cacheDir, keepWaveforms: true })).fromCache,
    ).toBe(1);
  });

  it('works when the cache cannot be written', async () => {
    const file = join(folder, 'not-a-folder');
    await writeFile(file, '');
    const result = await extractFeatures([clip('1.wav')], pipeline, {
      workers: 0,
      cacheDir: join(file, 'cache'),
    });
    expect(result.features).toHaveLength(1);
    await rm(file);
  });

  it('stops when asked to', async () => {
    const controller = new AbortController();
    const many = Array.from({ length: 40 }, () => clip('5.wav'));
    const running = extractFeatures(many, pipeline, {
      workers: 2,
      cacheDir: null,
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 3) controller.abort();
      },
    });
    await expect(running).rejects.toThrow(CancelledError);
    await expect(
      extractFeatures(many, pipeline, { signal: AbortSignal.abort(), cacheDir: null }),
    ).rejects.toThrow(CancelledError);
  });

  it('refuses a pipeline that cannot work before any file is read', async () => {
    const wrong: [Partial<ClipPipeline>, RegExp][] = [
      [{ sampleRate: 22050 }, /front end expects 16000 Hz, but the pipeline resamples to 22050/],
      [{ windowSeconds: 0 }, /windowSeconds/],
      [{ overlap: 1 }, /overlap/],
      [{ windowSeconds: 0.01, frontEnd: { ...frontEnd, center: false } }, /160 samples/],
    ];
    for (const [change, message] of wrong) {
      const running = extractFeatures(clips, { ...pipeline, ...change }, { cacheDir: null });
      await expect(running).rejects.toThrow(ParameterError);
      await expect(running).rejects.toThrow(message);
    }
  });
});

describe('canonicalJson', () => {
  it('does not depend on the order of keys', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: 'x' })).toBe('{"a":"x","b":[{"c":null,"d":1}]}');
  });
});

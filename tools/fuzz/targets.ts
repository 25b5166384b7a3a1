/** @file What is fuzzed: each reader with some files of its own, and the ways to change them. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudioData } from '../../src/audio/index.ts';
import { type Mutate, mutateBytes, oneOf } from './bytes.ts';
import { inGzip, mutateHdf5, mutateProtobuf, mutateSafetensors, mutateZip } from './containers.ts';
import { mutateFlac, mutateMp3, mutateOgg, mutateRiff } from './sound.ts';
import { mutateJson, mutateTable } from './texts.ts';

/** What a reader made of bytes: nothing is said of them, or that a number in them is not finite and no warning tells. */
export type Verdict = undefined | 'not-finite';

export interface Reader {
  /** Files of the reader's kind, small ones. */
  readonly seeds: readonly Uint8Array[];
  /** Reads bytes. @throws {EarshotError} for those that are refused; whatever else it throws is a defect */
  read(bytes: Uint8Array): Verdict | Promise<Verdict>;
}

export interface Target {
  readonly name: string;
  /** Kind that the figures are summed by. */
  readonly kind: string;
  readonly mutate: Mutate;
  open(): Promise<Reader>;
}

const fixtures = join(import.meta.dirname, '../../test/fixtures');
const fixture = (name: string) => new Uint8Array(readFileSync(join(fixtures, name)));
const text = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const decoded = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Fixtures of sound, the beginnings of large ones. */
function sounds(ending: RegExp, bytes: number): Uint8Array[] {
  const names = readdirSync(join(fixtures, 'audio'))
    .filter((name) => ending.test(name))
    .sort();
  return names.map((name) => fixture(`audio/${name}`).slice(0, bytes));
}

/** A file of its own for what is read by path. */
function temporaryFile(name: string): { path: string; write(bytes: Uint8Array): void } {
  const path = join(mkdtempSync(join(tmpdir(), 'earshot-fuzz-')), name);
  return { path, write: (bytes) => writeFileSync(path, bytes) };
}

function finite({ channelData, warnings }: Pick<AudioData, 'channelData' | 'warnings'>): Verdict {
  if (warnings.length > 0) return undefined;
  for (const channel of channelData)
    for (const value of channel) if (!Number.isFinite(value)) return 'not-finite';
  return undefined;
}

function sound(name: string, kind: string, mutate: Mutate, seeds: () => Uint8Array[]): Target {
  return {
    name,
    kind,
    mutate,
    async open() {
      const { decodeAudio } = await import('../../src/audio/index.ts');
      return { seeds: seeds(), read: async (bytes) => finite(await decodeAudio(bytes, { name: 'input' })) };
    },
  };
}

/** The same file by path, as a stream. */
function stream(name: string, mutate: Mutate, seeds: () => Uint8Array[]): Target {
  return {
    name: `${name}-stream`,
    kind: 'streams',
    mutate,
    async open() {
      const { openSound } = await import('../../src/audio/index.ts');
      const file = temporaryFile(`input.${name}`);
      return {
        seeds: seeds(),
        async read(bytes) {
          file.write(bytes);
          const opened = await openSound(file.path);
          let verdict: Verdict;
          try {
            for await (const channelData of opened.blocks())
              verdict ??= finite({ channelData, warnings: [] });
          } finally {
            await opened.close();
          }
          return opened.warnings.length > 0 ? undefined : verdict;
        },
      };
    },
  };
}

const riff = oneOf([
  [3, mutateRiff],
  [1, mutateBytes],
]);
const ogg = oneOf([
  [3, mutateOgg],
  [1, mutateBytes],
]);
const mp3 = oneOf([
  [3, mutateMp3],
  [1, mutateBytes],
]);
const flac = oneOf([
  [3, mutateFlac],
  [1, mutateBytes],
]);
const wavs = () => sounds(/\.wav$/, 1600);
const flacs = () => sounds(/\.flac$/, 24_000);
const oggs = () => sounds(/\.(ogg|opus|oga)$/, 24_000);
const mp3s = () => sounds(/\.mp3$/, 12_000);

/** A JSON record read by its schema. */
function record(
  name: string,
  open: () => Promise<{ seeds: unknown[]; read: (text: string) => unknown }>,
): Target {
  return {
    name,
    kind: 'records',
    mutate: mutateJson,
    async open() {
      const { seeds, read } = await open();
      return {
        seeds: seeds.map(text),
        async read(bytes) {
          await read(decoded(bytes));
          return undefined;
        },
      };
    },
  };
}

/** A table, or another file that is read by path. */
function byPath(
  name: string,
  file: string,
  seeds: readonly (string | (() => Promise<Uint8Array>))[],
  open: (folder: string) => Promise<(path: string) => Promise<unknown>>,
  mutate: Mutate = mutateTable,
): Target {
  return {
    name,
    kind: 'tables',
    mutate,
    async open() {
      const at = temporaryFile(file);
      const read = await open(join(at.path, '..'));
      return {
        seeds: await Promise.all(seeds.map((seed) => (typeof seed === 'string' ? text(seed) : seed()))),
        async read(bytes) {
          at.write(bytes);
          await read(at.path);
          return undefined;
        },
      };
    },
  };
}

const someArtifact = async () => {
  const { buildArtifact } = await import('../../src/approaches/artifact.ts');
  const { float32 } = await import('../../src/core/index.ts');
  const { logMelSpec } = await import('../../src/features/index.ts');
  const frontEnd = logMelSpec({ sampleRate: 8000, nFft: 256, nMels: 16, topDb: null });
  return buildArtifact({
    score: (g, waveform) => {
      const mean = g.op('ReduceMean', [waveform, g.ints([1])], { keepdims: 1 });
      const embedding = g.op('MatMul', [mean, g.constant(float32([1, 2], [1, -1]), 'w')]);
      return { probabilities: g.op('Softmax', [embedding], { axis: 1 }), embedding };
    },
    info: {
      approach: 'cnn',
      classes: ['high', 'low'],
      pipeline: { sampleRate: 8000, windowSeconds: 0.5, pad: 'repeat', overlap: 0.5, frontEnd },
      network: 'means',
      weights: 'none',
      trainedOn: { dataset: 'two', synthetic: true, fingerprint: 'f', split: 's' },
      calibration: { temperature: 1.5, clips: 4, groups: 2, scores: { lac: [0.1, 0.2], aps: [0.3] } },
      seed: 1,
      versions: { earshot: '0.1.0' },
      unknown: {
        logits: 'l',
        falseAlarms: 0.05,
        thresholds: { softmax: 0.5, energy: null, mahalanobis: 3 },
        calibratedOn: { dataset: 'two', clips: 4, recordings: 2 },
        mahalanobis: {
          means: [
            [1, 2],
            [3, 4],
          ],
          directions: [[1, 0]],
          variances: [2],
          rest: 1,
        },
      },
    },
  });
};

/** Values of 64 float32 numbers as a small embedding. */
const numbers = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));

const soundTargets: readonly Target[] = [
  sound('wav', 'WAV', riff, wavs),
  sound('flac', 'FLAC', flac, flacs),
  sound('ogg', 'Ogg', ogg, oggs),
  sound('mp3', 'MP3', mp3, mp3s),
  sound('any-sound', 'any sound', mutateBytes, () => [
    ...wavs(),
    ...flacs(),
    ...oggs(),
    ...mp3s(),
    fixture('audio/opus.webm').slice(0, 4000),
  ]),
  stream('wav', riff, wavs),
  stream('flac', flac, flacs),
  stream('ogg', ogg, oggs),
  stream('mp3', mp3, mp3s),
];

const modelTargets: readonly Target[] = [
  {
    name: 'onnx',
    kind: 'ONNX',
    mutate: oneOf([
      [4, mutateProtobuf],
      [1, mutateBytes],
    ]),
    async open() {
      const { decodeModel, encodeModel, importGraph } = await import('../../src/onnx/index.ts');
      const { model } = await someArtifact();
      return {
        seeds: [encodeModel(model), ...graphs()],
        read(bytes) {
          importGraph(decodeModel(bytes));
          return undefined;
        },
      };
    },
  },
  {
    name: 'safetensors',
    kind: 'safetensors',
    mutate: mutateSafetensors,
    async open() {
      const { decodeSafetensors, encodeSafetensors } = await import('../../src/weights/index.ts');
      const tensors = [
        ['a', { dtype: 'float32', dims: [3, 4], data: numbers }],
        ['b', { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) }],
        ['c', { dtype: 'bool', dims: [], data: Uint8Array.of(1) }],
        ['d', { dtype: 'float16', dims: [0, 3], data: new Uint16Array(0) }],
      ] as const;
      return {
        seeds: [encodeSafetensors(tensors, { format: 'pt' }), encodeSafetensors(tensors.slice(0, 1))],
        read(bytes) {
          decodeSafetensors(bytes, { source: 'input' });
          return undefined;
        },
      };
    },
  },
  ...(['hdf5', 'hdf5-gzip'] as const).map(
    (name): Target => ({
      name,
      kind: 'HDF5',
      mutate:
        name === 'hdf5'
          ? mutateHdf5
          : oneOf([
              [2, inGzip(mutateHdf5)],
              [1, mutateBytes],
            ]),
      async open() {
        const { decodeKerasSafely } = await import('../../src/weights/kerasFile.ts');
        const names = [
          'save_weights',
          'save',
          'compressed',
          'divided',
          'nested',
          'counter',
          'keras3.weights',
        ];
        return {
          seeds: names.map((seed) => fixture(`keras/${seed}.h5`)),
          async read(bytes) {
            await decodeKerasSafely(bytes.slice(), { source: 'input', maxSeconds: 1 });
            return undefined;
          },
        };
      },
    }),
  ),
  {
    name: 'npz',
    kind: 'npz',
    mutate: oneOf([
      [3, mutateZip],
      [1, mutateBytes],
    ]),
    async open() {
      const { decodeNpz } = await import('../../src/embeddings/browser.ts');
      return {
        seeds: ['savez', 'savez_compressed'].map((name) => fixture(`embeddings/${name}.npz`)),
        read(bytes) {
          for (const { shape, data } of decodeNpz(bytes).arrays.values())
            if (shape.reduce((a, b) => a * b, 1) !== data.length)
              throw new Error('the shape does not fit the numbers');
          return undefined;
        },
      };
    },
  },
  {
    name: 'npy',
    kind: 'npy',
    mutate: oneOf([
      [1, mutateBytes],
      [
        2,
        (bytes, random, others) => {
          const copy = bytes.slice();
          for (let times = 1 + random.integer(3); times > 0; times--)
            copy[random.integer(Math.min(128, copy.length))] = random.pick([
              0x30 + random.integer(10),
              0x2c,
              0x2d,
              0x2e,
              0x29,
              0x28,
              0x20,
            ]);
          return random.integer(5) === 0 ? mutateBytes(copy, random, others) : copy;
        },
      ],
    ]),
    async open() {
      const { decodeNpy, encodeNpy } = await import('../../src/embeddings/browser.ts');
      return {
        seeds: [
          encodeNpy({ shape: [3, 4], data: numbers }),
          encodeNpy({ shape: [12], data: Float64Array.from(numbers) }),
        ],
        read(bytes) {
          const { shape, data } = decodeNpy(bytes, 'input');
          if (shape.reduce((a, b) => a * b, 1) !== data.length)
            throw new Error('the shape does not fit the numbers');
          return undefined;
        },
      };
    },
  },
  ...(['parquet', 'json', 'npz'] as const).map(
    (format): Target => ({
      name: `embedding-${format}`,
      kind: format === 'parquet' ? 'Parquet' : 'embedding files',
      mutate: mutateBytes,
      async open() {
        const { embeddingFileState, encodeEmbeddingFile } = await import('../../src/embeddings/browser.ts');
        const source = 'ab12'.repeat(16);
        const whole = encodeEmbeddingFile(
          {
            file: 'a/é.wav',
            size: 3,
            embedding: numbers,
            timestamps: Float64Array.of(0, 1, 2, 3),
            source,
          },
          format,
        );
        return {
          seeds: [whole],
          read(bytes) {
            const found = embeddingFileState(bytes, format);
            const same = bytes.length === whole.length && whole.every((byte, i) => bytes[i] === byte);
            // A change that passes for a whole file of the same source would be kept as finished.
            if (found.state === 'whole' && found.source === source && !same)
              throw new Error('a damaged file passes for a whole one');
            return undefined;
          },
        };
      },
    }),
  ),
];

/** Small graphs of other people's exporters. */
function graphs(): Uint8Array[] {
  const folder = join(fixtures, 'hostile');
  const names = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
  return names.map((name) => new Uint8Array(readFileSync(join(folder, name))));
}

const digits = (n: number) => 'ab12cd34'.repeat(8).slice(0, n);

const recordTargets: readonly Target[] = [
  record('artifact', async () => {
    const { artifactInfo } = await import('../../src/approaches/readArtifact.ts');
    const { model, info } = await someArtifact();
    return {
      seeds: [info],
      read: (json) => artifactInfo({ ...model, metadata: new Map([['earshot', json]]) }, 'input'),
    };
  }),
  record('index', async () => {
    const { parseRecord, DatasetError } = await import('../../src/core/index.ts');
    const { indexRecord } = await import('../../src/embeddings/node/indexRecord.ts');
    const { info } = await someArtifact();
    const clip = (id: string, firstRow: number) => ({
      ...{ id, path: `/a/${id}`, label: 'low', fold: 1, group: 'g', hash: digits(64), seconds: 1 },
      ...{ silent: false, firstRow, times: [0, 0.5], levels: [0.1, 0.2] },
    });
    const windowing = {
      samples: 800,
      hopSamples: 400,
      hopSeconds: 0.05,
      leading: 0,
      end: 'zeros',
      pad: 'zero',
    };
    const embedder = {
      ...{ network: 'n', settings: { a: 1 }, embedding: 'e', size: 3, sampleRate: 8000 },
      ...{ frontEnd: info.pipeline.frontEnd, windowing, weights: { description: 'd', sha256: digits(64) } },
    };
    const seed = {
      ...{ format: 1, embedder, embedderKey: 'k', pooling: null, rows: 4, size: 3 },
      dataset: { name: 'd', root: '/a', fingerprint: 'f', synthetic: false },
      embeddings: { file: `embeddings-${digits(12)}.npy`, sha256: digits(64) },
      network: {
        file: `network-${digits(12)}.onnx`,
        sha256: digits(64),
        input: 'x',
        inputDims: [1, 16, 8],
        output: 'e',
      },
      ...{ clips: [clip('a', 0), clip('b', 2)], failures: [], versions: { earshot: '0.1.0' } },
    };
    return {
      seeds: [seed],
      read: (json) =>
        parseRecord(indexRecord, json, {
          ...{ name: 'input', what: 'an index', error: DatasetError },
          version: { field: 'format', supported: [1] },
        }),
    };
  }),
  record('listing', async () => {
    const { parseListing } = await import('../../src/models/huggingFace.ts');
    const siblings = [
      { rfilename: 'config.json', blobId: digits(40) },
      { rfilename: 'model.safetensors', blobId: digits(40), lfs: { sha256: digits(64), size: 5 } },
    ];
    return { seeds: [{ sha: digits(40), siblings }], read: (json) => parseListing(json, 'input') };
  }),
  record('checkpoint-index', async () => {
    const { parseRecord, WeightsError } = await import('../../src/core/index.ts');
    const { checkpointIndexRecord } = await import('../../src/weights/checkpoint.ts');
    const seed = {
      metadata: { total_size: 5 },
      weight_map: { a: 'model-00001.safetensors', b: 'model-00002.safetensors' },
    };
    return {
      seeds: [seed],
      read(json) {
        const { weight_map: map } = parseRecord(checkpointIndexRecord, json, {
          name: 'input',
          what: 'an index',
          error: WeightsError,
        });
        for (const name of Object.values(map))
          if (/[/\\]/.test(name) || name === '..')
            throw new Error(`the path ${name} leads out of the folder`);
      },
    };
  }),
  record('labels', async () => {
    const { parseLabels, promptsFor } = await import('../../src/approaches/clap/prompts.ts');
    const seed = { dog_bark: ['A dog barks.', 'A dog is barking.'], siren: [], rain: 'It rains.' };
    return { seeds: [seed], read: (json) => promptsFor(parseLabels(json, 'input')) };
  }),
  record('whisper-config', async () => {
    const { parseWhisperConfig, whisperConfigFields, whisperSizes } = await import(
      '../../src/networks/index.ts'
    );
    return {
      seeds: [whisperConfigFields(whisperSizes.tiny)],
      read: (json) => parseWhisperConfig(safeJson(json), 'input'),
    };
  }),
  record('clap-config', async () => {
    const { clapConfig } = await import('../../src/networks/index.ts');
    return {
      seeds: [JSON.parse(decoded(fixture('clap/config.json')))],
      read: (json) => clapConfig(safeJson(json), 'input'),
    };
  }),
];

/** What is no JSON is refused where files are read, which these readers do not do. */
function safeJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return null;
  }
}

const fileTargets: readonly Target[] = [
  {
    name: 'tokenizer',
    kind: 'tokenizers',
    mutate: mutateJson,
    async open() {
      const { ClapTokenizer } = await import('../../src/approaches/clap/tokenizer.ts');
      return {
        seeds: [fixture('clap/tokenizer.json')],
        async read(bytes) {
          const tokenizer = await ClapTokenizer.fromRecords(safeJson(decoded(bytes)), {}, 1, 'input');
          tokenizer.batch(['This is a sound of dog bark.', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!']);
          return undefined;
        },
      };
    },
  },
  {
    name: 'predictions',
    kind: 'tables',
    mutate: mutateTable,
    async open() {
      const { parsePredictions } = await import('../../src/evaluation/predictionsCsv.ts');
      const seed =
        'clip,label,group,fold,predicted,confidence,p_high,p_low\na.wav,high,a,1,high,0.75,0.75,0.25\n"b,c.wav",low,b,,low,0.9,0.1,0.9\n';
      return {
        seeds: [text(seed)],
        read(bytes) {
          const { rows } = parsePredictions(decoded(bytes), 'input');
          return rows.every(({ probabilities }) => Array.from(probabilities).every(Number.isFinite))
            ? undefined
            : 'not-finite';
        },
      };
    },
  },
  byPath(
    'labels-table',
    'labels.csv',
    ['label,description\ndog,A dog barks.\ndog,Another.\nrain,\n'],
    async () => (await import('../../src/approaches/clap/prompts.ts')).readLabelFile,
  ),
  byPath('class-vectors', 'vectors.csv', ['class,loud,high\ndog,1,0.5\nrain,0,1\n'], async () => {
    const { openClassVectors } = await import('../../src/workflows/classVectorFile.ts');
    return (path) => openClassVectors(path, ['dog', 'rain']);
  }),
  byPath(
    'class-vectors-npz',
    'vectors.npz',
    [
      async () => {
        const { encodeNpz } = await import('../../src/embeddings/browser.ts');
        const arrays = new Map([
          ['dog', { shape: [3], data: numbers.slice(0, 3) }],
          ['rain', { shape: [2, 3], data: numbers.slice(0, 6) }],
        ]);
        return encodeNpz({ arrays, comment: '' });
      },
    ],
    async () => {
      const { openClassVectors } = await import('../../src/workflows/classVectorFile.ts');
      return async (path) => {
        const { matrix } = await openClassVectors(path, []);
        if (!Array.from(matrix.data).every(Number.isFinite)) throw new Error('class vectors are not finite');
      };
    },
    oneOf([
      [3, mutateZip],
      [1, mutateBytes],
    ]),
  ),
  byPath(
    'manifest',
    'manifest.csv',
    [
      'path,label,fold,group\na.wav,high,1,a\nb.wav,low,2,b\n',
      'file,start,end,label\na.wav,0,1,high\na.wav,1,2,low\n',
      'file_name,label,split\na.wav,high,train\nb.wav,low,test\n',
    ],
    async (folder) => {
      const { openDataset } = await import('../../src/datasets/index.ts');
      const { encodeWav } = await import('../../src/audio/index.ts');
      const wav = encodeWav({ sampleRate: 8000, channelData: [numbers] });
      for (const name of ['a.wav', 'b.wav']) writeFileSync(join(folder, name), wav);
      return (path) => openDataset(path);
    },
  ),
  byPath(
    'checkpoint',
    'last.json',
    [
      JSON.stringify({
        format: 1,
        tensors: 'last-3.safetensors',
        fingerprint: 'f',
        ...{ epoch: 1, batch: 2, step: 3, lossSum: 1.5, seconds: 4 },
        ...{ bestEpoch: 1, bestLoss: 0.5 },
        history: [
          {
            epoch: 1,
            trainLoss: 1,
            validationLoss: 0.5,
            validationAccuracy: null,
            learningRate: 0.1,
            seconds: 2,
          },
        ],
      }),
    ],
    async (folder) => {
      const { loadCheckpoint } = await import('../../src/training/index.ts');
      const { writeSafetensors } = await import('../../src/weights/index.ts');
      await writeSafetensors(join(folder, 'last-3.safetensors'), [
        ['a', { dtype: 'float32', dims: [12], data: numbers }],
      ]);
      return (path) => loadCheckpoint(join(path, '..'), 'last');
    },
    mutateJson,
  ),
  {
    name: 'cache-entry',
    kind: 'cache entries',
    mutate: mutateBytes,
    async open() {
      const { z } = await import('zod');
      const { entryPath, readEntry, writeEntry } = await import('../../src/extraction/index.ts');
      const path = entryPath(mkdtempSync(join(tmpdir(), 'earshot-fuzz-')), digits(64));
      await writeEntry(path, { a: 1 }, numbers);
      const whole = new Uint8Array(readFileSync(path));
      return {
        seeds: [whole],
        async read(bytes) {
          writeFileSync(path, bytes);
          const entry = await readEntry(path, z.object({ a: z.number() }));
          const same = bytes.length === whole.length && whole.every((byte, i) => bytes[i] === byte);
          if ((entry !== null) !== same) throw new Error('a damaged entry passes for a whole one');
          return undefined;
        },
      };
    },
  },
];

export const targets: readonly Target[] = [
  ...soundTargets,
  ...modelTargets,
  ...recordTargets,
  ...fileTargets,
];

/** @throws {Error} that lists the targets when there is none of that name */
export function targetByName(name: string): Target {
  const found = targets.find((target) => target.name === name);
  if (found === undefined)
    throw new Error(
      `There is no target '${name}'. There are ${targets.map((target) => target.name).join(', ')}.`,
    );
  return found;
}

/**
 * @file Published weights that can be fetched by name: where they are, what identifies them, under which licence. Only
 * addresses; no weights come with Earshot.
 */
import { ParameterError } from '../core/errors.ts';
import { type HuggingFaceRepository, huggingFace, huggingFaceUrl } from './huggingFace.ts';

export interface PublishedModel {
  /** Such as `openl3-mel256-music-512`. */
  readonly name: string;
  /** The network that takes it, as `networkByName` knows it. */
  readonly network: 'openl3' | 'edgel3' | 'yamnet' | 'clap' | 'whisper';
  readonly description: string;
  /** Name of the file where it is published, and here; with its folder where there are several. Models may share one. */
  readonly file: string;
  /** Further files that belong to it, fetched before it: it is there when all of them are. */
  readonly companions?: readonly PublishedCompanion[];
  readonly url: string;
  /** Where its files are on Hugging Face, whose listing tells their digests and the revision to fetch them at. */
  readonly repository?: HuggingFaceRepository;
  /** SHA-1 that Git gives the file (of `blob SIZE`, a zero byte and the content), or null where none is known. */
  readonly gitBlob: string | null;
  readonly licence: string;
  /** Numbers that the file holds, front end included; 4 bytes each once it is unpacked. */
  readonly weights: number;
}

/** A file that a model cannot be used without. */
export interface PublishedCompanion {
  readonly file: string;
  readonly url: string;
}

/** By input representation and content type. Read from the tree of the branch `models`, version 0.4.0. */
const openl3Blobs = {
  'linear-music': '4e2e61beb17865481c8b8791c72eac8307e2753a',
  'linear-env': '7837407f033f3564c7e8d53fc4a4241fe160478b',
  'mel128-music': '73ff29de441865318c4b3a3f98c40763c4773e7c',
  'mel128-env': '8c3dfee140f7776373841e5938a3e76c54f28942',
  'mel256-music': '15e483646fa3d4091a463f0affbb706e6bbbb098',
  'mel256-env': '34dbd7a91cdd2de6a3d6d036ac0a24d27d78e3cc',
} as const;

const openl3Models = Object.entries(openl3Blobs).flatMap(([kind, gitBlob]) => {
  const file = `openl3_audio_${kind.replace('-', '_')}-v0_4_0.h5.gz`;
  return [512, 6144].map(
    (size): PublishedModel => ({
      name: `openl3-${kind}-${size}`,
      network: 'openl3',
      description: `OpenL3, ${kind.replace('-', ', ')}: embeddings of ${size} numbers`,
      file,
      url: `https://github.com/marl/openl3/raw/models/${file}`,
      gitBlob,
      licence: 'CC BY 4.0',
      // The two sizes are one network with two poolings.
      weights: 4_689_860,
    }),
  );
});

/** A model of several files under one address, which keep their places in a folder named after it. The first is the model. */
function folderModel(
  model: Omit<PublishedModel, 'file' | 'url' | 'companions' | 'gitBlob'>,
  address: string,
  [first, ...rest]: readonly [string, ...string[]],
): PublishedModel {
  const at = (path: string) => ({ file: `${model.name}/${path}`, url: `${address}/${path}` });
  return { ...model, ...at(first), companions: rest.map(at), gitBlob: null };
}

/** The files of a repository at Hugging Face; its listing tells their digests. */
function hubModel(
  model: Omit<PublishedModel, 'file' | 'url' | 'companions' | 'gitBlob' | 'repository'>,
  id: string,
  files: readonly [string, ...string[]],
): PublishedModel {
  const repository = { hub: huggingFace, id };
  return { ...folderModel(model, huggingFaceUrl(repository, 'main'), files), repository };
}

const clapModels: readonly PublishedModel[] = [
  hubModel(
    {
      name: 'clap-htsat-unfused',
      network: 'clap',
      description:
        'CLAP (LAION, unfused HTSAT): sounds and texts in one space of 512 numbers, as two ONNX files',
      licence: 'Apache 2.0',
      weights: 153_493_016,
    },
    'Xenova/clap-htsat-unfused',
    [
      'onnx/audio_model.onnx',
      'onnx/text_model.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
      'config.json',
    ],
  ),
  hubModel(
    {
      name: 'clap-htsat-unfused-safetensors',
      network: 'clap',
      description: 'The same as LAION published it, with the trained factor on similarities',
      licence: 'Apache 2.0',
      weights: 153_493_018,
    },
    'laion/clap-htsat-unfused',
    ['model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'config.json'],
  ),
];

/** By name at Hugging Face: numbers in the file, decoder included. Config and preprocessor say what the weights do not. */
const whisperSizes = [
  ['tiny', 37_760_640],
  ['base', 72_593_920],
  ['small', 241_734_912],
  ['medium', 763_857_920],
  ['large-v2', 1_543_304_960],
  ['large-v3', 1_543_490_560],
  ['large-v3-turbo', 808_878_080],
] as const;

const whisperModels = whisperSizes.map(([size, weights]) =>
  hubModel(
    {
      name: `whisper-${size}`,
      network: 'whisper',
      description: `Whisper, ${size}: the encoder of a speech recogniser, to train a classifier on`,
      licence: size.startsWith('large-v3') ? 'MIT' : 'Apache 2.0',
      weights,
    },
    `openai/whisper-${size}`,
    ['model.safetensors', 'config.json', 'preprocessor_config.json'],
  ),
);

export const publishedModels: readonly PublishedModel[] = [
  ...openl3Models,
  {
    name: 'edgel3-sea-64',
    network: 'edgel3',
    description: 'EdgeL3-SEA, taught on the sounds of New York: embeddings of 64 numbers',
    file: 'edgel3_sea_ust_audio_emb_64.h5.gz',
    url: 'https://github.com/ksangeeta2429/edgel3/raw/models/edgel3_sea_ust_audio_emb_64.h5.gz',
    gitBlob: 'f3535405c91fe8da71f6456adb8a061213324239',
    licence: 'MIT',
    weights: 1_482_916,
  },
  {
    name: 'yamnet',
    network: 'yamnet',
    description: 'YAMNet, 521 classes of AudioSet: embeddings of 1024 numbers',
    file: 'yamnet.h5',
    url: 'https://storage.googleapis.com/audioset/yamnet.h5',
    gitBlob: null,
    licence: 'Apache 2.0',
    weights: 3_751_369,
  },
  ...clapModels,
  ...whisperModels,
];

/** The model of that name. @throws {ParameterError} that lists the names when there is none */
export function publishedModel(name: string): PublishedModel {
  const found = publishedModels.find((model) => model.name === name);
  if (found === undefined) {
    throw new ParameterError(`There is no published model '${name}' that could be fetched.`, {
      hint: `There are ${publishedModels.map((model) => model.name).join(', ')}.`,
    });
  }
  return found;
}

/** The name of OpenL3's weights for these settings. */
export function openl3ModelName(inputRepr: string, contentType: string, embeddingSize: number): string {
  return `openl3-${inputRepr}-${contentType}-${embeddingSize}`;
}

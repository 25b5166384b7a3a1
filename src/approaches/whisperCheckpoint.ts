/**
 * @file A Whisper checkpoint as Hugging Face keeps it, a folder of config.json, preprocessor_config.json and safetensors:
 * opened, and written so that its WhisperForAudioClassification loads what was trained here.
 */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { ParameterError, type Tensor, WeightsError } from '../core/index.ts';
import { type WhisperFrontEndName, whisperSpec } from '../features/index.ts';
import { readRecord, writeJson } from '../files/index.ts';
import {
  parseWhisperConfig,
  type WhisperConfig,
  whisperConfigFields,
  whisperConfigOfTensors,
  whisperParameterName,
} from '../networks/index.ts';
import { checkpointHash, readCheckpoint, writeSafetensors } from '../weights/index.ts';

export interface WhisperCheckpoint {
  readonly config: WhisperConfig;
  /** Names of the classes (`id2label`), in the order of the scores; null where the config names none. */
  readonly classes: readonly string[] | null;
  /** The encoder's and the head's tensors, under their published names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Tells these weights from others. */
  readonly sha256: string;
}

/** Samples that one position of the encoder stands for: two frames of 10 ms. */
const samplesPerPosition = 320;

/** The front end for encoders of so many bands. @throws {WeightsError} where there is none */
export function whisperFrontEndOf(config: WhisperConfig): WhisperFrontEndName {
  if (config.nMels === 80) return 'whisper';
  if (config.nMels === 128) return 'whisper-128';
  throw new WeightsError(
    `This Whisper encoder sees ${config.nMels} mel bands; there are front ends of 80 and of 128.`,
  );
}

/** Seconds that an encoder hears at most: 30 as published. */
export function whisperSeconds({ maxPositions }: WhisperConfig): number {
  return (maxPositions * samplesPerPosition) / 16_000;
}

/**
 * The shape of the encoder that weights are of: what the `config.json` in their folder says, else what the tensors show.
 * @param path of a folder, a safetensors file or an index of several; names as Hugging Face or OpenAI have them
 * @throws {WeightsError} when there is no such checkpoint, or its files do not fit together
 */
export async function openWhisperCheckpoint(path: string): Promise<WhisperCheckpoint> {
  const folder = (await isFolder(path)) ? path : dirname(path);
  const fields = await readSettings(join(folder, 'config.json'));
  await checkPreprocessor(join(folder, 'preprocessor_config.json'));
  const checkpoint = await readCheckpoint(path, { only: (name) => whisperParameterName(name) !== null });
  const described = fields === null ? null : descriptionOf(fields, join(folder, 'config.json'));
  const { tensors } = checkpoint;
  const config = described?.config ?? whisperConfigOfTensors(tensors, path);
  whisperFrontEndOf(config);
  return { config, classes: described?.classes ?? null, tensors, sha256: await checkpointHash(checkpoint) };
}

function descriptionOf(fields: Readonly<Record<string, unknown>>, path: string) {
  try {
    return { config: parseWhisperConfig(fields, path), classes: classNames(fields, path) };
  } catch (cause) {
    if (!(cause instanceof ParameterError)) throw cause;
    throw new WeightsError(cause.message, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
  }
}

/** The names of `id2label`, which Hugging Face invents (LABEL_0, LABEL_1) for models without classes. */
function classNames(fields: Readonly<Record<string, unknown>>, path: string): readonly string[] | null {
  const named = fields['id2label'];
  if (typeof named !== 'object' || named === null) return null;
  const names = Object.values(named).map((_, i) => (named as Record<string, unknown>)[String(i)]);
  if (!names.every((name) => typeof name === 'string') || new Set(names).size !== names.length) {
    throw new WeightsError(`The id2label of ${path} does not name the classes 0, 1, 2 … each once.`);
  }
  return names;
}

/** What a preprocessor must say, where it says anything of it: the front end's numbers. */
const preprocessing = {
  sampling_rate: 16_000,
  n_fft: 400,
  hop_length: 160,
} as const;

/** @throws {WeightsError} when the features were made otherwise than Whisper's */
async function checkPreprocessor(path: string): Promise<void> {
  const fields = await readSettings(path);
  if (fields === null) return;
  for (const [name, expected] of Object.entries({ ...preprocessing, do_normalize: false })) {
    const said = fields[name];
    if (said === undefined || said === expected) continue;
    throw new WeightsError(
      `${path} asks for ${name} ${JSON.stringify(said)}; Whisper's front end here has ${String(expected)}.`,
      { hint: 'A model that was trained on other features would hear something else here.' },
    );
  }
}

/** The settings in a JSON file, or null where there is no such file. */
function readSettings(path: string) {
  return readRecord(path, z.looseObject({}), { what: 'a JSON object of settings', error: WeightsError });
}

export interface WhisperExport {
  readonly config: WhisperConfig;
  readonly classes: readonly string[];
  /** All parameters of the network, under their names. */
  readonly values: ReadonlyMap<string, Tensor<'float32'>>;
}

/**
 * Writes a folder that Hugging Face's `WhisperForAudioClassification.from_pretrained` and
 * `WhisperFeatureExtractor.from_pretrained` load: model.safetensors, config.json, preprocessor_config.json.
 * @throws {ParameterError} when a parameter is missing, or of another shape than the config says
 */
export async function writeWhisperCheckpoint(folder: string, made: WhisperExport): Promise<string[]> {
  const { config, classes, values } = made;
  const names = Object.fromEntries(classes.map((name, i) => [String(i), name]));
  const files = {
    'config.json': {
      ...whisperConfigFields(config),
      id2label: names,
      label2id: Object.fromEntries(classes.map((name, i) => [name, i])),
      torch_dtype: 'float32',
    },
    'preprocessor_config.json': preprocessorFields(config),
  };
  await writeSafetensors(join(folder, 'model.safetensors'), values, { format: 'pt' });
  for (const [name, content] of Object.entries(files)) await writeJson(join(folder, name), content);
  return ['model.safetensors', ...Object.keys(files)].map((name) => join(folder, name));
}

function preprocessorFields(config: WhisperConfig): Record<string, unknown> {
  const { sampleRate, nMels } = whisperSpec(whisperFrontEndOf(config));
  const samples = config.maxPositions * samplesPerPosition;
  return {
    feature_extractor_type: 'WhisperFeatureExtractor',
    feature_size: nMels,
    ...preprocessing,
    chunk_length: samples / sampleRate,
    n_samples: samples,
    nb_max_frames: samples / preprocessing.hop_length,
    padding_side: 'right',
    padding_value: 0,
    return_attention_mask: false,
  };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** @file The tiny CLAP that tools/fixtures/clap.py makes: its files, its weights, and what PyTorch made of sounds and prompts. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeWav } from '../../src/audio/index.ts';
import { float32, type Tensor } from '../../src/core/index.ts';
import { goldenSignal } from '../../src/features/golden/goldenSignals.ts';
import { encodeSafetensors } from '../../src/weights/index.ts';
import { hashed } from '../networks/hashedTensors.ts';

/** The folder with both ONNX files. */
export const tinyClap = fileURLToPath(new URL('../fixtures/clap/', import.meta.url));

export const expected = JSON.parse(readFileSync(join(tinyClap, 'expected.json'), 'utf8')) as {
  sounds: { name: string; samples: number; picture: { mean: number; first: number[]; last: number[] } }[];
  texts: string[];
  ids: number[][];
  textEmbeds: number[][];
  audioEmbeds: number[][];
  /** [sounds][3]: with the first three texts. */
  cosine: number[][];
  /** [sounds][2]: with the mean of texts 1 and 3, and with text 0. */
  ensemble: number[][];
  logitScale: { config: number; trained: number };
  probabilities: number[][];
  trainedProbabilities: number[][];
  tensors: Record<string, number[]>;
};

/** The labels behind the first three texts. */
export const tinyLabels = ['dog bark', 'siren', 'engine idling'];

/** The sounds that `expected.sounds` lists, at 48 kHz. */
export function tinySound(name: string): Float32Array {
  if (name === 'chirp') return goldenSignal('chirp', 96000);
  if (name === 'noise') return goldenSignal('noise', 240000);
  return Float32Array.from(lcg(33600, 3), (v) => 1.5 * v);
}

function lcg(n: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: n }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2147483648 - 1;
  });
}

/** The numbers behind the names, as the fixture script has them. */
export function tinyTensors(): Map<string, Tensor<'float32'>> {
  return new Map(Object.entries(expected.tensors).map(([name, shape]) => [name, valueFor(name, shape)]));
}

function valueFor(name: string, shape: readonly number[]): Tensor<'float32'> {
  const h = hashed(name, shape);
  const mapped = (f: (v: number) => number) => float32(shape, h.data.map(f));
  if (name.startsWith('logit_scale')) return mapped((v) => 2.5 + 0.1 * v);
  if (name.endsWith('running_mean')) return mapped((v) => -20 + 10 * v);
  if (name.endsWith('running_var')) return mapped((v) => 200 + 100 * v);
  if (/(norm\w*|LayerNorm)\.weight$/.test(name)) return mapped((v) => 1 + 0.3 * v);
  if (shape.length < 2) return mapped((v) => 0.3 * v);
  const sharp = /(query|key)\.weight$/.test(name) ? 3 : 1;
  const plain = shape.length === 2 && !name.includes('embeddings');
  return mapped((v) => sharp * v * Math.sqrt(3 / (plain ? shape[1] : shape[1] * 12)));
}

/** A folder as Hugging Face publishes models: model.safetensors, config.json, tokenizer.json. */
export function writeTinySafetensors(
  folder: string,
  change: (tensors: Map<string, Tensor>) => void = () => {},
): string {
  mkdirSync(folder, { recursive: true });
  const tensors: Map<string, Tensor> = tinyTensors();
  change(tensors);
  writeFileSync(join(folder, 'model.safetensors'), encodeSafetensors(tensors));
  for (const file of ['config.json', 'tokenizer.json']) cpSync(join(tinyClap, file), join(folder, file));
  return folder;
}

/** A WAV file of float32 samples: none of them is rounded. */
export function writeFloatWav(path: string, samples: Float32Array, sampleRate = 48000): string {
  writeFileSync(path, encodeWav({ sampleRate, channelData: [samples] }, { encoding: 'float32' }));
  return path;
}

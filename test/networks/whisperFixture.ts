/** @file What tools/fixtures/whisper.py computed with PyTorch. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import {
  inferenceContext,
  logMelOfPicture,
  type WhisperConfig,
  whisperEncoder,
} from '../../src/networks/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { hashed } from './hashedTensors.ts';
import { relativeDifference } from './runNetwork.ts';

export interface FixtureConfig {
  width: number;
  layers: number;
  heads: number;
  ffn: number;
  mels: number;
  positions: number;
  projection: number;
}

export interface StateRow {
  norm: number;
  probes: number[];
  /** The first and the last position of the first clip, base64 of float32. */
  ends?: string;
}

export interface FixtureCase {
  config: FixtureConfig;
  frames: number;
  batch: number;
  classes: number;
  weighted: boolean;
  logits: number[];
  states: StateRow[];
  gradients: Record<string, { values: string } | { norm: number; probes: number[] }>;
}

export const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/whisper/whisper.json', import.meta.url), 'utf8'),
) as {
  names: Record<'tiny' | 'reduced', Record<string, number[]>>;
  sinusoids: { norm: number; probe: number; rows: number[] };
  cases: FixtureCase[];
  classifier: {
    classes: string[];
    /** Of {@link classifierWaveform}: with silence behind it up to a second, and alone. */
    answers: { samples: number; probabilities: number[]; alone: number[] }[];
  };
  openai: {
    config: FixtureConfig;
    frames: number;
    batch: number;
    names: Record<string, number[]>;
    last: StateRow;
  }[];
};

export function configOf(c: FixtureConfig, weightedLayerSum = false): WhisperConfig {
  const { width, layers, heads, projection } = c;
  return {
    ...{ width, layers, heads, projection, weightedLayerSum },
    ...{ feedForward: c.ffn, nMels: c.mels, maxPositions: c.positions },
  };
}

/** What the published classifier of the fixture (its folder `classifier`) was asked about. */
export function classifierWaveform(samples: number): Float32Array {
  return hashed('waveform', [samples]).data.map((v) => 0.3 * v);
}

/** Float32 numbers from base64. */
export function unpack(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

/** The sum of a tensor's products with hashed numbers. */
export function probe(name: string, { dims, data }: Tensor): number {
  const factors = hashed(`probe ${name}`, dims).data;
  return (data as Float32Array).reduce((sum, v, i) => sum + v * factors[i], 0);
}

/** All hidden states of an encoder. */
export async function statesOf(
  config: WhisperConfig,
  values: ReadonlyMap<string, Tensor<'float32'>>,
  x: Tensor,
  options: { shape?: Shape; frameMask?: Tensor<'float32'> } = {},
): Promise<Tensor[]> {
  const g = new GraphBuilder();
  const picture = g.input('x', 'float32', options.shape ?? x.dims);
  const mask = options.frameMask && g.input('mask', 'float32', options.frameMask.dims);
  const c = inferenceContext(g, values);
  const hidden = whisperEncoder(c, config, logMelOfPicture(c, picture), mask && { frameMask: mask });
  const names = hidden.states.map((state, i) => g.output(state, `state${i}`).name);
  const feeds = { x, ...(options.frameMask && { mask: options.frameMask }) };
  const results = await runModel(g.model(), feeds);
  return names.map((name) => results[name]);
}

/** A state within 1e-4 of its size: its ends number by number, the rest by probes. */
export function expectState(got: Tensor, expected: StateRow, what: string): void {
  const data = got.data as Float32Array;
  // A probe of a difference d is about |d|/√3: these bounds hold differences of 1e-4 of the norm.
  for (let i = 0; i < 4; i++) {
    const difference = Math.abs(probe(`state ${i}`, got) - expected.probes[i]);
    expect(difference / expected.norm, `${what}, probe ${i}`).toBeLessThan(0.5e-4);
  }
  if (expected.ends === undefined) return;
  const [, positions, width] = got.dims as [number, number, number];
  const ends = [...data.subarray(0, width), ...data.subarray((positions - 1) * width, positions * width)];
  expect(relativeDifference(ends, unpack(expected.ends)), what).toBeLessThan(1e-4);
}

/** @file What tools/fixtures/whisper.py computed with PyTorch. */
import { readFileSync } from 'node:fs';
import type { WhisperConfig } from '../../src/networks/index.ts';

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

/** Float32 numbers from base64. */
export function unpack(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

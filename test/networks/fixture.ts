/** @file What tools/fixtures/networks.py computed with torchvision and PyTorch. */
import { readFileSync } from 'node:fs';
import type { CnnOptions, ResnetName } from '../../src/networks/index.ts';

export interface ForwardCase {
  input: number[];
  logits: number[];
  embedding: number[];
  trainingLogits: number[];
  /** Running statistics after one training step, each as its product with hashed numbers. */
  statistics: Record<string, number>;
}

export const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/networks/networks.json', import.meta.url), 'utf8'),
) as {
  hashed: number[];
  names: Record<ResnetName, Record<string, number[]>>;
  parameterCounts: Record<ResnetName, number>;
  resnets: (ForwardCase & { network: ResnetName })[];
  cnns: (ForwardCase & { options: Omit<CnnOptions, 'classes'>; names: Record<string, number[]> })[];
  resized: { size: [number, number]; values: number[] }[];
};

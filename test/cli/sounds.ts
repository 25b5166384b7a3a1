/** @file Small datasets of sounds that a computer tells apart: noise, a tone, clicks. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeWav } from '../../src/audio/index.ts';
import { Random } from '../../src/core/index.ts';

export const sampleRate = 16000;
export const kinds = ['clicks', 'noise', 'tone'] as const;
export type Kind = (typeof kinds)[number];

export function sound(kind: Kind, seed: number, seconds = 0.5): Float32Array {
  const random = new Random(`${kind}/${seed}`);
  const length = Math.round(seconds * sampleRate);
  const frequency = random.uniform(400, 2000);
  const every = Math.round(random.uniform(600, 1500));
  return Float32Array.from({ length }, (_, n) => {
    if (kind === 'tone') return 0.5 * Math.sin((2 * Math.PI * frequency * n) / sampleRate);
    if (kind === 'noise') return random.uniform(-0.3, 0.3);
    return n % every < 8 ? 0.8 : random.uniform(-0.003, 0.003);
  });
}

export function wav(samples: Float32Array, rate = sampleRate): Uint8Array {
  return encodeWav({ sampleRate: rate, channelData: [samples] });
}

export function write(path: string, bytes: Uint8Array | string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** A folder per class, `clips` files each. */
export function classFolders(root: string, clips: number): string {
  for (const kind of kinds) {
    for (let i = 0; i < clips; i++) write(join(root, kind, `${kind}-${i}.wav`), wav(sound(kind, i)));
  }
  return root;
}

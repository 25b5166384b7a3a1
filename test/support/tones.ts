/** @file A tiny dataset on disk: two classes of noisy tones, several slices per recording. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeWav } from '../../src/audio/index.ts';
import { Random } from '../../src/core/index.ts';

export const toneRate = 8000;

/** `seconds` of a tone in noise: class `low` below 500 Hz, class `high` above 1500 Hz. */
export function tone(label: string, seconds: number, random: Random): Float32Array {
  const hz = label === 'low' ? random.uniform(150, 500) : random.uniform(1500, 3000);
  return Float32Array.from({ length: Math.round(seconds * toneRate) }, (_, i) =>
    Math.max(-1, Math.min(1, 0.4 * Math.sin((2 * Math.PI * hz * i) / toneRate) + 0.05 * random.normal())),
  );
}

/** Writes mono samples as 16-bit WAV. */
export async function writeTone(path: string, samples: Float32Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, encodeWav({ sampleRate: toneRate, channelData: [samples] }));
}

/** A folder per class; names `<recording>-<slice>.wav` are grouped by a manifest in the same folder. */
export async function writeToneDataset(root: string, recordings = 6, slices = 3): Promise<void> {
  const random = new Random(11);
  const rows = ['path,label,fold,group'];
  for (const label of ['low', 'high']) {
    for (let r = 0; r < recordings; r++) {
      for (let s = 0; s < slices; s++) {
        const name = `${label}/${r}-${s}.wav`;
        await writeTone(join(root, name), tone(label, s === 0 ? 0.3 : 0.5, random));
        rows.push(`${name},${label},${(r % 3) + 1},${label}${r}`);
      }
    }
  }
  await writeFile(join(root, 'manifest.csv'), `${rows.join('\n')}\n`);
}

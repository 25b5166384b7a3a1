/** @file Checkpoints in one file or several; the sharded one is tools/fixtures/whisper.py's. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32, WeightsError } from '../../src/core/index.ts';
import { checkpointHash, readCheckpoint, writeSafetensors } from '../../src/weights/index.ts';

const sharded = fileURLToPath(new URL('../fixtures/whisper/classifier/', import.meta.url));
const index = 'model.safetensors.index.json';
const shards = [1, 2].map((i) => `model-0000${i}-of-00002.safetensors`);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const names = async () =>
  Object.keys(
    (JSON.parse(await readFile(join(sharded, index), 'utf8')) as { weight_map: object }).weight_map,
  );

async function copyOf(name: string, files: readonly string[]): Promise<string> {
  const copy = await mkdtemp(join(folder, `${name}-`));
  for (const file of files) await copyFile(join(sharded, file), join(copy, file));
  return copy;
}

describe('a checkpoint', () => {
  it('of several files has all tensors, by its folder and by its index', async () => {
    for (const path of [sharded, join(sharded, index)]) {
      const { tensors, files } = await readCheckpoint(path);
      expect([...tensors.keys()].sort()).toEqual((await names()).sort());
      expect(files).toHaveLength(2);
    }
  });

  it('opens only the files of the tensors that are asked for', async () => {
    const copy = await copyOf('partial', [index, shards[0]]);
    const one = await readCheckpoint(copy, { only: (name) => name === 'layer_weights' });
    expect([...one.tensors.keys()]).toEqual(['layer_weights']);
    expect(one.files).toEqual([join(copy, shards[0])]);
  });

  it('of one file is the same by its folder and by its path, and another content has another hash', async () => {
    const made: string[] = [];
    for (const value of [1, 2]) {
      const one = await mkdtemp(join(folder, 'one-'));
      await writeSafetensors(join(one, 'model.safetensors'), [['a', float32([1], [value])]]);
      const byFolder = await readCheckpoint(one);
      const byPath = await readCheckpoint(join(one, 'model.safetensors'));
      expect(byFolder).toEqual(byPath);
      made.push(await checkpointHash(byFolder));
    }
    expect(new Set([...made, await checkpointHash(await readCheckpoint(sharded))]).size).toBe(3);
  });

  it('that is not whole is refused', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    await expect(readCheckpoint(empty)).rejects.toThrow(/holds neither model\.safetensors nor/);
    await writeFile(join(empty, 'pytorch_model.bin'), 'x');
    await expect(readCheckpoint(empty)).rejects.toMatchObject({
      hint: expect.stringContaining('safe_serialization=True'),
    });
    const lacking = await copyOf('lacking', [index, shards[0]]);
    await expect(readCheckpoint(lacking)).rejects.toThrow(/00002-of-00002\.safetensors cannot be opened/);
    await copyFile(join(sharded, shards[0]), join(lacking, shards[1]));
    await expect(readCheckpoint(lacking)).rejects.toThrow(/lacks the tensor '.*' that .* says it holds/);
    await expect(readCheckpoint(join(folder, 'nowhere'))).rejects.toThrow(WeightsError);
  });

  it('whose index leads out of its folder, or is none, is refused', async () => {
    for (const [content, message] of [
      ['{', /holds no valid JSON/],
      ['{}', /is not an index of a checkpoint: weight_map: /],
      ['{"weight_map":{"a":"../b.safetensors"}}', /weight_map\.a: no file name/],
      ['{"weight_map":{"a":3}}', /weight_map\.a: /],
    ] as const) {
      const bad = await mkdtemp(join(folder, 'bad-'));
      await writeFile(join(bad, index), content);
      await expect(readCheckpoint(bad)).rejects.toThrow(message);
    }
  });
});

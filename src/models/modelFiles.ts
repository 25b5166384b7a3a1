/** @file Where fetched weights are kept. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { PublishedModel } from './catalogue.ts';

/** The folder of fetched weights: the environment variable `EARSHOT_MODELS`, else `.earshot/models` in the working directory. */
export function modelsDirectory(): string {
  return resolve(process.env['EARSHOT_MODELS'] || '.earshot/models');
}

/** Where a model's file is, or would be. */
export function modelPath(model: Pick<PublishedModel, 'file'>, directory = modelsDirectory()): string {
  return join(directory, model.file);
}

/** Bytes of a file, or null where there is none. */
export async function fileSize(path: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch {
    return null;
  }
}

/** Digests of a file: SHA-256, and the SHA-1 that Git gives it (of `blob SIZE`, a zero byte and the content). */
export async function digestsOf(path: string): Promise<{ sha256: string; gitBlob: string }> {
  const { size } = await stat(path);
  const sha256 = createHash('sha256');
  const gitBlob = createHash('sha1').update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    sha256.update(chunk as Buffer);
    gitBlob.update(chunk as Buffer);
  }
  return { sha256: sha256.digest('hex'), gitBlob: gitBlob.digest('hex') };
}

/**
 * Whether a file begins as its kind does, which its published name tells: ONNX (its first field is a version), safetensors
 * (a length, then JSON), JSON; all others are HDF5 or gzip.
 */
export async function looksLikeWeights(path: string, name: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const start = Buffer.alloc(9);
    await file.read(start, 0, 9, 0);
    const text = start.toString('latin1');
    if (name.endsWith('.onnx')) return start[0] === 0x08;
    if (name.endsWith('.safetensors')) return text[8] === '{';
    if (name.endsWith('.json')) return /^\s*\{/.test(text);
    return text.startsWith('\x89HDF') || (start[0] === 0x1f && start[1] === 0x8b);
  } finally {
    await file.close();
  }
}

/**
 * @file Checkpoints as they are published: one safetensors file, or a folder with `model.safetensors`, or with several
 * files and `model.safetensors.index.json`, which says in which of them each tensor is (Node).
 */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { WeightsError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { hashFile } from '../files/contentHashes.ts';
import { requireRecord } from '../files/records.ts';
import type { DecodeSafetensorsOptions } from './decodeSafetensors.ts';
import { readSafetensors, readSafetensorsShapes } from './safetensorsFile.ts';

export interface Checkpoint {
  readonly tensors: Map<string, Tensor>;
  /** The files that tensors were read from. */
  readonly files: readonly string[];
}

const whole = 'model.safetensors';
const index = `${whole}.index.json`;

/**
 * Reads a checkpoint.
 * @param path of a safetensors file, of a folder that has one, or of an index of several
 * @param options.only reads only tensors whose name passes
 * @throws {WeightsError} when there is none, a file that the index names is missing, or lacks one of its tensors
 */
export async function readCheckpoint(
  path: string,
  options: Pick<DecodeSafetensorsOptions, 'only'> = {},
): Promise<Checkpoint> {
  const file = await checkpointFile(path);
  if (file.endsWith('.index.json')) return readShards(file, options);
  return { tensors: (await readSafetensors(file, options)).tensors, files: [file] };
}

/**
 * The shape of each tensor of a checkpoint, by the headers of its files alone.
 * @throws {WeightsError} as {@link readCheckpoint}
 */
export async function readCheckpointShapes(
  path: string,
): Promise<ReadonlyMap<string, { readonly dims: readonly number[] }>> {
  const file = await checkpointFile(path);
  if (!file.endsWith('.index.json')) return readSafetensorsShapes(file);
  const shapes = new Map<string, { readonly dims: readonly number[] }>();
  for (const shard of new Set(Object.values(await weightMap(file))))
    for (const [name, shape] of await readSafetensorsShapes(join(file, '..', shard))) shapes.set(name, shape);
  return shapes;
}

/** The file of a checkpoint that is read first: its tensors, or the index of several files. */
async function checkpointFile(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const names = await readdir(path);
  if (names.includes(whole)) return join(path, whole);
  if (names.includes(index)) return join(path, index);
  const pickled = names.find((name) => /\.(bin|pt|pth)$/.test(name));
  throw new WeightsError(`The folder ${path} holds neither ${whole} nor ${index}.`, {
    hint:
      pickled === undefined
        ? 'Name the folder that a checkpoint was downloaded to, or its safetensors file.'
        : `${pickled} is PyTorch's own format. Convert it in Python: model.save_pretrained(folder, safe_serialization=True).`,
  });
}

/** SHA-256 that tells a checkpoint from others, over those of its files. */
export async function checkpointHash({ files }: Checkpoint): Promise<string> {
  if (files.length === 1) return hashFile(files[0]);
  const hash = createHash('sha256');
  for (const file of files) hash.update(await hashFile(file)).update('\0');
  return hash.digest('hex');
}

async function readShards(
  path: string,
  { only }: Pick<DecodeSafetensorsOptions, 'only'>,
): Promise<Checkpoint> {
  const places = Object.entries(await weightMap(path)).filter(([name]) => only?.(name) !== false);
  const folder = join(path, '..');
  const shards = [...new Set(places.map(([, shard]) => shard))].sort();
  const tensors = new Map<string, Tensor>();
  for (const shard of shards) {
    const wanted = new Set(places.filter(([, place]) => place === shard).map(([name]) => name));
    const read = await readSafetensors(join(folder, shard), { only: (name) => wanted.has(name) });
    const lacking = [...wanted].find((name) => !read.tensors.has(name));
    if (lacking !== undefined) {
      throw new WeightsError(
        `${join(folder, shard)} lacks the tensor '${lacking}' that ${path} says it holds.`,
        {
          hint: 'Are all files of one checkpoint, and were they fetched whole?',
        },
      );
    }
    for (const [name, tensor] of read.tensors) tensors.set(name, tensor);
  }
  return { tensors, files: shards.map((shard) => join(folder, shard)) };
}

/** A name that leads elsewhere would read files that are none of the checkpoint's. */
const shardName = z.string().regex(/^(?!\.\.?$)[^/\\\0]+$/, 'no file name');

/** What an index says, as Hugging Face writes it. */
export const checkpointIndexRecord = z.looseObject({ weight_map: z.record(z.string(), shardName) });

/** Tensors to file names, of an index. */
async function weightMap(path: string): Promise<Record<string, string>> {
  const about = { what: 'an index of a checkpoint', error: WeightsError };
  return (await requireRecord(path, checkpointIndexRecord, about)).weight_map;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

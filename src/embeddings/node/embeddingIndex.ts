/**
 * @file An index of a dataset's embeddings: a folder with `index.json` (what is in it and how it was made), the numbers
 * as a NumPy file, and the network itself, so that a recording can be looked up with nothing else at hand.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError, type Notice } from '../../core/index.ts';
import type { Clip } from '../../datasets/index.ts';
import { readRecord, removeAbandoned, writeFileAtomic, writeJson } from '../../files/index.ts';
import { decodeModel, encodeModel } from '../../onnx/index.ts';
import type { EmbedderDescription, EmbedderGraph, EmbedderSpec } from '../embedder.ts';
import { decodeNpy, npyHeader } from '../npy.ts';
import type { Pooling } from '../pooling.ts';
import { embedderKey } from './embedderKey.ts';
import { indexRecord } from './indexRecord.ts';

export const indexFile = 'index.json';

/** A clip in an index: what the dataset says of it, and its rows. */
export interface IndexedClip
  extends Pick<Clip, 'id' | 'path' | 'start' | 'end' | 'label' | 'fold' | 'group'> {
  /** SHA-256 of the file's content. */
  readonly hash: string;
  readonly seconds: number;
  /** Nothing but (perhaps) a constant in it. */
  readonly silent: boolean;
  /** First row of the matrix, and a time in seconds for each row. */
  readonly firstRow: number;
  readonly times: readonly number[];
  /** Root mean square of the samples behind each row. */
  readonly levels: readonly number[];
}

export interface IndexInfo {
  readonly format: 1;
  readonly embedder: EmbedderSpec;
  /** Tells the embedder from others; under another version of Earshot that computes other numbers it is another one. */
  readonly embedderKey: string;
  /** How windows were pooled to one row per clip; null for a row per window. */
  readonly pooling: Pooling | null;
  readonly dataset: {
    readonly name: string;
    readonly root: string;
    readonly fingerprint: string;
    readonly synthetic: boolean;
  };
  readonly rows: number;
  /** Numbers in a row. */
  readonly size: number;
  /** Files beside `index.json`, each with its SHA-256. */
  readonly embeddings: { readonly file: string; readonly sha256: string };
  readonly network: { readonly file: string; readonly sha256: string } & Omit<EmbedderGraph, 'model'>;
  readonly clips: readonly IndexedClip[];
  readonly failures: readonly Notice[];
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Writes an index. Rows go to a file of their own as they come; `index.json`, which names it, is put in place last, so
 * that an index is there whole or not at all and an older one is replaced at once.
 */
export class IndexWriter {
  private readonly clips: IndexedClip[] = [];
  private rows = 0;
  private readonly hash = createHash('sha256');

  private constructor(
    private readonly folder: string,
    private readonly temporary: string,
    private readonly file: FileHandle,
    private readonly size: number,
  ) {}

  static async begin(folder: string, size: number): Promise<IndexWriter> {
    await mkdir(folder, { recursive: true });
    await removeAbandoned(folder);
    const temporary = join(folder, `embeddings.npy.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
    const file = await open(temporary, 'w');
    await writeAll(file, npyHeader([0, size], '<f4'), 0);
    return new IndexWriter(folder, temporary, file, size);
  }

  /** Appends a clip. @param rows [times.length, size] */
  async add(clip: Omit<IndexedClip, 'firstRow'>, rows: Float32Array): Promise<void> {
    const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    await writeAll(this.file, bytes, 128 + this.rows * this.size * 4);
    this.hash.update(bytes);
    this.clips.push({ ...clip, firstRow: this.rows });
    this.rows += clip.times.length;
  }

  /** Puts the index in place. */
  async finish(
    { spec, graph }: EmbedderDescription,
    about: Pick<IndexInfo, 'pooling' | 'dataset' | 'failures' | 'versions'>,
  ): Promise<IndexInfo> {
    const { folder, rows, size } = this;
    await writeAll(this.file, npyHeader([rows, size], '<f4'), 0);
    await this.file.sync();
    await this.file.close();
    const sha256 = this.hash.digest('hex');
    const embeddings = { file: `embeddings-${sha256.slice(0, 12)}.npy`, sha256 };
    await rename(this.temporary, join(folder, embeddings.file));
    const { model, ...names } = graph;
    const bytes = encodeModel(model);
    const networkHash = createHash('sha256').update(bytes).digest('hex');
    const network = { file: `network-${networkHash.slice(0, 12)}.onnx`, sha256: networkHash, ...names };
    await writeFileAtomic(join(folder, network.file), bytes);
    const info: IndexInfo = {
      format: 1,
      embedder: spec,
      embedderKey: embedderKey(spec),
      ...about,
      ...{ rows, size, embeddings, network },
      clips: this.clips,
    };
    await writeJson(join(folder, indexFile), info);
    for (const name of await readdir(folder)) {
      const ours = /^(embeddings|network)-[0-9a-f]{12}\.(npy|onnx)$/.test(name);
      if (ours && name !== embeddings.file && name !== network.file) await rm(join(folder, name));
    }
    return info;
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.file.close();
    await rm(this.temporary, { force: true });
  }
}

/** A single write may take less than it was given, as on a disk that is nearly full. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}

/**
 * What an index says of itself; null where there is none.
 * @throws {DatasetError} when `index.json` is no index, or of another format
 */
export async function readIndexInfo(folder: string): Promise<IndexInfo | null> {
  return readRecord(join(folder, indexFile), indexRecord, {
    what: 'an index of embeddings',
    hint: 'Make it again with earshot index.',
    error: DatasetError,
    version: { field: 'format', supported: [1] },
  });
}

export interface EmbeddingIndex {
  readonly info: IndexInfo;
  /** [rows, size] */
  readonly matrix: Float32Array;
}

/**
 * Reads an index with its numbers.
 * @throws {DatasetError} when there is none, or its numbers are not those that it was made with
 */
export async function readIndex(folder: string): Promise<EmbeddingIndex> {
  const info = await readIndexInfo(folder);
  if (info === null) {
    throw new DatasetError(`There is no index of embeddings in ${folder}.`, {
      hint: 'Make one with: earshot index DATASET --network … -o ' + folder,
    });
  }
  const bytes = await readBeside(folder, info.embeddings.file);
  const { shape, data } = decodeNpy(bytes, join(folder, info.embeddings.file));
  const numbers = createHash('sha256').update(bytes.subarray(128)).digest('hex');
  if (
    !(data instanceof Float32Array) ||
    shape[0] !== info.rows ||
    shape[1] !== info.size ||
    numbers !== info.embeddings.sha256
  ) {
    throw damaged(folder, info.embeddings.file);
  }
  return { info, matrix: data };
}

/**
 * The embedder that an index was made with, from its own copy of the network.
 * @throws {DatasetError} when the copy is damaged, or this version of Earshot computes other numbers
 */
export async function indexEmbedder(folder: string, info: IndexInfo): Promise<EmbedderDescription> {
  if (embedderKey(info.embedder) !== info.embedderKey) {
    throw new DatasetError(
      `The index in ${folder} was made by a version of Earshot that computes other numbers (${info.versions['earshot'] ?? 'unknown'}).`,
      { hint: 'Make it again with earshot index.' },
    );
  }
  const { file, sha256, ...names } = info.network;
  const bytes = await readBeside(folder, file);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw damaged(folder, file);
  return { spec: info.embedder, graph: { model: decodeModel(bytes), ...names } };
}

async function readBeside(folder: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, file));
  } catch (error) {
    throw new DatasetError(`The index in ${folder} lacks its file ${file}.`, {
      hint: 'Make it again with earshot index.',
      cause: error,
    });
  }
}

function damaged(folder: string, file: string): DatasetError {
  return new DatasetError(`The index in ${folder} is damaged: ${file} is not what it was made with.`, {
    hint: 'Make it again with earshot index.',
  });
}

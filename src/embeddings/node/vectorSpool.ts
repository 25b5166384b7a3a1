/** @file Vectors of a very long recording, kept in a file beside the one they go to, and that file made of them. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from '../../core/crc32.ts';
import { fileError, makeFolder, temporaryName, writeAtomic } from '../../files/index.ts';
import { type EmbeddingFile, unsealed } from '../embeddingFile.ts';
import { npyHeader } from '../npy.ts';
import { npzAround } from '../npz.ts';

/** Bytes that are read at a time. */
const blockBytes = 2 ** 22;

/** Vectors in a temporary file. Close it when done: the file is removed. */
export class VectorSpool {
  private bytes = 0;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** @param output the file that the vectors go to in the end @throws {FileError} */
  static async open(output: string): Promise<VectorSpool> {
    await makeFolder(dirname(output));
    const path = temporaryName(output);
    try {
      return new VectorSpool(path, await open(path, 'w+'));
    } catch (error) {
      throw fileError(path, 'written', error);
    }
  }

  /** @throws {FileError} such as for a full disk */
  async append(vectors: Float32Array): Promise<void> {
    try {
      await this.file.write(new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength));
      this.bytes += vectors.byteLength;
    } catch (error) {
      throw fileError(this.path, 'written', error);
    }
  }

  /** The vectors again, whole ones at a time. @param size numbers in one */
  async *blocks(size: number): AsyncGenerator<Float32Array, void, void> {
    const step = 4 * size * Math.max(1, Math.floor(blockBytes / (4 * size)));
    for (let at = 0; at < this.bytes; ) {
      const block = new Uint8Array(Math.min(step, this.bytes - at));
      for (let read = 0; read < block.length; ) {
        const { bytesRead } = await this.file.read(block, read, block.length - read, at + read);
        if (bytesRead === 0)
          throw fileError(this.path, 'read', new Error('It is shorter than what was written.'));
        read += bytesRead;
      }
      at += block.length;
      yield new Float32Array(block.buffer);
    }
  }

  async close(): Promise<void> {
    await this.file.close().catch(() => {});
    await rm(this.path, { force: true }).catch(() => {});
  }
}

/** Formats that are written in pieces. */
export type SpooledFormat = 'npz' | 'json';

/**
 * Writes what `encodeEmbeddingFile` gives of the same vectors, to the byte, without holding them.
 * @throws {FileError} when it cannot be written; {ParameterError} for more than the format holds
 */
export async function writeSpooled(
  output: string,
  content: Omit<EmbeddingFile, 'embedding'>,
  spool: VectorSpool,
  format: SpooledFormat,
): Promise<void> {
  const write = format === 'npz' ? writeNpz : writeJsonFile;
  await writeAtomic(output, (file) => write(file, content, spool), { sync: false });
}

type Content = Omit<EmbeddingFile, 'embedding'>;

async function writeNpz(file: FileHandle, { size, timestamps, source }: Content, spool: VectorSpool) {
  const rows = { name: 'embedding', count: timestamps.length, size };
  const others = {
    arrays: new Map([['timestamps', { shape: [timestamps.length], data: timestamps }]]),
    comment: JSON.stringify({ earshot: source }),
  };
  await file.write(npzAround(rows, 0, others).front);
  let crc = crc32(npyHeader([rows.count, size], '<f4'));
  for await (const block of spool.blocks(size)) {
    const bytes = new Uint8Array(block.buffer);
    crc = crc32(bytes, crc);
    await file.write(bytes);
  }
  const { front, back } = npzAround(rows, crc, others);
  await file.write(back);
  await file.write(front, 0, front.length, 0);
}

async function writeJsonFile(file: FileHandle, content: Content, spool: VectorSpool) {
  const { size, timestamps, source, file: name } = content;
  const start = JSON.stringify({ source, crc32: unsealed, file: name, timestamps: Array.from(timestamps) });
  let crc: number | undefined;
  const put = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    crc = crc === undefined ? crc32(bytes) : crc32(bytes, crc);
    await file.write(bytes);
  };
  await put(`${start.slice(0, -1)},"embedding":[`);
  let first = true;
  for await (const block of spool.blocks(size)) {
    const rows = Array.from({ length: block.length / size }, (_, i) =>
      JSON.stringify(Array.from(block.subarray(i * size, (i + 1) * size))),
    );
    await put(`${first ? '' : ','}${rows.join(',')}`);
    first = false;
  }
  await put(']}\n');
  const seal = JSON.stringify({ source, crc32: '' }).length - 2;
  await file.write(new TextEncoder().encode(crc!.toString(16).padStart(8, '0')), 0, 8, seal);
}

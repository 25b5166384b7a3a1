/** @file `earshot embed`: recordings to files of embeddings, thousands of them, with a network that is not trained. */
import { readFile } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { type EmbedderChoice, openEmbedder } from '../approaches/index.ts';
import { UsageError } from '../core/index.ts';
import {
  Embedder,
  type EmbedderSpec,
  type EmbeddingFormat,
  embedderKey,
  embeddingFileState,
  embedRecordings,
  encodeEmbeddingFile,
  writeSpooled,
} from '../embeddings/index.ts';
import { digest } from '../extraction/index.ts';
import { claimFolder, removeAbandoned, writeFileAtomic } from '../files/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { findSoundFiles, type SoundFile } from './soundFiles.ts';

export interface EmbedOptions extends WorkflowHooks {
  /** Files, folders whose sound files are taken (recursively), and patterns. */
  readonly paths: readonly string[];
  /** The network, its front end and its windows. */
  readonly embedder: EmbedderChoice;
  /** Folder that the files go to; those found through a folder keep their place below it. */
  readonly out: string;
  /** Default `npz`. */
  readonly format?: EmbeddingFormat;
  /** Bytes of a recording's vectors that are held; more wait in a temporary file beside the output (not for Parquet). Default 32 MiB. */
  readonly held?: number;
  /** Told once what the embedder is, before the first file. */
  readonly onEmbedder?: (spec: EmbedderSpec) => void;
}

export type { EmbedderChoice, EmbedderSpec };

export type EmbedEvent =
  | {
      readonly state: 'written';
      readonly file: string;
      readonly output: string;
      /** Vectors written: one per window, or per position of Whisper's where those are asked for. */
      readonly windows: number;
      readonly seconds: number;
      /** What the decoder had to say, and whether the recording is silent or shorter than a window. */
      readonly warnings: readonly string[];
    }
  /** The output is there already, made from the same recording with the same settings. */
  | { readonly state: 'kept'; readonly file: string; readonly output: string }
  | { readonly state: 'failed'; readonly file: string; readonly message: string; readonly hint?: string };

/**
 * Embeds files and yields what became of each, in order. Outputs are written whole or not at all; an output that was
 * made from the same content with the same settings is kept, one whose recording has changed since is replaced. One that
 * was made with other settings is never overwritten: it is yielded as failed, as is a recording that cannot be read, and
 * the rest go on.
 * @throws {ParameterError} when there is no sound file
 * @throws {UsageError} when two recordings would have the same output, or options do not apply to the network
 * @throws {CancelledError} when stopped; what was written stays
 */
export async function* embed(options: EmbedOptions): AsyncGenerator<EmbedEvent> {
  const { format = 'npz', signal, onProgress, threads } = options;
  const files = await findSoundFiles(options.paths, options.onNotice);
  const outputs = outputsOf(files, options.out, format);
  const description = await openEmbedder(options.embedder);
  const { spec } = description;
  options.onEmbedder?.(spec);
  const key = embedderKey(spec);
  const claim = await claimFolder(options.out);
  const engine = new Engine(engineOptions(options));
  try {
    for (const folder of new Set(outputs.map((output) => dirname(output)))) await removeAbandoned(folder);
    const embedder = await Embedder.load(description, engine);
    const events = embedRecordings(
      files.map(({ path }) => path),
      embedder,
      {
        signal,
        onProgress,
        workers: threads,
        ...(format === 'parquet'
          ? {}
          : { spool: { bytes: options.held ?? 2 ** 25, output: (i: number) => outputs[i] } }),
        known: async (i, hash) => isMade(outputs[i], format, key, hash),
      },
    );
    for await (const event of events) {
      const file = files[event.index].path;
      const output = outputs[event.index];
      if (event.state === 'failed') {
        const { message, hint } = event;
        yield { state: 'failed', file, message, ...(hint === undefined ? {} : { hint }) };
      } else if (event.state === 'known') {
        yield { state: 'kept', file, output };
      } else {
        const { embedding, spool, timestamps, seconds, hash, remarks } = event.recording;
        const source = `${key}:${hash}`;
        const content = { file, size: spec.size, timestamps, source };
        // Not waited for on the disk, thousands of times: what a power cut damages is noticed and made again.
        if (spool !== undefined && format !== 'parquet') await writeSpooled(output, content, spool, format);
        else
          await writeFileAtomic(output, encodeEmbeddingFile({ ...content, embedding }, format), {
            sync: false,
          });
        yield {
          state: 'written',
          ...{ file, output, seconds },
          windows: timestamps.length,
          warnings: remarks,
        };
      }
    }
  } finally {
    await engine.close();
    await claim.release();
  }
}

/**
 * Whether an output is there and made from what would be made now. One that was made of an earlier content of the
 * recording with the same settings is not, and is to be replaced.
 * @param key of the embedder
 * @param hash of the recording's content
 * @throws {UsageError} when something else lies there: a file of other hands, or made with other settings
 */
async function isMade(
  output: string,
  format: EmbeddingFormat,
  key: string,
  hash: () => Promise<string>,
): Promise<boolean> {
  const bytes = await readFile(output).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  // A file that was renamed before a power cut may have no content.
  if (bytes === null || bytes.length === 0) return false;
  const found = embeddingFileState(bytes, format);
  if (found.state === 'foreign') {
    throw new UsageError(`${output} exists, and earshot embed did not make it.`, {
      hint: 'Remove it, or choose another folder.',
    });
  }
  // What was damaged is made anew.
  if (found.state !== 'whole') return false;
  const { source } = found;
  const content = await hash();
  if (source === `${key}:${content}`) return true;
  // Earlier versions wrote one digest over both.
  if (source === digest('embedding file', key, content)) return true;
  if (source.startsWith(`${key}:`)) return false;
  throw new UsageError(`${output} was made with another network or other settings; it was left as it is.`, {
    hint: 'Choose another folder with -o, or remove it.',
  });
}

/** Where each file's embeddings go. @throws {UsageError} when two would go to the same place */
function outputsOf(files: readonly SoundFile[], out: string, format: EmbeddingFormat): string[] {
  const taken = new Map<string, string>();
  return files.map(({ path, place }) => {
    const { dir, name } = posix.parse(place);
    const output = join(out, dir, `${name}.${format}`);
    // File systems that do not tell cases apart would mix them up.
    const key = resolve(output).toLowerCase();
    const other = taken.get(key);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${path} would both be written to ${output}.`, {
        hint: 'Give the folder that holds both, whose sub-folders are kept; or embed them into different folders.',
      });
    }
    taken.set(key, path);
    return output;
  });
}

/** @file Examines one sound file: what its header says, what decoding yields. Runs in a worker, or here. */
import { createHash, type Hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ForeignFormatError } from '../audio/detectFormat.ts';
import { type AudioProbe, probeFile, type SoundFacts } from '../audio/index.ts';
import { hashFile, sha256 } from '../files/index.ts';
import { openSpan, type SoundSpan } from './soundSpan.ts';

/** What one file turned out to be. */
export interface Examination {
  /** SHA-256 of the file; null if it cannot be read. */
  readonly hash: string | null;
  readonly bytes: number;
  /** What the header says; null if it says nothing Earshot reads. */
  readonly header: AudioProbe | null;
  /** Format of what only ffmpeg reads, and whose header is not looked into; null for others. */
  readonly reader: string | null;
  /** What decoding gave; null if it was not asked for or failed. */
  readonly sound: {
    readonly facts: SoundFacts;
    /** SHA-256 of the samples: equal for one sound stored in two lossless formats. */
    readonly samplesHash: string;
  } | null;
  readonly warnings: readonly string[];
  /** Why it cannot be read or decoded; null if it can. */
  readonly error: string | null;
}

export interface ExamineTask extends SoundSpan {
  /** False looks at the header alone. */
  readonly decode: boolean;
}

/** Examines a file, decoding it as a stream; never throws for what is in it. */
export async function examineClip({ decode, ...span }: ExamineTask): Promise<Examination> {
  const { path } = span;
  let known: { hash: string; bytes: number };
  try {
    known = { bytes: (await stat(path)).size, hash: await hashFile(path) };
  } catch (error) {
    const message = `${path} cannot be read (${error instanceof Error ? error.message : error}).`;
    return { hash: null, bytes: 0, header: null, reader: null, sound: null, warnings: [], error: message };
  }
  let header: AudioProbe | null = null;
  let reader: string | null = null;
  let error: string | null = null;
  try {
    header = await probeFile(path);
  } catch (caught) {
    // What only ffmpeg reads has no header that is read here: decoding says whether it can be read.
    if (caught instanceof ForeignFormatError) reader = `${caught.demuxer} (by ffmpeg)`;
    else if (!decode) error = messageOf(caught);
  }
  if (!decode || error !== null) return { ...known, header, reader, sound: null, warnings: [], error };
  try {
    const { sound, warnings } = await decodeThrough(span);
    return { ...known, header, reader, sound, warnings, error: null };
  } catch (caught) {
    return { ...known, header, reader, sound: null, warnings: [], error: messageOf(caught) };
  }
}

/** Decodes all of a file, and keeps what is worth knowing of it. @throws {DecodeError} where it is of no use */
async function decodeThrough(span: SoundSpan) {
  const hashes: Hash[] = [];
  const onBlock = (block: readonly Float32Array[]) => {
    for (const [c, samples] of block.entries()) {
      hashes[c] ??= createHash('sha256');
      hashes[c].update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
    }
  };
  const opened = await openSpan(span, { onBlock });
  try {
    for await (const _ of opened.blocks());
  } finally {
    await opened.close();
  }
  const facts = opened.facts();
  const samplesHash = sha256([facts.sampleRate, ...hashes.map((hash) => hash.digest('hex'))].join(' '));
  return { sound: { facts, samplesHash }, warnings: [...opened.warnings] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

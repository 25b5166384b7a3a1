/** @file Examines one sound file: what its header says, what decoding yields. Runs in a worker, or here. */
import { readFile } from 'node:fs/promises';
import { type AudioProbe, decodeFile, probeAudio, toMono } from '../audio/index.ts';
import { sha256 } from '../files/index.ts';
import { type Levels, measureLevels } from './levels.ts';
import { cutToSpan, type SoundSpan } from './soundSpan.ts';

/** What one file turned out to be. */
export interface Examination {
  /** SHA-256 of the file; null if it cannot be read. */
  readonly hash: string | null;
  readonly bytes: number;
  /** What the header says; null if it says nothing Earshot reads. */
  readonly header: AudioProbe | null;
  /** What decoding gave; null if it was not asked for or failed. */
  readonly sound: {
    readonly seconds: number;
    readonly sampleRate: number;
    readonly channels: number;
    readonly levels: Levels;
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

/** Examines a file; never throws for what is in it. */
export async function examineClip({ decode, ...span }: ExamineTask): Promise<Examination> {
  const { path } = span;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const message = `${path} cannot be read (${error instanceof Error ? error.message : error}).`;
    return { hash: null, bytes: 0, header: null, sound: null, warnings: [], error: message };
  }
  const known = { hash: sha256(bytes), bytes: bytes.length };
  let header: AudioProbe | null = null;
  let error: string | null = null;
  try {
    header = await probeAudio(bytes, { name: path });
  } catch (caught) {
    if (!decode) error = caught instanceof Error ? caught.message : String(caught);
  }
  if (!decode || error !== null) return { ...known, header, sound: null, warnings: [], error };
  try {
    const audio = cutToSpan(await decodeFile(bytes, path), span);
    const sound = {
      seconds: audio.channelData[0]!.length / audio.sampleRate,
      sampleRate: audio.sampleRate,
      channels: audio.channelData.length,
      levels: measureLevels(toMono(audio)),
      samplesHash: hashSamples(audio.sampleRate, audio.channelData),
    };
    return { ...known, header, sound, warnings: audio.warnings, error: null };
  } catch (caught) {
    const message = caught instanceof Error ? caught.message : String(caught);
    return { ...known, header, sound: null, warnings: [], error: message };
  }
}

function hashSamples(sampleRate: number, channelData: readonly Float32Array[]): string {
  const parts = channelData.map((samples) =>
    sha256(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)),
  );
  return sha256([sampleRate, ...parts].join(' '));
}

/** @file The part of embedding that worker threads do: decode a recording, cut windows, run the front end on them. */
import { readFile } from 'node:fs/promises';
import { decodeFile, resample, toMono } from '../../audio/index.ts';
import { DecodeError } from '../../core/index.ts';
import { isSilent, measureLevels } from '../../datasets/levels.ts';
import { cutToSpan, type SoundSpan } from '../../datasets/soundSpan.ts';
import { sha256 } from '../../files/index.ts';
import { type EmbedderSpec, type WindowInputs, windowInputs } from '../embedder.ts';
import { type Stretch, samplesOfWindows, windowCount } from '../windowing.ts';

export interface RecordingSettings {
  readonly spec: Pick<EmbedderSpec, 'frontEnd' | 'windowing' | 'sampleRate'>;
  /** Most windows whose inputs are made at a time. */
  readonly chunk: number;
}

/** A recording from its file, or some windows of one that was opened before. */
export type RecordingTask =
  | { readonly kind: 'open'; readonly sound: SoundSpan }
  | { readonly kind: 'windows'; readonly stretch: Stretch; readonly first: number; readonly last: number };

/** What is known of a recording besides its windows. */
export interface RecordingFacts {
  /** SHA-256 of the file's content. */
  readonly hash: string;
  /** Samples at the embedder's rate. */
  readonly samples: number;
  readonly seconds: number;
  /** Nothing but (perhaps) a constant in it. */
  readonly silent: boolean;
  /** What decoding complained of. */
  readonly warnings: readonly string[];
}

export interface OpenedRecording {
  readonly facts: RecordingFacts;
  /** The first windows, at most `chunk` of them. */
  readonly windows: WindowInputs;
  /** The recording, where there are more windows than that; else null. */
  readonly samples: Float32Array | null;
}

/** Decodes a file and makes the inputs of its first windows. @throws {DecodeError} when it cannot be decoded, or is empty */
export async function openRecording(
  sound: SoundSpan,
  { spec, chunk }: RecordingSettings,
): Promise<OpenedRecording> {
  const { path } = sound;
  const bytes = await readFile(path);
  const audio = cutToSpan(await decodeFile(bytes, path), sound);
  const mono = toMono(audio);
  const samples = resample(mono, audio.sampleRate, spec.sampleRate);
  if (samples.length === 0) {
    throw new DecodeError(`${path} holds no sound: ${mono.length} samples at ${audio.sampleRate} Hz.`, {
      hint: 'Remove the file, or record it again.',
    });
  }
  const facts: RecordingFacts = {
    hash: sha256(bytes),
    samples: samples.length,
    seconds: mono.length / audio.sampleRate,
    silent: isSilent(measureLevels(mono)),
    warnings: audio.warnings,
  };
  const count = windowCount(samples.length, spec.windowing);
  const whole: Stretch = { data: samples, offset: 0, total: samples.length };
  const windows = windowInputs(whole, 0, Math.min(count, chunk), spec);
  return { facts, windows, samples: count > chunk ? ownBuffer(samples) : null };
}

/** The stretch of a recording that some windows need, as samples of its own. */
export function stretchOf(
  samples: Float32Array,
  first: number,
  last: number,
  { spec }: RecordingSettings,
): Stretch {
  const [from, to] = samplesOfWindows(first, last, samples.length, spec.windowing);
  return { data: samples.slice(from, to), offset: from, total: samples.length };
}

/** Decoders hand out views of larger buffers, which cannot be given away. */
function ownBuffer(samples: Float32Array): Float32Array {
  return samples.byteLength === samples.buffer.byteLength ? samples : samples.slice();
}

/** @file The part of embedding that worker threads do: decode a recording, cut windows, run the front end on them. */
import type { SoundFacts } from '../../audio/index.ts';
import type { SoundSpan } from '../../datasets/soundSpan.ts';
import { openWindows, type WindowStream } from '../../extraction/index.ts';
import { hashFile } from '../../files/index.ts';
import { type EmbedderSpec, type WindowInputs, windowInputs } from '../embedder.ts';

export interface RecordingSettings {
  readonly spec: Pick<EmbedderSpec, 'frontEnd' | 'windowing' | 'sampleRate'>;
  /** Most windows whose inputs are made at a time. */
  readonly chunk: number;
}

/** Opens a recording, or goes on with the one that is open. */
export type RecordingTask = { readonly kind: 'open'; readonly sound: SoundSpan } | { readonly kind: 'next' };

/** What is known of a recording besides its windows. */
export interface RecordingFacts {
  /** SHA-256 of the file's content. */
  readonly hash: string;
  /** Samples at the embedder's rate. */
  readonly samples: number;
  /** What was measured of it as decoded. */
  readonly sound: SoundFacts;
  /** What decoding complained of. */
  readonly warnings: readonly string[];
}

/** The next windows of a recording. */
export interface RecordingPart {
  /** At most `chunk` of them; none where the recording ended with the part before. */
  readonly windows: WindowInputs;
  /** With the last part; null before. */
  readonly facts: RecordingFacts | null;
  /** Share of the file that has been read. */
  readonly progress: number;
}

/** Reads one recording after another, part by part. */
export class RecordingReader {
  private open: {
    readonly hash: string;
    readonly stream: WindowStream;
    readonly windows: AsyncGenerator<Float32Array>;
  } | null = null;

  constructor(private readonly settings: RecordingSettings) {}

  /** @throws {DecodeError} when the recording cannot be decoded, or is of no use */
  async read(task: RecordingTask): Promise<RecordingPart> {
    try {
      if (task.kind === 'open') await this.begin(task.sound);
      const part = await this.next();
      if (part.facts !== null) await this.close();
      return part;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { open } = this;
    this.open = null;
    await open?.stream.close();
  }

  private async begin(sound: SoundSpan): Promise<void> {
    await this.close();
    const { sampleRate, windowing } = this.settings.spec;
    const hash = await hashFile(sound.path);
    const stream = await openWindows(sound, { sampleRate, windowing });
    this.open = { hash, stream, windows: stream.windows() };
  }

  private async next(): Promise<RecordingPart> {
    const { open, settings } = this;
    if (open === null) throw new Error('No recording is open.');
    const { hash, stream } = open;
    const windows: Float32Array[] = [];
    let facts: RecordingFacts | null = null;
    while (windows.length < settings.chunk) {
      const { value, done } = await open.windows.next();
      if (done) {
        facts = { hash, samples: stream.samples, sound: stream.facts(), warnings: [...stream.warnings] };
        break;
      }
      windows.push(value);
    }
    return { windows: windowInputs(windows, settings.spec), facts, progress: stream.progress };
  }
}

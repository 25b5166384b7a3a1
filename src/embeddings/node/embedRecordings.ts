/**
 * @file Embeddings of many recordings: decoded and cut by worker threads, run through the network in batches across
 * files, handed over one by one, in order, at constant memory.
 */
import { CancelledError, EarshotError, type ProgressListener, RuntimeError } from '../../core/index.ts';
import { type SoundSpan, spanSuffix, spanTimes } from '../../datasets/index.ts';
import { digest } from '../../extraction/index.ts';
import { ContentHashes } from '../../files/index.ts';
import { WorkerPool } from '../../parallel/index.ts';
import { type Embedder, joined, type WindowInputs, windowInputs } from '../embedder.ts';
import { WindowBatcher } from '../windowBatcher.ts';
import { type Stretch, windowCount, windowTimes } from '../windowing.ts';
import { embedderKey } from './embedderKey.ts';
import { type EmbeddedWindows, recallEmbedding, storeEmbedding } from './embeddingCache.ts';
import { MemoryGate } from './memoryGate.ts';
import {
  type OpenedRecording,
  openRecording,
  type RecordingFacts,
  type RecordingSettings,
  type RecordingTask,
  stretchOf,
} from './recordingTask.ts';

export interface EmbedRecordingsOptions {
  /** Decoding threads; 0 decodes on the calling thread. Default one per processor, at most 8. */
  readonly workers?: number;
  /** Where embeddings are kept for the next time; null, the default, keeps none. */
  readonly cacheDir?: string | null;
  /** Windows in one run of the network; default 16. */
  readonly batchSize?: number;
  /** Bytes of decoded sound and of inputs held at a time; default 256 MiB. */
  readonly memory?: number;
  /** What progress is called; default 'Embedding'. */
  readonly task?: string;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
  /**
   * Asked for every file before it is opened, with a function that gives the hash of its content: true leaves it out,
   * because what it would give is there already.
   */
  readonly known?: (index: number, hash: () => Promise<string>) => Promise<boolean>;
}

/** One recording's embeddings. */
export interface EmbeddedRecording extends RecordingFacts {
  /** One row per window, [nWindows, size]; more where windows give several vectors. */
  readonly embedding: Float32Array;
  /** Seconds, one per row ({@link windowTimes}). */
  readonly timestamps: Float64Array;
  /** Root mean square of each window's samples. */
  readonly levels: Float32Array;
  readonly fromCache: boolean;
}

/** What became of the file at a place in the list. */
export type EmbeddedFile =
  | { readonly index: number; readonly state: 'embedded'; readonly recording: EmbeddedRecording }
  | { readonly index: number; readonly state: 'known' }
  | { readonly index: number; readonly state: 'failed'; readonly message: string; readonly hint?: string };

/** Files in progress at a time: enough of short ones to fill batches. */
const lanes = 48;
/** Windows of one recording whose inputs are held at a time. */
const chunk = 64;

/**
 * Embeds recordings and yields what became of each, in the order given. A recording that cannot be decoded is yielded
 * as failed and the rest go on. The numbers do not depend on the other recordings, nor on the number of workers.
 * @throws {CancelledError} when `signal` is aborted
 * @throws {RuntimeError} when the network fails, or worker threads cannot be kept alive
 */
export async function* embedRecordings(
  sounds: readonly (string | SoundSpan)[],
  embedder: Embedder,
  options: EmbedRecordingsOptions = {},
): AsyncGenerator<EmbeddedFile> {
  const { signal, onProgress, task = 'Embedding' } = options;
  const work = await Embedding.begin(embedder, options);
  const begun: Promise<EmbeddedFile>[] = [];
  try {
    for (let i = 0; i < sounds.length; i++) {
      while (begun.length < sounds.length && begun.length < i + lanes) {
        const next = work.embed(begun.length, spanOf(sounds[begun.length]!));
        // Its error is thrown when its turn comes; until then it is nobody's.
        next.catch(() => {});
        begun.push(next);
      }
      if (signal?.aborted)
        throw new CancelledError(`The work was stopped after ${i} of ${sounds.length} files.`);
      const outcome = await begun[i]!;
      delete begun[i];
      yield outcome;
      onProgress?.({ task, done: i + 1, total: sounds.length, unit: 'files' });
    }
  } finally {
    await work.end();
  }
}

function spanOf(sound: string | SoundSpan): SoundSpan {
  return typeof sound === 'string' ? { path: sound } : { path: sound.path, ...spanTimes(sound) };
}

class Embedding {
  private readonly gate: MemoryGate;
  private readonly batcher: WindowBatcher;
  private readonly key: string;
  private readonly settings: RecordingSettings;
  private readonly pool: WorkerPool<RecordingTask, OpenedRecording | WindowInputs> | null;

  private constructor(
    private readonly embedder: Embedder,
    private readonly options: EmbedRecordingsOptions,
    private readonly hashes: ContentHashes,
  ) {
    const { workers, signal, batchSize = 16, memory = 2 ** 28 } = options;
    const { frontEnd, windowing, sampleRate } = embedder.spec;
    this.settings = { spec: { frontEnd, windowing, sampleRate }, chunk };
    this.key = embedderKey(embedder.spec);
    this.gate = new MemoryGate(memory);
    this.batcher = new WindowBatcher(embedder, batchSize);
    this.pool =
      workers === 0
        ? null
        : new WorkerPool(import.meta.url, 'recordingWorker', {
            size: workers,
            workerData: this.settings,
            signal,
          });
  }

  static async begin(embedder: Embedder, options: EmbedRecordingsOptions): Promise<Embedding> {
    return new Embedding(embedder, options, await ContentHashes.open(options.cacheDir ?? null));
  }

  async end(): Promise<void> {
    await this.pool?.close();
    await this.hashes.save();
  }

  async embed(index: number, sound: SoundSpan): Promise<EmbeddedFile> {
    const { path } = sound;
    const { signal, known } = this.options;
    try {
      await this.gate.enter();
      if (signal?.aborted) throw new CancelledError('The work was stopped before it was complete.');
      if (await known?.(index, () => this.hashes.hash(path))) return { index, state: 'known' };
      const recording =
        (await this.recall(sound)) ?? (await this.hashes.hashWith(path, () => this.make(sound)));
      return { index, state: 'embedded', recording };
    } catch (error) {
      if (error instanceof CancelledError || error instanceof NetworkFailure || this.pool?.failed)
        throw error;
      const { message, hint } = explain(path, error);
      return { index, state: 'failed', message, ...(hint === undefined ? {} : { hint }) };
    }
  }

  private cached(hash: string, sound: SoundSpan): string {
    return digest('embedding', `${hash}${spanSuffix(sound)}`, this.key);
  }

  private async recall(sound: SoundSpan): Promise<EmbeddedRecording | null> {
    const { cacheDir } = this;
    if (cacheDir === null) return null;
    const hash = await this.hashes.hash(sound.path);
    const found = await recallEmbedding(cacheDir, this.cached(hash, sound), this.embedder.spec);
    return found === null ? null : this.finished({ ...found.facts, hash }, found.windows, true);
  }

  private finished(facts: RecordingFacts, windows: EmbeddedWindows, fromCache: boolean): EmbeddedRecording {
    const { windowing, sampleRate, rowSeconds = 0 } = this.embedder.spec;
    const starts = windowTimes(facts.samples, windowing, sampleRate);
    const { embedding, levels, rows } = windows;
    const timestamps =
      rows === undefined
        ? starts
        : Float64Array.from(
            rows.flatMap((n, i) => Array.from({ length: n }, (_, j) => starts[i]! + j * rowSeconds)),
          );
    return { ...facts, embedding, levels, timestamps, fromCache };
  }

  /** Where they are kept; vectors of positions are not, which would be hundreds for every window. */
  private get cacheDir(): string | null {
    return this.embedder.spec.rowSeconds === undefined ? (this.options.cacheDir ?? null) : null;
  }

  private async make(sound: SoundSpan): Promise<EmbeddedRecording> {
    const { windowing } = this.embedder.spec;
    let opened: OpenedRecording | undefined;
    let held = 0;
    const hold = (bytes: number) => {
      held += bytes;
      this.gate.hold(bytes);
    };
    try {
      const first = await this.through(async () => {
        opened = await this.open(sound);
        hold(opened.windows.inputs.byteLength + (opened.samples?.byteLength ?? 0));
        return opened.windows;
      });
      const { facts, samples } = opened!;
      const count = windowCount(facts.samples, windowing);
      const parts = [first];
      if (samples !== null) {
        for (let from = chunk; from < count; from += chunk) {
          const to = Math.min(count, from + chunk);
          const stretch = stretchOf(samples, from, to, this.settings);
          parts.push(await this.through(() => this.cut(stretch, from, to)));
        }
      }
      const windows = together(parts);
      const { cacheDir } = this;
      if (cacheDir !== null) await storeEmbedding(cacheDir, this.cached(facts.hash, sound), facts, windows);
      return this.finished(facts, windows, false);
    } finally {
      hold(-held);
    }
  }

  private async open(sound: SoundSpan): Promise<OpenedRecording> {
    if (this.pool === null) return openRecording(sound, this.settings);
    return (await this.pool.run({ kind: 'open', sound })) as OpenedRecording;
  }

  private async cut(stretch: Stretch, first: number, last: number): Promise<WindowInputs> {
    if (this.pool === null) return windowInputs(stretch, first, last, this.settings.spec);
    const buffers = [stretch.data.buffer as ArrayBuffer];
    return (await this.pool.run({ kind: 'windows', stretch, first, last }, buffers)) as WindowInputs;
  }

  /** Windows of several lengths, each in a run of its own. */
  private async oneByOne({ inputs, sizes }: WindowInputs): Promise<Omit<EmbeddedWindows, 'levels'>> {
    const { size, rowSeconds } = this.embedder.spec;
    const vectors: Float32Array[] = [];
    let at = 0;
    for (const length of sizes) {
      if (this.options.signal?.aborted)
        throw new CancelledError('The work was stopped before it was complete.');
      vectors.push(await this.embedder.embedWindow(inputs.slice(at, at + length)));
      at += length;
    }
    const rows = vectors.map(({ length }) => length / size);
    return { embedding: joined(vectors), ...(rowSeconds === undefined ? {} : { rows }) };
  }

  /** Windows through the network; a failure of the network is told from one of the recording. */
  private async through(make: () => Promise<WindowInputs>): Promise<EmbeddedWindows> {
    let made: WindowInputs | undefined;
    try {
      if (this.embedder.graph.anyLength) {
        made = await make();
        return { ...(await this.oneByOne(made)), levels: made.levels };
      }
      const embedding = await this.batcher.embed(async () => {
        made = await make();
        return made.inputs;
      });
      return { embedding, levels: made!.levels };
    } catch (error) {
      throw made !== undefined && error instanceof Error && !(error instanceof CancelledError)
        ? new NetworkFailure(error)
        : error;
    }
  }
}

/** Stretches of one recording as one. */
function together(parts: readonly EmbeddedWindows[]): EmbeddedWindows {
  if (parts.length === 1) return parts[0]!;
  const rows = parts.flatMap((part) => part.rows ?? []);
  return {
    embedding: joined(parts.map(({ embedding }) => embedding)),
    levels: joined(parts.map(({ levels }) => levels)),
    ...(rows.length === 0 ? {} : { rows }),
  };
}

/** The network itself failed: nothing else will go better with the next recording. */
class NetworkFailure extends RuntimeError {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** Errors of the file system speak of system calls; decoders already name the file. */
function explain(path: string, error: unknown): { message: string; hint?: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  if (/^E[A-Z]+: /.test(error.message)) return { message: `${path} cannot be read (${error.message}).` };
  const hint = error instanceof EarshotError ? error.hint : undefined;
  return { message: error.message, ...(hint === undefined ? {} : { hint }) };
}

/**
 * @file Embeddings of many recordings: decoded and cut by worker threads, run through the network in batches across
 * files, handed over one by one, in order, at constant memory.
 */
import { basename } from 'node:path';
import { isSilent, shortRemark, soundRemarks } from '../../audio/index.ts';
import {
  CancelledError,
  DecodeError,
  fileProblem,
  joined,
  type ProgressListener,
  RuntimeError,
} from '../../core/index.ts';
import { type SoundSpan, spanSuffix, spanTimes } from '../../datasets/index.ts';
import { digest, soundSeconds } from '../../extraction/index.ts';
import { ContentHashes } from '../../files/index.ts';
import { WorkerPool } from '../../parallel/index.ts';
import { windowTimes } from '../../windows/index.ts';
import { type Embedder, type WindowInputs, windowInputSize } from '../embedder.ts';
import { WindowBatcher } from '../windowBatcher.ts';
import { embedderKey } from './embedderKey.ts';
import { type EmbeddedWindows, recallEmbedding, storeEmbedding } from './embeddingCache.ts';
import { MemoryGate } from './memoryGate.ts';
import {
  type RecordingFacts,
  type RecordingPart,
  RecordingReader,
  type RecordingSettings,
  type RecordingTask,
} from './recordingTask.ts';
import { VectorSpool } from './vectorSpool.ts';

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
  /** Keeps vectors of a recording beyond so many bytes in a file beside the one they go to; without a cache only. */
  readonly spool?: { readonly bytes: number; readonly output: (index: number) => string };
}

/** One recording's embeddings. */
export interface EmbeddedRecording extends RecordingFacts {
  /** One row per window, [nWindows, size]; more where windows give several vectors. */
  readonly embedding: Float32Array;
  /** Where they are instead, `embedding` being empty; gone when the next recording is asked for. */
  readonly spool?: VectorSpool;
  /** Seconds, one per row ({@link windowTimes}). */
  readonly timestamps: Float64Array;
  /** Root mean square of each window's samples. */
  readonly levels: Float32Array;
  readonly seconds: number;
  /** Mixed down to mono it holds nothing but (perhaps) a constant. */
  readonly silent: boolean;
  /** Whole sentences: what the decoder had to say, and whether it is silent, cancels out, or is shorter than a window. */
  readonly remarks: readonly string[];
  readonly fromCache: boolean;
}

/** What became of the file at a place in the list. */
export type EmbeddedFile =
  | { readonly index: number; readonly state: 'embedded'; readonly recording: EmbeddedRecording }
  | { readonly index: number; readonly state: 'known' }
  | { readonly index: number; readonly state: 'failed'; readonly message: string; readonly hint?: string };

/** Files in progress at a time: enough of short ones to fill batches. */
const lanes = 48;
/** Most windows of a recording, and bytes of them, that the network is given at a time. */
const mostWindows = 64;
const mostBytes = 2 ** 23;

/** Windows read at a time: whole batches, and at least one, so that what is read always fills one. */
function windowsAtATime({ graph }: Embedder, batchSize: number): number {
  const batch = graph.anyLength ? 1 : batchSize;
  const most = Math.min(mostWindows, mostBytes / (4 * windowInputSize(graph)));
  return batch * Math.max(1, Math.floor(most / batch));
}

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
  let current = 0;
  const work = await Embedding.begin(embedder, options, (index, share) => {
    if (index !== current) return;
    const detail = `${Math.floor(100 * share)} % of ${basename(spanOf(sounds[index]).path)}`;
    onProgress?.({ task, done: index, total: sounds.length, unit: 'files', detail });
  });
  const begun: Promise<EmbeddedFile>[] = [];
  try {
    for (let i = 0; i < sounds.length; i++) {
      while (begun.length < sounds.length && begun.length < i + lanes) {
        const next = work.embed(begun.length, spanOf(sounds[begun.length]));
        // Its error is thrown when its turn comes; until then it is nobody's.
        next.catch(() => {});
        begun.push(next);
      }
      if (signal?.aborted)
        throw new CancelledError(`The work was stopped after ${i} of ${sounds.length} files.`);
      current = i;
      const outcome = await begun[i];
      delete begun[i];
      yield outcome;
      if (outcome.state === 'embedded') await outcome.recording.spool?.close();
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
  private readonly pool: WorkerPool<RecordingTask, RecordingPart> | null;
  private readonly spools: VectorSpool[] = [];

  private constructor(
    private readonly embedder: Embedder,
    private readonly options: EmbedRecordingsOptions,
    private readonly hashes: ContentHashes,
    private readonly onShare: (index: number, share: number) => void,
  ) {
    const { workers, signal, batchSize = 16, memory = 2 ** 28 } = options;
    const { frontEnd, windowing, sampleRate } = embedder.spec;
    const chunk = windowsAtATime(embedder, batchSize);
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

  /** @param onShare told how much of a long file has been read */
  static async begin(
    embedder: Embedder,
    options: EmbedRecordingsOptions,
    onShare: (index: number, share: number) => void,
  ): Promise<Embedding> {
    const hashes = await ContentHashes.open(options.cacheDir ?? null);
    return new Embedding(embedder, options, hashes, onShare);
  }

  async end(): Promise<void> {
    await this.pool?.close();
    for (const spool of this.spools) await spool.close();
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
        (await this.recall(sound)) ?? (await this.hashes.hashWith(path, () => this.make(index, sound)));
      return { index, state: 'embedded', recording };
    } catch (error) {
      if (error instanceof CancelledError || error instanceof NetworkFailure || this.pool?.failed)
        throw error;
      return { index, state: 'failed', ...fileProblem(path, error) };
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
            rows.flatMap((n, i) => Array.from({ length: n }, (_, j) => starts[i] + j * rowSeconds)),
          );
    const { sound, warnings, samples } = facts;
    const short = windowing.end === 'short' ? null : shortRemark(samples, windowing.samples, sampleRate);
    const remarks = [...warnings, ...soundRemarks(sound).map(({ message }) => message)];
    return {
      ...{ ...facts, embedding, levels, timestamps, fromCache },
      ...{ seconds: soundSeconds(sound), silent: isSilent(sound) },
      remarks: short === null ? remarks : [...remarks, short],
    };
  }

  /** Where they are kept; vectors of positions are not, which would be hundreds for every window. */
  private get cacheDir(): string | null {
    return this.embedder.spec.rowSeconds === undefined ? (this.options.cacheDir ?? null) : null;
  }

  private async make(index: number, sound: SoundSpan): Promise<EmbeddedRecording> {
    const source = this.source(sound);
    const parts = new Parts(
      sound.path,
      this.embedder.spec.network,
      () => this.openSpool(index),
      this.spoolBytes,
    );
    try {
      let pending: Promise<EmbeddedWindows> | null = null;
      let facts: RecordingFacts | null = null;
      while (facts === null) {
        const made = source.next();
        const part = this.throughNetwork(made);
        // Its error is thrown when its turn comes.
        part.catch(() => {});
        ({ facts } = await this.told(index, made));
        // While the network works on one part, the next is made.
        if (pending !== null) await parts.add(await pending);
        pending = part;
      }
      await parts.add(await pending!);
      const { windows, spool } = await parts.finish();
      const { cacheDir } = this;
      if (cacheDir !== null) await storeEmbedding(cacheDir, this.cached(facts.hash, sound), facts, windows);
      return { ...this.finished(facts, windows, false), ...(spool === null ? {} : { spool }) };
    } finally {
      await source.close();
    }
  }

  private get spoolBytes(): number {
    return this.cacheDir === null
      ? (this.options.spool?.bytes ?? Number.POSITIVE_INFINITY)
      : Number.POSITIVE_INFINITY;
  }

  private async openSpool(index: number): Promise<VectorSpool> {
    const spool = await VectorSpool.open(this.options.spool!.output(index));
    this.spools.push(spool);
    return spool;
  }

  private async told(index: number, made: Promise<RecordingPart>): Promise<RecordingPart> {
    const part = await made;
    if (this.options.signal?.aborted)
      throw new CancelledError('The work was stopped before it was complete.');
    if (part.facts === null) this.onShare(index, part.progress);
    return part;
  }

  /** The parts of a recording, by a thread that stays with it to its end, or here. */
  private source(sound: SoundSpan): { next(): Promise<RecordingPart>; close(): Promise<void> } {
    let kind: RecordingTask['kind'] = 'open';
    const task = (): RecordingTask => {
      const wanted: RecordingTask = kind === 'open' ? { kind, sound } : { kind };
      kind = 'next';
      return wanted;
    };
    if (this.pool === null) {
      const reader = new RecordingReader(this.settings);
      return { next: () => reader.read(task()), close: () => reader.close() };
    }
    const lease = this.pool.lease();
    lease.catch(() => {});
    const release = async () => (await lease.catch(() => null))?.release();
    return {
      next: async () => {
        const part = await (await lease).run(task());
        // The thread is free for others while the network works.
        if (part.facts !== null) await release();
        return part;
      },
      close: release,
    };
  }

  /** A part through the network, counted as held until it is done. */
  private async throughNetwork(made: Promise<RecordingPart>): Promise<EmbeddedWindows> {
    let held = 0;
    try {
      return await this.through(async () => {
        const { windows } = await made;
        held = windows.inputs.byteLength;
        this.gate.hold(held);
        return windows;
      });
    } finally {
      this.gate.hold(-held);
    }
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

/** @throws {DecodeError} for a vector with values that are not finite: no result is made of it */
function requireFinite({ embedding }: EmbeddedWindows, path: string, network: string): void {
  if (embedding.every(Number.isFinite)) return;
  throw new DecodeError(`The vectors that ${network} gives of ${path} are not finite numbers.`, {
    hint: 'Look at the recording with earshot spectrogram; if it is sound, the network or its weights are damaged.',
  });
}

/** What came of a recording so far, its vectors in a file once they are many. */
class Parts {
  private readonly parts: EmbeddedWindows[] = [];
  private held = 0;
  private spool: VectorSpool | null = null;

  constructor(
    private readonly path: string,
    private readonly network: string,
    private readonly open: () => Promise<VectorSpool>,
    private readonly most: number,
  ) {}

  async add(windows: EmbeddedWindows): Promise<void> {
    requireFinite(windows, this.path, this.network);
    this.parts.push(windows);
    this.held += windows.embedding.byteLength;
    if (this.held > this.most) await this.write();
  }

  async finish(): Promise<{ windows: EmbeddedWindows; spool: VectorSpool | null }> {
    if (this.spool !== null) await this.write();
    return { windows: together(this.parts), spool: this.spool };
  }

  private async write(): Promise<void> {
    this.spool ??= await this.open();
    for (const [i, part] of this.parts.entries()) {
      if (part.embedding.length === 0) continue;
      await this.spool.append(part.embedding);
      this.parts[i] = { ...part, embedding: new Float32Array(0) };
    }
    this.held = 0;
  }
}

/** Parts of one recording as one. */
function together(parts: readonly EmbeddedWindows[]): EmbeddedWindows {
  if (parts.length === 1) return parts[0];
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

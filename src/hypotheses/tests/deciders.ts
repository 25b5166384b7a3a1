/** @file Classifications done on several threads, counted as they are done. */
import { CancelledError, type ProgressListener } from '../../core/index.ts';
import { WorkerPool } from '../../parallel/index.ts';
import { type DecideTask, decide } from './decide.ts';

export interface DecidersOptions {
  /** Threads; 0 works on the calling thread. Default one per processor, at most 8. */
  readonly workers?: number;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** Labellings in one task: few enough that threads end together. */
const labellingsPerTask = 10;

export class Deciders {
  private readonly pool: WorkerPool<DecideTask, Int32Array[]> | null;
  private done = 0;
  private total = 0;

  constructor(private readonly options: DecidersOptions = {}) {
    const { workers, signal } = options;
    this.pool =
      workers === 0 ? null : new WorkerPool(import.meta.url, 'decideWorker', { size: workers, signal });
  }

  /** Announces work, so that progress knows its end. */
  expect(labellings: number): void {
    this.total += labellings;
  }

  /** As {@link decide}. @throws {CancelledError} when the signal is aborted */
  async decide(task: DecideTask): Promise<Int32Array[]> {
    const { labellings } = task;
    const parts: Promise<Int32Array[]>[] = [];
    for (let start = 0; start < labellings.length; start += labellingsPerTask) {
      const part = { ...task, labellings: labellings.slice(start, start + labellingsPerTask) };
      if (this.pool === null) {
        // One after the other, so that a signal is heard in between.
        this.checkSignal();
        parts.push(Promise.resolve(await decide(part)));
        this.count(part.labellings.length);
      } else {
        parts.push(
          this.pool.run(part).then((decided) => {
            this.count(part.labellings.length);
            return decided;
          }),
        );
      }
    }
    return (await Promise.all(parts)).flat();
  }

  private checkSignal(): void {
    if (this.options.signal?.aborted) throw new CancelledError('Testing was stopped before it was complete.');
  }

  private count(labellings: number): void {
    this.done += labellings;
    this.options.onProgress?.({
      task: 'Testing',
      done: this.done,
      total: Math.max(this.total, this.done),
      unit: 'classifications',
    });
  }

  async close(): Promise<void> {
    await this.pool?.close();
  }
}

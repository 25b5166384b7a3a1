/**
 * @file A few worker threads that answer tasks, one at a time each. A worker that dies takes only its own task with
 * it: that task is rejected and a new worker started. If none lives long enough to answer, the pool gives up.
 */
import { availableParallelism } from 'node:os';
import type { TransferListItem, Worker } from 'node:worker_threads';
import { CancelledError, fromPlainError, RuntimeError } from '../core/index.ts';
import type { TaskReply } from './serveTasks.ts';
import { startWorker } from './worker.ts';

export interface PoolOptions {
  /** Number of threads; default one per processor, but no more than 8. */
  readonly size?: number;
  /** Handed to every worker as its `workerData`. */
  readonly workerData?: unknown;
  /** Stops everything: pending tasks are rejected with a CancelledError and the threads end. */
  readonly signal?: AbortSignal;
}

interface Job<Task, Result> {
  readonly task: Task;
  readonly transfer: readonly TransferListItem[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Threads used where the caller does not say: the processors this process may use, at most 8. */
/** One worker per processor, no more than 8. */
export function defaultWorkers(): number {
  return Math.max(1, Math.min(8, availableParallelism()));
}

/** Something that waits for a worker. */
interface Wish {
  readonly take: (worker: Worker) => void;
  readonly reject: (error: Error) => void;
}

/** A worker that one caller has to itself, for tasks that build on each other. */
export interface Lease<Task, Result> {
  /** Does one task; wait for it before the next. */
  run(task: Task, transfer?: readonly TransferListItem[]): Promise<Result>;
  /** Gives the worker back; may be called more than once. */
  release(): void;
}

export class WorkerPool<Task, Result> {
  private readonly queue: Wish[] = [];
  /** All that live; those that are neither idle nor leased have a task. */
  private readonly workers = new Set<Worker>();
  private readonly idle: Worker[] = [];
  private readonly leased = new Set<Worker>();
  private readonly busy = new Map<Worker, Job<Task, Result>>();
  private closed: Error | null = null;
  /** Workers lost since the last answer: a few may die of their tasks, but not all of them. */
  private lostInRow = 0;
  private readonly lost = new WeakSet<Worker>();
  private readonly size: number;

  /**
   * @param from the caller's `import.meta.url`
   * @param name the worker module beside the caller, without extension; it calls `serveTasks`
   */
  constructor(
    private readonly from: string,
    private readonly name: string,
    private readonly options: PoolOptions = {},
  ) {
    this.size = Math.max(1, Math.floor(options.size ?? defaultWorkers()));
    options.signal?.addEventListener('abort', this.onAbort, { once: true });
    if (options.signal?.aborted) this.onAbort();
  }

  private readonly onAbort = () => {
    void this.close(new CancelledError('The work was stopped before it was complete.'));
  };

  /** True once the pool has given up on starting workers. */
  get failed(): boolean {
    return this.closed instanceof RuntimeError;
  }

  /** Does one task on whichever thread is free. Threads start when first needed. */
  run(task: Task, transfer: readonly TransferListItem[] = []): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const job = { task, transfer, resolve, reject };
      this.wish({ take: (worker) => this.send(worker, job), reject });
    });
  }

  /** A worker for several tasks in a row, as soon as one is free. Release it whatever happens. */
  lease(): Promise<Lease<Task, Result>> {
    return new Promise((resolve, reject) => {
      const take = (worker: Worker) => {
        this.leased.add(worker);
        resolve({
          run: (task, transfer = []) =>
            new Promise<Result>((done, fail) => {
              if (this.workers.has(worker))
                this.send(worker, { task, transfer, resolve: done, reject: fail });
              else fail(this.closed ?? new RuntimeError('A worker thread died between two tasks.'));
            }),
          release: () => {
            if (!this.leased.delete(worker) || !this.workers.has(worker) || this.busy.has(worker)) return;
            this.idle.push(worker);
            this.dispatch();
          },
        });
      };
      this.wish({ take, reject });
    });
  }

  private wish(wish: Wish): void {
    if (this.closed) {
      wish.reject(this.closed);
      return;
    }
    this.queue.push(wish);
    this.dispatch();
  }

  private dispatch(): void {
    while (this.queue.length > 0 && !this.closed) {
      const worker = this.idle.pop() ?? (this.workers.size < this.size ? this.start() : undefined);
      if (!worker) return;
      this.queue.shift()!.take(worker);
    }
  }

  private send(worker: Worker, job: Job<Task, Result>): void {
    this.busy.set(worker, job);
    try {
      worker.postMessage(job.task, [...job.transfer]);
    } catch (error) {
      this.free(worker);
      job.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** A worker has no task any more. */
  private free(worker: Worker): void {
    this.busy.delete(worker);
    if (!this.leased.has(worker)) this.idle.push(worker);
  }

  private start(): Worker {
    const worker = startWorker(this.from, this.name, { workerData: this.options.workerData });
    this.workers.add(worker);
    worker.on('message', (reply: TaskReply<Result>) => {
      const job = this.busy.get(worker);
      this.lostInRow = 0;
      this.free(worker);
      if ('error' in reply) job?.reject(fromPlainError(reply.error));
      else job?.resolve(reply.result);
      this.dispatch();
    });
    worker.on('error', (error) => this.lose(worker, error));
    worker.on('exit', (code) => this.lose(worker, new Error(`exit code ${code}`)));
    return worker;
  }

  private lose(worker: Worker, cause: Error): void {
    if (this.lost.has(worker)) return;
    this.lost.add(worker);
    const job = this.busy.get(worker);
    this.busy.delete(worker);
    this.workers.delete(worker);
    this.leased.delete(worker);
    const place = this.idle.indexOf(worker);
    if (place >= 0) this.idle.splice(place, 1);
    job?.reject(
      this.closed ?? new RuntimeError(`A worker thread died at its task (${cause.message}).`, { cause }),
    );
    if (this.closed) return;
    if (++this.lostInRow >= this.size + 3) {
      void this.close(
        new RuntimeError(
          `${this.lostInRow} worker threads died one after the other (${this.name}: ${cause.message}).`,
          {
            cause,
            hint: 'It is the program or the memory, not one file: free memory, or use fewer threads.',
          },
        ),
      );
    } else this.dispatch();
  }

  /** Ends the threads. Tasks not yet done are rejected with `reason`. */
  async close(reason: Error = new CancelledError('The worker threads were closed.')): Promise<void> {
    if (this.closed) return;
    this.closed = reason;
    this.options.signal?.removeEventListener('abort', this.onAbort);
    for (const wish of this.queue.splice(0)) wish.reject(reason);
    const workers = [...this.workers];
    this.idle.length = 0;
    for (const job of this.busy.values()) job.reject(reason);
    this.busy.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
